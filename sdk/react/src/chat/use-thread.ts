import type { ChatMessage, Conversation, Message } from '@parley/client'
import { listThread } from '@parley/client'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { useConversationRevision } from './use-conversation.ts'

export interface ThreadModel {
  root: ChatMessage | undefined
  /** Ascending, with own replies on their way at the end. */
  replies: readonly ChatMessage[]
  loaded: boolean
  hasOlder: boolean
  loadOlder: () => Promise<void>
}

const pageSize = 50

/** The replies in the thread of a message, live. */
export function useThread(conversation: Conversation, rootId: string): ThreadModel {
  const revision = useConversationRevision(conversation)
  const [fetched, setFetched] = useState<{ root?: Message; items: Message[]; complete: boolean }>()
  const load = useCallback(
    async (beforeSeq?: number) => {
      const range = { limit: pageSize, ...(beforeSeq !== undefined && { beforeSeq }) }
      const { root, items } = await listThread(conversation, rootId, range)
      setFetched((known) => ({
        root,
        items: beforeSeq === undefined ? items : [...items, ...(known?.items ?? [])],
        complete: items.length < pageSize,
      }))
    },
    [conversation, rootId],
  )
  useEffect(() => {
    setFetched(undefined)
    load().catch(() => undefined) // What is known locally shows.
  }, [load])
  // biome-ignore lint/correctness/useExhaustiveDependencies: the revision tells that they may be others.
  return useMemo(() => {
    const local = conversation.messages
    const live = local.filter(({ threadRootId }) => threadRootId === rootId)
    const known = new Set(live.map(({ seq }) => seq))
    const older = (fetched?.items ?? []).filter(({ seq }) => !known.has(seq)).map(asShown)
    const root = local.find(({ id }) => id === rootId) ?? (fetched?.root && asShown(fetched.root))
    return {
      root,
      replies: [...older, ...live],
      loaded: fetched !== undefined,
      hasOlder: fetched !== undefined && !fetched.complete,
      loadOlder: () => load(fetched?.items[0]?.seq).catch(() => undefined),
    }
  }, [conversation, rootId, fetched, load, revision])
}

/** A message straight from the server, as those of the conversation are shown. */
export function asShown(message: Message): ChatMessage {
  const { conversationId: _, messageNo: _no, burnAfterReadMs: _burn, ...shown } = message
  return { key: message.id, state: 'sent', ...shown } as ChatMessage
}
