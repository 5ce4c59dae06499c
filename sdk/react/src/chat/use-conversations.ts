import type { Conversation } from '@parley/client'
import { useCallback, useSyncExternalStore } from 'react'
import { useParley } from '../parley-context.ts'

/** All conversations, the one with the latest activity first. */
export function useConversations(): readonly Conversation[] {
  const { chat } = useParley()
  const subscribe = useCallback((changed: () => void) => chat.on('conversations', changed), [chat])
  return useSyncExternalStore(subscribe, () => chat.conversations())
}
