import type { ChatMessage, Conversation } from '@parley/client'
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from 'react'
import { useConversationRevision } from './use-conversation.ts'

export interface MessagesModel {
  /** Ascending; what hangs in threads is left out. The array is the same as long as its messages are. */
  messages: readonly ChatMessage[]
  loaded: boolean
  hasOlder: boolean
  loadOlder: () => Promise<void>
  /** Loads older messages until that seq is there, or none are left; answers the message. */
  loadUntil: (seq: number) => Promise<ChatMessage | undefined>
  /** Loads older messages until one is from before that time; answers the first message since then. */
  loadSince: (time: Date) => Promise<ChatMessage | undefined>
  /** Where the unread messages began when the conversation was opened. */
  firstUnreadSeq: number | undefined
}

const pageSize = 50
const mostPerPage = 200
const mostPagesUnseen = 16

/** The messages of a conversation, page by page. Loads the newest with the component. */
export function useMessages(conversation: Conversation): MessagesModel {
  const revision = useConversationRevision(conversation)
  const shown = useRef<readonly ChatMessage[]>([])
  // On the way to a far place every page would be rendered for nothing.
  const travelling = useRef(false)
  const [arrivals, arrive] = useReducer((count: number) => count + 1, 0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the revision tells that they may be others.
  const messages = useMemo(() => {
    if (travelling.current) return shown.current
    const all = mainLine(conversation)
    if (!isSame(all, shown.current)) shown.current = all
    return shown.current
  }, [conversation, revision, arrivals])
  const firstUnreadSeq = useFirstUnread(conversation)
  useEffect(() => {
    const load = () => conversation.load().catch(() => undefined) // Tried again when it is reloaded or opened anew.
    void load()
    conversation.loadReadCursors().catch(() => undefined)
    return conversation.on('reloaded', load)
  }, [conversation])
  const loadOlder = useCallback(
    () => conversation.loadOlder(pageSize).then(nothing, nothing), // The next scrolling asks again.
    [conversation],
  )
  const loadWhile = useCallback(
    async (wanted: (first: ChatMessage) => boolean) => {
      const isThere = () => {
        const first = conversation.messages.find(({ seq }) => seq !== undefined)
        return !first || !wanted(first) || !conversation.hasOlder
      }
      travelling.current = true
      try {
        // Looking costs more the more there is: a long way is looked at less often.
        for (let pages = 1; !isThere(); pages = Math.min(mostPagesUnseen, pages * 2)) {
          for (let page = 0; page < pages && conversation.hasOlder; page++) {
            await conversation.loadOlder(mostPerPage)
          }
        }
      } finally {
        travelling.current = false
        arrive()
      }
    },
    [conversation],
  )
  const loadUntil = useCallback(
    async (seq: number) => {
      await loadWhile((first) => (first.seq ?? 0) > seq)
      return mainLine(conversation).find((message) => (message.seq ?? 0) >= seq)
    },
    [conversation, loadWhile],
  )
  const loadSince = useCallback(
    async (time: Date) => {
      await loadWhile(({ createdAt }) => Date.parse(createdAt) >= time.getTime())
      return mainLine(conversation).find(({ createdAt }) => Date.parse(createdAt) >= time.getTime())
    },
    [conversation, loadWhile],
  )
  return {
    messages,
    loaded: conversation.loaded,
    hasOlder: conversation.hasOlder,
    loadOlder,
    loadUntil,
    loadSince,
    firstUnreadSeq,
  }
}

function nothing(): void {
  // A page that did not come is asked for again by the next scrolling.
}

function mainLine({ messages }: Conversation): readonly ChatMessage[] {
  return messages.some(({ threadRootId }) => threadRootId !== undefined)
    ? messages.filter(({ threadRootId }) => threadRootId === undefined)
    : messages
}

function isSame(one: readonly ChatMessage[], other: readonly ChatMessage[]): boolean {
  return one.length === other.length && one.every((message, index) => message === other[index])
}

function useFirstUnread(conversation: Conversation): number | undefined {
  const [first] = useState(() => {
    const { unread = 0, readSeq = 0 } = conversation.view ?? {}
    return unread > 0 ? readSeq + 1 : undefined
  })
  return first
}
