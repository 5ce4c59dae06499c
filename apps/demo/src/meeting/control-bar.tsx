import type { Room } from '@parley/client'
import type { ReactNode } from 'react'
import { DeviceMenu } from './device-menu.tsx'
import {
  CameraIcon,
  CameraOffIcon,
  ChatIcon,
  ConnectionIcon,
  HangUpIcon,
  MicrophoneIcon,
  MicrophoneOffIcon,
  PeopleIcon,
  ScreenIcon,
  ScreenOffIcon,
} from './meeting-icons.tsx'
import type { Controls } from './use-controls.ts'
import { useMeetingWords } from './words.ts'

export type Panel = 'people' | 'chat' | 'connection'

export function ControlBar(props: {
  room: Room
  controls: Controls
  panel: Panel | undefined
  onPanel: (panel: Panel) => void
  onLeave: () => void
}) {
  const { room, controls, panel, onPanel } = props
  const words = useMeetingWords()
  const { microphone, camera, screen } = controls
  return (
    <div className="control-bar" role="toolbar" aria-label={words.meeting}>
      <Control
        label={microphone ? words.mute : words.unmute}
        shortcut="m"
        isOff={!microphone}
        onClick={controls.toggleMicrophone}
      >
        {microphone ? <MicrophoneIcon size={22} /> : <MicrophoneOffIcon size={22} />}
      </Control>
      <Control
        label={camera ? words.stopCamera : words.startCamera}
        shortcut="v"
        isOff={!camera}
        onClick={controls.toggleCamera}
      >
        {camera ? <CameraIcon size={22} /> : <CameraOffIcon size={22} />}
      </Control>
      {controls.canShare && (
        <Control
          label={screen ? words.stopSharing : words.share}
          isOn={screen}
          onClick={controls.toggleScreen}
        >
          {screen ? <ScreenOffIcon size={22} /> : <ScreenIcon size={22} />}
        </Control>
      )}
      <DeviceMenu room={room} attempt={controls.attempt} />
      <span className="control-gap" />
      <Control
        label={words.people}
        isOn={panel === 'people'}
        count={room.participants.size + 1}
        onClick={() => onPanel('people')}
      >
        <PeopleIcon size={22} />
      </Control>
      <Control label={words.chat} isOn={panel === 'chat'} onClick={() => onPanel('chat')}>
        <ChatIcon size={22} />
      </Control>
      <Control
        label={words.connection.title}
        isOn={panel === 'connection'}
        onClick={() => onPanel('connection')}
      >
        <ConnectionIcon size={22} />
      </Control>
      <span className="control-gap" />
      <button
        type="button"
        className="control leave"
        onClick={props.onLeave}
        aria-label={words.leave}
        title={words.leave}
      >
        <HangUpIcon size={24} />
        <span className="wide-only">{words.leave}</span>
      </button>
    </div>
  )
}

function Control(props: {
  label: string
  shortcut?: string
  isOff?: boolean
  isOn?: boolean
  count?: number
  onClick: () => void
  children: ReactNode
}) {
  const { label, shortcut, isOn, count } = props
  return (
    <button
      type="button"
      className="control"
      data-off={props.isOff || undefined}
      aria-label={label}
      title={shortcut ? `${label} (${shortcut.toUpperCase()})` : label}
      onClick={props.onClick}
      {...(isOn !== undefined && { 'aria-pressed': isOn })}
      {...(shortcut !== undefined && { 'aria-keyshortcuts': shortcut })}
    >
      {props.children}
      {count !== undefined && <span className="control-count">{count}</span>}
    </button>
  )
}
