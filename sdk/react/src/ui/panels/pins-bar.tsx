import type { Message } from '@parley/client'
import { unpinMessage } from '@parley/client'
import { useState } from 'react'
import { summaryOf } from '../content/summary.ts'
import { usePane } from '../pane-context.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon, PinIcon } from '../parts/icons.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** Pinned messages above the conversation; a click leads to the one shown and shows the next. */
export function PinsBar({ pins }: { pins: readonly Message[] }) {
  const { conversation, nameOf, jumpTo, isGroup, canManage } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const [place, setPlace] = useState(0)
  const pin = pins[place % Math.max(1, pins.length)]
  if (!pin) return null
  return (
    <div className="parley-pins">
      <PinIcon size={17} />
      <button
        type="button"
        className="parley-pin"
        onClick={() => {
          jumpTo(pin.seq)
          setPlace((place + 1) % pins.length)
        }}
      >
        <strong>
          {pins.length > 1 ? words.pinnedOf((place % pins.length) + 1, pins.length) : words.pinned}
        </strong>
        <span>
          {nameOf(pin.senderId)}: {summaryOf(pin.content, words)}
        </span>
      </button>
      {(!isGroup || canManage) && (
        <IconButton
          label={words.unpin}
          onClick={() => void unpinMessage(conversation, pin.id).catch(onFailed)}
        >
          <CloseIcon size={16} />
        </IconButton>
      )}
    </div>
  )
}
