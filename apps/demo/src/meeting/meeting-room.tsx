import type { Room } from '@parley/client'
import { useRoomEvent, useRoomState, useRoomStatistics } from '@parley/react'
import { AlertIcon, CloseIcon, IconButton, NoSignalIcon, useToast } from '@parley/react/ui'
import { useState } from 'react'
import { ChatPanel } from './chat-panel.tsx'
import { ConnectionPanel, connectionSpan } from './connection-panel.tsx'
import { ControlBar, type Panel } from './control-bar.tsx'
import { LockIcon, SpeakerIcon } from './meeting-icons.tsx'
import { PeoplePanel } from './people-panel.tsx'
import { Stage } from './stage.tsx'
import { nameOf } from './tile.tsx'
import { useControls } from './use-controls.ts'
import { useMeetingWords } from './words.ts'

/** The meeting itself, once joined. */
export function MeetingRoom({ room, onLeave }: { room: Room; onLeave: () => void }) {
  const words = useMeetingWords()
  const toast = useToast()
  const state = useRoomState(room)
  const controls = useControls(room)
  const history = useRoomStatistics(room, connectionSpan)
  const [panel, setPanel] = useState<Panel>()
  useRoomEvent(room, 'participant-joined', ({ participant }) =>
    toast(words.joined(nameOf(participant, words))),
  )
  useRoomEvent(room, 'participant-left', ({ participant }) => toast(words.left(nameOf(participant, words))))
  const title = { people: words.people, chat: words.chat, connection: words.connection.title }
  return (
    <div className="meeting-room" data-panel={panel}>
      <div className="meeting-main">
        <div className="meeting-notices" role="status" aria-live="polite">
          {state?.status === 'reconnecting' && (
            <div className="banner">
              {state.cause === 'signalling' ? <AlertIcon size={16} /> : <NoSignalIcon size={16} />}
              <span>{state.cause === 'signalling' ? words.signallingLost : words.mediaLost}</span>
            </div>
          )}
          {room.isAudioBlocked && (
            <button
              type="button"
              className="parley-button parley-primary"
              onClick={() => controls.attempt(room.startAudio())}
            >
              <SpeakerIcon size={18} />
              {words.playSound}
            </button>
          )}
        </div>
        {room.isEncrypted && (
          <span className="meeting-lock" role="img" aria-label={words.encrypted} title={words.encrypted}>
            <LockIcon size={18} />
          </span>
        )}
        <Stage room={room} />
        {room.participants.size === 0 && <Invitation roomId={room.id} userId={room.local.userId} />}
        <ControlBar
          room={room}
          controls={controls}
          panel={panel}
          onPanel={(chosen) => setPanel(chosen === panel ? undefined : chosen)}
          onLeave={onLeave}
        />
      </div>
      {panel && (
        <aside className="meeting-panel" aria-label={title[panel]}>
          <header>
            <h2>{title[panel]}</h2>
            <IconButton label={words.close} onClick={() => setPanel(undefined)}>
              <CloseIcon size={18} />
            </IconButton>
          </header>
          {panel === 'people' && <PeoplePanel room={room} attempt={controls.attempt} />}
          {panel === 'chat' && <ChatPanel />}
          {panel === 'connection' && <ConnectionPanel room={room} history={history} />}
        </aside>
      )}
    </div>
  )
}

function Invitation({ roomId, userId }: { roomId: string; userId: string }) {
  const words = useMeetingWords()
  const other = userId === 'bob' ? 'alice' : 'bob'
  return (
    <div className="invitation">
      <strong>{words.alone}</strong>
      <span>{words.aloneText}</span>
      <a href={meetingAddress(roomId, other)} target="_blank" rel="noopener">
        {words.openAs(other)}
      </a>
    </div>
  )
}

/** Where the demo shows a meeting as a user. */
function meetingAddress(roomId: string, userId: string): string {
  return `?${new URLSearchParams({ meeting: roomId, user: userId })}`
}
