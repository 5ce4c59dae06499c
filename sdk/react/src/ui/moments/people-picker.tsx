import { useState } from 'react'
import { Avatar } from '../parts/avatar.tsx'
import { DownIcon } from '../parts/icons.tsx'

/** Some of the user's friends, chosen one by one; folded until it is wanted. */
export function PeoplePicker(props: {
  label: string
  people: readonly string[]
  nameOf: (userId: string) => string
  chosen: readonly string[]
  onToggle: (userId: string) => void
}) {
  const { label, people, nameOf, chosen } = props
  const [open, setOpen] = useState(false)
  return (
    <div className="parley-picker">
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span>{label}</span>
        <span className="parley-soft">{chosen.map(nameOf).join(', ')}</span>
        <DownIcon size={16} />
      </button>
      {open && (
        <div className="parley-chips" role="group" aria-label={label}>
          {people.map((userId) => (
            <button
              key={userId}
              type="button"
              className="parley-chip"
              aria-pressed={chosen.includes(userId)}
              onClick={() => props.onToggle(userId)}
            >
              <Avatar id={userId} name={nameOf(userId)} size={20} />
              {nameOf(userId)}
            </button>
          ))}
        </div>
      )}
    </div>
  )
}
