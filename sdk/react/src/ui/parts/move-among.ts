import type { KeyboardEvent } from 'react'

/** The arrow keys go from one to the next of what the selector names. */
export const moveAmong = (selector: string) => (event: KeyboardEvent<HTMLElement>) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  const active = document.activeElement
  if (step === undefined || !active?.matches(selector)) return
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>(selector)]
  const next = all[all.indexOf(active as HTMLElement) + step]
  if (!next) return
  event.preventDefault()
  next.focus()
}
