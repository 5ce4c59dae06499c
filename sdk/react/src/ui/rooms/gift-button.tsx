import { useRef, useState } from 'react'
import type { ChatRoomModel } from '../../chat/use-chat-room.ts'
import { useAreaWays } from '../areas/area-context.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { GiftIcon } from '../parts/icons.tsx'
import { Menu } from '../parts/popover.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** Gives one of the gifts of the application to the room. */
export function GiftButton({ model }: { model: ChatRoomModel }) {
  const { gifts } = useAreaWays()
  const words = useWords()
  const onFailed = useErrorToast()
  const anchor = useRef<HTMLButtonElement>(null)
  const [open, setOpen] = useState(false)
  if (gifts.length === 0) return null
  return (
    <>
      <IconButton ref={anchor} label={words.room.give} expanded={open} onClick={() => setOpen(!open)}>
        <GiftIcon size={20} />
      </IconButton>
      {open && (
        <Menu
          anchor={anchor}
          side="above"
          label={words.room.give}
          items={gifts.map((gift) => ({
            key: gift.giftId,
            label: gift.name,
            icon: gift.emoji,
            onChoose: () => void model.give(gift).catch(onFailed),
          }))}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  )
}
