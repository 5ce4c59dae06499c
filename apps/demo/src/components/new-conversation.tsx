import { type FormEvent, useState } from 'react'
import type { ConversationsModel } from '../view-models/use-conversations.ts'
import { capitalised } from '../view-models/use-names.ts'
import { useWords } from '../words/words.ts'
import { Avatar } from './avatar.tsx'
import { Dialog } from './dialog.tsx'
import { IconButton } from './icon-button.tsx'
import { CheckIcon, CloseIcon, GroupIcon, PersonIcon } from './icons.tsx'
import { useErrorToast } from './toasts.tsx'

/** Suggested ids may be of nobody yet, so their profiles are not asked for. */
export function NewConversation(props: { model: ConversationsModel; peers: string[]; onClose: () => void }) {
  const { model, peers, onClose } = props
  const words = useWords()
  const onFailed = useErrorToast()
  const [kind, setKind] = useState<'direct' | 'group'>('direct')
  const [name, setName] = useState('')
  const [ids, setIds] = useState('')
  const [busy, setBusy] = useState(false)
  const chosen = ids
    .split(/[,，、\s]+/)
    .map((id) => id.trim())
    .filter((id) => id !== '')
  const ready = kind === 'direct' ? chosen.length === 1 : chosen.length > 0

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!ready || busy) return
    setBusy(true)
    try {
      if (kind === 'direct') await model.openDirect(chosen[0] ?? '')
      else await model.createGroup(name.trim(), chosen)
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

  return (
    <Dialog className="dialog" label={words.newConversation} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <header>
          <h2>{words.newConversation}</h2>
          <IconButton label={words.close} onClick={onClose}>
            <CloseIcon />
          </IconButton>
        </header>
        <div className="segments" role="radiogroup" aria-label={words.newConversation}>
          {(['direct', 'group'] as const).map((option) => (
            <label key={option} className="segment">
              <input
                type="radio"
                name="kind"
                checked={kind === option}
                onChange={() => {
                  setKind(option)
                  setIds('')
                }}
              />
              {option === 'direct' ? <PersonIcon size={17} /> : <GroupIcon size={17} />}
              {words[option]}
            </label>
          ))}
        </div>
        {kind === 'group' && (
          <label className="field">
            <span>{words.groupName}</span>
            <input value={name} maxLength={256} onChange={(event) => setName(event.target.value)} />
          </label>
        )}
        <label className="field">
          <span>{kind === 'direct' ? words.userId : words.groupMembers}</span>
          <input
            value={ids}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            placeholder={kind === 'group' ? words.groupMembersHint : ''}
            onChange={(event) => setIds(event.target.value)}
          />
        </label>
        <p className="suggestions-label">{words.suggestions}</p>
        <ul className="suggestions">
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
        <footer>
          <button type="button" className="button" onClick={onClose}>
            {words.cancel}
          </button>
          <button type="submit" className="button primary" disabled={!ready || busy}>
            {kind === 'direct' ? words.start : words.create}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
