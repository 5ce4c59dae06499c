import { useCallback, useState } from 'react'

/** The size of an element in CSS pixels, kept up to date; zero until it is there. */
export function useSize<E extends Element>() {
  const [size, setSize] = useState({ width: 0, height: 0 })
  const ref = useCallback((element: E | null) => {
    if (!element) return
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setSize({ width: entry.contentRect.width, height: entry.contentRect.height })
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return { ref, ...size }
}
