import type { Conversation, MessageContent, ScheduledMessage } from '@parley/client'
import { cancelScheduled, listScheduled, scheduleMessage } from '@parley/client'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { useParley } from '../parley-context.ts'

export interface PlannedModel {
  /** Own messages of the conversation that wait for their time, the next first. */
  planned: readonly ScheduledMessage[]
  plan: (content: MessageContent, at: Date) => Promise<void>
  /** Puts another in its place; rejects with `conflict` when it was sent meanwhile, and plans nothing then. */
  replace: (id: string, content: MessageContent, at: Date) => Promise<void>
  cancel: (id: string) => Promise<void>
}

/** As many as the server lets a user plan. */
const most = 100
/** How late one may be before it is asked what has become of it. */
const lateMs = 2_000

/** Messages that are sent at a time to come, whether or not this client is there then. */
export function usePlanned(conversation: Conversation): PlannedModel {
  const { chat, userId } = useParley()
  const [planned, setPlanned] = useState<readonly ScheduledMessage[]>([])
  const refresh = useCallback(async () => {
    const { items } = await listScheduled(chat, { limit: most })
    setPlanned(items.filter(({ conversationId }) => conversationId === conversation.id))
  }, [chat, conversation])
  useEffect(() => {
    const look = () => void refresh().catch(() => undefined) // Asked again with the next connection.
    look()
    const stops = [
      chat.on('sync', look),
      conversation.on('message', ({ senderId }) => {
        if (senderId === userId) look()
      }),
    ]
    return () => {
      for (const stop of stops) stop()
    }
  }, [chat, conversation, userId, refresh])
  const next = planned[0]?.sendAt
  useEffect(() => {
    if (next === undefined) return
    const waitMs = Math.min(Date.parse(next) - Date.now() + lateMs, 2 ** 31 - 1)
    const timer = setTimeout(() => void refresh().catch(() => undefined), Math.max(lateMs, waitMs)) // As above.
    return () => clearTimeout(timer)
  }, [next, refresh])
  return useMemo(() => {
    const plan = async (content: MessageContent, at: Date) => {
      await scheduleMessage(conversation, { content, sendAt: at })
      await refresh()
    }
    const cancel = async (id: string) => {
      try {
        await cancelScheduled(chat, id)
      } finally {
        await refresh()
      }
    }
    const replace = async (id: string, content: MessageContent, at: Date) => {
      await cancel(id)
      await plan(content, at)
    }
    return { planned, plan, replace, cancel }
  }, [chat, conversation, planned, refresh])
}
