import { useGroup } from '../../chat/use-group.ts'
import { usePane } from '../pane-context.ts'
import {
  AnnouncementSection,
  DissolveButton,
  LeaveButton,
  MembersSection,
  Rename,
  RulesSection,
} from '../panels/group/group-sections.tsx'
import { Panel } from '../panels/panel.tsx'
import { HashIcon, LockIcon } from '../parts/area-icons.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** A channel: what it says of itself, who may write, and who is in it when it is private. */
export function ChannelPanel({ onClose }: { onClose: () => void }) {
  const { conversation } = usePane()
  const words = useWords()
  const model = useGroup(conversation)
  const { view, group, canManage } = model
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
          <Rename model={model} field={words.community.channelName} />
        </div>
        <AnnouncementSection model={model} />
        {!isPublic && (
          <MembersSection model={model} onAdd={canManage ? (ids) => group.add(ids) : undefined} />
        )}
        <RulesSection model={model} />
        <footer>
          {!isPublic && <LeaveButton model={model} label={words.community.leaveChannel} />}
          {canManage && <DissolveButton model={model} label={words.community.deleteChannel} />}
        </footer>
      </div>
    </Panel>
  )
}
