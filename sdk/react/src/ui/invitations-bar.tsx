import type { Conversation } from '@parley/client'
import type { InvitationsModel } from '../chat/use-invitations.ts'
import { useNames } from '../chat/use-names.ts'
import { useParley } from '../parley-context.ts'
import { useErrorToast } from './parts/toasts.tsx'
import { useWords } from './parts/ui-context.tsx'

/** Groups that want the user, and groups the user wants to be let into. */
export function InvitationsBar(props: {
  model: InvitationsModel
  onOpen: (conversation: Conversation) => void
}) {
  const { invitations, accept, decline, requests, withdraw } = props.model
  const { chat } = useParley()
  const words = useWords()
  const nameOf = useNames()
  const onFailed = useErrorToast()
  if (invitations.length === 0 && requests.length === 0) return null
  return (
    <ul className="parley-invitations" aria-label={words.invitations}>
      {invitations.map(({ id, conversationId, conversationName = '…', inviterId, message }) => (
        <li key={id}>
          <span>
            {words.invitedBy(inviterId === undefined ? words.system : nameOf(inviterId), conversationName)}
          </span>
          {message && <small dir="auto">{message}</small>}
          <span>
            <button
              type="button"
              className="parley-link-button"
              onClick={() =>
                void accept(id).then(() => props.onOpen(chat.conversation(conversationId)), onFailed)
              }
            >
              {words.accept}
            </button>
            <button
              type="button"
              className="parley-link-button"
              onClick={() => void decline(id).catch(onFailed)}
            >
              {words.decline}
            </button>
          </span>
        </li>
      ))}
      {requests.map((request) => (
        <li key={request.id}>
          <span>{words.askedToJoin(request.conversationId)}</span>
          <span>
            <button
              type="button"
              className="parley-link-button"
              onClick={() => void withdraw(request).catch(onFailed)}
            >
              {words.withdraw}
            </button>
          </span>
        </li>
      ))}
    </ul>
  )
}
