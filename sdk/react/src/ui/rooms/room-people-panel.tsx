import type { ChatRoom } from '@parley/client'
import { restrictInChatRoom, updateChatRoom } from '@parley/client'
import { useRef, useState } from 'react'
import type { ChatRoomModel } from '../../chat/use-chat-room.ts'
import { useChatRoomUsers } from '../../chat/use-chat-room-people.ts'
import { useNames } from '../../chat/use-names.ts'
import { useParley } from '../../parley-context.ts'
import { useAreaWays } from '../areas/area-context.ts'
import { Panel } from '../panels/panel.tsx'
import { Avatar } from '../parts/avatar.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { BlockIcon, CheckIcon, LeaveIcon, MoreIcon, PersonIcon, StarIcon } from '../parts/icons.tsx'
import { Menu, type MenuItem } from '../parts/popover.tsx'
import { ShowMore } from '../parts/show-more.tsx'
import { FailedNotice, LoadingRows } from '../parts/state-notice.tsx'
import { useErrorToast, useToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

const tenMinutesMs = 600_000

/** Who is in the room now; owner and admins decide who speaks, stays and helps. */
export function RoomPeoplePanel({ model, onClose }: { model: ChatRoomModel; onClose: () => void }) {
  const { room } = model
  const words = useWords()
  return (
    <Panel title={words.room.people} className="parley-group" onClose={onClose}>
      {room && <People room={room} model={model} />}
    </Panel>
  )
}

function People({ room, model }: { room: ChatRoom; model: ChatRoomModel }) {
  const list = useChatRoomUsers(room)
  return (
    <div className="parley-group-body">
      {list.status === 'loading' && <LoadingRows />}
      {list.status === 'failed' && <FailedNotice onRetry={() => void list.refresh()} />}
      <ul className="parley-people">
        {list.items.map(({ userId }) => (
          <PersonLine key={userId} userId={userId} room={room} model={model} onDone={list.refresh} />
        ))}
      </ul>
      <ShowMore list={list} />
    </div>
  )
}

function PersonLine(props: {
  userId: string
  room: ChatRoom
  model: ChatRoomModel
  onDone: () => Promise<void>
}) {
  const { userId, room, model } = props
  const parley = useParley()
  const words = useWords()
  const nameOf = useNames()
  const toast = useToast()
  const onFailed = useErrorToast()
  const { openProfile } = useAreaWays()
  const anchor = useRef<HTMLButtonElement>(null)
  const [open, setOpen] = useState(false)
  const { facts, role } = model
  const name = nameOf(userId)
  const isSelf = userId === parley.userId
  const isOwner = facts?.ownerId === userId
  const isAdmin = facts?.adminIds.includes(userId) === true
  const perform = (work: Promise<unknown>) => {
    work
      .then(() => {
        toast(words.people.saved)
        return props.onDone()
      })
      .catch(onFailed)
  }
  const admins = facts?.adminIds ?? []
  const items: MenuItem[] = [
    {
      key: 'profile',
      label: words.people.profile,
      icon: <PersonIcon size={17} />,
      onChoose: () => openProfile(userId),
    },
    ...(role === 'owner' && !isSelf
      ? [
          {
            key: 'admin',
            label: isAdmin ? words.removeAdmin : words.makeAdmin,
            icon: <StarIcon size={17} />,
            onChoose: () => {
              const adminIds = isAdmin ? admins.filter((id) => id !== userId) : [...admins, userId]
              perform(updateChatRoom(parley.chat, room.id, { adminIds }))
            },
          },
          {
            key: 'owner',
            label: words.room.makeOwner,
            icon: <StarIcon size={17} />,
            onChoose: () => perform(updateChatRoom(parley.chat, room.id, { ownerId: userId })),
          },
        ]
      : []),
    ...(role !== 'visitor' && !isSelf && !isOwner
      ? [
          {
            key: 'mute',
            label: words.room.mute,
            icon: <BlockIcon size={17} />,
            onChoose: () => perform(room.mute(userId)),
          },
          {
            key: 'mute-a-while',
            label: words.room.muteTenMinutes,
            icon: <BlockIcon size={17} />,
            onChoose: () => perform(room.mute(userId, Date.now() + tenMinutesMs)),
          },
          {
            key: 'unmute',
            label: words.unmute,
            icon: <CheckIcon size={17} />,
            onChoose: () => perform(room.unmute(userId)),
          },
          {
            key: 'kick',
            label: words.room.kick,
            icon: <LeaveIcon size={17} />,
            danger: true,
            onChoose: () => perform(room.kick(userId)),
          },
          {
            key: 'ban',
            label: words.room.ban,
            icon: <BlockIcon size={17} />,
            danger: true,
            onChoose: () =>
              perform(restrictInChatRoom(parley.chat, room.id, { kind: 'ban', memberId: userId })),
          },
        ]
      : []),
  ]
  return (
    <li data-member={userId}>
      <Avatar id={userId} name={name} size={34} />
      <span>
        {name}
        {isSelf && <small> {words.you}</small>}
      </span>
      {isOwner && <small className="parley-tag">{words.room.owner}</small>}
      {isAdmin && <small className="parley-tag">{words.roles.admin}</small>}
      <IconButton
        ref={anchor}
        label={`${words.actions}: ${name}`}
        expanded={open}
        onClick={() => setOpen(!open)}
      >
        <MoreIcon size={17} />
      </IconButton>
      {open && <Menu anchor={anchor} label={name} items={items} onClose={() => setOpen(false)} />}
    </li>
  )
}
