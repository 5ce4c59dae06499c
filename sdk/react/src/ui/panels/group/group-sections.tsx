import type { ReactNode } from 'react'
import type { GroupModel } from '../../../chat/use-group.ts'
import { Check } from '../../composer/forms.tsx'
import { EditIcon, LeaveIcon, MegaphoneIcon, PlusIcon, TrashIcon } from '../../parts/icons.tsx'
import { TextFormButton } from '../../parts/text-form.tsx'
import { useErrorToast } from '../../parts/toasts.tsx'
import { useWords } from '../../parts/ui-context.tsx'
import { MemberLine } from './member-line.tsx'

// What the panels of groups, communities and channels have in common.

/** Does what may fail, and says so when it does. */
export function usePerform(): (work: Promise<unknown>) => void {
  const onFailed = useErrorToast()
  return (work) => void work.catch(onFailed)
}

/** A new name, for whoever may give one. `field`: what it is the name of. */
export function Rename({ model, field }: { model: GroupModel; field: string }) {
  const { view, group, canManage } = model
  const words = useWords()
  const perform = usePerform()
  if (!canManage) return null
  return (
    <TextFormButton
      icon={<EditIcon size={15} />}
      label={words.rename}
      field={field}
      initial={view?.name}
      onSubmit={(name) => perform(group.update({ name }))}
    />
  )
}

export function AnnouncementSection({ model, children }: { model: GroupModel; children?: ReactNode }) {
  const { view, group, canManage } = model
  const words = useWords()
  const perform = usePerform()
  return (
    <section>
      <h3>{words.announcement}</h3>
      <p className="parley-announcement-text">{view?.announcement?.text || words.noAnnouncement}</p>
      {canManage && (
        <TextFormButton
          icon={<MegaphoneIcon size={16} />}
          label={words.announce}
          field={words.announcement}
          initial={view?.announcement?.text}
          mayBeEmpty
          onSubmit={(text) => perform(group.announce(text))}
        />
      )}
      {children}
    </section>
  )
}

/** The members, page by page. Without `onAdd` nobody is brought in from here. */
export function MembersSection(props: {
  model: GroupModel
  onAdd: ((userIds: string[]) => Promise<unknown>) | undefined
}) {
  const { model, onAdd } = props
  const { view, members, hasMore, loadMore } = model
  const words = useWords()
  const perform = usePerform()
  return (
    <section>
      <h3>{words.members(view?.memberCount ?? 0)}</h3>
      {onAdd && (
        <TextFormButton
          icon={<PlusIcon size={16} />}
          label={words.addMembers}
          field={words.groupMembers}
          placeholder={words.groupMembersHint}
          onSubmit={(ids) => perform(onAdd(ids.split(/[,，、\s]+/).filter((id) => id !== '')))}
        />
      )}
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
  )
}

/** What holds for everybody; for whoever decides it. */
export function RulesSection({ model, children }: { model: GroupModel; children?: ReactNode }) {
  const { view, group, canManage } = model
  const words = useWords()
  const perform = usePerform()
  if (!canManage) return null
  return (
    <section>
      <h3>{words.rules}</h3>
      <Check
        label={words.muteEverybody}
        checked={view?.muteAll !== undefined}
        onChange={(on) => perform(on ? group.muteAll() : group.unmuteAll())}
      />
      {children}
    </section>
  )
}

/** The way out. */
export function LeaveButton({ model: { group }, label }: { model: GroupModel; label: string }) {
  const perform = usePerform()
  return (
    <button type="button" className="parley-link-button parley-danger" onClick={() => perform(group.leave())}>
      <LeaveIcon size={16} />
      {label}
    </button>
  )
}

/** Its end, for everybody. */
export function DissolveButton({ model: { group }, label }: { model: GroupModel; label: string }) {
  const perform = usePerform()
  return (
    <button
      type="button"
      className="parley-link-button parley-danger"
      onClick={() => perform(group.dissolve())}
    >
      <TrashIcon size={16} />
      {label}
    </button>
  )
}
