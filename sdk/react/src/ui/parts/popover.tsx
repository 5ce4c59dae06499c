import { type KeyboardEvent, type ReactNode, type RefObject, useEffect, useLayoutEffect, useRef } from 'react'

const marginPx = 8

/** Something small over everything else, beside what opened it. Escape, Tab away and a click elsewhere close it. */
export function Popover(props: {
  anchor: RefObject<HTMLElement | null>
  label: string
  className?: string
  role?: 'dialog' | 'menu' | 'listbox'
  side?: 'above' | 'below'
  onClose: () => void
  onKeyDown?: (event: KeyboardEvent) => void
  children: ReactNode
}) {
  const { anchor, onClose, side = 'below' } = props
  const place = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const element = place.current
    const near = anchor.current?.getBoundingClientRect()
    if (!element || !near) return
    element.showPopover()
    const { width, height } = element.getBoundingClientRect()
    const isRightToLeft = getComputedStyle(element).direction === 'rtl'
    const roomBelow = window.innerHeight - near.bottom
    const below =
      side === 'below' ? roomBelow > height + marginPx || roomBelow > near.top : near.top < height + marginPx
    const top = below ? near.bottom + 4 : near.top - height - 4
    const left = isRightToLeft ? near.right - width : near.left
    const clamp = (value: number, room: number) => Math.max(marginPx, Math.min(value, room - marginPx))
    element.style.top = `${clamp(top, window.innerHeight - height)}px`
    element.style.left = `${clamp(left, window.innerWidth - width)}px`
  }, [anchor, side])
  useEffect(() => {
    const onPointer = ({ target }: Event) => {
      const inside =
        target instanceof Node && (place.current?.contains(target) || anchor.current?.contains(target))
      if (!inside) onClose()
    }
    document.addEventListener('pointerdown', onPointer)
    return () => document.removeEventListener('pointerdown', onPointer)
  }, [anchor, onClose])
  return (
    <div
      ref={place}
      popover="manual"
      role={props.role ?? 'dialog'}
      aria-label={props.label}
      className={`parley-popover ${props.className ?? ''}`}
      onKeyDown={(event) => {
        if (event.key === 'Escape') {
          event.preventDefault()
          event.stopPropagation()
          onClose()
          anchor.current?.focus()
        }
        props.onKeyDown?.(event)
      }}
    >
      {props.children}
    </div>
  )
}

export interface MenuItem {
  key: string
  label: string
  icon?: ReactNode
  danger?: boolean
  onChoose: () => void
}

/** A menu: arrow keys move in it, Enter chooses. */
export function Menu(props: {
  anchor: RefObject<HTMLElement | null>
  label: string
  items: readonly MenuItem[]
  side?: 'above' | 'below'
  onClose: () => void
}) {
  const { items, onClose } = props
  const first = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    first.current?.focus()
  }, [])
  const onKeyDown = (event: KeyboardEvent) => {
    const all = [...event.currentTarget.querySelectorAll<HTMLElement>('[role="menuitem"]')]
    const now = all.indexOf(document.activeElement as HTMLElement)
    const step = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: all.length - 1 }[event.key]
    if (event.key === 'Tab') onClose()
    if (step === undefined) return
    event.preventDefault()
    all[(step + all.length) % all.length]?.focus()
  }
  return (
    <Popover {...props} role="menu" className="parley-menu" onKeyDown={onKeyDown}>
      {items.map(({ key, label, icon, danger, onChoose }, index) => (
        <button
          key={key}
          ref={index === 0 ? first : undefined}
          type="button"
          role="menuitem"
          tabIndex={-1}
          data-danger={danger || undefined}
          onClick={() => {
            onClose()
            props.anchor.current?.focus()
            onChoose()
          }}
        >
          {icon}
          {label}
        </button>
      ))}
    </Popover>
  )
}
