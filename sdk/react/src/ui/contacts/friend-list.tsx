import type { Friend } from '@parley/client'
import { useMemo, useState } from 'react'
import { useNames } from '../../chat/use-names.ts'
import { usePresence } from '../../chat/use-presence.ts'
import { groupByInitial } from '../../social/initials.ts'
import type { FriendsModel } from '../../social/use-friends.ts'
import { ContactsIcon, TagIcon } from '../parts/area-icons.tsx'
import { Avatar } from '../parts/avatar.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { EditIcon } from '../parts/icons.tsx'
import { moveAmong } from '../parts/move-among.ts'
import { EmptyNotice, FailedNotice, LoadingRows } from '../parts/state-notice.tsx'
import { useLocale, useWords } from '../parts/ui-context.tsx'
import { VirtualList } from '../virtual/virtual-list.tsx'
import { LabelDialog } from './label-dialog.tsx'

type Row =
  | { kind: 'initial'; key: string; height: number; initial: string }
  | { kind: 'friend'; key: string; height: number; friend: Friend; name: string }

const initialHeight = 28
const friendHeight = 52

/** Friends by their letters, all or those of one group. */
export function FriendList(props: {
  model: FriendsModel
  wanted: string
  current: string | undefined
  onOpen: (userId: string) => void
  onAdd: () => void
}) {
  const { model, current, onOpen } = props
  const { status, friends, labels } = model
  const words = useWords()
  const locale = useLocale()
  const nameOf = useNames()
  const [chosen, setChosen] = useState<string>()
  const [renaming, setRenaming] = useState(false)
  const label = labels.some((known) => known.label === chosen) ? chosen : undefined
  const looked = props.wanted.trim().toLowerCase()
  const rows = useMemo(() => {
    const shown = friends.filter(
      ({ userId, labels: own }) =>
        (label === undefined || own.includes(label)) &&
        (nameOf(userId).toLowerCase().includes(looked) || userId.toLowerCase().includes(looked)),
    )
    return groupByInitial(shown, ({ userId }) => nameOf(userId), locale).flatMap(
      ({ initial, items }): Row[] => [
        { kind: 'initial', key: `initial ${initial}`, height: initialHeight, initial },
        ...items.map((friend) => ({
          kind: 'friend' as const,
          key: friend.userId,
          height: friendHeight,
          friend,
          name: nameOf(friend.userId),
        })),
      ],
    )
  }, [friends, label, looked, nameOf, locale])
  if (status === 'loading') return <LoadingRows count={6} />
  if (status === 'failed') return <FailedNotice onRetry={() => void model.refresh()} />
  if (friends.length === 0) {
    return (
      <EmptyNotice icon={<ContactsIcon size={28} />} title={words.people.none} text={words.people.noneText}>
        <button type="button" className="parley-button parley-primary" onClick={props.onAdd}>
          {words.people.add}
        </button>
      </EmptyNotice>
    )
  }
  return (
    <>
      {labels.length > 0 && looked === '' && (
        <div className="parley-chips" role="group" aria-label={words.people.groups}>
          <button
            type="button"
            className="parley-chip"
            aria-pressed={label === undefined}
            onClick={() => setChosen(undefined)}
          >
            {words.people.all}
          </button>
          {labels.map((known) => (
            <button
              key={known.label}
              type="button"
              className="parley-chip"
              aria-pressed={label === known.label}
              onClick={() => setChosen(known.label)}
            >
              <TagIcon size={14} />
              {known.label} <small>{known.count}</small>
            </button>
          ))}
          {label !== undefined && (
            <IconButton label={words.people.renameGroup(label)} onClick={() => setRenaming(true)}>
              <EditIcon size={16} />
            </IconButton>
          )}
        </div>
      )}
      {rows.length === 0 && <p className="parley-hint">{words.nothingFound}</p>}
      <VirtualList
        items={rows}
        label={words.areas.contacts}
        onKeyDown={moveAmong('.parley-friend')}
        render={(row) =>
          row.kind === 'initial' ? (
            <h3 className="parley-initial">{row.initial}</h3>
          ) : (
            <FriendLine row={row} current={row.friend.userId === current} onOpen={onOpen} />
          )
        }
      />
      {renaming && label !== undefined && (
        <LabelDialog label={label} model={model} onDone={setChosen} onClose={() => setRenaming(false)} />
      )}
    </>
  )
}

function FriendLine(props: {
  row: Extract<Row, { kind: 'friend' }>
  current: boolean
  onOpen: (userId: string) => void
}) {
  const { friend, name } = props.row
  const presence = usePresence(friend.userId)
  return (
    <button
      type="button"
      className="parley-friend"
      aria-current={props.current || undefined}
      onClick={() => props.onOpen(friend.userId)}
    >
      <Avatar
        id={friend.userId}
        name={name}
        size={38}
        {...(presence && { online: presence.status === 'online' })}
      />
      <span>
        <strong>{name}</strong>
        {friend.labels.length > 0 && <small>{friend.labels.join(' · ')}</small>}
      </span>
    </button>
  )
}
