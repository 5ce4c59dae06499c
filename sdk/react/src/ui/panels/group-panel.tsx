import { setMessageExpiry } from '@parley/client'
import { useState } from 'react'
import { useGroup } from '../../chat/use-group.ts'
import { Check } from '../composer/forms.tsx'
import { usePane } from '../pane-context.ts'
import { Avatar } from '../parts/avatar.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { EarlierAnnouncements } from './group/announcements.tsx'
import { Attributes } from './group/attributes.tsx'
import { Bans } from './group/bans.tsx'
import { GroupPicture } from './group/group-picture.tsx'
import {
  AnnouncementSection,
  DissolveButton,
  LeaveButton,
  MembersSection,
  Rename,
  RulesSection,
  usePerform,
} from './group/group-sections.tsx'
import { Joining } from './group/joining.tsx'
import { Permissions } from './group/permissions.tsx'
import { Panel } from './panel.tsx'

const dayMs = 86_400_000

/** A group: who is in it, what it says of itself, who may do what. */
export function GroupPanel({ onClose }: { onClose: () => void }) {
  const { conversation } = usePane()
  const words = useWords()
  const model = useGroup(conversation)
  const { view, group, canManage, isOwner } = model
  const [invited, setInvited] = useState(0)
  const perform = usePerform()
  if (!view) return null
  return (
    <Panel title={words.groupSettings} className="parley-group" onClose={onClose}>
      <div className="parley-group-body">
        <div className="parley-group-head">
          <Avatar id={conversation.id} name={view.name ?? ''} group picture={view.avatarUrl} size={56} />
          <strong>{view.name ?? '…'}</strong>
          <span>{words.members(view.memberCount)}</span>
          <Rename model={model} field={words.groupName} />
          <GroupPicture model={model} />
        </div>
        <AnnouncementSection model={model}>
          <EarlierAnnouncements model={model} />
        </AnnouncementSection>
        <MembersSection
          model={model}
          onAdd={(ids) => group.invite(ids).then(() => setInvited(invited + 1))}
        />
        <RulesSection model={model}>
          {view.type === 'group' && (
            <Check
              label={words.expireAfterDay}
              checked={view.messageExpiry?.expiresAfterMs !== undefined}
              onChange={(on) => perform(setMessageExpiry(conversation, on ? { expiresAfterMs: dayMs } : {}))}
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
        </RulesSection>
        {canManage && (
          <section>
            <h3>{words.joining}</h3>
            <Joining model={model} invited={invited} />
          </section>
        )}
        {canManage && <Bans model={model} />}
        <Attributes model={model} />
        <footer>
          {isOwner ? (
            <DissolveButton model={model} label={words.dissolve} />
          ) : (
            <LeaveButton model={model} label={words.leave} />
          )}
        </footer>
      </div>
    </Panel>
  )
}
