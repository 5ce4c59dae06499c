import { useDevices } from '@parley/react'
import type { ReactNode } from 'react'
import { useMeetingWords } from './words.ts'

/** A native select: it is what phones and screen readers know best. */
export function DeviceSelect(props: {
  kind: MediaDeviceKind
  label: string
  icon: ReactNode
  value: string
  onChange: (deviceId: string) => void
}) {
  const words = useMeetingWords()
  const devices = useDevices(props.kind).filter(({ deviceId }) => deviceId !== '' && deviceId !== 'default')
  const isKnown = devices.some(({ deviceId }) => deviceId === props.value)
  return (
    <label className="device">
      {props.icon}
      <span className="visually-hidden">{props.label}</span>
      <select
        value={isKnown ? props.value : ''}
        title={props.label}
        onChange={(event) => props.onChange(event.target.value)}
      >
        {!isKnown && <option value="">{words.systemDefault}</option>}
        {devices.map(({ deviceId, label }, index) => (
          <option key={deviceId} value={deviceId}>
            {label || `${props.label} ${index + 1}`}
          </option>
        ))}
      </select>
    </label>
  )
}
