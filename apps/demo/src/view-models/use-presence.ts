import type { Parley, UserPresence } from '@parley/client'
import { useEffect, useState } from 'react'

/** Whether a user is online, while the component is there. */
export function usePresence(parley: Parley, userId: string | undefined): UserPresence | undefined {
  const [presence, setPresence] = useState<UserPresence>()
  useEffect(() => {
    setPresence(userId === undefined ? undefined : parley.presence.get(userId))
    if (userId === undefined) return
    const off = parley.presence.on('changed', (changed) => {
      if (changed.userId === userId) setPresence(changed)
    })
    parley.presence.subscribe([userId]).catch(() => undefined) // Asked again with the next connection.
    return off
  }, [parley, userId])
  return presence
}
