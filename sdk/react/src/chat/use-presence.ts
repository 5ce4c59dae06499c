import type { UserPresence } from '@parley/client'
import { useEffect, useState } from 'react'
import { useParley } from '../parley-context.ts'

/** Whether a user is online, while the component is there. */
export function usePresence(userId: string | undefined): UserPresence | undefined {
  const { presence: known } = useParley()
  const [presence, setPresence] = useState<UserPresence>()
  useEffect(() => {
    setPresence(userId === undefined ? undefined : known.get(userId))
    if (userId === undefined) return
    const off = known.on('changed', (changed) => {
      if (changed.userId === userId) setPresence(changed)
    })
    known.subscribe([userId]).catch(() => undefined) // Asked again with the next connection.
    return off
  }, [known, userId])
  return presence
}
