import type { Friend } from '@parley/client'
import { friendsOf } from '@parley/client'
import { useState } from 'react'
import { useNames } from '../../chat/use-names.ts'
import { useParley } from '../../parley-context.ts'
import type { FriendsModel } from '../../social/use-friends.ts'
import { Field } from '../composer/forms.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** Asks somebody to become a friend. */
export function AskFriendDialog(props: {
  userId: string
  onAsked: (accepted: boolean) => void
  onClose: () => void
}) {
  const { userId } = props
  const { chat } = useParley()
  const words = useWords()
  const nameOf = useNames()
  const onFailed = useErrorToast()
  const [message, setMessage] = useState('')
  const [remark, setRemark] = useState('')
  return (
    <FormDialog
      title={words.people.askFriend(nameOf(userId))}
      submit={words.send}
      ready
      onSubmit={() => {
        const options = {
          ...(message.trim() !== '' && { message: message.trim() }),
          ...(remark.trim() !== '' && { remark: remark.trim() }),
        }
        friendsOf(chat)
          .request(userId, options)
          .then(({ status }) => props.onAsked(status === 'accepted'), onFailed)
        props.onClose()
      }}
      onClose={props.onClose}
    >
      <Field label={words.people.hello} value={message} maxLength={500} onChange={setMessage} />
      <Field
        label={words.people.remark}
        value={remark}
        maxLength={128}
        placeholder={words.people.remarkHint}
        onChange={setRemark}
      />
    </FormDialog>
  )
}

/** What the user calls a friend, and the groups the friend is in. */
export function EditFriendDialog(props: { friend: Friend; friends: FriendsModel; onClose: () => void }) {
  const { friend, friends } = props
  const words = useWords()
  const onFailed = useErrorToast()
  const [remark, setRemark] = useState(friend.remark ?? '')
  const [labels, setLabels] = useState(friend.labels.join(', '))
  const chosen = labelsIn(labels)
  const toggle = (label: string) =>
    setLabels(
      (chosen.includes(label) ? chosen.filter((each) => each !== label) : [...chosen, label]).join(', '),
    )
  return (
    <FormDialog
      title={words.people.editFriend}
      submit={words.save}
      ready
      onSubmit={() => {
        friends.actions
          .update(friend.userId, { remark: remark.trim() || null, labels: chosen })
          .then(friends.refresh)
          .catch(onFailed)
        props.onClose()
      }}
      onClose={props.onClose}
    >
      <Field
        label={words.people.remark}
        value={remark}
        maxLength={128}
        placeholder={words.people.remarkHint}
        onChange={setRemark}
      />
      <Field
        label={words.people.groups}
        value={labels}
        placeholder={words.people.groupsHint}
        onChange={setLabels}
      />
      {friends.labels.length > 0 && (
        <div className="parley-chips">
          {friends.labels.map(({ label }) => (
            <button
              key={label}
              type="button"
              className="parley-chip"
              aria-pressed={chosen.includes(label)}
              onClick={() => toggle(label)}
            >
              {label}
            </button>
          ))}
        </div>
      )}
    </FormDialog>
  )
}

const labelsIn = (text: string): string[] => [
  ...new Set(
    text
      .split(/[,，、]+/)
      .map((label) => label.trim())
      .filter((label) => label !== ''),
  ),
]
