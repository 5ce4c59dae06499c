import type { JoinOptions, Room } from '@parley/client'
import { ParleyProvider, useRoom, useRoomState } from '@parley/react'
import { useState } from 'react'
import { Logo } from '../components/icons.tsx'
import { useSession } from '../view-models/use-session.ts'
import { useWords } from '../words/words.ts'
import { Lobby } from './lobby.tsx'
import { MeetingRoom } from './meeting-room.tsx'
import { useMeetingWords } from './words.ts'
import './meeting.css'

/** A meeting from the lobby to the end, as one user. */
export function Meeting({ userId, roomId }: { userId: string; roomId: string }) {
  const session = useSession(userId)
  const words = useWords()
  return (
    <section className="meeting" aria-label={roomId} data-user={userId}>
      {session.status === 'open' ? (
        <ParleyProvider parley={session.parley}>
          <Visit userId={userId} roomId={roomId} />
        </ParleyProvider>
      ) : (
        <div className="parley-blank">
          <Logo size={48} />
          {session.status === 'failed' ? (
            <>
              <h2>{words.sessionFailed}</h2>
              <p>{words.sessionHint}</p>
            </>
          ) : (
            <p role="status">{words.connecting}</p>
          )}
        </div>
      )}
    </section>
  )
}

interface Attempt {
  number: number
  options: JoinOptions
}

function Visit({ userId, roomId }: { userId: string; roomId: string }) {
  const [attempt, setAttempt] = useState<Attempt>()
  const join = (options: JoinOptions) => setAttempt({ number: (attempt?.number ?? 0) + 1, options })
  if (!attempt) return <Lobby userId={userId} roomId={roomId} problem={undefined} onJoin={join} />
  return (
    <Joining
      key={attempt.number}
      userId={userId}
      roomId={roomId}
      options={attempt.options}
      onJoin={join}
      onAgain={() => setAttempt(undefined)}
    />
  )
}

function Joining(props: {
  userId: string
  roomId: string
  options: JoinOptions
  onJoin: (options: JoinOptions) => void
  onAgain: () => void
}) {
  const { userId, roomId } = props
  const words = useMeetingWords()
  const model = useRoom(roomId, props.options)
  switch (model.status) {
    case 'failed':
      return <Lobby userId={userId} roomId={roomId} problem={model.error} onJoin={props.onJoin} />
    case 'joined':
      return <Joined room={model.room} onLeave={model.leave} onAgain={props.onAgain} />
    default:
      return (
        <div className="parley-blank">
          <span className="parley-spinner" />
          <p role="status">{words.joining}</p>
        </div>
      )
  }
}

function Joined({ room, onLeave, onAgain }: { room: Room; onLeave: () => void; onAgain: () => void }) {
  const words = useMeetingWords()
  const state = useRoomState(room)
  if (state?.status !== 'closed') return <MeetingRoom room={room} onLeave={onLeave} />
  return (
    <div className="parley-blank">
      <Logo size={48} />
      <h2>{words.closed[state.reason]}</h2>
      {state.error && <p>{state.error.code}</p>}
      <div className="parley-blank-actions">
        <button type="button" className="parley-button parley-primary" onClick={onAgain}>
          {words.rejoin}
        </button>
        <a className="parley-button" href="./">
          {words.backToChat}
        </a>
      </div>
    </div>
  )
}
