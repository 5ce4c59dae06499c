import { useNames } from '../../chat/use-names.ts'
import { useLikes } from '../../social/use-moment-responses.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon } from '../parts/icons.tsx'
import { ShowMore } from '../parts/show-more.tsx'
import { FailedNotice, LoadingRows } from '../parts/state-notice.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** Who likes a moment. */
export function LikesDialog(props: { momentId: string; onClose: () => void }) {
  const words = useWords()
  const nameOf = useNames()
  const list = useLikes(props.momentId)
  return (
    <Dialog label={words.moment.likedBy} onClose={props.onClose}>
      <header>
        <h2>{words.moment.likedBy}</h2>
        <IconButton label={words.close} onClick={props.onClose}>
          <CloseIcon />
        </IconButton>
      </header>
      {list.status === 'loading' && <LoadingRows count={2} />}
      {list.status === 'failed' && <FailedNotice onRetry={() => void list.refresh()} />}
      <ul className="parley-people">
        {list.items.map(({ userId }) => (
          <li key={userId}>
            <Avatar id={userId} name={nameOf(userId)} size={34} />
            <span>{nameOf(userId)}</span>
          </li>
        ))}
      </ul>
      <ShowMore list={list} />
    </Dialog>
  )
}
