import { useNames } from '../../chat/use-names.ts'
import { useParley } from '../../parley-context.ts'
import { useMoments } from '../../social/use-moments.ts'
import { MomentsIcon } from '../parts/area-icons.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon } from '../parts/icons.tsx'
import { EmptyNotice } from '../parts/state-notice.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { MomentFeed } from './moment-feed.tsx'

/** What one author has shared, as far as the user may see it. */
export function AuthorMoments(props: { authorId: string; onClose: () => void }) {
  const { authorId } = props
  const { userId } = useParley()
  const words = useWords()
  const nameOf = useNames()
  const model = useMoments(authorId)
  const title = authorId === userId ? words.moment.own : words.moment.of(nameOf(authorId))
  return (
    <Dialog label={title} className="parley-dialog parley-wide-dialog" onClose={props.onClose}>
      <header>
        <h2>{title}</h2>
        <IconButton label={words.close} onClick={props.onClose}>
          <CloseIcon />
        </IconButton>
      </header>
      <div className="parley-dialog-body">
        <MomentFeed
          model={model}
          empty={
            <EmptyNotice icon={<MomentsIcon size={28} />} title={words.moment.noneOf(nameOf(authorId))} />
          }
        />
      </div>
    </Dialog>
  )
}
