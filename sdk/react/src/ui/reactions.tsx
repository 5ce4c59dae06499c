import type { ChatMessage } from '@parley/client'
import { useRef, useState } from 'react'
import { useReactions } from '../chat/use-reactions.ts'
import { EmojiPanel } from './composer/emoji-panel.tsx'
import { usePane } from './pane-context.ts'
import { IconButton } from './parts/icon-button.tsx'
import { SmileIcon } from './parts/icons.tsx'
import { Popover } from './parts/popover.tsx'
import { useErrorToast } from './parts/toasts.tsx'
import { useWords } from './parts/ui-context.tsx'

export const quickReactions = ['👍', '❤️', '😂', '🎉', '😮', '😢']

/** Reactions below a message; a click adds the own one or takes it back. */
export function Reactions({ message }: { message: ChatMessage }) {
  const { conversation, nameOf } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const { reactions, toggle } = useReactions(conversation, message)
  if (reactions.length === 0) return null
  return (
    <div className="parley-reactions" role="group" aria-label={words.reactions}>
      {reactions.map(({ emoji, count, mine, userIds }) => (
        <button
          key={emoji}
          type="button"
          className="parley-reaction"
          aria-pressed={mine}
          aria-label={words.reactedWith(emoji, count)}
          title={userIds.map(nameOf).join(', ')}
          onClick={() => void toggle(emoji).catch(onFailed)}
        >
          <span>{emoji}</span>
          {count}
        </button>
      ))}
    </div>
  )
}

/** The button that opens the choice of reactions. */
export function ReactionPicker({ message }: { message: ChatMessage }) {
  const { conversation } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const { toggle } = useReactions(conversation, message)
  const anchor = useRef<HTMLButtonElement>(null)
  const [open, setOpen] = useState(false)
  return (
    <>
      <IconButton ref={anchor} label={words.react} expanded={open} onClick={() => setOpen(!open)}>
        <SmileIcon size={17} />
      </IconButton>
      {open && (
        <Popover anchor={anchor} label={words.react} onClose={() => setOpen(false)}>
          <EmojiPanel
            first={quickReactions}
            onChoose={(emoji) => {
              setOpen(false)
              void toggle(emoji).catch(onFailed)
            }}
          />
        </Popover>
      )}
    </>
  )
}
