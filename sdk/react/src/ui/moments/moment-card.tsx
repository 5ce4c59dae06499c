import type { Moment } from '@parley/client'
import { useRef, useState } from 'react'
import { useNames } from '../../chat/use-names.ts'
import { useParley } from '../../parley-context.ts'
import { useAreaWays } from '../areas/area-context.ts'
import { CommentIcon, EyeIcon, HeartFullIcon, HeartIcon } from '../parts/area-icons.tsx'
import { AvatarButton } from '../parts/avatar-button.tsx'
import { clock, moment as when } from '../parts/format.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { MoreIcon, PlaceIcon, TrashIcon } from '../parts/icons.tsx'
import { Menu } from '../parts/popover.tsx'
import { RichText } from '../parts/rich-text.tsx'
import { useLocale, useWords } from '../parts/ui-context.tsx'
import { LikesDialog } from './likes-dialog.tsx'
import { MomentComments } from './moment-comments.tsx'
import { MomentMedia } from './moment-media.tsx'

/** One moment, with what can be done with it. */
export function MomentCard(props: {
  moment: Moment
  onLike: () => void
  onRemove: () => void
  onCommented: () => void
  /** Shows the comments at once. */
  isOpen?: boolean
}) {
  const { moment } = props
  const { authorId, visibility, location, mentions } = moment
  const { userId } = useParley()
  const words = useWords()
  const locale = useLocale()
  const nameOf = useNames()
  const { openProfile } = useAreaWays()
  const [open, setOpen] = useState(props.isOpen === true)
  const [menu, setMenu] = useState(false)
  const [likes, setLikes] = useState(false)
  const anchor = useRef<HTMLButtonElement>(null)
  const name = nameOf(authorId)
  const isOwn = authorId === userId
  const atMs = Date.parse(moment.createdAt)
  return (
    <article
      className="parley-moment"
      data-moment={moment.id}
      aria-label={`${name}: ${moment.text.slice(0, 80)}`}
    >
      <header>
        <AvatarButton id={authorId} name={name} size={42} onClick={() => openProfile(authorId)} />
        <div>
          <strong>{name}</strong>
          <small>
            <time dateTime={moment.createdAt} title={clock(moment.createdAt, locale)}>
              {when(atMs, locale, words)}
            </time>
            <span className="parley-visibility">
              <EyeIcon size={14} />
              {words.moment.visibilities[visibility]}
              {isOwn && moment.audience && moment.audience.labels.length > 0
                ? `: ${moment.audience.labels.join(', ')}`
                : ''}
            </span>
          </small>
        </div>
        {isOwn && (
          <IconButton
            ref={anchor}
            label={words.moment.actions}
            expanded={menu}
            onClick={() => setMenu(!menu)}
          >
            <MoreIcon size={18} />
          </IconButton>
        )}
        {menu && (
          <Menu
            anchor={anchor}
            label={words.moment.actions}
            items={[
              {
                key: 'remove',
                label: words.moment.remove,
                icon: <TrashIcon size={17} />,
                danger: true,
                onChoose: props.onRemove,
              },
            ]}
            onClose={() => setMenu(false)}
          />
        )}
      </header>
      {moment.text !== '' && (
        <div className="parley-moment-text">
          <RichText text={moment.text} mentions={{ userIds: mentions }} userId={userId} nameOf={nameOf} />
        </div>
      )}
      <MomentMedia moment={moment} />
      {(location?.name || mentions.length > 0) && (
        <p className="parley-moment-facts">
          {location?.name && (
            <span>
              <PlaceIcon size={15} />
              {location.name}
            </span>
          )}
          {mentions.length > 0 && <span>{words.moment.with(mentions.map(nameOf).join(', '))}</span>}
        </p>
      )}
      <footer>
        <button
          type="button"
          className="parley-act"
          aria-pressed={moment.liked}
          aria-label={moment.liked ? words.moment.unlike : words.moment.like}
          onClick={props.onLike}
        >
          {moment.liked ? <HeartFullIcon size={19} /> : <HeartIcon size={19} />}
        </button>
        {moment.likes > 0 && (
          <button type="button" className="parley-act" onClick={() => setLikes(true)}>
            {words.moment.likes(moment.likes)}
          </button>
        )}
        <button
          type="button"
          className="parley-act parley-act-comments"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          <CommentIcon size={18} />
          {moment.comments > 0 ? words.moment.comments(moment.comments) : words.moment.comment}
        </button>
      </footer>
      {open && <MomentComments moment={moment} onChanged={props.onCommented} />}
      {likes && <LikesDialog momentId={moment.id} onClose={() => setLikes(false)} />}
    </article>
  )
}
