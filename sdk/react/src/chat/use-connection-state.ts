import type { ConnectionState } from '@parley/client'
import { useCallback, useState, useSyncExternalStore } from 'react'
import { useParley } from '../parley-context.ts'

export interface ConnectionModel {
  state: ConnectionState
  connected: boolean
  /** The user cut the connection on purpose. */
  suspended: boolean
  /** Cuts the connection, or takes it up again. */
  toggle: () => void
}

/** Whether there is a connection, and why not. */
export function useConnectionState(): ConnectionModel {
  const parley = useParley()
  const subscribe = useCallback((changed: () => void) => parley.on('state', changed), [parley])
  const state = useSyncExternalStore(subscribe, () => parley.state)
  const [suspended, setSuspended] = useState(false)
  const toggle = useCallback(() => {
    if (suspended) parley.resume()
    else parley.suspend()
    setSuspended(!suspended)
  }, [parley, suspended])
  return { state, connected: state.status === 'connected', suspended, toggle }
}
