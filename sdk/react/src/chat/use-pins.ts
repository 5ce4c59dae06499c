import type { Conversation, Message } from '@parley/client'
import { listPins } from '@parley/client'
import { useEffect, useState } from 'react'

/** Pinned messages, the latest pin first, kept in step. */
export function usePins(conversation: Conversation): readonly Message[] {
  const [pins, setPins] = useState<readonly Message[]>([])
  useEffect(() => {
    let wanted = true
    const refresh = () => {
      if (!conversation.view) return
      listPins(conversation).then(
        (items) => {
          if (wanted) setPins(items)
        },
        () => undefined, // Asked again with the next change.
      )
    }
    refresh()
    const stops = [conversation.on('updated', refresh), conversation.on('recalled', refresh)]
    return () => {
      wanted = false
      for (const stop of stops) stop()
    }
  }, [conversation])
  return pins
}
