import type { ReactNode, RefObject } from 'react'
import { Popover } from '../parts/popover.tsx'

export const choicesId = 'parley-choices'
export const choiceId = (index: number): string => `parley-choice-${index}`

/** What may be put in for what is being typed. The focus stays in the text, whose keys move the choice. */
export function ChoicePicker<Choice>(props: {
  anchor: RefObject<HTMLElement | null>
  label: string
  choices: readonly Choice[]
  keyOf: (choice: Choice) => string
  chosen: number
  onChoose: (index: number) => void
  onClose: () => void
  children: (choice: Choice) => ReactNode
}) {
  const { label } = props
  return (
    <Popover anchor={props.anchor} side="above" label={label} className="parley-menu" onClose={props.onClose}>
      <div role="listbox" id={choicesId} aria-label={label}>
        {props.choices.map((choice, index) => (
          <div
            key={props.keyOf(choice)}
            id={choiceId(index)}
            role="option"
            tabIndex={-1}
            aria-selected={index === props.chosen}
            className="parley-option"
            onPointerDown={(event) => {
              event.preventDefault()
              props.onChoose(index)
            }}
          >
            {props.children(choice)}
          </div>
        ))}
      </div>
    </Popover>
  )
}
