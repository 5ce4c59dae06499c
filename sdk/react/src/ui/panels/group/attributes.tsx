import type { ConversationAttribute } from '@parley/client'
import { useCallback, useEffect, useState } from 'react'
import type { GroupModel } from '../../../chat/use-group.ts'
import { Field } from '../../composer/forms.tsx'
import { usePane } from '../../pane-context.ts'
import { FormDialog } from '../../parts/dialog.tsx'
import { IconButton } from '../../parts/icon-button.tsx'
import { EditIcon, PlusIcon, TrashIcon } from '../../parts/icons.tsx'
import { useErrorToast } from '../../parts/toasts.tsx'
import { useWords } from '../../parts/ui-context.tsx'

/** Keys and values of the group, kept in step. A change names the version it was made from. */
export function Attributes({ model: { group, view, canManage, isOwner } }: { model: GroupModel }) {
  const { conversation } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const [attributes, setAttributes] = useState<readonly ConversationAttribute[]>([])
  const [edited, setEdited] = useState<{ key: string; value: string; version: number }>()
  const refresh = useCallback(() => {
    group.attributes().then(
      ({ items }) => setAttributes(items),
      () => undefined, // Asked again with the next change of the group.
    )
  }, [group])
  useEffect(() => {
    refresh()
    return conversation.on('group', refresh)
  }, [conversation, refresh])
  const whoMay = view?.settings?.whoMay.editAttributes ?? 'admins'
  const mayEdit = whoMay === 'all' || isOwner || (whoMay === 'admins' && canManage)
  if (attributes.length === 0 && !mayEdit) return null
  const change = (work: Promise<unknown>) => void work.catch(onFailed).finally(refresh)
  return (
    <section>
      <h3>{words.attributes}</h3>
      <ul className="parley-attributes" aria-label={words.attributes}>
        {attributes.map(({ key, value, version }) => (
          <li key={key}>
            <strong dir="auto">{key}</strong>
            <span dir="auto">{value}</span>
            {mayEdit && (
              <>
                <IconButton
                  label={`${words.edit}: ${key}`}
                  onClick={() => setEdited({ key, value, version })}
                >
                  <EditIcon size={15} />
                </IconButton>
                <IconButton
                  label={`${words.discard}: ${key}`}
                  onClick={() =>
                    change(group.updateAttributes({ remove: [key], versions: { [key]: version } }))
                  }
                >
                  <TrashIcon size={15} />
                </IconButton>
              </>
            )}
          </li>
        ))}
      </ul>
      {mayEdit && (
        <button
          type="button"
          className="parley-link-button"
          onClick={() => setEdited({ key: '', value: '', version: 0 })}
        >
          <PlusIcon size={16} />
          {words.addAttribute}
        </button>
      )}
      {edited && (
        <AttributeForm
          initial={edited}
          onSubmit={(key, value) =>
            change(group.updateAttributes({ set: { [key]: value }, versions: { [key]: edited.version } }))
          }
          onClose={() => setEdited(undefined)}
        />
      )}
    </section>
  )
}

function AttributeForm(props: {
  initial: { key: string; value: string; version: number }
  onSubmit: (key: string, value: string) => void
  onClose: () => void
}) {
  const words = useWords()
  const [key, setKey] = useState(props.initial.key)
  const [value, setValue] = useState(props.initial.value)
  return (
    <FormDialog
      title={props.initial.version === 0 ? words.addAttribute : props.initial.key}
      submit={words.save}
      ready={key.trim() !== ''}
      onClose={props.onClose}
      onSubmit={() => {
        props.onSubmit(key.trim(), value)
        props.onClose()
      }}
    >
      {props.initial.version === 0 && (
        <Field label={words.name} value={key} maxLength={128} onChange={setKey} />
      )}
      <Field label={words.value} value={value} maxLength={4_096} onChange={setValue} />
    </FormDialog>
  )
}
