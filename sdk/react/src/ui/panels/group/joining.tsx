import type { Invitation, InvitationLink, JoinRequest } from '@parley/client'
import { useCallback, useEffect, useState } from 'react'
import type { GroupModel } from '../../../chat/use-group.ts'
import { useParley } from '../../../parley-context.ts'
import { usePane } from '../../pane-context.ts'
import { Avatar } from '../../parts/avatar.tsx'
import { LinkIcon } from '../../parts/icons.tsx'
import { useErrorToast, useToast } from '../../parts/toasts.tsx'
import { useWords } from '../../parts/ui-context.tsx'

const dayMs = 86_400_000

/** How others come in: links, who asks to, and who was asked. */
export function Joining(props: {
  model: GroupModel
  /** Another one after each invitation from here. */
  invited: number
}) {
  const { model, invited } = props
  return (
    <>
      <Links model={model} />
      <JoinRequests model={model} />
      <SentInvitations key={invited} model={model} />
    </>
  )
}

function Links({ model: { group } }: { model: GroupModel }) {
  const words = useWords()
  const toast = useToast()
  const onFailed = useErrorToast()
  const [links, setLinks] = useState<readonly InvitationLink[]>([])
  const [fresh, setFresh] = useState('')
  useEffect(() => {
    group.links().then(
      ({ items }) => setLinks(items),
      () => undefined,
    ) // Who may not see them sees none.
  }, [group])
  const make = async () => {
    const { link, token } = await group.createLink({ expiresInMs: 7 * dayMs })
    setFresh(`${link.conversationId}#${token}`)
    setLinks((known) => [...known, link])
  }
  const revoke = async (id: string) => {
    await group.revokeLink(id)
    setLinks((known) => known.filter((link) => link.id !== id))
  }
  return (
    <div className="parley-links">
      <button type="button" className="parley-link-button" onClick={() => void make().catch(onFailed)}>
        <LinkIcon size={16} />
        {words.makeLink}
      </button>
      {fresh !== '' && (
        <button
          type="button"
          className="parley-token"
          title={words.copy}
          onClick={() => {
            navigator.clipboard?.writeText(fresh).then(() => toast(words.copied), onFailed)
          }}
        >
          {fresh}
        </button>
      )}
      <ul>
        {links.map((link) => (
          <li key={link.id}>
            <span>{words.linkUses(link.uses)}</span>
            <button
              type="button"
              className="parley-link-button"
              onClick={() => void revoke(link.id).catch(onFailed)}
            >
              {words.revoke}
            </button>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** Who asks to join, as it happens. */
function JoinRequests({ model: { group } }: { model: GroupModel }) {
  const { chat } = useParley()
  const { conversation, nameOf } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const [requests, setRequests] = useState<readonly JoinRequest[]>([])
  const refresh = useCallback(() => {
    group.joinRequests().then(
      ({ items }) => setRequests(items),
      () => undefined, // Who may not decide sees none.
    )
  }, [group])
  useEffect(() => {
    refresh()
    const stops = [
      chat.on('join-requested', ({ conversationId }) => {
        if (conversationId === conversation.id) refresh()
      }),
      conversation.on('member', refresh),
    ]
    return () => {
      for (const stop of stops) stop()
    }
  }, [chat, conversation, refresh])
  if (requests.length === 0) return null
  const decide = (work: Promise<unknown>) => void work.catch(onFailed).finally(refresh)
  return (
    <ul className="parley-people" aria-label={words.joinRequests}>
      {requests.map(({ id, userId, message }) => (
        <li key={id}>
          <Avatar id={userId} name={nameOf(userId)} size={32} />
          <span>
            {nameOf(userId)}
            {message && <small dir="auto"> {message}</small>}
          </span>
          <button type="button" className="parley-link-button" onClick={() => decide(group.approve(id))}>
            {words.approve}
          </button>
          <button type="button" className="parley-link-button" onClick={() => decide(group.reject(id))}>
            {words.reject}
          </button>
        </li>
      ))}
    </ul>
  )
}

/** Who was asked to come in and has not answered. */
function SentInvitations({ model: { group, members } }: { model: GroupModel }) {
  const { nameOf } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const [invitations, setInvitations] = useState<readonly Invitation[]>([])
  const refresh = useCallback(() => {
    group.sentInvitations().then(
      ({ items }) => setInvitations(items),
      () => undefined, // Who may not see them sees none.
    )
  }, [group])
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever has come in is not waited for any more.
  useEffect(refresh, [refresh, members])
  if (invitations.length === 0) return null
  return (
    <ul className="parley-people" aria-label={words.invitations}>
      {invitations.map(({ id, userId }) => (
        <li key={id}>
          <Avatar id={userId} name={nameOf(userId)} size={32} />
          <span>{words.invited(nameOf(userId))}</span>
          <button
            type="button"
            className="parley-link-button"
            onClick={() => void group.withdrawInvitation(id).catch(onFailed).finally(refresh)}
          >
            {words.withdraw}
          </button>
        </li>
      ))}
    </ul>
  )
}
