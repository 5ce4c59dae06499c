import type { ConnectionState, Parley } from '@parley/client'
import { useCallback, useState, useSyncExternalStore } from 'react'

export interface ConnectionModel {
  state: ConnectionState
  /** The user cut the connection on purpose. */
  suspended: boolean
  toggle: () => void
}

export function useConnection(parley: Parley): ConnectionModel {
  const subscribe = useCallback((changed: () => void) => parley.on('state', changed), [parley])
  const state = useSyncExternalStore(subscribe, () => parley.state)
  const [suspended, setSuspended] = useState(false)
  const toggle = () => {
    if (suspended) parley.resume()
    else parley.suspend()
    setSuspended(!suspended)
  }
  return { state, suspended, toggle }
}
