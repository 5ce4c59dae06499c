import { ParleyProvider } from '@parley/react'
import { Messenger } from '@parley/react/ui'
import { useSession } from '../view-models/use-session.ts'
import { useWords } from '../words/words.ts'
import { Logo } from './icons.tsx'

/** What the server made for the demo. */
const chatRooms = ['demo-lounge']
const gifts = [
  { giftId: 'rose', name: 'Rose', emoji: '🌹' },
  { giftId: 'cheers', name: 'Cheers', emoji: '🥂' },
  { giftId: 'rocket', name: 'Rocket', emoji: '🚀' },
]
const profileFields = {
  team: { kind: 'text', maxLength: 64 },
  likesTea: { kind: 'flag' },
} as const

interface SeatProps {
  userId: string
  peers: string[]
  /** With whom to begin when nothing was open before. */
  start?: string | undefined
}

/** The messenger of one user, with a session of its own. */
export function Seat({ userId, peers, start }: SeatProps) {
  const words = useWords()
  const session = useSession(userId)
  return (
    <section className="seat-place" aria-label={userId} data-user={userId}>
      {session.status === 'open' ? (
        <ParleyProvider parley={session.parley}>
          <Messenger
            peers={peers}
            start={start}
            chatRooms={chatRooms}
            gifts={gifts}
            profileFields={profileFields}
          />
        </ParleyProvider>
      ) : (
        <div className="parley-messenger">
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
        </div>
      )}
    </section>
  )
}
