interface EnvironmentListeners {
  /** The network came back, or the page is seen again: whatever waits should try now. */
  onWake: () => void
  onOffline: () => void
}

/** Listens to what the browser knows about network and page; outside of browsers it does nothing. */
export function watchEnvironment({ onWake, onOffline }: EnvironmentListeners): () => void {
  if (typeof window === 'undefined' || typeof window.addEventListener !== 'function') return () => undefined
  const whenSeen = () => {
    if (document.visibilityState === 'visible') onWake()
  }
  const network = (navigator as { connection?: EventTarget }).connection
  window.addEventListener('online', onWake)
  window.addEventListener('offline', onOffline)
  document.addEventListener('visibilitychange', whenSeen)
  network?.addEventListener?.('change', onWake)
  return () => {
    window.removeEventListener('online', onWake)
    window.removeEventListener('offline', onOffline)
    document.removeEventListener('visibilitychange', whenSeen)
    network?.removeEventListener?.('change', onWake)
  }
}
