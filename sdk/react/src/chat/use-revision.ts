import { useCallback, useRef, useSyncExternalStore } from 'react'

/** Renders again whenever `listen` says that something changed, also between the rendering and the listening. */
export function useRevision(listen: ((changed: () => void) => () => void) | undefined): number {
  const revision = useRef(0)
  const subscribe = useCallback(
    (notify: () => void) => {
      const changed = () => {
        revision.current++
        notify()
      }
      const stop = listen?.(changed)
      changed()
      return () => stop?.()
    },
    [listen],
  )
  return useSyncExternalStore(subscribe, () => revision.current)
}
