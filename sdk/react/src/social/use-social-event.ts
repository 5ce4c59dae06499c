import type { SocialEvent } from '@parley/client'
import { useEffect, useRef } from 'react'
import { useParley } from '../parley-context.ts'

/** Calls the newest listener with what happens among people and with moments. */
export function useSocialEvent(listener: (event: SocialEvent) => void): void {
  const parley = useParley()
  const newest = useRef(listener)
  useEffect(() => {
    newest.current = listener
  })
  useEffect(() => parley.on('social', (event) => newest.current(event)), [parley])
}
