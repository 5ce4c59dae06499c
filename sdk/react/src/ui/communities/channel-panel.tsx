import { useState } from 'react'
import { useGroup } from '../../chat/use-group.ts'
import { Check } from '../composer/forms.tsx'
import { usePane } from '../pane-context.ts'
import { MemberLine, TextForm } from '../panels/group-panel.tsx'
import { Panel } from '../panels/panel.tsx'
import { HashIcon, LockIcon } from '../parts/area-icons.tsx'
import { EditIcon, LeaveIcon, MegaphoneIcon, PlusIcon, TrashIcon } from '../parts/icons.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** A channel: what it says of itself, who may write, and who is in it when it is private. */
export function ChannelPanel({ onClose }: { onClose: () => void }) {
  const { conversation } = usePane()
  const words = useWords()
  const onFailed = useErrorToast()
  const model = useGroup(conversation)
  const { view, group, members, canManage, hasMore, loadMore } = model
  const [form, setForm] = useState<'name' | 'announcement' | 'add'>()
  const perform = (work: Promise<unknown>) => void work.catch(onFailed)
  if (!view) return null
  const isPublic = view.public !== false
  return (
    <Panel title={words.community.channelSettings} className="parley-group" onClose={onClose}>
      <div className="parley-group-body">
        <div className="parley-group-head">
          <span className="parley-blank-mark">
            {isPublic ? <HashIcon size={28} /> : <LockIcon size={28} />}
          </span>
          <strong>{view.name ?? '…'}</strong>
          <span>{isPublic ? words.community.publicChannel : words.members(view.memberCount)}</span>
          {canManage && (
            <button type="button" className="parley-link-button" onClick={() => setForm('name')}>
              <EditIcon size={15} />
              {words.rename}
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
        </section>
        {!isPublic && (
          <section>
            <h3>{words.members(view.memberCount)}</h3>
            {canManage && (
              <button type="button" className="parley-link-button" onClick={() => setForm('add')}>
                <PlusIcon size={16} />
                {words.addMembers}
              </button>
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
        )}
        {canManage && (
          <section>
            <h3>{words.rules}</h3>
            <Check
              label={words.muteEverybody}
              checked={view.muteAll !== undefined}
              onChange={(on) => perform(on ? group.muteAll() : group.unmuteAll())}
            />
          </section>
        )}
        <footer>
          {!isPublic && (
            <button
              type="button"
              className="parley-link-button parley-danger"
              onClick={() => perform(group.leave())}
            >
              <LeaveIcon size={16} />
              {words.community.leaveChannel}
            </button>
          )}
          {canManage && (
            <button
              type="button"
              className="parley-link-button parley-danger"
              onClick={() => perform(group.dissolve())}
            >
              <TrashIcon size={16} />
              {words.community.deleteChannel}
            </button>
          )}
        </footer>
      </div>
      {form === 'name' && (
        <TextForm
          title={words.rename}
          label={words.community.channelName}
          initial={view.name ?? ''}
          onSubmit={(name) => perform(group.update({ name }))}
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
          onSubmit={(ids) => perform(group.add(ids.split(/[,，、\s]+/).filter((id) => id !== '')))}
          onClose={() => setForm(undefined)}
        />
      )}
    </Panel>
  )
}
