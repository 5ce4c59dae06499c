import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'

export interface PinnedScroll {
  list: RefObject<HTMLDivElement | null>
  /** True while the newest line is in sight. */
  atEnd: boolean
  toEnd: () => void
  onScroll: () => void
}

const nearPx = 48
const loadWithinPx = 400

/**
 * Keeps the newest line in sight while the reader is at the end, keeps the reader's place when older lines come
 * in front, and asks for older ones before the top is reached.
 */
export function usePinnedScroll(input: {
  firstKey: string | undefined
  lastKey: string | undefined
  ownLast: boolean
  hasOlder: boolean
  loadOlder: () => Promise<unknown>
}): PinnedScroll {
  const list = useRef<HTMLDivElement>(null)
  const pinned = useRef(true)
  const place = useRef<{ height: number; firstKey: string | undefined }>({ height: 0, firstKey: undefined })
  const loading = useRef(false)
  const [atEnd, setAtEnd] = useState(true)
  const { firstKey, lastKey, ownLast, hasOlder, loadOlder } = input

  const toEnd = useCallback(() => {
    const element = list.current
    if (!element) return
    pinned.current = true
    element.scrollTop = element.scrollHeight
  }, [])

  const askOlder = useCallback(() => {
    const element = list.current
    if (!element || !hasOlder || loading.current || element.scrollTop > loadWithinPx) return
    loading.current = true
    void loadOlder().finally(() => {
      loading.current = false
    })
  }, [hasOlder, loadOlder])

  const onScroll = useCallback(() => {
    const element = list.current
    if (!element) return
    pinned.current = element.scrollHeight - element.scrollTop - element.clientHeight < nearPx
    setAtEnd(pinned.current)
    place.current.height = element.scrollHeight
    askOlder()
  }, [askOlder])

  useLayoutEffect(() => {
    const element = list.current
    if (!element) return
    const before = place.current
    if (before.firstKey !== undefined && before.firstKey !== firstKey && !pinned.current) {
      element.scrollTop += element.scrollHeight - before.height
    }
    place.current = { height: element.scrollHeight, firstKey }
  }, [firstKey])

  // biome-ignore lint/correctness/useExhaustiveDependencies: runs for every new last line.
  useLayoutEffect(() => {
    if (pinned.current || ownLast) toEnd()
  }, [lastKey, toEnd])

  // Images and the keyboard change heights without a new line.
  useEffect(() => {
    const element = list.current
    const content = element?.firstElementChild
    if (!element || !content) return
    const observer = new ResizeObserver(() => {
      if (pinned.current) element.scrollTop = element.scrollHeight
      askOlder()
    })
    observer.observe(element)
    observer.observe(content)
    return () => observer.disconnect()
  }, [askOlder])

  return { list, atEnd, toEnd, onScroll }
}
