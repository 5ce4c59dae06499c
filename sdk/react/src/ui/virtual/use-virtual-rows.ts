import {
  type RefObject,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from 'react'
import { RowHeights } from './row-heights.ts'

export interface VirtualRows {
  list: RefObject<HTMLDivElement | null>
  /** The rows to render, `until` exclusive. */
  from: number
  until: number
  /** Room of the rows before and after, in pixels. */
  before: number
  after: number
  /** True while the last row of all is in sight. */
  atEnd: boolean
  onScroll: () => void
  /** A ref for each rendered row, which is measured by it. */
  measure: (element: HTMLElement | null) => (() => void) | undefined
  toEnd: () => void
  /** Brings a row into the middle, as soon as it is there. */
  toRow: (key: string) => void
  /** The last row that is wholly in sight. */
  lastInSight: () => number
}

const nearEndPx = 40
const loadWithinPx = 800
const overscanPx = 700

type Anchor = { kind: 'end' } | { kind: 'row'; key: string; offset: number } | { kind: 'middle'; key: string }

/**
 * Renders only the rows around what is in sight. The reader's place is an anchor: the end, or a row with its distance
 * from the top of the window; whatever changes above or below, the anchor stays where it was.
 */
export function useVirtualRows(input: {
  keys: readonly string[]
  /** Room above the first row, in pixels. */
  headRef: RefObject<HTMLElement | null>
  hasOlder: boolean
  loadOlder: () => Promise<void>
  /** The last row is not the end: more follow. */
  hasNewer: boolean
  loadNewer: () => Promise<void>
  /** Goes to the end with a new last row, wherever the reader is. */
  followLast: boolean
}): VirtualRows {
  const { keys, headRef, hasOlder, loadOlder, hasNewer, loadNewer, followLast } = input
  const list = useRef<HTMLDivElement>(null)
  const [heights] = useState(() => new RowHeights(64))
  const anchor = useRef<Anchor>({ kind: 'end' })
  const [atEnd, setAtEnd] = useState(true)
  const [window, setWindow] = useState({ top: 0, height: 800 })
  const [revision, refresh] = useReducer((count: number) => count + 1, 0)
  const indexOf = useMemo(() => {
    heights.assign(keys)
    return new Map(keys.map((key, index) => [key, index]))
  }, [heights, keys])
  const loading = useRef(false)
  const lastKey = keys.at(-1)

  const headHeight = useCallback(() => headRef.current?.offsetHeight ?? 0, [headRef])

  /** Puts the anchor where it belongs. */
  const settle = useCallback(() => {
    const element = list.current
    if (!element) return
    const place = anchor.current
    if (place.kind === 'end') {
      const end = element.scrollHeight - element.clientHeight
      if (Math.abs(element.scrollTop - end) > 0.5) element.scrollTop = end
      return
    }
    const index = indexOf.get(place.key)
    if (index === undefined) return
    const top = heights.top(index) + headHeight()
    if (place.kind === 'row') {
      const wanted = top - place.offset
      if (Math.abs(element.scrollTop - wanted) > 0.5) element.scrollTop = wanted
    } else {
      const height = heights.top(index + 1) - heights.top(index)
      const wanted = Math.max(0, top - Math.max(0, (element.clientHeight - height) / 2))
      if (Math.abs(element.scrollTop - wanted) > 0.5) element.scrollTop = wanted
    }
  }, [heights, indexOf, headHeight])

  const look = useCallback(() => {
    const element = list.current
    if (!element) return
    const { scrollTop, clientHeight, scrollHeight } = element
    setWindow((known) =>
      // The rows around are rendered already: a small step needs no new ones.
      Math.abs(known.top - scrollTop) < overscanPx / 3 && known.height === clientHeight
        ? known
        : { top: scrollTop, height: clientHeight },
    )
    const nearTop = hasOlder && scrollTop < loadWithinPx
    const nearBottom = hasNewer && scrollHeight - scrollTop - clientHeight < loadWithinPx
    if ((nearTop || nearBottom) && !loading.current) {
      loading.current = true
      void (nearTop ? loadOlder() : loadNewer()).finally(() => {
        loading.current = false
        refresh()
      })
    }
  }, [hasOlder, loadOlder, hasNewer, loadNewer])

  const onScroll = useCallback(() => {
    const element = list.current
    if (!element) return
    const { scrollTop, scrollHeight, clientHeight } = element
    const place = anchor.current
    const before = place.kind === 'end' ? undefined : place
    const isAtEnd = !hasNewer && scrollHeight - scrollTop - clientHeight < nearEndPx
    if (isAtEnd) anchor.current = { kind: 'end' }
    else {
      const inside = scrollTop - headHeight()
      const index = heights.at(inside)
      const key = keys[index]
      const settled = before?.kind === 'middle' && isWhere(before.key, indexOf, heights, inside, clientHeight)
      if (key !== undefined && !settled) {
        anchor.current = { kind: 'row', key, offset: heights.top(index) - inside }
      }
    }
    setAtEnd(isAtEnd)
    look()
  }, [heights, indexOf, keys, hasNewer, headHeight, look])

  const toEnd = useCallback(() => {
    anchor.current = { kind: 'end' }
    setAtEnd(true)
    settle()
    look()
  }, [settle, look])

  const toRow = useCallback(
    (key: string) => {
      anchor.current = { kind: 'middle', key }
      setAtEnd(false)
      settle()
      look()
      refresh()
    },
    [settle, look],
  )

  const observer = useRef<ResizeObserver>(undefined)
  const take = useRef<(elements: readonly HTMLElement[]) => void>(undefined)
  take.current = (elements) => {
    let moved = false
    for (const element of elements) {
      const key = element.dataset.key ?? ''
      const index = indexOf.get(key)
      if (index === undefined || !element.isConnected) continue
      moved = heights.measure(key, index, element.getBoundingClientRect().height) || moved
    }
    if (moved) refresh()
  }
  const measure = useCallback((element: HTMLElement | null) => {
    if (!element) return undefined
    observer.current ??= new ResizeObserver((entries) =>
      take.current?.(entries.map(({ target }) => target as HTMLElement)),
    )
    const watching = observer.current
    watching.observe(element)
    return () => watching.unobserve(element)
  }, [])
  useEffect(() => () => observer.current?.disconnect(), [])

  // A row that was just rendered is measured before it is painted.
  useLayoutEffect(() => {
    const rows = list.current?.querySelectorAll<HTMLElement>('[data-key]')
    if (rows) take.current?.([...rows])
    settle()
    look()
  })

  // biome-ignore lint/correctness/useExhaustiveDependencies: runs for every new last row.
  useLayoutEffect(() => {
    if (followLast) toEnd()
  }, [lastKey])

  useEffect(() => {
    const element = list.current
    if (!element) return
    const sizes = new ResizeObserver(() => {
      settle()
      look()
    })
    sizes.observe(element)
    return () => sizes.disconnect()
  }, [settle, look])

  const range = useMemo(() => {
    void revision
    const inside = window.top - headHeight()
    const goal = anchor.current
    const from = heights.at(inside - overscanPx)
    const until = Math.min(keys.length, heights.at(inside + window.height + overscanPx) + 1)
    // Rows of the end are rendered also before anybody has scrolled there.
    if (goal.kind === 'end') {
      const first = heights.at(heights.total - window.height - overscanPx)
      return { from: first, until: keys.length }
    }
    return { from, until }
  }, [heights, keys, window, headHeight, revision])

  return {
    list,
    ...range,
    before: heights.top(range.from),
    after: Math.max(0, heights.total - heights.top(range.until)),
    atEnd,
    onScroll,
    measure,
    toEnd,
    toRow,
    lastInSight: () => {
      const element = list.current
      if (!element) return -1
      return heights.at(element.scrollTop - headHeight() + element.clientHeight - 8)
    },
  }
}

function isWhere(
  key: string,
  indexOf: ReadonlyMap<string, number>,
  heights: RowHeights,
  inside: number,
  clientHeight: number,
): boolean {
  const index = indexOf.get(key)
  if (index === undefined) return false
  const top = heights.top(index)
  return top >= inside - 1 && top <= inside + clientHeight
}
