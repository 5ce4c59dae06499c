import { type ReactNode, useState } from 'react'
import { useNames } from '../../chat/use-names.ts'
import { useParley } from '../../parley-context.ts'
import type { FriendRequestsModel } from '../../social/use-friend-requests.ts'
import { useFriends } from '../../social/use-friends.ts'
import { AreaMain } from '../areas/place.tsx'
import { ContactsIcon, HeartIcon, PersonAddIcon } from '../parts/area-icons.tsx'
import { Avatar } from '../parts/avatar.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { BackIcon, BlockIcon, GroupIcon, PersonIcon, SearchIcon } from '../parts/icons.tsx'
import { moveAmong } from '../parts/move-among.ts'
import { EmptyNotice } from '../parts/state-notice.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { AddContactDialog } from './add-contact.tsx'
import { FriendList } from './friend-list.tsx'
import { BlockedPeople, FollowedPeople } from './people-lists.tsx'
import { ProfileView } from './profile-view.tsx'
import { RequestsView } from './requests-view.tsx'

type View = { kind: 'profile'; userId: string } | { kind: 'requests' | 'following' | 'followers' | 'blocked' }

/** People: friends by their letters, requests, follows, blocked ones, and who somebody is. */
export function ContactsArea({ requests }: { requests: FriendRequestsModel }) {
  const { userId } = useParley()
  const words = useWords()
  const nameOf = useNames()
  const friends = useFriends()
  const [wanted, setWanted] = useState('')
  const [view, setView] = useState<View>()
  const [adding, setAdding] = useState(false)
  const show = (next: View) => () => setView(next)
  const openProfile = (id: string) => setView({ kind: 'profile', userId: id })
  const own = nameOf(userId)
  const entry = (kind: Exclude<View['kind'], 'profile'>, icon: ReactNode, label: string, badge = 0) => (
    <button
      type="button"
      className="parley-entry"
      aria-current={view?.kind === kind || undefined}
      onClick={show({ kind })}
    >
      <span className="parley-entry-mark" data-kind={kind}>
        {icon}
      </span>
      <span>{label}</span>
      {badge > 0 && (
        <span className="parley-badge" role="img" aria-label={words.people.requestsWaiting(badge)}>
          {words.unread(badge)}
        </span>
      )}
    </button>
  )
  return (
    <>
      <nav className="parley-sidebar" aria-label={words.areas.contacts}>
        <header className="parley-sidebar-head">
          <h2 className="parley-area-title">{words.areas.contacts}</h2>
          <IconButton label={words.people.add} onClick={() => setAdding(true)}>
            <PersonAddIcon />
          </IconButton>
        </header>
        <label className="parley-search">
          <SearchIcon size={16} />
          <input
            type="search"
            value={wanted}
            placeholder={words.people.search}
            aria-label={words.people.search}
            onChange={(event) => setWanted(event.target.value)}
          />
        </label>
        {wanted.trim() === '' && (
          <div className="parley-entries" onKeyDown={moveAmong('.parley-entry')}>
            <button
              type="button"
              className="parley-entry"
              aria-current={(view?.kind === 'profile' && view.userId === userId) || undefined}
              onClick={show({ kind: 'profile', userId })}
            >
              <Avatar id={userId} name={own} size={36} />
              <span>{words.people.ownProfile}</span>
            </button>
            {entry('requests', <PersonAddIcon size={19} />, words.people.requests, requests.waiting)}
            {entry('following', <HeartIcon size={19} />, words.people.following)}
            {entry('followers', <GroupIcon size={19} />, words.people.followers)}
            {entry('blocked', <BlockIcon size={19} />, words.people.blocked)}
          </div>
        )}
        <FriendList
          model={friends}
          wanted={wanted}
          current={view?.kind === 'profile' ? view.userId : undefined}
          onOpen={openProfile}
          onAdd={() => setAdding(true)}
        />
      </nav>
      <AreaMain shown={view !== undefined}>
        {view === undefined ? (
          <EmptyNotice
            icon={<ContactsIcon size={28} />}
            title={words.people.choose}
            text={words.people.chooseText}
          />
        ) : (
          <section className="parley-page" aria-label={titleOf(view, words)}>
            <header className="parley-pane-head">
              <IconButton label={words.back} className="parley-back" onClick={() => setView(undefined)}>
                <BackIcon />
              </IconButton>
              <span className="parley-entry-mark">
                <PersonIcon size={19} />
              </span>
              <div className="parley-pane-title">
                <h2>{titleOf(view, words)}</h2>
              </div>
            </header>
            <div className="parley-page-body">
              {view.kind === 'profile' && <ProfileView key={view.userId} userId={view.userId} />}
              {view.kind === 'requests' && <RequestsView model={requests} onOpen={openProfile} />}
              {(view.kind === 'following' || view.kind === 'followers') && (
                <FollowedPeople key={view.kind} direction={view.kind} onOpen={openProfile} />
              )}
              {view.kind === 'blocked' && <BlockedPeople />}
            </div>
          </section>
        )}
      </AreaMain>
      {adding && <AddContactDialog onOpen={openProfile} onClose={() => setAdding(false)} />}
    </>
  )
}

function titleOf(view: View, words: ReturnType<typeof useWords>): string {
  return view.kind === 'profile' ? words.people.profile : words.people[view.kind]
}
