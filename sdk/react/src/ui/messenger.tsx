import type { Conversation, JoinRequest, ProfileField } from '@parley/client'
import { useCallback, useEffect, useMemo, useState } from 'react'
import type { GivenGift } from '../chat/use-chat-room.ts'
import { useConnectionState } from '../chat/use-connection-state.ts'
import { useConversations } from '../chat/use-conversations.ts'
import { useInvitations } from '../chat/use-invitations.ts'
import { useNames } from '../chat/use-names.ts'
import { useNotices } from '../chat/use-notices.ts'
import { useParley } from '../parley-context.ts'
import { useFriendRequests } from '../social/use-friend-requests.ts'
import { useFriends } from '../social/use-friends.ts'
import { useInteractions } from '../social/use-interactions.ts'
import { type Area, areas as allAreas, areaOf } from './areas/areas.ts'
import { Place } from './areas/place.tsx'
import { Rail } from './areas/rail.tsx'
import { useWaiting } from './areas/use-waiting.ts'
import { CommunitiesArea } from './communities/communities-area.tsx'
import { ConnectionBanner } from './connection-banner.tsx'
import { ContactsArea } from './contacts/contacts-area.tsx'
import { ProfileDialog } from './contacts/profile-dialog.tsx'
import { ConversationList } from './conversation-list.tsx'
import { ConversationPane } from './conversation-pane.tsx'
import { InvitationsBar } from './invitations-bar.tsx'
import { MomentsArea } from './moments/moments-area.tsx'
import { NewConversation } from './new-conversation.tsx'
import { NoticesPanel } from './panels/notices-panel.tsx'
import { SearchPanel } from './panels/search-panel.tsx'
import { Avatar } from './parts/avatar.tsx'
import { IconButton } from './parts/icon-button.tsx'
import { BellIcon, ComposeIcon, NoSignalIcon, SignalIcon } from './parts/icons.tsx'
import { useErrorToast, useToast } from './parts/toasts.tsx'
import { useWords } from './parts/ui-context.tsx'
import { read, useKept, write } from './parts/use-kept.ts'
import { RoomsArea } from './rooms/rooms-area.tsx'

/**
 * A whole messenger: chats, communities, chat rooms, contacts and moments, with the way between them at the side, or below
 * on phones. Each shows its list and what is open, or one of them where there is no room for both.
 */
