import type { Conversation } from '@parley/client'
import { useCallback, useMemo, useSyncExternalStore } from 'react'
import { useParley } from '../parley-context.ts'

/** All conversations, the one with the latest activity first. */
export function useConversations(): readonly Conversation[] {
  const { chat } = useParley()
  const subscribe = useCallback((changed: () => void) => chat.on('conversations', changed), [chat])
  return useSyncExternalStore(subscribe, () => chat.conversations())
}

/** Conversations with somebody and with groups; communities and their channels are `useCommunities`. */
export function useChats(): readonly Conversation[] {
  const conversations = useConversations()
  return useMemo(
    () => conversations.filter(({ view }) => view?.type !== 'community' && view?.type !== 'channel'),
    [conversations],
  )
}
