import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react'

export interface VirtualItem {
  key: string
  /** In pixels; the row is exactly so high. */
  height: number
}

const overscanPx = 400

/** A list of rows of known heights, of which only those around what is in sight are in the document. */
export function VirtualList<Item extends VirtualItem>(props: {
  items: readonly Item[]
  label: string
  className?: string
  render: (item: Item) => ReactNode
  onKeyDown?: (event: React.KeyboardEvent<HTMLElement>) => void
}) {
  const { items } = props
  const place = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ top: 0, height: 800 })
  const tops = useMemo(() => {
    const sums = new Float64Array(items.length + 1)
    for (const [index, { height }] of items.entries()) sums[index + 1] = (sums[index] ?? 0) + height
    return sums
  }, [items])
  useEffect(() => {
    const element = place.current
    if (!element) return
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight })
    look()
    const sizes = new ResizeObserver(look)
    sizes.observe(element)
    element.addEventListener('scroll', look, { passive: true })
    return () => {
      sizes.disconnect()
      element.removeEventListener('scroll', look)
    }
  }, [])
  const from = Math.max(0, placeAt(tops, view.top - overscanPx) - 1)
  const until = Math.min(items.length, placeAt(tops, view.top + view.height + overscanPx) + 1)
  const total = tops[items.length] ?? 0
  return (
    <div
      ref={place}
      className={props.className ?? 'parley-virtual'}
      role="list"
      aria-label={props.label}
      onKeyDown={props.onKeyDown}
    >
      <div role="presentation" style={{ height: tops[from] ?? 0 }} />
      {items.slice(from, until).map((item, index) => (
        <div
          key={item.key}
          role="listitem"
          aria-setsize={items.length}
          aria-posinset={from + index + 1}
          style={{ height: item.height }}
        >
          {props.render(item)}
        </div>
      ))}
      <div role="presentation" style={{ height: Math.max(0, total - (tops[until] ?? total)) }} />
    </div>
  )
}

/** The first row that ends after this height. */
function placeAt(tops: Float64Array, height: number): number {
  let low = 0
  let high = tops.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((tops[middle + 1] ?? Number.POSITIVE_INFINITY) > height) high = middle
    else low = middle + 1
  }
  return low
}
