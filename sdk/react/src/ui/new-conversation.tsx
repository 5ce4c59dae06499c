import type { Conversation, JoinRequest } from '@parley/client'
import { joinGroup } from '@parley/client'
import { useState } from 'react'
import { capitalised } from '../chat/use-names.ts'
import { useParley } from '../parley-context.ts'
import { Avatar } from './parts/avatar.tsx'
import { FormDialog } from './parts/dialog.tsx'
import { CheckIcon, GroupIcon, LinkIcon, PersonIcon } from './parts/icons.tsx'
import { useErrorToast, useToast } from './parts/toasts.tsx'
import { useWords } from './parts/ui-context.tsx'

const kinds = ['direct', 'group', 'link'] as const

/** Begins a conversation with somebody or with several, or joins a group by its link. */
export function NewConversation(props: {
  /** Suggested ids may be of nobody yet, so their profiles are not asked for. */
  peers: readonly string[]
  onOpen: (conversation: Conversation) => void
  /** The group lets nobody in without asking; the request can be taken back. */
  onRequested?: (request: JoinRequest) => void
  onClose: () => void
}) {
  const { peers, onOpen, onClose } = props
  const { chat } = useParley()
  const words = useWords()
  const toast = useToast()
  const onFailed = useErrorToast()
  const [kind, setKind] = useState<(typeof kinds)[number]>('direct')
  const [name, setName] = useState('')
  const [ids, setIds] = useState('')
  const [busy, setBusy] = useState(false)
  const chosen = ids.split(/[,，、\s]+/).filter((id) => id !== '')
  const ready = kind === 'group' ? chosen.length > 0 : chosen.length === 1

  const submit = async () => {
    if (busy) return
    setBusy(true)
    try {
      if (kind === 'direct') onOpen(await chat.direct(chosen[0] ?? ''))
      else if (kind === 'group') {
        onOpen(await chat.createGroup({ memberIds: chosen, ...(name.trim() && { name: name.trim() }) }))
      } else {
        const [id = '', token] = (chosen[0] ?? '').split('#')
        const { status, request } = await joinGroup(chat, id, token ? { token } : {})
        if (status === 'joined') onOpen(chat.conversation(id))
        else {
          if (request) props.onRequested?.(request)
          toast(words.joinRequested)
        }
      }
      onClose()
    } catch (error) {
      onFailed(error)
      setBusy(false)
    }
  }
  const choose = (peer: string) => {
    if (kind === 'direct') setIds(peer)
    else setIds((chosen.includes(peer) ? chosen.filter((id) => id !== peer) : [...chosen, peer]).join(', '))
  }
  const icons = {
    direct: <PersonIcon size={17} />,
    group: <GroupIcon size={17} />,
    link: <LinkIcon size={17} />,
  }
  const labels = { direct: words.userId, group: words.groupMembers, link: words.invitationLink }

  return (
    <FormDialog
      title={words.newConversation}
      submit={kind === 'direct' ? words.start : kind === 'group' ? words.create : words.join}
      ready={ready && !busy}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <div className="parley-segments" role="radiogroup" aria-label={words.newConversation}>
        {kinds.map((option) => (
          <label key={option} className="parley-segment">
            <input
              type="radio"
              name="kind"
              checked={kind === option}
              onChange={() => {
                setKind(option)
                setIds('')
              }}
            />
            {icons[option]}
            {words.conversationKinds[option]}
          </label>
        ))}
      </div>
      {kind === 'group' && (
        <label className="parley-field">
          <span>{words.groupName}</span>
          <input value={name} maxLength={256} onChange={(event) => setName(event.target.value)} />
        </label>
      )}
      <label className="parley-field">
        <span>{labels[kind]}</span>
        <input
          value={ids}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          placeholder={kind === 'group' ? words.groupMembersHint : ''}
          onChange={(event) => setIds(event.target.value)}
        />
      </label>
      {kind !== 'link' && peers.length > 0 && (
        <>
          <p className="parley-suggestions-label">{words.suggestions}</p>
          <ul className="parley-suggestions">
            {peers.map((peer) => (
              <li key={peer}>
                <button type="button" aria-pressed={chosen.includes(peer)} onClick={() => choose(peer)}>
                  <Avatar id={peer} name={capitalised(peer)} size={32} />
                  <span>{capitalised(peer)}</span>
                  {chosen.includes(peer) && <CheckIcon size={18} />}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </FormDialog>
  )
}
