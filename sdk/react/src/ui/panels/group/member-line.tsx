import type { Member } from '@parley/client'
import { useRef, useState } from 'react'
import type { GroupModel } from '../../../chat/use-group.ts'
import { usePresence } from '../../../chat/use-presence.ts'
import { usePane } from '../../pane-context.ts'
import { Avatar } from '../../parts/avatar.tsx'
import { IconButton } from '../../parts/icon-button.tsx'
import { BlockIcon, EditIcon, LeaveIcon, MoreIcon, PersonIcon, StarIcon } from '../../parts/icons.tsx'
import { Menu, type MenuItem } from '../../parts/popover.tsx'
import { TextForm } from '../../parts/text-form.tsx'
import { useErrorToast } from '../../parts/toasts.tsx'
import { useWords } from '../../parts/ui-context.tsx'

/** A member of a group or private channel, and what may be done with them. */
export function MemberLine({ member, model }: { member: Member; model: GroupModel }) {
  const { nameOf, userId, openUser } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const anchor = useRef<HTMLButtonElement>(null)
  const [open, setOpen] = useState(false)
  const [naming, setNaming] = useState(false)
  const presence = usePresence(member.userId)
  const { group, isOwner, canManage } = model
  const name = member.nickname ?? nameOf(member.userId)
  const self = member.userId === userId
  const muted = member.mutedUntil !== undefined && Date.parse(member.mutedUntil) > Date.now()
  const below = canManage && !self && (isOwner || member.role === 'member')
  const perform = (work: Promise<unknown>) => void work.catch(onFailed)
  const items: MenuItem[] = [
    ...(self
      ? []
      : [
          {
            key: 'write',
            label: words.sayHelloTo(name),
            icon: <PersonIcon size={17} />,
            onChoose: () => openUser(member.userId),
          },
        ]),
    ...(self || canManage
      ? [
          {
            key: 'nickname',
            label: words.nickname,
            icon: <EditIcon size={17} />,
            onChoose: () => setNaming(true),
          },
        ]
      : []),
    ...(isOwner && !self
      ? [
          {
            key: 'role',
            label: member.role === 'admin' ? words.removeAdmin : words.makeAdmin,
            icon: <StarIcon size={17} />,
            onChoose: () =>
              perform(group.setRole(member.userId, member.role === 'admin' ? 'member' : 'admin')),
          },
          {
            key: 'owner',
            label: words.makeOwner,
            icon: <StarIcon size={17} />,
            onChoose: () => perform(group.transfer(member.userId)),
          },
        ]
      : []),
    ...(below
      ? [
          {
            key: 'mute',
            label: muted ? words.unmute : words.mute,
            icon: <BlockIcon size={17} />,
            onChoose: () => perform(muted ? group.unmute(member.userId) : group.mute(member.userId)),
          },
          {
            key: 'remove',
            label: words.removeMember,
            icon: <LeaveIcon size={17} />,
            danger: true,
            onChoose: () => perform(group.remove([member.userId])),
          },
          {
            key: 'ban',
            label: words.ban,
            icon: <BlockIcon size={17} />,
            danger: true,
            onChoose: () => perform(group.ban(member.userId)),
          },
        ]
      : []),
  ]
  return (
    <li data-member={member.userId}>
      <Avatar
        id={member.userId}
        name={name}
        size={34}
        {...(presence && { online: presence.status === 'online' })}
      />
      <span>
        {name}
        {self && <small> {words.you}</small>}
      </span>
      {muted && <small className="parley-tag">{words.muted}</small>}
      {member.role !== 'member' && <small className="parley-tag">{words.roles[member.role]}</small>}
      <IconButton
        ref={anchor}
        label={`${words.actions}: ${name}`}
        expanded={open}
        onClick={() => setOpen(!open)}
      >
        <MoreIcon size={17} />
      </IconButton>
      {naming && (
        <TextForm
          title={words.nickname}
          label={words.nickname}
          initial={member.nickname ?? ''}
          mayBeEmpty
          onSubmit={(text) =>
            perform(group.describeMember(member.userId, { nickname: text === '' ? null : text }))
          }
          onClose={() => setNaming(false)}
        />
      )}
      {open && <Menu anchor={anchor} label={name} items={items} onClose={() => setOpen(false)} />}
    </li>
  )
}
