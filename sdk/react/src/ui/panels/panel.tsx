import { type ReactNode, useEffect, useRef } from 'react'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon } from '../parts/icons.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** Something beside the conversation. Escape closes it. */
export function Panel(props: {
  title: string
  onClose: () => void
  children: ReactNode
  className?: string
}) {
  const words = useWords()
  const place = useRef<HTMLElement>(null)
  useEffect(() => {
    const active = document.activeElement
    if (!place.current?.contains(active)) place.current?.focus()
  }, [])
  return (
    <aside
      ref={place}
      tabIndex={-1}
      className={`parley-panel ${props.className ?? ''}`}
      aria-label={props.title}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !event.defaultPrevented) props.onClose()
      }}
    >
      <header>
        <h2>{props.title}</h2>
        <IconButton label={words.close} onClick={props.onClose}>
          <CloseIcon />
        </IconButton>
      </header>
      {props.children}
    </aside>
  )
}
