import type { Friend, ProfileValue, Relation, SocialProfile } from '@parley/client'
import { blocksOf, followsOf, friendsOf } from '@parley/client'
import { useEffect, useRef, useState } from 'react'
import { capitalised, useNames } from '../../chat/use-names.ts'
import { usePresence } from '../../chat/use-presence.ts'
import { useParley } from '../../parley-context.ts'
import { type FriendsModel, useFriends } from '../../social/use-friends.ts'
import { useProfile } from '../../social/use-profile.ts'
import { useAreaWays } from '../areas/area-context.ts'
import { AuthorMoments } from '../moments/author-moments.tsx'
import { HeartIcon, MomentsIcon, PersonAddIcon } from '../parts/area-icons.tsx'
import { Avatar } from '../parts/avatar.tsx'
import { day } from '../parts/format.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { BlockIcon, ComposeIcon, EditIcon, MoreIcon, TrashIcon } from '../parts/icons.tsx'
import { Menu, type MenuItem } from '../parts/popover.tsx'
import { FailedNotice, LoadingRows } from '../parts/state-notice.tsx'
import { errorText, useErrorToast, useToast } from '../parts/toasts.tsx'
import { type Locale, useLocale, useWords } from '../parts/ui-context.tsx'
import type { Words } from '../words/en.ts'
import { fieldName } from './field-name.ts'
import { AskFriendDialog, EditFriendDialog } from './friend-dialogs.tsx'
import { ProfileEditor } from './profile-editor.tsx'

/** Who somebody is, how the user stands to them, and what can be done about it. */
export function ProfileView({ userId }: { userId: string }) {
  const parley = useParley()
  const words = useWords()
  const model = useProfile(userId)
  const friends = useFriends()
  const { profile, relation } = model
  if (model.status === 'failed' && !profile) {
    return (
      <FailedNotice
        {...(model.error && { text: errorText(model.error, words.errors) })}
        onRetry={() => void model.refresh()}
      />
    )
  }
  if (!profile) return <LoadingRows />
  const friend = friends.friendOf(userId)
  return (
    <article className="parley-profile" data-profile={userId}>
      <Head profile={profile} relation={relation} friend={friend} />
      {userId === parley.userId ? (
        <OwnActions profile={profile} onSaved={model.refresh} />
      ) : (
        relation && (
          <Actions
            userId={userId}
            relation={relation}
            friend={friend}
            friends={friends}
            onDone={model.refresh}
          />
        )
      )}
      <Facts profile={profile} friend={friend} />
    </article>
  )
}

function Head(props: { profile: SocialProfile; relation: Relation | undefined; friend: Friend | undefined }) {
  const { profile, relation, friend } = props
  const { userId } = profile
  const words = useWords()
  const nameOf = useNames()
  const presence = usePresence(userId)
  const own = profile.name ?? capitalised(userId)
  const { signature } = profile.fields
  return (
    <div className="parley-profile-head">
      <Avatar id={userId} name={own} size={84} {...(presence && { online: presence.status === 'online' })} />
      <h3>{nameOf(userId)}</h3>
      <p className="parley-soft">
        {friend?.remark && `${own} · `}
        <span dir="ltr">{userId}</span>
      </p>
      {typeof signature === 'string' && signature !== '' && (
        <p className="parley-signature" dir="auto">
          {signature}
        </p>
      )}
      <p className="parley-tags">
        {relation?.friend && <small className="parley-tag">{words.people.friend}</small>}
        {relation?.followedBy && <small className="parley-tag">{words.people.followsYou}</small>}
        {relation?.blocked && <small className="parley-tag parley-tag-danger">{words.people.blocked}</small>}
        {friend?.labels.map((label) => (
          <small key={label} className="parley-tag">
            {label}
          </small>
        ))}
      </p>
      {relation && (
        <p className="parley-soft" dir="auto">
          {words.people.counts(relation.counts.followers, relation.counts.following)}
        </p>
      )}
    </div>
  )
}

function OwnActions(props: { profile: SocialProfile; onSaved: () => Promise<void> }) {
  const words = useWords()
  const [editing, setEditing] = useState(false)
  const [moments, setMoments] = useState(false)
  return (
    <div className="parley-profile-actions">
      <button type="button" className="parley-button parley-primary" onClick={() => setEditing(true)}>
        <EditIcon size={17} />
        {words.people.editProfile}
      </button>
      <button type="button" className="parley-button" onClick={() => setMoments(true)}>
        <MomentsIcon size={18} />
        {words.moment.own}
      </button>
      {editing && (
        <ProfileEditor profile={props.profile} onSaved={props.onSaved} onClose={() => setEditing(false)} />
      )}
      {moments && <AuthorMoments authorId={props.profile.userId} onClose={() => setMoments(false)} />}
    </div>
  )
}

