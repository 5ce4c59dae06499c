import type { Room } from '@parley/client'
import { type ReactNode, useId } from 'react'
import { DeviceSelect } from './device-select.tsx'
import { EffectsMenu } from './effects-menu.tsx'
import { CameraIcon, MicrophoneIcon, SettingsIcon, SpeakerIcon } from './meeting-icons.tsx'
import { useMeetingWords } from './words.ts'

/** A popover of the browser: Escape and a click elsewhere close it. */
export function DeviceMenu({ room, attempt }: { room: Room; attempt: (work: Promise<unknown>) => void }) {
  const words = useMeetingWords()
  const id = useId()
  const canChooseSpeaker = 'setSinkId' in HTMLMediaElement.prototype
  const select = (kind: MediaDeviceKind, label: string, icon: ReactNode) => (
    <DeviceSelect
      kind={kind}
      label={label}
      icon={icon}
      value={room.deviceId(kind) ?? ''}
      onChange={(deviceId) => attempt(room.switchDevice(kind, deviceId))}
    />
  )
  return (
    <>
      <button
        type="button"
        className="control"
        popoverTarget={id}
        aria-label={words.devices}
        title={words.devices}
      >
        <SettingsIcon size={22} />
      </button>
      <div id={id} popover="auto" className="device-menu" role="group" aria-label={words.devices}>
        <h2>{words.devices}</h2>
        {select('audioinput', words.microphone, <MicrophoneIcon size={18} />)}
        {select('videoinput', words.camera, <CameraIcon size={18} />)}
        {canChooseSpeaker && select('audiooutput', words.speaker, <SpeakerIcon size={18} />)}
        <EffectsMenu room={room} attempt={attempt} />
      </div>
    </>
  )
}
