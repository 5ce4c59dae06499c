import type { ChatMessage, Conversation } from '@parley/client'
import { listReaders } from '@parley/client'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { useParley } from '../parley-context.ts'
import { useConversationRevision } from './use-conversation.ts'

export interface Receipt {
  state: 'sending' | 'sent' | 'delivered' | 'read' | 'failed'
  /** How many others have read it, of how many. */
  readers: number
  others: number
}

/** Where own messages stand: on their way, stored, on a device of the other, read (by how many). */
export function useReceipts(conversation: Conversation): (message: ChatMessage) => Receipt {
  const revision = useConversationRevision(conversation)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the revision tells that cursors may have moved.
  return useMemo(() => {
    const read = [...conversation.readCursors.values()]
    const delivered = [...conversation.deliveredCursors.values()]
    const others = Math.max(1, (conversation.view?.memberCount ?? 2) - 1)
    return ({ state, seq }) => {
      if (state !== 'sent' || seq === undefined) return { state, readers: 0, others }
      const readers = read.filter((cursor) => cursor >= seq).length
      const reached = delivered.some((cursor) => cursor >= seq)
      return { state: readers > 0 ? 'read' : reached ? 'delivered' : 'sent', readers, others }
    }
  }, [conversation, revision])
}

export interface ReadersModel {
  read: readonly string[]
  unread: readonly string[]
  readCount: number
  unreadCount: number
  hasMore: boolean
  loadMore: () => Promise<void>
}

/** Who has read a message and who has not, page by page. */
export function useReaders(conversation: Conversation, messageId: string): ReadersModel {
  const { userId: own } = useParley()
  const [lists, setLists] = useState({ read: [] as string[], unread: [] as string[] })
  const [counts, setCounts] = useState({ readCount: 0, unreadCount: 0 })
  const [cursors, setCursors] = useState<{ read?: string | undefined; unread?: string | undefined }>({})
  const load = useCallback(
    async (state: 'read' | 'unread', cursor: string | undefined) => {
      const page = await listReaders(conversation, messageId, {
        state,
        limit: 100,
        ...(cursor && { cursor }),
      })
      const found = page.items.map(({ userId }) => userId).filter((userId) => userId !== own)
      setLists((known) => ({ ...known, [state]: cursor ? [...known[state], ...found] : found }))
      setCounts({ readCount: page.readCount, unreadCount: page.unreadCount })
      setCursors((known) => ({ ...known, [state]: page.nextCursor }))
    },
    [conversation, messageId, own],
  )
  useEffect(() => {
    const refresh = () => {
      load('read', undefined).catch(() => undefined) // The next receipt asks again.
      load('unread', undefined).catch(() => undefined)
    }
    refresh()
    return conversation.on('read', refresh)
  }, [conversation, load])
  return {
    ...lists,
    ...counts,
    hasMore: cursors.read !== undefined || cursors.unread !== undefined,
    loadMore: async () => {
      if (cursors.read !== undefined) await load('read', cursors.read)
      if (cursors.unread !== undefined) await load('unread', cursors.unread)
    },
  }
}
