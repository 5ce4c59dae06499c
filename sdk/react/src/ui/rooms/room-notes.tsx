import type { ChatRoom, ChatRoomAttribute } from '@parley/client'
import { useState } from 'react'
import type { ChatRoomModel } from '../../chat/use-chat-room.ts'
import { useNames } from '../../chat/use-names.ts'
import { useParley } from '../../parley-context.ts'
import { Check, Field } from '../composer/forms.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { EditIcon, PlusIcon, TrashIcon } from '../parts/icons.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** The key-value pairs of a room, as notes: each belongs to who wrote it first; owner and admins may take them over. */
export function RoomNotes({ model, room }: { model: ChatRoomModel; room: ChatRoom }) {
  const { attributes, role } = model
  const { userId } = useParley()
  const words = useWords()
  const nameOf = useNames()
  const onFailed = useErrorToast()
  const [form, setForm] = useState<ChatRoomAttribute | 'new'>()
  const isHost = role !== 'visitor'
  return (
    <section>
      <h3>{words.room.facts}</h3>
      <p className="parley-soft">{words.room.factsText}</p>
      <ul className="parley-note-list">
        {attributes.map((attribute) => (
          <li key={attribute.key}>
            <span>
              <strong>{attribute.key}</strong>
              <span dir="auto">{attribute.value}</span>
              <small>
                {words.room.factBy(attribute.userId === '' ? words.room.server : nameOf(attribute.userId))}
              </small>
            </span>
            {(isHost || attribute.userId === userId) && (
              <>
                <IconButton label={words.room.changeFact(attribute.key)} onClick={() => setForm(attribute)}>
                  <EditIcon size={16} />
                </IconButton>
                <IconButton
                  label={words.room.removeFact(attribute.key)}
                  onClick={() => void room.removeAttributes([attribute.key]).catch(onFailed)}
                >
                  <TrashIcon size={16} />
                </IconButton>
              </>
            )}
          </li>
        ))}
      </ul>
      <button type="button" className="parley-link-button" onClick={() => setForm('new')}>
        <PlusIcon size={16} />
        {words.room.addFact}
      </button>
      {form !== undefined && (
        <NoteForm
          known={form === 'new' ? undefined : form}
          onSave={(key, value, untilLeave) => {
            const options = { untilLeave, ...(isHost && { takeOver: true }) }
            void room.setAttributes({ [key]: value }, options).catch(onFailed)
          }}
          onClose={() => setForm(undefined)}
        />
      )}
    </section>
  )
}

function NoteForm(props: {
  known: ChatRoomAttribute | undefined
  onSave: (key: string, value: string, untilLeave: boolean) => void
  onClose: () => void
}) {
  const { known } = props
  const words = useWords()
  const [key, setKey] = useState(known?.key ?? '')
  const [value, setValue] = useState(known?.value ?? '')
  const [untilLeave, setUntilLeave] = useState(false)
  return (
    <FormDialog
      title={known ? words.room.changeFact(known.key) : words.room.addFact}
      submit={words.save}
      ready={key.trim() !== '' && value.trim() !== ''}
      onSubmit={() => {
        props.onSave(key.trim(), value.trim(), untilLeave)
        props.onClose()
      }}
      onClose={props.onClose}
    >
      {!known && <Field label={words.room.factKey} value={key} maxLength={128} onChange={setKey} />}
      <Field label={words.room.factValue} value={value} maxLength={500} onChange={setValue} />
      <Check label={words.room.factUntilLeave} checked={untilLeave} onChange={setUntilLeave} />
    </FormDialog>
  )
}
