import type { ChatMessage } from '@parley/client'
import {
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
} from 'react'
import type { MessagesModel } from '../chat/use-messages.ts'
import { MessageRow } from './message-row.tsx'
import { isBubble, Notice } from './notice.tsx'
import { usePane } from './pane-context.ts'
import { Avatar } from './parts/avatar.tsx'
import { day } from './parts/format.ts'
import { DownIcon } from './parts/icons.tsx'
import { useLocale, useWords } from './parts/ui-context.tsx'
import { useVirtualRows } from './virtual/use-virtual-rows.ts'

export interface MessageListHandle {
  /** Brings a message into the middle and marks it for a moment; loads what is around it where it must. */
  jumpTo: (seq: number) => Promise<boolean>
  jumpToDate: (date: Date) => Promise<boolean>
  toEnd: () => void
}

const togetherMs = 5 * 60_000
const markedForMs = 1_800

/**
 * The messages of a conversation. Only those around what is in sight are in the document, however many are loaded. Needs
 * a `PaneContext` around it, as `ConversationPane` gives.
 */
export function MessageList(props: {
  model: MessagesModel
  label: string
  empty?: ReactNode
  ref?: React.Ref<MessageListHandle>
}) {
  const { model, label } = props
  const { conversation, userId, nameOf } = usePane()
  const words = useWords()
  const { messages, hasOlder, hasNewer, loaded, firstUnreadSeq } = model
  const keys = useMemo(() => messages.map(({ key }) => key), [messages])
  const last = messages.at(-1)
  const head = useRef<HTMLDivElement>(null)
  const rows = useVirtualRows({
    keys,
    headRef: head,
    hasOlder,
    loadOlder: model.loadOlder,
    hasNewer,
    loadNewer: model.loadNewer,
    followLast: last?.senderId === userId && last.state === 'sending',
  })
  const [marked, setMarked] = useState<string>()
  useEffect(() => {
    if (marked === undefined) return
    const timer = setTimeout(() => setMarked(undefined), markedForMs)
    return () => clearTimeout(timer)
  }, [marked])
  useReading(rows, messages, hasNewer)

  const show = (message: ChatMessage | undefined) => {
    if (!message) return false
    rows.toRow(message.key)
    setMarked(message.key)
    return true
  }
  const toEnd = () => {
    model.toPresent()
    rows.toEnd()
  }
  useImperativeHandle(props.ref, () => ({
    jumpTo: async (seq) => show(await model.loadUntil(seq)),
    jumpToDate: async (date) => show(await model.loadSince(date)),
    toEnd,
  }))

  const typing = conversation.typingUserIds
  const unread = conversation.view?.unread ?? 0
  const shown = messages.slice(rows.from, rows.until)
  const markAt = useMemo(
    () =>
      firstUnreadSeq === undefined || hasNewer
        ? -1
        : messages.findIndex(
            ({ seq, senderId }) => seq !== undefined && seq >= firstUnreadSeq && senderId !== userId,
          ),
    [messages, firstUnreadSeq, hasNewer, userId],
  )
  return (
    <div className="parley-thread-place">
      <div
        className="parley-thread"
        ref={rows.list}
        onScroll={rows.onScroll}
        tabIndex={0}
        role="log"
        aria-label={label}
        aria-live="polite"
        onKeyDown={moveAmongRows}
      >
        <div className="parley-thread-content">
          <div ref={head}>
            {hasOlder && (
              <div className="parley-older" role="status">
                <span className="parley-spinner" aria-hidden="true" />
                {words.loadingOlder}
              </div>
            )}
            {loaded && !hasOlder && messages.length > 0 && (
              <div className="parley-beginning">{words.beginning}</div>
            )}
            {loaded && messages.length === 0 && props.empty}
          </div>
          <div style={{ height: rows.before }} aria-hidden="true" />
          {shown.map((message, place) => {
            const index = rows.from + place
            return (
              <div key={message.key} data-key={message.key} ref={rows.measure} className="parley-line">
                <Line
                  message={message}
                  previous={messages[index - 1]}
                  next={messages[index + 1]}
                  isFirstUnread={index === markAt}
                  endsBeforeUnread={index + 1 === markAt}
                  marked={message.key === marked}
                />
              </div>
            )
          })}
          <div style={{ height: rows.after }} aria-hidden="true" />
          {typing.length > 0 && !hasNewer && (
            <div className="parley-row parley-typing-row">
              <Avatar id={typing[0] ?? ''} name={nameOf(typing[0] ?? '')} size={28} />
              <div className="parley-bubble parley-typing" aria-hidden="true">
                <i />
                <i />
                <i />
              </div>
            </div>
          )}
        </div>
      </div>
      {(hasNewer || !rows.atEnd) && (
        <button
          type="button"
          className="parley-to-end"
          data-apart={hasNewer || undefined}
          {...(!hasNewer && { 'aria-label': words.toLatest })}
          onClick={toEnd}
        >
          {unread > 0 && <span className="parley-badge">{words.unread(unread)}</span>}
          {hasNewer && words.toPresent}
          <DownIcon />
        </button>
      )}
    </div>
  )
}

