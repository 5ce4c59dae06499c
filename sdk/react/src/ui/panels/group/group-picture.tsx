import { setGroupPicture } from '@parley/client'
import { useState } from 'react'
import type { GroupModel } from '../../../chat/use-group.ts'
import { useParley } from '../../../parley-context.ts'
import { usePane } from '../../pane-context.ts'
import { FormDialog } from '../../parts/dialog.tsx'
import { ImageIcon } from '../../parts/icons.tsx'
import { type ChosenPicture, PictureField } from '../../parts/picture-field.tsx'
import { useErrorToast } from '../../parts/toasts.tsx'
import { useWords } from '../../parts/ui-context.tsx'

/** A new picture for the group, for whoever may give one. */
export function GroupPicture({ model: { view, group, canManage } }: { model: GroupModel }) {
  const parley = useParley()
  const { conversation } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const [chosen, setChosen] = useState<ChosenPicture>()
  const [busy, setBusy] = useState(false)
  if (!canManage) return null
  const save = async ({ file, address }: ChosenPicture) => {
    setBusy(true)
    try {
      if (file) await setGroupPicture(parley, conversation, file)
      else await group.update({ avatarUrl: address.trim() })
      setChosen(undefined)
    } catch (error) {
      onFailed(error)
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <button
        type="button"
        className="parley-link-button"
        onClick={() => setChosen({ address: view?.avatarUrl ?? '' })}
      >
        <ImageIcon size={15} />
        {words.groupPicture}
      </button>
      {chosen && (
        <FormDialog
          title={words.groupPicture}
          submit={words.save}
          ready={!busy && (chosen.file !== undefined || chosen.address.trim() !== '')}
          onSubmit={() => void save(chosen)}
          onClose={() => setChosen(undefined)}
        >
          <PictureField value={chosen} onChange={setChosen} />
        </FormDialog>
      )}
    </>
  )
}
