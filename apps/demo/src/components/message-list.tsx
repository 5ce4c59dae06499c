import type { ChatMessage, Conversation, Parley } from '@parley/client'
import { useEffect } from 'react'
import type { NameOf } from '../view-models/use-names.ts'
import { usePinnedScroll } from '../view-models/use-pinned-scroll.ts'
import type { Row, ThreadModel } from '../view-models/use-thread.ts'
import { useLocale, useWords } from '../words/words.ts'
import { Avatar } from './avatar.tsx'
import { day } from './format.ts'
import { DownIcon } from './icons.tsx'
import { MessageBubble } from './message-bubble.tsx'
import { Notice } from './notice.tsx'

interface MessageListProps {
  parley: Parley
  conversation: Conversation
  thread: ThreadModel
  nameOf: NameOf
  title: string
  onView: (message: ChatMessage) => void
  onEdit: (message: ChatMessage) => void
}

export function MessageList(props: MessageListProps) {
  const { parley, conversation, thread, title } = props
  const words = useWords()
  const { rows, messages, hasOlder, loaded } = thread
  const last = messages.at(-1)
  const scroll = usePinnedScroll({
    firstKey: messages[0]?.key,
    lastKey: last?.key,
    ownLast: last?.senderId === parley.userId && last.state === 'sending',
    hasOlder,
    loadOlder: thread.loadOlder,
  })
  useReading(conversation, scroll.atEnd, last?.seq)
  const typing = conversation.typingUserIds
  const unread = conversation.view?.unread ?? 0
  return (
    <div className="thread-place">
      <div className="thread" ref={scroll.list} onScroll={scroll.onScroll}>
        <div className="thread-content" role="log" aria-label={title} aria-live="polite">
          {hasOlder && (
            <div className="older" role="status">
              <span className="spinner" aria-hidden="true" />
              {words.loadingOlder}
            </div>
          )}
          {loaded && !hasOlder && messages.length > 0 && <div className="beginning">{words.beginning}</div>}
          {loaded && messages.length === 0 && (
            <div className="blank">
              <Avatar
                id={conversation.peerId ?? conversation.id}
                name={title}
                group={conversation.peerId === undefined}
                size={72}
              />
              <p>{words.firstMessage(title)}</p>
            </div>
          )}
          {rows.map((row) => (
            <ThreadRow key={row.key} row={row} {...props} />
          ))}
          {typing.length > 0 && (
            <div className="row typing-row">
              <Avatar id={typing[0] ?? ''} name={props.nameOf(typing[0] ?? '')} size={28} />
              <div className="bubble typing" aria-hidden="true">
                <i />
                <i />
                <i />
              </div>
            </div>
          )}
        </div>
      </div>
      {!scroll.atEnd && (
        <button type="button" className="to-end" aria-label={words.toLatest} onClick={scroll.toEnd}>
          {unread > 0 && <span className="badge">{words.unread(unread)}</span>}
          <DownIcon />
        </button>
      )}
    </div>
  )
}

function ThreadRow({ row, ...props }: { row: Row } & MessageListProps) {
  const words = useWords()
  const locale = useLocale()
  switch (row.kind) {
    case 'day':
      return (
        <div className="day">
          <span>{day(row.at, locale, words)}</span>
        </div>
      )
    case 'unread':
      return (
        <div className="unread-mark">
          <span>{words.newMessages}</span>
        </div>
      )
    case 'notice':
      return <Notice message={row.message} userId={props.parley.userId} nameOf={props.nameOf} />
    case 'message':
      return <MessageBubble {...props} row={row} />
  }
}

/** What is in sight, in a page that is seen, counts as read. */
function useReading(conversation: Conversation, atEnd: boolean, lastSeq: number | undefined): void {
  useEffect(() => {
    if (!atEnd || lastSeq === undefined) return
    const mark = () => {
      if (document.visibilityState === 'visible') conversation.markRead()
    }
    mark()
    document.addEventListener('visibilitychange', mark)
    return () => document.removeEventListener('visibilitychange', mark)
  }, [conversation, atEnd, lastSeq])
}
