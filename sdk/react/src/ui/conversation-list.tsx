import type { Conversation } from '@parley/client'
import { type KeyboardEvent, useState } from 'react'
import { useChats } from '../chat/use-conversations.ts'
import { titleOf, useNames } from '../chat/use-names.ts'
import { usePresence } from '../chat/use-presence.ts'
import { useParley } from '../parley-context.ts'
import { Avatar } from './parts/avatar.tsx'
import { moment } from './parts/format.ts'
import { SearchIcon } from './parts/icons.tsx'
import { useLocale, useWords } from './parts/ui-context.tsx'
import { Preview } from './preview.tsx'

/** Conversations with somebody and with groups, the latest first, with a field that narrows them by name. */
export function ConversationList(props: {
  selected: Conversation | undefined
  onSelect: (conversation: Conversation) => void
  /** Offers to look for what was written in the messages, too. */
  onSearchMessages?: (text: string) => void
}) {
  const { selected, onSelect, onSearchMessages } = props
  const words = useWords()
  const nameOf = useNames()
  const conversations = useChats()
  const [wanted, setWanted] = useState('')
  const looked = wanted.trim().toLowerCase()
  const shown = conversations.filter((conversation) =>
    titleOf(conversation, nameOf).toLowerCase().includes(looked),
  )
  return (
    <>
      <label className="parley-search">
        <SearchIcon size={16} />
        <input
          type="search"
          value={wanted}
          placeholder={words.search}
          aria-label={words.search}
          onChange={(event) => setWanted(event.target.value)}
        />
      </label>
      {looked !== '' && onSearchMessages && (
        <button
          type="button"
          className="parley-search-messages"
          onClick={() => onSearchMessages(wanted.trim())}
        >
          <SearchIcon size={15} />
          {words.searchMessagesFor(wanted.trim())}
        </button>
      )}
      {conversations.length === 0 && <p className="parley-hint">{words.emptyTitle}</p>}
      {conversations.length > 0 && shown.length === 0 && <p className="parley-hint">{words.nothingFound}</p>}
      <ul className="parley-conversations" onKeyDown={moveInList}>
        {shown.map((conversation) => (
          <li key={conversation.id}>
            <Item
              conversation={conversation}
              current={conversation === selected}
              onSelect={() => onSelect(conversation)}
            />
          </li>
        ))}
      </ul>
    </>
  )
}

function Item(props: { conversation: Conversation; current: boolean; onSelect: () => void }) {
  const { conversation, current } = props
  const { userId } = useParley()
  const nameOf = useNames()
  const words = useWords()
  const locale = useLocale()
  const { view, peerId } = conversation
  const title = titleOf(conversation, nameOf)
  const presence = usePresence(peerId)
  const unread = view?.unread ?? 0
  return (
    <button
      type="button"
      className="parley-conversation"
      aria-current={current || undefined}
      data-unread={unread > 0 || undefined}
      onClick={props.onSelect}
    >
      <Avatar
        id={peerId ?? conversation.id}
        name={title}
        group={peerId === undefined}
        picture={conversation.view?.avatarUrl}
        size={44}
        {...(presence && { online: presence.status === 'online' })}
      />
      <span className="parley-conversation-text">
        <span className="parley-conversation-line">
          <strong className="parley-conversation-title">{title}</strong>
          <time className="parley-conversation-time">
            {conversation.lastActivityMs > 0 && moment(conversation.lastActivityMs, locale, words)}
          </time>
        </span>
        <span className="parley-conversation-line">
          <span className="parley-conversation-preview">
            <Preview conversation={conversation} userId={userId} current={current} />
          </span>
          {unread > 0 && (
            <span className="parley-badge" role="img" aria-label={words.unreadLabel(unread)}>
              {words.unread(unread)}
            </span>
          )}
        </span>
      </span>
    </button>
  )
}

/** The arrow keys go from conversation to conversation. */
function moveInList(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (step === undefined) return
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>('.parley-conversation')]
  const next = all[all.indexOf(document.activeElement as HTMLElement) + step]
  if (!next) return
  event.preventDefault()
  next.focus()
}
