import { useState } from 'react'
import { capitalised } from '../../chat/use-names.ts'
import { useUserSearch } from '../../social/use-user-search.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon, SearchIcon } from '../parts/icons.tsx'
import { errorText } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** Finds people; a hit leads to who they are, from where they are asked. */
export function AddContactDialog(props: { onOpen: (userId: string) => void; onClose: () => void }) {
  const words = useWords()
  const [text, setText] = useState('')
  const { status, error, users } = useUserSearch(text)
  return (
    <Dialog label={words.people.add} onClose={props.onClose}>
      <header>
        <h2>{words.people.add}</h2>
        <IconButton label={words.close} onClick={props.onClose}>
          <CloseIcon />
        </IconButton>
      </header>
      <label className="parley-search parley-search-wide">
        <SearchIcon size={16} />
        <input
          autoFocus
          type="search"
          value={text}
          placeholder={words.people.addHint}
          aria-label={words.people.addHint}
          autoCapitalize="none"
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <div role="status" className="parley-soft">
        {status === 'done' && users.length === 0 && words.people.addNone}
        {status === 'failed' && error && errorText(error, words.errors)}
      </div>
      <ul className="parley-suggestions">
        {users.map(({ userId, name }) => (
          <li key={userId}>
            <button
              type="button"
              onClick={() => {
                props.onOpen(userId)
                props.onClose()
              }}
            >
              <Avatar id={userId} name={name ?? capitalised(userId)} size={36} />
              <span>{name ?? capitalised(userId)}</span>
              <small className="parley-soft" dir="ltr">
                {userId}
              </small>
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  )
}
