import type { RefObject } from 'react'
import type { OfferedCommand } from '../../chat/use-commands.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Popover } from '../parts/popover.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** What the bots of the conversation understand, while a command is being written. */
export function CommandPicker(props: {
  anchor: RefObject<HTMLElement | null>
  commands: readonly OfferedCommand[]
  chosen: number
  onChoose: (index: number) => void
  onClose: () => void
}) {
  const words = useWords()
  return (
    <Popover
      anchor={props.anchor}
      side="above"
      label={words.commands}
      className="parley-menu"
      onClose={props.onClose}
    >
      <div role="listbox" id="parley-mentions" aria-label={words.commands}>
        {props.commands.map(({ botId, name, description }, index) => (
          <div
            key={`${botId} ${name}`}
            id={`parley-mention-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === props.chosen}
            className="parley-option"
            onPointerDown={(event) => {
              event.preventDefault()
              props.onChoose(index)
            }}
          >
            <Avatar id={botId} name={botId} size={24} />
            <span>
              <strong>/{name}</strong> {description}
            </span>
          </div>
        ))}
      </div>
    </Popover>
  )
}
