import type { KeyboardEvent, ReactNode } from 'react'
import { ChatsIcon, CommunitiesIcon, ContactsIcon, MomentsIcon, RoomsIcon } from '../parts/area-icons.tsx'
import { useWords } from '../parts/ui-context.tsx'
import type { Area } from './areas.ts'

const icons: Record<Area, ReactNode> = {
  chats: <ChatsIcon size={22} />,
  communities: <CommunitiesIcon size={22} />,
  rooms: <RoomsIcon size={22} />,
  contacts: <ContactsIcon size={22} />,
  moments: <MomentsIcon size={22} />,
}

/** The way from area to area: at the side, and below on phones. The arrow keys move in it. */
export function Rail(props: {
  areas: readonly Area[]
  current: Area
  /** How much waits in an area. */
  waiting: Partial<Record<Area, number>>
  onSelect: (area: Area) => void
}) {
  const words = useWords()
  return (
    <nav className="parley-rail" aria-label={words.areas.label} onKeyDown={moveInRail}>
      {props.areas.map((area) => {
        const waiting = props.waiting[area] ?? 0
        const name = words.areas[area]
        return (
          <button
            key={area}
            type="button"
            aria-current={area === props.current ? 'page' : undefined}
            onClick={() => props.onSelect(area)}
          >
            <span className="parley-rail-icon">
              {icons[area]}
              {waiting > 0 && (
                <span className="parley-rail-badge" aria-hidden="true">
                  {words.unread(waiting)}
                </span>
              )}
            </span>
            <span className="parley-rail-name">{name}</span>
            {waiting > 0 && <span className="parley-unseen">{words.unreadLabel(waiting)}</span>}
          </button>
        )
      })}
    </nav>
  )
}

function moveInRail(event: KeyboardEvent<HTMLElement>): void {
  const isRightToLeft = getComputedStyle(event.currentTarget).direction === 'rtl'
  const on = isRightToLeft ? 'ArrowLeft' : 'ArrowRight'
  const back = isRightToLeft ? 'ArrowRight' : 'ArrowLeft'
  const step = { ArrowDown: 1, ArrowUp: -1, [on]: 1, [back]: -1 }[event.key]
  if (step === undefined) return
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>('button')]
  const next = all[all.indexOf(document.activeElement as HTMLElement) + step]
  if (!next) return
  event.preventDefault()
  next.focus()
}
