import type { ChatMessage, Conversation } from '@parley/client'
import { extendMessage } from '@parley/client'
import { useCallback } from 'react'

export interface ExtensionValue {
  value: string
  /** Moves with every change of the key. */
  version: number
  /** Who changed it last. */
  userId: string
}

export interface MessageExtensionModel {
  /** What members have put on the message under this key. */
  current: ExtensionValue | undefined
  /** Rejects with `version-mismatch` when somebody else has changed it since this client saw it. */
  set: (value: string) => Promise<void>
  remove: () => Promise<void>
}

/** One key of what members put on a message: the state of a task, a label, whatever an application makes of it. */
export function useMessageExtension(
  conversation: Conversation,
  message: Pick<ChatMessage, 'id' | 'extension'>,
  key: string,
): MessageExtensionModel {
  const { id } = message
  const current = message.extension?.[key]
  const version = current?.version ?? 0
  const set = useCallback(
    async (value: string) => {
      if (id !== undefined) await extendMessage(conversation, id, { set: [{ key, value, version }] })
    },
    [conversation, id, key, version],
  )
  const remove = useCallback(async () => {
    if (id !== undefined) await extendMessage(conversation, id, { remove: [key] })
  }, [conversation, id, key])
  return { current, set, remove }
}