function Actions(props: {
  userId: string
  relation: Relation
  friend: Friend | undefined
  friends: FriendsModel
  onDone: () => Promise<void>
}) {
  const { userId, relation, friend } = props
  const { chat } = useParley()
  const words = useWords()
  const toast = useToast()
  const onFailed = useErrorToast()
  const { openConversation } = useAreaWays()
  const [dialog, setDialog] = useState<'ask' | 'edit' | 'moments'>()
  const [menu, setMenu] = useState(false)
  const anchor = useRef<HTMLButtonElement>(null)
  const perform = (work: Promise<unknown>) => void work.then(props.onDone).catch(onFailed)
  const close = () => setDialog(undefined)
  const items: MenuItem[] = [
    ...(friend
      ? [
          {
            key: 'edit',
            label: words.people.editFriend,
            icon: <EditIcon size={17} />,
            onChoose: () => setDialog('edit'),
          },
          {
            key: 'remove',
            label: words.people.removeFriend,
            icon: <TrashIcon size={17} />,
            danger: true,
            onChoose: () => perform(friendsOf(chat).remove(userId)),
          },
        ]
      : []),
    {
      key: 'block',
      label: relation.blocked ? words.people.unblock : words.people.block,
      icon: <BlockIcon size={17} />,
      danger: !relation.blocked,
      onChoose: () => perform(relation.blocked ? blocksOf(chat).remove(userId) : blocksOf(chat).add(userId)),
    },
  ]
  return (
    <div className="parley-profile-actions">
      <button
        type="button"
        className="parley-button parley-primary"
        onClick={() => void chat.direct(userId).then(openConversation, onFailed)}
      >
        <ComposeIcon size={17} />
        {words.people.message}
      </button>
      {!friend && !relation.blocked && (
        <button type="button" className="parley-button" onClick={() => setDialog('ask')}>
          <PersonAddIcon size={18} />
          {words.people.addFriend}
        </button>
      )}
      {!relation.blocked && (
        <button
          type="button"
          className="parley-button"
          aria-pressed={relation.following}
          onClick={() =>
            perform(relation.following ? followsOf(chat).remove(userId) : followsOf(chat).add(userId))
          }
        >
          <HeartIcon size={17} />
          {relation.following ? words.people.unfollow : words.people.follow}
        </button>
      )}
      <button type="button" className="parley-button" onClick={() => setDialog('moments')}>
        <MomentsIcon size={18} />
        {words.people.showMoments}
      </button>
      <IconButton ref={anchor} label={words.more} expanded={menu} onClick={() => setMenu(!menu)}>
        <MoreIcon />
      </IconButton>
      {menu && <Menu anchor={anchor} label={words.more} items={items} onClose={() => setMenu(false)} />}
      {dialog === 'ask' && (
        <AskFriendDialog
          userId={userId}
          onAsked={(accepted) => {
            toast(accepted ? words.people.nowFriends : words.people.requestSent)
            void props.onDone()
          }}
          onClose={close}
        />
      )}
      {dialog === 'edit' && friend && (
        <EditFriendDialog friend={friend} friends={props.friends} onClose={close} />
      )}
      {dialog === 'moments' && <AuthorMoments authorId={userId} onClose={close} />}
    </div>
  )
}

/** What the profile says, field by field: those of every project first, then those of this one. */
function Facts(props: { profile: SocialProfile; friend: Friend | undefined }) {
  const { profile, friend } = props
  const words = useWords()
  const locale = useLocale()
  const fields = Object.entries(profile.fields).filter(([name]) => name !== 'signature')
  const inCommon = useMutualFriends(friend?.userId)
  if (fields.length === 0 && !friend) return null
  return (
    <dl className="parley-facts">
      {fields.map(([name, value]) => (
        <div key={name}>
          <dt>{fieldName(name, words)}</dt>
          <dd dir="auto">{valueText(name, value, words, locale)}</dd>
        </div>
      ))}
      {friend && (
        <div>
          <dt>{words.people.friendsSince}</dt>
          <dd>{day(friend.createdAt, locale, words)}</dd>
        </div>
      )}
      {inCommon !== undefined && inCommon > 0 && (
        <div>
          <dt>{words.people.inCommon}</dt>
          <dd>{words.people.mutualFriends(inCommon)}</dd>
        </div>
      )}
    </dl>
  )
}

/** How many friends both have; asked for friends only. */
function useMutualFriends(userId: string | undefined): number | undefined {
  const { chat } = useParley()
  const [count, setCount] = useState<number>()
  useEffect(() => {
    setCount(undefined)
    if (userId === undefined) return
    let current = true
    friendsOf(chat)
      .mutual(userId, { limit: 1 })
      .then(
        (answer) => {
          if (current) setCount(answer.count)
        },
        () => undefined, // Shown without it.
      )
    return () => {
      current = false
    }
  }, [chat, userId])
  return count
}

function valueText(name: string, value: ProfileValue, words: Words, locale: Locale): string {
  if (typeof value === 'boolean') return value ? words.people.yes : words.people.no
  if (typeof value === 'number') return new Intl.NumberFormat(locale).format(value)
  if (name === 'gender') return words.people.genders[value] ?? value
  if (/^\d{4}-\d{2}-\d{2}$/.test(value)) {
    return new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(value))
  }
  return value
}
