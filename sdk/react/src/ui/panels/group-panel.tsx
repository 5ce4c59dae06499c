import type { Member } from '@parley/client'
import { setMessageExpiry } from '@parley/client'
import { useRef, useState } from 'react'
import { type GroupModel, useGroup } from '../../chat/use-group.ts'
import { usePresence } from '../../chat/use-presence.ts'
import { Check, Field } from '../composer/forms.tsx'
import { usePane } from '../pane-context.ts'
import { Avatar } from '../parts/avatar.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import {
  BlockIcon,
  EditIcon,
  ImageIcon,
  LeaveIcon,
  MegaphoneIcon,
  MoreIcon,
  PersonIcon,
  PlusIcon,
  StarIcon,
  TrashIcon,
} from '../parts/icons.tsx'
import { Menu, type MenuItem } from '../parts/popover.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { EarlierAnnouncements } from './group/announcements.tsx'
import { Attributes } from './group/attributes.tsx'
import { Bans } from './group/bans.tsx'
import { Joining } from './group/joining.tsx'
import { Permissions } from './group/permissions.tsx'
import { Panel } from './panel.tsx'

const dayMs = 86_400_000

/** A group: who is in it, what it says of itself, who may do what. */
export function GroupPanel({ onClose }: { onClose: () => void }) {
  const { conversation } = usePane()
  const words = useWords()
  const model = useGroup(conversation)
  const { view, members, canManage, isOwner, hasMore, loadMore } = model
  const [form, setForm] = useState<'name' | 'picture' | 'announcement' | 'add'>()
  const [invited, setInvited] = useState(0)
  const onFailed = useErrorToast()
  const { group } = model
  const perform = (work: Promise<unknown>) => void work.catch(onFailed)
  if (!view) return null
  return (
    <Panel title={words.groupSettings} className="parley-group" onClose={onClose}>
      <div className="parley-group-body">
        <div className="parley-group-head">
          <Avatar id={conversation.id} name={view.name ?? ''} group picture={view.avatarUrl} size={56} />
          <strong>{view.name ?? '…'}</strong>
          <span>{words.members(view.memberCount)}</span>
          {canManage && (
            <button type="button" className="parley-link-button" onClick={() => setForm('name')}>
              <EditIcon size={15} />
              {words.rename}
            </button>
          )}
          {canManage && (
            <button type="button" className="parley-link-button" onClick={() => setForm('picture')}>
              <ImageIcon size={15} />
              {words.groupPicture}
            </button>
          )}
        </div>
        <section>
          <h3>{words.announcement}</h3>
          <p className="parley-announcement-text">{view.announcement?.text || words.noAnnouncement}</p>
          {canManage && (
            <button type="button" className="parley-link-button" onClick={() => setForm('announcement')}>
              <MegaphoneIcon size={16} />
              {words.announce}
            </button>
          )}
          <EarlierAnnouncements model={model} />
        </section>
        <section>
          <h3>{words.members(view.memberCount)}</h3>
          <button type="button" className="parley-link-button" onClick={() => setForm('add')}>
            <PlusIcon size={16} />
            {words.addMembers}
          </button>
          <ul className="parley-people">
            {members.map((member) => (
              <MemberLine key={member.userId} member={member} model={model} />
            ))}
          </ul>
          {hasMore && (
            <button type="button" className="parley-link-button" onClick={() => perform(loadMore())}>
              {words.showMore}
            </button>
          )}
        </section>
        {canManage && (
          <section>
            <h3>{words.rules}</h3>
            <Check
              label={words.muteEverybody}
              checked={view.muteAll !== undefined}
              onChange={(on) => perform(on ? group.muteAll() : group.unmuteAll())}
            />
            {view.type === 'group' && (
              <Check
                label={words.expireAfterDay}
                checked={view.messageExpiry?.expiresAfterMs !== undefined}
                onChange={(on) =>
                  perform(setMessageExpiry(conversation, on ? { expiresAfterMs: dayMs } : {}))
                }
              />
            )}
            {isOwner && view.settings && (
              <label className="parley-field">
                <span>{words.joinPolicy}</span>
                <select
                  value={view.settings.joinPolicy}
                  onChange={(event) =>
                    perform(
                      group.updateSettings({
                        joinPolicy: event.target.value as 'open' | 'approval' | 'invite-only',
                      }),
                    )
                  }
                >
                  {(['open', 'approval', 'invite-only'] as const).map((policy) => (
                    <option key={policy} value={policy}>
                      {words.joinPolicies[policy]}
                    </option>
                  ))}
                </select>
              </label>
            )}
            {isOwner && <Permissions model={model} />}
          </section>
        )}
        {canManage && (
          <section>
            <h3>{words.joining}</h3>
            <Joining model={model} invited={invited} />
          </section>
        )}
        {canManage && <Bans model={model} />}
        <Attributes model={model} />
        <footer>
          {!isOwner && (
            <button
              type="button"
              className="parley-link-button parley-danger"
              onClick={() => perform(group.leave())}
            >
              <LeaveIcon size={16} />
              {words.leave}
            </button>
          )}
          {isOwner && (
            <button
              type="button"
              className="parley-link-button parley-danger"
              onClick={() => perform(group.dissolve())}
            >
              <TrashIcon size={16} />
              {words.dissolve}
            </button>
          )}
        </footer>
      </div>
      {form === 'name' && (
        <TextForm
          title={words.rename}
          label={words.groupName}
          initial={view.name ?? ''}
          onSubmit={(name) => perform(group.update({ name }))}
          onClose={() => setForm(undefined)}
        />
      )}
      {form === 'picture' && (
        <TextForm
          title={words.groupPicture}
          label={words.pictureAddress}
          initial={view.avatarUrl ?? ''}
          placeholder="https://"
          onSubmit={(avatarUrl) => perform(group.update({ avatarUrl }))}
          onClose={() => setForm(undefined)}
        />
      )}
      {form === 'announcement' && (
        <TextForm
          title={words.announce}
          label={words.announcement}
          initial={view.announcement?.text ?? ''}
          mayBeEmpty
          onSubmit={(text) => perform(group.announce(text))}
          onClose={() => setForm(undefined)}
        />
      )}
      {form === 'add' && (
        <TextForm
          title={words.addMembers}
          label={words.groupMembers}
          initial=""
          placeholder={words.groupMembersHint}
          onSubmit={(text) => {
            const ids = text.split(/[,，、\s]+/).filter((id) => id !== '')
            perform(group.invite(ids).then(() => setInvited(invited + 1)))
          }}
          onClose={() => setForm(undefined)}
        />
      )}
    </Panel>
  )
}

export function TextForm(props: {
  title: string
  label: string
  initial: string
  placeholder?: string
  mayBeEmpty?: boolean
  onSubmit: (text: string) => void
  onClose: () => void
}) {
  const words = useWords()
  const [text, setText] = useState(props.initial)
  return (
    <FormDialog
      title={props.title}
      submit={words.save}
      ready={props.mayBeEmpty === true || text.trim() !== ''}
      onClose={props.onClose}
      onSubmit={() => {
        props.onSubmit(text.trim())
        props.onClose()
      }}
    >
      <Field
        label={props.label}
        value={text}
        onChange={setText}
        {...(props.placeholder !== undefined && { placeholder: props.placeholder })}
      />
    </FormDialog>
  )
}

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
