import type { Participant, RemoteParticipant, Room } from '@parley/client'
import { useParticipants } from '@parley/react'
import { Avatar, IconButton } from '@parley/react/ui'
import {
  CameraIcon,
  CameraOffIcon,
  MicrophoneIcon,
  MicrophoneOffIcon,
  QualityMark,
  RemoveIcon,
} from './meeting-icons.tsx'
import { nameOf } from './tile.tsx'
import { useMeetingWords } from './words.ts'

export function PeoplePanel({ room, attempt }: { room: Room; attempt: (work: Promise<unknown>) => void }) {
  const participants = useParticipants(room)
  return (
    <ul className="people">
      {participants.map((participant) => (
        <li key={participant.isLocal ? 'me' : participant.id} className="person">
          <Person participant={participant} />
          {room.local.isModerator && !participant.isLocal && (
            <Moderation room={room} participant={participant as RemoteParticipant} attempt={attempt} />
          )}
          <Sources participant={participant} />
        </li>
      ))}
    </ul>
  )
}

function Person({ participant }: { participant: Participant }) {
  const words = useMeetingWords()
  const label = words.quality[participant.quality]
  return (
    <>
      <Avatar id={participant.userId} name={participant.name ?? participant.userId} size={34} />
      <span className="person-name">
        {participant.name ?? participant.userId}
        {participant.isLocal && <small> · {words.you}</small>}
      </span>
      <QualityMark quality={participant.quality} label={label} />
    </>
  )
}

function Sources({ participant }: { participant: Participant }) {
  const isOn = (source: 'microphone' | 'camera') => participant.publication(source)?.muted === false
  return (
    <span className="person-sources" data-speaking={participant.speaking || undefined}>
      {isOn('microphone') ? <MicrophoneIcon size={17} /> : <MicrophoneOffIcon size={17} />}
      {isOn('camera') ? <CameraIcon size={17} /> : <CameraOffIcon size={17} />}
    </span>
  )
}

function Moderation(props: {
  room: Room
  participant: RemoteParticipant
  attempt: (work: Promise<unknown>) => void
}) {
  const { room, participant, attempt } = props
  const words = useMeetingWords()
  const name = nameOf(participant, words)
  const microphone = participant.publication('microphone')
  return (
    <>
      <IconButton
        label={words.muteOther(name)}
        disabled={!microphone || microphone.muted}
        onClick={() => microphone && attempt(room.muteOther(microphone))}
      >
        <MicrophoneOffIcon size={18} />
      </IconButton>
      <IconButton label={words.remove(name)} onClick={() => attempt(room.remove(participant))}>
        <RemoveIcon size={18} />
      </IconButton>
    </>
  )
}
