import type { Interaction } from '@parley/client'
import { useEffect } from 'react'
import { useNames } from '../../chat/use-names.ts'
import type { InteractionsModel } from '../../social/use-interactions.ts'
import { useAreaWays } from '../areas/area-context.ts'
import { Panel } from '../panels/panel.tsx'
import { CommentIcon, HeartFullIcon, PersonAddIcon } from '../parts/area-icons.tsx'
import { Avatar } from '../parts/avatar.tsx'
import { moment as when } from '../parts/format.ts'
import { BellIcon, ReplyIcon } from '../parts/icons.tsx'
import { ShowMore } from '../parts/show-more.tsx'
import { EmptyNotice, FailedNotice, LoadingRows } from '../parts/state-notice.tsx'
import { useLocale, useWords } from '../parts/ui-context.tsx'

const icons = {
  liked: <HeartFullIcon size={13} />,
  commented: <CommentIcon size={13} />,
  replied: <ReplyIcon size={13} />,
  mentioned: <BellIcon size={13} />,
  followed: <PersonAddIcon size={13} />,
}

/** What others did with the user's moments, words and name; open, it counts as read. */
export function InteractionsPanel(props: {
  model: InteractionsModel
  onOpen: (momentId: string) => void
  onClose: () => void
}) {
  const { model } = props
  const words = useWords()
  const { openProfile } = useAreaWays()
  const { unread, markRead } = model
  useEffect(() => {
    if (unread > 0) markRead().catch(() => undefined) // They show as unread again with the next connection.
  }, [unread, markRead])
  const open = ({ momentId, actorId }: Interaction) =>
    momentId === undefined ? openProfile(actorId) : props.onOpen(momentId)
  return (
    <Panel title={words.moment.notices} onClose={props.onClose}>
      <div className="parley-hits">
        {model.status === 'loading' && <LoadingRows />}
        {model.status === 'failed' && <FailedNotice onRetry={() => void model.refresh()} />}
        {model.status === 'ready' && model.items.length === 0 && (
          <EmptyNotice icon={<BellIcon size={28} />} title={words.moment.noNotices} />
        )}
        <ul aria-label={words.moment.notices}>
          {model.items.map((interaction) => (
            <li key={interaction.no}>
              <Line
                interaction={interaction}
                isNew={interaction.no > model.readNo}
                onOpen={() => open(interaction)}
              />
            </li>
          ))}
        </ul>
        <ShowMore list={model} />
      </div>
    </Panel>
  )
}

function Line(props: { interaction: Interaction; isNew: boolean; onOpen: () => void }) {
  const { kind, actorId, createdAt } = props.interaction
  const words = useWords()
  const locale = useLocale()
  const nameOf = useNames()
  const name = nameOf(actorId)
  return (
    <button type="button" className="parley-hit" data-new={props.isNew || undefined} onClick={props.onOpen}>
      <span className="parley-interaction">
        <Avatar id={actorId} name={name} size={38} />
        <span data-kind={kind}>{icons[kind]}</span>
      </span>
      <span>
        {words.moment.kinds[kind](name)}
        <br />
        <time dateTime={createdAt}>{when(Date.parse(createdAt), locale, words)}</time>
      </span>
    </button>
  )
}
