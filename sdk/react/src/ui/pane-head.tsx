import { useContext } from 'react'
import { usePresence } from '../chat/use-presence.ts'
import { AreaContext } from './areas/area-context.ts'
import { usePane } from './pane-context.ts'
import { HashIcon, LockIcon } from './parts/area-icons.tsx'
import { Avatar } from './parts/avatar.tsx'
import { moment } from './parts/format.ts'
import { IconButton } from './parts/icon-button.tsx'
import { BackIcon, InfoIcon, PersonIcon, SearchIcon } from './parts/icons.tsx'
import { useLocale, useWords } from './parts/ui-context.tsx'

/** Who it is with, whether they are there or write, and the way to search and settings. */
export function PaneHead(props: {
  title: string
  panel: 'thread' | 'search' | 'group' | 'planned' | undefined
  onPanel: (kind: 'search' | 'group') => void
  onBack?: () => void
}) {
  const { title, panel } = props
  const { conversation, nameOf, isGroup } = usePane()
  const words = useWords()
  const locale = useLocale()
  const { peerId, view, typingUserIds } = conversation
  const presence = usePresence(peerId)
  const ways = useContext(AreaContext)
  let status = ''
  if (typingUserIds.length > 0) status = words.typing(typingUserIds.map(nameOf))
  else if (view?.type === 'channel')
    status = view.public ? words.community.isPublic : words.community.isPrivate
  else if (peerId === undefined) status = words.members(view?.memberCount ?? 0)
  else if (presence?.status === 'online') status = words.online
  else if (presence?.lastSeenAt)
    status = words.lastSeen(moment(Date.parse(presence.lastSeenAt), locale, words))
  else if (presence) status = words.offline
  return (
    <header className="parley-pane-head">
      {props.onBack && (
        <IconButton label={words.back} className="parley-back" onClick={props.onBack}>
          <BackIcon />
        </IconButton>
      )}
      {view?.type === 'channel' ? (
        <span className="parley-entry-mark">{view.public ? <HashIcon /> : <LockIcon />}</span>
      ) : (
        <Avatar
          id={peerId ?? conversation.id}
          name={title}
          group={peerId === undefined}
          picture={view?.avatarUrl}
          size={36}
          {...(presence && { online: presence.status === 'online' })}
        />
      )}
      <div className="parley-pane-title">
        <h2>{title}</h2>
        <span aria-live="polite" data-typing={typingUserIds.length > 0 || undefined}>
          {status}
        </span>
      </div>
      <IconButton
        label={words.searchMessages}
        pressed={panel === 'search'}
        onClick={() => props.onPanel('search')}
      >
        <SearchIcon />
      </IconButton>
      {ways && peerId !== undefined && (
        <IconButton label={words.people.profile} onClick={() => ways.openProfile(peerId)}>
          <PersonIcon />
        </IconButton>
      )}
      {isGroup && (
        <IconButton
          label={view?.type === 'channel' ? words.community.channelSettings : words.groupSettings}
          pressed={panel === 'group'}
          onClick={() => props.onPanel('group')}
        >
          <InfoIcon />
        </IconButton>
      )}
    </header>
  )
}