function Line(props: {
  message: ChatMessage
  previous: ChatMessage | undefined
  next: ChatMessage | undefined
  isFirstUnread: boolean
  endsBeforeUnread: boolean
  marked: boolean
}) {
  const { message, previous, next, isFirstUnread } = props
  const words = useWords()
  const locale = useLocale()
  const newDay = !previous || !isSameDay(previous, message)
  return (
    <>
      {newDay && (
        <div className="parley-day">
          <span>{day(message.createdAt, locale, words)}</span>
        </div>
      )}
      {isFirstUnread && (
        <div className="parley-unread-mark">
          <span>{words.newMessages}</span>
        </div>
      )}
      {isBubble(message) ? (
        <MessageRow
          message={message}
          first={newDay || isFirstUnread || !together(previous, message)}
          last={props.endsBeforeUnread || !next || !isSameDay(next, message) || !together(message, next)}
          marked={props.marked}
        />
      ) : (
        <Notice message={message} />
      )}
    </>
  )
}

function together(one: ChatMessage | undefined, other: ChatMessage): boolean {
  if (!one || !isBubble(one) || !isBubble(other) || one.senderId !== other.senderId) return false
  return Date.parse(other.createdAt) - Date.parse(one.createdAt) < togetherMs
}

function isSameDay(one: ChatMessage, other: ChatMessage): boolean {
  return new Date(one.createdAt).toDateString() === new Date(other.createdAt).toDateString()
}

/** The arrow keys go from message to message. */
function moveAmongRows(event: KeyboardEvent<HTMLElement>): void {
  const { key, currentTarget, target } = event
  const onList = target === currentTarget
  const row = target instanceof HTMLElement && target.matches('.parley-row') ? target : undefined
  if ((!onList && !row) || (key !== 'ArrowUp' && key !== 'ArrowDown')) return
  const all = [...currentTarget.querySelectorAll<HTMLElement>('article.parley-row')]
  const now = row ? all.indexOf(row) : all.length
  const next = all[key === 'ArrowUp' ? now - 1 : now + 1]
  if (!next) return
  event.preventDefault()
  next.focus({ preventScroll: true })
  next.scrollIntoView({ block: 'nearest' })
}

/** What is in sight, in a page that is seen, counts as read. */
function useReading(
  rows: { lastInSight: () => number; atEnd: boolean; from: number; until: number },
  messages: readonly ChatMessage[],
  hasNewer: boolean,
): void {
  const { conversation } = usePane()
  const newest = messages.at(-1)?.seq
  const { lastInSight } = rows
  const atEnd = rows.atEnd && !hasNewer
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again whenever other rows are in sight.
  useEffect(() => {
    const mark = () => {
      if (document.visibilityState !== 'visible') return
      if (atEnd) conversation.markRead()
      else {
        const seq = messages[lastInSight()]?.seq
        if (seq !== undefined) conversation.markRead(seq)
      }
    }
    if (newest !== undefined) mark()
    document.addEventListener('visibilitychange', mark)
    return () => document.removeEventListener('visibilitychange', mark)
  }, [conversation, atEnd, newest, rows.from, rows.until])
}
