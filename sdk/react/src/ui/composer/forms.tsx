import type { MessageContent } from '@parley/client'
import { useState } from 'react'
import { FormDialog } from '../parts/dialog.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon } from '../parts/icons.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

interface FormProps {
  onSend: (content: MessageContent) => void
  onClose: () => void
}

export function Field(props: {
  label: string
  value: string
  onChange: (value: string) => void
  type?: string
  step?: number
  placeholder?: string
  maxLength?: number
}) {
  const { label, value, onChange, type = 'text', ...more } = props
  return (
    <label className="parley-field">
      <span>{label}</span>
      <input
        type={type}
        value={value}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
        {...more}
      />
    </label>
  )
}

export function Check(props: {
  label: string
  checked: boolean
  onChange: (checked: boolean) => void
  disabled?: boolean
}) {
  return (
    <label className="parley-check">
      <input
        type="checkbox"
        checked={props.checked}
        disabled={props.disabled}
        onChange={(event) => props.onChange(event.target.checked)}
      />
      <span>{props.label}</span>
    </label>
  )
}

let optionCount = 0
const freshOption = () => ({ key: optionCount++, text: '' })

export function PollForm({ onSend, onClose }: FormProps) {
  const words = useWords()
  const [question, setQuestion] = useState('')
  const [options, setOptions] = useState(() => [freshOption(), freshOption()])
  const [multiple, setMultiple] = useState(false)
  const [anonymous, setAnonymous] = useState(false)
  const given = options.map(({ text }) => text.trim()).filter((text) => text !== '')
  return (
    <FormDialog
      title={words.newPoll}
      submit={words.send}
      ready={question.trim() !== '' && given.length >= 2}
      onClose={onClose}
      onSubmit={() => {
        onSend({
          type: 'poll',
          question: question.trim(),
          options: given,
          ...(multiple && { multiple }),
          ...(anonymous && { anonymous }),
        })
        onClose()
      }}
    >
      <Field label={words.question} value={question} maxLength={500} onChange={setQuestion} />
      {options.map(({ key, text }, index) => (
        <div key={key} className="parley-field-line">
          <Field
            label={words.option(index + 1)}
            value={text}
            maxLength={200}
            onChange={(next) =>
              setOptions(options.map((option) => (option.key === key ? { key, text: next } : option)))
            }
          />
          {options.length > 2 && (
            <IconButton
              label={words.removeOption(index + 1)}
              onClick={() => setOptions(options.filter((option) => option.key !== key))}
            >
              <CloseIcon size={16} />
            </IconButton>
          )}
        </div>
      ))}
      {options.length < 20 && (
        <button
          type="button"
          className="parley-link-button"
          onClick={() => setOptions([...options, freshOption()])}
        >
          {words.addOption}
        </button>
      )}
      <Check label={words.pollMultiple} checked={multiple} onChange={setMultiple} />
      <Check label={words.pollAnonymous} checked={anonymous} onChange={setAnonymous} />
    </FormDialog>
  )
}

export function PacketForm({
  onSend,
  onClose,
  isGroup,
  kind,
}: FormProps & { isGroup: boolean; kind: 'red-packet' | 'gift' }) {
  const words = useWords()
  const [amount, setAmount] = useState('8.88')
  const [shares, setShares] = useState(isGroup ? '3' : '1')
  const [random, setRandom] = useState(isGroup)
  const [greeting, setGreeting] = useState('')
  const [onlyUserId, setOnlyUserId] = useState('')
  const cents = Math.round(Number(amount) * 100)
  const count = Math.round(Number(shares))
  return (
    <FormDialog
      title={words.packet[kind]}
      submit={words.send}
      ready={count >= 1 && count <= 500 && cents >= count}
      onClose={onClose}
      onSubmit={() => {
        onSend({
          type: 'packet',
          kind,
          split: random ? 'random' : 'equal',
          amount: cents,
          currency: 'CNY',
          scale: 2,
          shares: count,
          ...(greeting.trim() !== '' && { greeting: greeting.trim() }),
          ...(onlyUserId.trim() !== '' && { onlyUserId: onlyUserId.trim() }),
        })
        onClose()
      }}
    >
      <Field label={words.amount} type="number" value={amount} onChange={setAmount} />
      {isGroup && <Field label={words.shareCount} type="number" value={shares} onChange={setShares} />}
      {isGroup && <Check label={words.luckyDraw} checked={random} onChange={setRandom} />}
      <Field
        label={words.greeting}
        value={greeting}
        maxLength={256}
        placeholder={words.packetGreeting}
        onChange={setGreeting}
      />
      {isGroup && <Field label={words.onlyFor} value={onlyUserId} onChange={setOnlyUserId} />}
    </FormDialog>
  )
}

export function LocationForm({ onSend, onClose }: FormProps) {
  const words = useWords()
  const onFailed = useErrorToast()
  const [name, setName] = useState('')
  const [address, setAddress] = useState('')
  const [latitude, setLatitude] = useState('')
  const [longitude, setLongitude] = useState('')
  const place = { latitude: Number(latitude), longitude: Number(longitude) }
  const ready =
    latitude !== '' && longitude !== '' && Math.abs(place.latitude) <= 90 && Math.abs(place.longitude) <= 180
  const locate = () => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        setLatitude(coords.latitude.toFixed(6))
        setLongitude(coords.longitude.toFixed(6))
      },
      () => onFailed({ code: 'location' }),
    )
  }
  return (
    <FormDialog
      title={words.location}
      submit={words.send}
      ready={ready}
      onClose={onClose}
      onSubmit={() => {
        onSend({
          type: 'location',
          ...place,
          ...(name.trim() !== '' && { name: name.trim() }),
          ...(address.trim() !== '' && { address: address.trim() }),
        })
        onClose()
      }}
    >
      <button type="button" className="parley-button" onClick={locate}>
        {words.currentPosition}
      </button>
      <Field label={words.placeName} value={name} maxLength={256} onChange={setName} />
      <Field label={words.address} value={address} maxLength={512} onChange={setAddress} />
      <div className="parley-field-line">
        <Field label={words.latitude} type="text" value={latitude} onChange={setLatitude} />
        <Field label={words.longitude} type="text" value={longitude} onChange={setLongitude} />
      </div>
    </FormDialog>
  )
}

export function ContactForm({ onSend, onClose }: FormProps) {
  const words = useWords()
  const [name, setName] = useState('')
  const [userId, setUserId] = useState('')
  const [phone, setPhone] = useState('')
  const [organization, setOrganization] = useState('')
  return (
    <FormDialog
      title={words.contact}
      submit={words.send}
      ready={name.trim() !== ''}
      onClose={onClose}
      onSubmit={() => {
        onSend({
          type: 'contact',
          name: name.trim(),
          ...(userId.trim() !== '' && { userId: userId.trim() }),
          ...(phone.trim() !== '' && { phone: phone.trim() }),
          ...(organization.trim() !== '' && { organization: organization.trim() }),
        })
        onClose()
      }}
    >
      <Field label={words.name} value={name} maxLength={256} onChange={setName} />
      <Field label={words.userId} value={userId} onChange={setUserId} />
      <Field label={words.phone} type="tel" value={phone} maxLength={32} onChange={setPhone} />
      <Field label={words.organization} value={organization} maxLength={256} onChange={setOrganization} />
    </FormDialog>
  )
}
