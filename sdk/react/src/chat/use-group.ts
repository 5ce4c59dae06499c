import type { Conversation, ConversationView, Group, Member } from '@parley/client'
import { groupOf } from '@parley/client'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useConversation } from './use-conversation.ts'

export interface GroupModel {
  view: ConversationView | undefined
  /** Everything that can be done in the group; changes come back into this model. */
  group: Group
  /** By user id, page by page. */
  members: readonly Member[]
  loaded: boolean
  hasMore: boolean
  loadMore: () => Promise<void>
  canManage: boolean
  isOwner: boolean
}

const pageSize = 100

/** A group and its members, kept in step with what happens to them. */
export function useGroup(conversation: Conversation): GroupModel {
  const { view, canManage } = useConversation(conversation)
  const group = useMemo(() => groupOf(conversation), [conversation])
  const [members, setMembers] = useState<readonly Member[]>([])
  const [cursor, setCursor] = useState<string>()
  const [loaded, setLoaded] = useState(false)
  const run = useRef(0)
  const refresh = useCallback(async () => {
    const own = ++run.current
    try {
      const page = await group.members({ limit: pageSize })
      if (own !== run.current) return
      setMembers(page.items)
      setCursor(page.nextCursor)
      setLoaded(true)
    } catch {
      // Asked again with the next change.
    }
  }, [group])
  useEffect(() => {
    void refresh()
    const stops = [conversation.on('member', refresh), conversation.on('group', refresh)]
    return () => {
      run.current++
      for (const stop of stops) stop()
    }
  }, [conversation, refresh])
  return {
    view,
    group,
    members,
    loaded,
    hasMore: cursor !== undefined,
    loadMore: async () => {
      if (cursor === undefined) return
      const page = await group.members({ limit: pageSize, cursor })
      setMembers((known) => [...known, ...page.items])
      setCursor(page.nextCursor)
    },
    canManage,
    isOwner: view?.role === 'owner',
  }
}
