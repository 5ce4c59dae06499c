import type { Parley } from '@parley/client'
import { useState } from 'react'
import { useConnection } from '../view-models/use-connection.ts'
import { useConversations } from '../view-models/use-conversations.ts'
import { useNames } from '../view-models/use-names.ts'
import { type Session, useSession } from '../view-models/use-session.ts'
import { useWords } from '../words/words.ts'
import { ConnectionBanner } from './connection-banner.tsx'
import { ConversationList } from './conversation-list.tsx'
import { ConversationPane } from './conversation-pane.tsx'
import { ComposeIcon, Logo } from './icons.tsx'
import { NewConversation } from './new-conversation.tsx'

interface MessengerProps {
  userId: string
  peers: string[]
  /** With whom to begin when nothing was open before. */
  start?: string | undefined
}

/** The whole messenger of one user. */
export function Messenger({ userId, peers, start }: MessengerProps) {
  const words = useWords()
  const session = useSession(userId)
  return (
    <section className="messenger" aria-label={userId} data-user={userId}>
      {session.status === 'open' ? (
        <OpenMessenger parley={session.parley} peers={peers} start={start} />
      ) : (
        <Opening session={session} words={words} />
      )}
    </section>
  )
}

function Opening({ session, words }: { session: Session; words: ReturnType<typeof useWords> }) {
  return (
    <div className="blank">
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
  )
}

function OpenMessenger({ parley, peers, start }: Omit<MessengerProps, 'userId'> & { parley: Parley }) {
  const words = useWords()
  const connection = useConnection(parley)
  const nameOf = useNames(parley)
  const model = useConversations(parley, start)
  const [composing, setComposing] = useState(false)
  const { selected } = model
  return (
    <>
      <div className="messenger-body" data-open={selected !== undefined || undefined}>
        <ConversationList
          parley={parley}
          model={model}
          connection={connection}
          nameOf={nameOf}
          onCompose={() => setComposing(true)}
        />
        <div className="messenger-main">
          <ConnectionBanner connection={connection} />
          {selected ? (
            <ConversationPane
              key={selected.id}
              parley={parley}
              conversation={selected}
              nameOf={nameOf}
              onBack={() => model.select(undefined)}
            />
          ) : (
            <div className="blank">
              <span className="blank-mark">
                <ComposeIcon size={28} />
              </span>
              <h2>{words.chooseTitle}</h2>
              <p>{words.chooseText}</p>
              <div className="blank-actions">
                {peers.slice(0, 1).map((peer) => (
                  <button
                    key={peer}
                    type="button"
                    className="button primary"
                    onClick={() => void model.openDirect(peer).catch(() => setComposing(true))}
                  >
                    {words.sayHelloTo(nameOf(peer))}
                  </button>
                ))}
                <button type="button" className="button" onClick={() => setComposing(true)}>
                  {words.newConversation}
                </button>
              </div>
            </div>
          )}
        </div>
      </div>
      {composing && <NewConversation model={model} peers={peers} onClose={() => setComposing(false)} />}
    </>
  )
}
