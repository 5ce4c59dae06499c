import type { ChatMessage, Conversation } from '@parley/client'
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from 'react'
import { useParley } from '../parley-context.ts'
import { useConversationRevision } from './use-conversation.ts'

export interface MessagesModel {
  /**
   * Ascending; what hangs in threads is left out. The array is the same as long as its messages are. Around a place far
   * back while the reader is there, else up to the newest.
   */
  messages: readonly ChatMessage[]
  loaded: boolean
  hasOlder: boolean
  loadOlder: () => Promise<void>
  /** The reader is at a place far back: between it and the newest messages some are not loaded. */
  hasNewer: boolean
  loadNewer: () => Promise<void>
  /** Leaves the place far back. */
  toPresent: () => void
  /** Goes to where that seq is; answers its message, or the first after it. */
  loadUntil: (seq: number) => Promise<ChatMessage | undefined>
  /** Goes to where the first message since that time is, and answers it. */
  loadSince: (time: Date) => Promise<ChatMessage | undefined>
  /** Where the unread messages began when the conversation was opened. */
  firstUnreadSeq: number | undefined
}

const pageSize = 50
/** For those who go on reading back. */
const largePageSize = 200
const largePagesFrom = 400

interface Shown {
  messages: readonly ChatMessage[]
  hasOlder: boolean
  hasNewer: boolean
}

/** The messages of a conversation, page by page. Loads the newest with the component. */
export function useMessages(conversation: Conversation): MessagesModel {
  const revision = useConversationRevision(conversation)
  const shown = useRef<Shown>({ messages: [], hasOlder: false, hasNewer: false })
  // Until the place to show is known, its messages would be rendered somewhere else.
  const travelling = useRef(false)
  const [arrivals, arrive] = useReducer((count: number) => count + 1, 0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the revision tells that they may be others.
  const { messages, hasOlder, hasNewer } = useMemo(() => {
    if (travelling.current) return shown.current
    const all = mainLine(conversation)
    const known = shown.current.messages
    shown.current = {
      messages: isSame(all, known) ? known : all,
      hasOlder: conversation.hasOlder,
      hasNewer: conversation.messagesApart !== undefined,
    }
    return shown.current
  }, [conversation, revision, arrivals])
  const firstUnreadSeq = useFirstUnread(conversation)
  useEffect(() => {
    const load = () => conversation.load().catch(() => undefined) // Tried again when it is reloaded or opened anew.
    void load()
    conversation.loadReadCursors().catch(() => undefined)
    return conversation.on('reloaded', load)
  }, [conversation])
  const loadOlder = useCallback(() => {
    const size = shown.current.messages.length < largePagesFrom ? pageSize : largePageSize
    return conversation.loadOlder(size).then(nothing, nothing) // The next scrolling asks again.
  }, [conversation])
  const loadNewer = useCallback(
    () => conversation.loadNewer(largePageSize).then(nothing, nothing), // As above.
    [conversation],
  )
  const toPresent = useCallback(() => conversation.backToPresent(), [conversation])
  useFollowOwn(conversation, hasNewer, toPresent)
  const loadUntil = useCallback(
    async (seq: number) => {
      travelling.current = true
      try {
        await conversation.loadAround(seq)
      } finally {
        travelling.current = false
        arrive()
      }
      return mainLine(conversation).find((message) => (message.seq ?? 0) >= seq)
    },
    [conversation],
  )
  const loadSince = useCallback(
    async (time: Date) => {
      const seq = await conversation.seqSince(time)
      return seq === undefined ? undefined : loadUntil(seq)
    },
    [conversation, loadUntil],
  )
  return {
    messages,
    loaded: conversation.loaded,
    hasOlder,
    loadOlder,
    hasNewer,
    loadNewer,
    toPresent,
    loadUntil,
    loadSince,
    firstUnreadSeq,
  }
}

function nothing(): void {
  // A page that did not come is asked for again by the next scrolling.
}

function mainLine({ messages, messagesApart }: Conversation): readonly ChatMessage[] {
  const all = messagesApart ?? messages
  return all.some(({ threadRootId }) => threadRootId !== undefined)
    ? all.filter(({ threadRootId }) => threadRootId === undefined)
    : all
}

function isSame(one: readonly ChatMessage[], other: readonly ChatMessage[]): boolean {
  return one.length === other.length && one.every((message, index) => message === other[index])
}

/** Whoever writes wants to see what was written, wherever they were reading. */
function useFollowOwn(conversation: Conversation, hasNewer: boolean, toPresent: () => void): void {
  const { userId } = useParley()
  const last = hasNewer ? conversation.messages.at(-1) : undefined
  const own = last?.state === 'sending' && last.senderId === userId && last.threadRootId === undefined
  useEffect(() => {
    if (own) toPresent()
  }, [own, toPresent])
}

function useFirstUnread(conversation: Conversation): number | undefined {
  const [first] = useState(() => {
    const { unread = 0, readSeq = 0 } = conversation.view ?? {}
    return unread > 0 ? readSeq + 1 : undefined
  })
  return first
}
