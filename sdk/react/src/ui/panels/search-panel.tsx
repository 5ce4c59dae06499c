import type { Conversation, Message } from '@parley/client'
import { useState } from 'react'
import { titleOf, useNames } from '../../chat/use-names.ts'
import { type SearchWish, useSearch } from '../../chat/use-search.ts'
import { useParley } from '../../parley-context.ts'
import { summaryOf } from '../content/summary.ts'
import { Avatar } from '../parts/avatar.tsx'
import { moment } from '../parts/format.ts'
import { SearchIcon } from '../parts/icons.tsx'
import { RichText } from '../parts/rich-text.tsx'
import { useLocale, useWords } from '../parts/ui-context.tsx'
import { Panel } from './panel.tsx'

const types = ['text', 'image', 'video', 'file', 'location', 'contact', 'poll'] as const

/** Looks for messages, in one conversation or in all; a hit leads to its place. */
export function SearchPanel(props: {
  conversation?: Conversation | undefined
  initial?: string
  onOpen: (message: Message) => void
  /** Leads to the first message of a day, in one conversation. */
  onDate?: (date: Date) => void
  onClose: () => void
}) {
  const { conversation } = props
  const { chat } = useParley()
  const words = useWords()
  const locale = useLocale()
  const nameOf = useNames()
  const [text, setText] = useState(props.initial ?? '')
  const [contentType, setContentType] = useState<SearchWish['contentType']>()
  const [senderId, setSenderId] = useState('')
  const [everywhere, setEverywhere] = useState(conversation === undefined)
  const { status, hits, hasMore, loadMore } = useSearch({
    text,
    conversation: everywhere ? undefined : conversation,
    contentType,
    senderId: senderId.trim() || undefined,
  })
  return (
    <Panel title={words.searchMessages} className="parley-search-panel" onClose={props.onClose}>
      <label className="parley-search">
        <SearchIcon size={16} />
        <input
          autoFocus
          type="search"
          value={text}
          placeholder={words.searchMessages}
          aria-label={words.searchMessages}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <div className="parley-filters">
        <select
          value={contentType ?? ''}
          aria-label={words.kind}
          onChange={(event) => setContentType(types.find((type) => type === event.target.value))}
        >
          <option value="">{words.anyKind}</option>
          {types.map((type) => (
            <option key={type} value={type}>
              {words.kinds[type]}
            </option>
          ))}
        </select>
        <input
          value={senderId}
          placeholder={words.fromUser}
          aria-label={words.fromUser}
          onChange={(event) => setSenderId(event.target.value)}
        />
        {props.onDate && (
          <input
            type="date"
            aria-label={words.jumpToDate}
            title={words.jumpToDate}
            onChange={(event) => {
              const date = event.target.valueAsDate
              if (date) props.onDate?.(new Date(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()))
            }}
          />
        )}
      </div>
      {conversation && (
        <label className="parley-check">
          <input
            type="checkbox"
            checked={everywhere}
            onChange={(event) => setEverywhere(event.target.checked)}
          />
          <span>{words.inAllConversations}</span>
        </label>
      )}
      <div className="parley-hits" aria-live="polite" aria-busy={status === 'searching'}>
        {status === 'done' && hits.length === 0 && <p className="parley-hint">{words.nothingFound}</p>}
        {status === 'failed' && <p className="parley-hint">{words.errors.other}</p>}
        {hits.map(({ message, words: found }) => (
          <button key={message.id} type="button" className="parley-hit" onClick={() => props.onOpen(message)}>
            <Avatar id={message.senderId} name={nameOf(message.senderId)} size={32} />
            <span>
              <span className="parley-conversation-line">
                <strong>{nameOf(message.senderId)}</strong>
                {everywhere && <small>{titleOf(chat.conversation(message.conversationId), nameOf)}</small>}
                <time dateTime={message.createdAt}>
                  {moment(Date.parse(message.createdAt), locale, words)}
                </time>
              </span>
              <RichText text={summaryOf(message.content, words)} found={found} />
            </span>
          </button>
        ))}
        {hasMore && (
          <button type="button" className="parley-link-button" onClick={loadMore}>
            {words.showMore}
          </button>
        )}
      </div>
    </Panel>
  )
}
