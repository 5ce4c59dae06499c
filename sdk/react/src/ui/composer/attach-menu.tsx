import { setMessageExpiry } from '@parley/client'
import { type RefObject, useRef, useState } from 'react'
import type { ComposerModel } from '../../chat/use-composer.ts'
import { usePane } from '../pane-context.ts'
import { BurnIcon, ClipIcon, ClockIcon, ContactIcon, GiftIcon, PlaceIcon, PollIcon } from '../parts/icons.tsx'
import { Menu } from '../parts/popover.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { ContactForm, LocationForm, PacketForm, PollForm } from './forms.tsx'
import { LifetimeForm } from './lifetime-form.tsx'
import { PlanDialog } from './plan-dialog.tsx'

const anHourMs = 3_600_000

/** What can be sent beside text. */
export function AttachMenu(props: {
  anchor: RefObject<HTMLButtonElement | null>
  open: boolean
  composer: ComposerModel
  /** Absent where nothing can be planned, as in threads. */
  onPlan?: ((text: string, at: Date) => Promise<void>) | undefined
  onClose: () => void
}) {
  const { anchor, open, composer, onPlan, onClose } = props
  const { conversation, isGroup, canManage } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const files = useRef<HTMLInputElement>(null)
  const [form, setForm] = useState<
    'poll' | 'red-packet' | 'gift' | 'location' | 'contact' | 'plan' | 'lifetime'
  >()
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
      onChoose: () => setForm('red-packet'),
    },
    {
      key: 'gift',
      label: words.packet.gift,
      icon: <GiftIcon size={18} />,
      onChoose: () => setForm('gift'),
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
    {
      key: 'lifetime',
      label: words.lifetime,
      icon: <BurnIcon size={18} />,
      onChoose: () => setForm('lifetime'),
    },
    ...(onPlan
      ? [
          {
            key: 'plan',
            label: words.sendLater,
            icon: <ClockIcon size={18} />,
            onChoose: () => setForm('plan'),
          },
        ]
      : []),
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
      {(form === 'red-packet' || form === 'gift') && <PacketForm {...common} kind={form} isGroup={isGroup} />}
      {form === 'location' && <LocationForm {...common} />}
      {form === 'contact' && <ContactForm {...common} />}
      {form === 'plan' && onPlan && (
        <PlanDialog
          title={words.sendLater}
          text={composer.text}
          at={new Date(Date.now() + anHourMs)}
          onPlan={onPlan}
          onClose={close}
        />
      )}
      {form === 'lifetime' && (
        <LifetimeForm
          initial={composer.lifetime}
          mayDecide={!isGroup || canManage}
          onChoose={(lifetime, forAll) => {
            if (!forAll) composer.setLifetime(lifetime)
            else setMessageExpiry(conversation, lifetime).catch(onFailed)
          }}
          onClose={close}
        />
      )}
    </>
  )
}
