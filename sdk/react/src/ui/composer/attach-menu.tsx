import { type RefObject, useRef, useState } from 'react'
import type { ComposerModel } from '../../chat/use-composer.ts'
import { usePane } from '../pane-context.ts'
import { ClipIcon, ContactIcon, GiftIcon, PlaceIcon, PollIcon } from '../parts/icons.tsx'
import { Menu } from '../parts/popover.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { ContactForm, LocationForm, PacketForm, PollForm } from './forms.tsx'

/** What can be sent beside text. */
export function AttachMenu(props: {
  anchor: RefObject<HTMLButtonElement | null>
  open: boolean
  composer: ComposerModel
  onClose: () => void
}) {
  const { anchor, open, composer, onClose } = props
  const { isGroup } = usePane()
  const words = useWords()
  const files = useRef<HTMLInputElement>(null)
  const [form, setForm] = useState<'poll' | 'packet' | 'location' | 'contact'>()
  const close = () => {
    setForm(undefined)
    anchor.current?.focus()
  }
  const common = { onSend: composer.send, onClose: close }
  const items = [
    {
      key: 'file',
      label: words.attachFiles,
      icon: <ClipIcon size={18} />,
      onChoose: () => files.current?.click(),
    },
    { key: 'poll', label: words.poll, icon: <PollIcon size={18} />, onChoose: () => setForm('poll') },
    {
      key: 'packet',
      label: words.packet['red-packet'],
      icon: <GiftIcon size={18} />,
      onChoose: () => setForm('packet'),
    },
    {
      key: 'location',
      label: words.location,
      icon: <PlaceIcon size={18} />,
      onChoose: () => setForm('location'),
    },
    {
      key: 'contact',
      label: words.contact,
      icon: <ContactIcon size={18} />,
      onChoose: () => setForm('contact'),
    },
  ]
  return (
    <>
      <input
        ref={files}
        className="parley-hidden-input"
        type="file"
        multiple
        tabIndex={-1}
        aria-hidden="true"
        onChange={(event) => {
          composer.addFiles(event.target.files ?? [])
          event.target.value = ''
        }}
      />
      {open && <Menu anchor={anchor} side="above" label={words.attach} items={items} onClose={onClose} />}
      {form === 'poll' && <PollForm {...common} />}
      {form === 'packet' && <PacketForm {...common} isGroup={isGroup} />}
      {form === 'location' && <LocationForm {...common} />}
      {form === 'contact' && <ContactForm {...common} />}
    </>
  )
}
