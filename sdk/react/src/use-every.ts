import { useEffect, useRef } from 'react'

/** Does the work every so often while the page is seen, and when it comes into sight again. Milliseconds. */
export function useEvery(intervalMs: number, work: () => void): void {
  const newest = useRef(work)
  useEffect(() => {
    newest.current = work
  })
  useEffect(() => {
    const tick = () => {
      if (document.visibilityState === 'visible') newest.current()
    }
    const timer = setInterval(tick, intervalMs)
    document.addEventListener('visibilitychange', tick)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', tick)
    }
  }, [intervalMs])
}
