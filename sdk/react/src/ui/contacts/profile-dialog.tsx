import { Dialog } from '../parts/dialog.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon } from '../parts/icons.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { ProfileView } from './profile-view.tsx'

/** Who somebody is, over whatever is open. */
export function ProfileDialog(props: { userId: string; onClose: () => void }) {
  const words = useWords()
  return (
    <Dialog label={words.people.profile} onClose={props.onClose}>
      <header>
        <h2>{words.people.profile}</h2>
        <IconButton label={words.close} onClick={props.onClose}>
          <CloseIcon />
        </IconButton>
      </header>
      <div className="parley-dialog-body">
        <ProfileView userId={props.userId} />
      </div>
    </Dialog>
  )
}