export function Messenger(props: {
  /** Users to suggest for new conversations. */
  peers?: readonly string[]
  /** With whom to begin when nothing was open before. */
  start?: string | undefined
  /** The areas that are offered, in their order; with one alone there is nothing to choose. */
  areas?: readonly Area[]
  /** Chat rooms of the application, shown before those that everybody finds. */
  chatRooms?: readonly string[]
  /** What can be given in chat rooms, from the application's catalogue; with none there is no way to give. */
  gifts?: readonly GivenGift[]
  /** Fields of profiles that the project has beyond those of every project. */
  profileFields?: Readonly<Record<string, ProfileField>>
}) {
  const {
    peers = [],
    start,
    areas = allAreas,
    chatRooms = [],
    gifts = noGifts,
    profileFields = noFields,
  } = props
  const { chat, userId } = useParley()
  const words = useWords()
  const onFailed = useErrorToast()
  const nameOf = useNames()
  const connection = useConnectionState()
  const notices = useNotices()
  const conversations = useConversations()
  const [dialog, setDialog] = useState(false)
  const [aside, setAside] = useState<{ kind: 'notices' } | { kind: 'search'; text: string }>()
  const [focus, setFocus] = useState<number>()
  const { selected, select } = useSelected(conversations, start)
  const open = useCallback(
    (conversation: Conversation, seq?: number) => {
      setFocus(seq)
      select(conversation)
    },
    [select],
  )
  const toast = useToast()
  const onDecided = useCallback(
    ({ status }: JoinRequest) => toast(words.joinDecided(status === 'approved')),
    [toast, words],
  )
  const invitations = useInvitations(onDecided)
  const own = nameOf(userId)
  const { connected, suspended } = connection
  useFriends() // What friends are called holds in all areas.
  const requests = useFriendRequests()
  const interactions = useInteractions()
  const waiting = useWaiting(requests, interactions)
  const [keptArea, setArea] = useKept(`parley area ${userId}`)
  const area = areaOf(keptArea, areas)
  const [profile, setProfile] = useState<string>()
  const ways = useMemo(
    () => ({
      openConversation: (conversation: Conversation, seq?: number) => {
        setProfile(undefined)
        setArea('chats')
        open(conversation, seq)
      },
      openProfile: setProfile,
      profileFields,
      gifts,
    }),
    [setArea, open, profileFields, gifts],
  )
  const rail = areas.length > 1 && <Rail areas={areas} current={area} waiting={waiting} onSelect={setArea} />
  const overAll = profile !== undefined && (
    <ProfileDialog userId={profile} onClose={() => setProfile(undefined)} />
  )
  if (area !== 'chats') {
    return (
      <Place ways={ways} connection={connection}>
        <div className="parley-messenger" data-area={area}>
          {rail}
          {area === 'communities' && <CommunitiesArea />}
          {area === 'rooms' && <RoomsArea offered={chatRooms} />}
          {area === 'contacts' && <ContactsArea requests={requests} />}
          {area === 'moments' && <MomentsArea interactions={interactions} />}
          {overAll}
        </div>
      </Place>
    )
  }
  return (
    <Place ways={ways} connection={connection}>
      <div className="parley-messenger" data-area={area} data-open={selected !== undefined || undefined}>
        {rail}
        <nav className="parley-sidebar" aria-label={words.conversations}>
          <header className="parley-sidebar-head">
            <Avatar id={userId} name={own} size={34} online={connected} />
            <div className="parley-me">
              <strong>{own}</strong>
              <span>{connected ? words.online : suspended ? words.offline : words.connecting}</span>
            </div>
            {(notices.notices.length > 0 || notices.unread > 0) && (
              <IconButton
                label={
                  notices.unread > 0
                    ? `${words.notices}, ${words.unreadLabel(notices.unread)}`
                    : words.notices
                }
                className="parley-bell"
                onClick={() => setAside({ kind: 'notices' })}
              >
                <BellIcon />
                {notices.unread > 0 && <span className="parley-dot" />}
              </IconButton>
            )}
            <IconButton
              label={suspended ? words.goOnline : words.goOffline}
              pressed={suspended}
              className="parley-offline-toggle"
              onClick={connection.toggle}
            >
              {suspended ? <NoSignalIcon /> : <SignalIcon />}
            </IconButton>
            <IconButton label={words.newConversation} onClick={() => setDialog(true)}>
              <ComposeIcon />
            </IconButton>
          </header>
          <InvitationsBar model={invitations} onOpen={open} />
          <ConversationList
            selected={selected}
            onSelect={open}
            onSearchMessages={(text) => setAside({ kind: 'search', text })}
          />
          {aside?.kind === 'notices' && <NoticesPanel model={notices} onClose={() => setAside(undefined)} />}
          {aside?.kind === 'search' && (
            <SearchPanel
              initial={aside.text}
              onOpen={({ conversationId, seq }) => {
                setAside(undefined)
                open(chat.conversation(conversationId), seq)
              }}
              onClose={() => setAside(undefined)}
            />
          )}
        </nav>
        <div className="parley-main">
          <ConnectionBanner connection={connection} />
          {selected ? (
            <ConversationPane
              key={selected.id}
              conversation={selected}
              focusSeq={focus}
              onOpen={open}
              onBack={() => select(undefined)}
            />
          ) : (
            <div className="parley-blank">
              <span className="parley-blank-mark">
                <ComposeIcon size={28} />
              </span>
              <h2>{words.chooseTitle}</h2>
              <p>{words.chooseText}</p>
              <div className="parley-blank-actions">
                {peers.slice(0, 1).map((peer) => (
                  <button
                    key={peer}
                    type="button"
                    className="parley-button parley-primary"
                    onClick={() => void chat.direct(peer).then(open, onFailed)}
                  >
                    {words.sayHelloTo(nameOf(peer))}
                  </button>
                ))}
                <button type="button" className="parley-button" onClick={() => setDialog(true)}>
                  {words.newConversation}
                </button>
              </div>
            </div>
          )}
        </div>
        {dialog && (
          <NewConversation
            peers={peers}
            onOpen={open}
            onRequested={invitations.requested}
            onClose={() => setDialog(false)}
          />
        )}
        {overAll}
      </div>
    </Place>
  )
}

const noFields = {}
const noGifts: readonly GivenGift[] = []

/** Which conversation is open; a reload comes back to it. */
function useSelected(conversations: readonly Conversation[], start: string | undefined) {
  const { chat, userId } = useParley()
  const key = `parley open ${userId}`
  const [selected, setSelected] = useState<Conversation | undefined>(() => {
    const id = read(key)
    return conversations.find((conversation) => conversation.id === id)
  })
  const select = useCallback(
    (conversation: Conversation | undefined) => {
      setSelected(conversation)
      write(key, conversation?.id ?? '')
    },
    [key],
  )
  const gone = selected?.ended === true
  useEffect(() => {
    if (gone) select(undefined)
  }, [gone, select])
  const [begins] = useState(start !== undefined && selected === undefined)
  useEffect(() => {
    if (!begins || start === undefined) return
    chat.direct(start).then(setSelected, () => undefined) // The list is there to choose from.
  }, [chat, start, begins])
  return { selected, select }
}
