import { useState } from 'react'
import type { FriendsModel } from '../../social/use-friends.ts'
import { Field } from '../composer/forms.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { TrashIcon } from '../parts/icons.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** Renames a group of friends, or dissolves it; the friends stay. */
export function LabelDialog(props: {
  label: string
  model: FriendsModel
  onDone: (label: string | undefined) => void
  onClose: () => void
}) {
  const { label, model } = props
  const words = useWords()
  const onFailed = useErrorToast()
  const [name, setName] = useState(label)
  const rename = (to: string | null) => {
    const work = model.actions.renameLabel(label, to).then(() => model.refresh())
    work.then(() => props.onDone(to ?? undefined), onFailed)
    props.onClose()
  }
  return (
    <FormDialog
      title={words.people.renameGroup(label)}
      submit={words.save}
      ready={name.trim() !== '' && name.trim() !== label}
      onSubmit={() => rename(name.trim())}
      onClose={props.onClose}
    >
      <Field label={words.people.groupName} value={name} maxLength={64} onChange={setName} />
      <button type="button" className="parley-link-button parley-danger" onClick={() => rename(null)}>
        <TrashIcon size={16} />
        {words.people.dropGroup}
      </button>
    </FormDialog>
  )
}
