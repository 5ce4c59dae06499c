import type { Conversation, Parley } from '@parley/client'
import { useState } from 'react'
import type { ConnectionModel } from '../view-models/use-connection.ts'
import type { ConversationsModel } from '../view-models/use-conversations.ts'
import { type NameOf, titleOf } from '../view-models/use-names.ts'
import { usePresence } from '../view-models/use-presence.ts'
import { useLocale, useWords } from '../words/words.ts'
import { Avatar } from './avatar.tsx'
import { moment } from './format.ts'
import { IconButton } from './icon-button.tsx'
import { ComposeIcon, NoSignalIcon, SearchIcon, SignalIcon } from './icons.tsx'
import { Preview } from './preview.tsx'

export function ConversationList(props: {
  parley: Parley
  model: ConversationsModel
  connection: ConnectionModel
  nameOf: NameOf
  onCompose: () => void
}) {
  const { parley, model, connection, nameOf } = props
  const words = useWords()
  const [wanted, setWanted] = useState('')
  const { conversations, selected } = model
  const shown = conversations.filter((conversation) =>
    titleOf(conversation, nameOf).toLowerCase().includes(wanted.trim().toLowerCase()),
  )
  const connected = connection.state.status === 'connected'
  const own = nameOf(parley.userId)
  return (
    <nav className="sidebar" aria-label={words.conversations}>
      <header className="sidebar-head">
        <Avatar id={parley.userId} name={own} size={34} online={connected} />
        <div className="sidebar-me">
          <strong>{own}</strong>
          <span>{connected ? words.online : connection.suspended ? words.offline : words.connecting}</span>
        </div>
        <IconButton
          label={connection.suspended ? words.goOnline : words.goOffline}
          pressed={connection.suspended}
          className="offline-toggle"
          onClick={connection.toggle}
        >
          {connection.suspended ? <NoSignalIcon /> : <SignalIcon />}
        </IconButton>
        <IconButton label={words.newConversation} onClick={props.onCompose}>
          <ComposeIcon />
        </IconButton>
      </header>
      <label className="search">
        <SearchIcon size={16} />
        <input
          type="search"
          value={wanted}
          placeholder={words.search}
          aria-label={words.search}
          onChange={(event) => setWanted(event.target.value)}
        />
      </label>
      {conversations.length === 0 && <p className="sidebar-hint">{words.emptyTitle}</p>}
      {conversations.length > 0 && shown.length === 0 && <p className="sidebar-hint">{words.nothingFound}</p>}
      <ul className="conversations">
        {shown.map((conversation) => (
          <li key={conversation.id}>
            <Item
              parley={parley}
              conversation={conversation}
              nameOf={nameOf}
              current={conversation === selected}
              onSelect={() => model.select(conversation)}
            />
          </li>
        ))}
      </ul>
    </nav>
  )
}

function Item(props: {
  parley: Parley
  conversation: Conversation
  nameOf: NameOf
  current: boolean
  onSelect: () => void
}) {
  const { parley, conversation, nameOf, current } = props
  const words = useWords()
  const locale = useLocale()
  const { view, peerId } = conversation
  const title = titleOf(conversation, nameOf)
  const presence = usePresence(parley, peerId)
  const unread = view?.unread ?? 0
  return (
    <button
      type="button"
      className="conversation"
      aria-current={current || undefined}
      data-unread={unread > 0 || undefined}
      onClick={props.onSelect}
    >
      <Avatar
        id={peerId ?? conversation.id}
        name={title}
        group={peerId === undefined}
        size={44}
        {...(presence && { online: presence.status === 'online' })}
      />
      <span className="conversation-text">
        <span className="conversation-line">
          <strong className="conversation-title">{title}</strong>
          <time className="conversation-time">
            {conversation.lastActivityMs > 0 && moment(conversation.lastActivityMs, locale, words)}
          </time>
        </span>
        <span className="conversation-line">
          <span className="conversation-preview">
            <Preview conversation={conversation} userId={parley.userId} nameOf={nameOf} />
          </span>
          {unread > 0 && (
            <span className="badge" role="img" aria-label={words.unreadLabel(unread)}>
              {words.unread(unread)}
            </span>
          )}
        </span>
      </span>
    </button>
  )
}
