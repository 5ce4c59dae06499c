import type { ChatMessage } from '@parley/client'
import { type KeyboardEvent, memo, useState } from 'react'
import { MessageContent } from './content/message-content.tsx'
import { summaryOf } from './content/summary.ts'
import { TaskChip } from './content/task-chip.tsx'
import { MessageActions } from './message-actions.tsx'
import { MessageState } from './message-state.tsx'
import { usePane } from './pane-context.ts'
import { Avatar } from './parts/avatar.tsx'
import { clock } from './parts/format.ts'
import {
  CheckIcon,
  ClockIcon,
  ForwardIcon,
  PinIcon,
  RetryIcon,
  ThreadIcon,
  TrashIcon,
} from './parts/icons.tsx'
import { errorText } from './parts/toasts.tsx'
import { useLocale, useWords } from './parts/ui-context.tsx'
import { Reactions } from './reactions.tsx'

interface MessageRowProps {
  message: ChatMessage
  /** The first and the last of a run of one sender. */
  first: boolean
  last: boolean
  /** Brought into sight on purpose. */
  marked?: boolean
}

/** Contents that stand without a bubble around them. */
const bareTypes = new Set(['sticker', 'packet'])

export const MessageRow = memo(function MessageRow({ message, first, last, marked }: MessageRowProps) {
  const pane = usePane()
  const words = useWords()
  const locale = useLocale()
  const [active, setActive] = useState(false)
  const [menuOpen, setMenuOpen] = useState(false)
  const [translation, setTranslation] = useState('')
  const { content, senderId, state } = message
  const own = senderId === pane.userId
  const name = pane.nameOf(senderId)
  const isPicture = (content.type === 'image' || content.type === 'video') && !content.caption
  const choosing = pane.chosen !== undefined
  const chosen = pane.chosen?.has(message.key) ?? false
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return
    if (event.key === 'Enter' || event.key === 'ContextMenu') {
      event.preventDefault()
      if (choosing) pane.choose(message)
      else if (state === 'sent') setMenuOpen(true)
    }
  }
  return (
    <article
      className="parley-row"
      tabIndex={-1}
      aria-label={`${own ? words.you : name}: ${summaryOf(content, words)}`}
      data-own={own || undefined}
      data-first={first || undefined}
      data-last={last || undefined}
      data-state={state}
      data-active={active || undefined}
      data-marked={marked || undefined}
      data-chosen={chosen || undefined}
      onKeyDown={onKeyDown}
      onContextMenu={(event) => {
        if (state !== 'sent' || choosing || window.getSelection()?.isCollapsed === false) return
        event.preventDefault()
        setMenuOpen(true)
      }}
      onPointerUp={(event) => {
        if (event.pointerType !== 'mouse' && !choosing) setActive(!active)
      }}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) setActive(false)
      }}
    >
      {choosing && (
        <button
          type="button"
          role="checkbox"
          className="parley-choice"
          aria-checked={chosen}
          aria-label={words.select}
          onClick={() => pane.choose(message)}
        >
          {chosen && <CheckIcon size={14} />}
        </button>
      )}
      {!own &&
        (last ? <Avatar id={senderId} name={name} size={28} /> : <span className="parley-avatar-gap" />)}
      <div className="parley-bubble-column">
        {!own && pane.isGroup && first && <span className="parley-sender">{name}</span>}
        <div
          className="parley-bubble"
          data-type={content.type}
          data-bare={isPicture || bareTypes.has(content.type) || undefined}
        >
          {message.forwardedFrom && (
            <span className="parley-origin">
              <ForwardIcon size={13} />
              {words.forwardedFrom(pane.nameOf(message.forwardedFrom.senderId))}
            </span>
          )}
          {message.replyTo && <Quote reply={message.replyTo} />}
          <MessageContent message={message} />
          {translation !== '' && <span className="parley-translation">{translation}</span>}
          <span className="parley-meta">
            {pane.isPinned(message) && <PinIcon size={12} />}
            {message.expiresAt && <ClockIcon size={12} />}
            {message.editedAt && (
              <button
                type="button"
                className="parley-edited"
                title={words.editHistory}
                onClick={() => pane.showEdits(message)}
              >
                {words.edited}
              </button>
            )}
            <time dateTime={message.createdAt}>{clock(message.createdAt, locale)}</time>
            {own && <MessageState message={message} />}
          </span>
        </div>
        <TaskChip message={message} />
        <Reactions message={message} />
        {message.thread && message.thread.replyCount > 0 && !pane.inThread && message.id !== undefined && (
          <button
            type="button"
            className="parley-thread-link"
            onClick={() => pane.openThread(message.id ?? '')}
          >
            <ThreadIcon size={15} />
            {words.replies(message.thread.replyCount)}
          </button>
        )}
        {state === 'failed' && <Failed message={message} />}
        {state === 'sent' && !choosing && (
          <MessageActions
            message={message}
            onTranslated={setTranslation}
            menuOpen={menuOpen}
            onMenu={setMenuOpen}
          />
        )}
      </div>
    </article>
  )
})

function Quote({ reply }: { reply: NonNullable<ChatMessage['replyTo']> }) {
  const { nameOf, jumpTo } = usePane()
  const words = useWords()
  return (
    <button type="button" className="parley-quote" onClick={() => jumpTo(reply.seq)}>
      <strong>{nameOf(reply.senderId)}</strong>
      <span>{summaryOf(reply.content, words)}</span>
    </button>
  )
}

function Failed({ message }: { message: ChatMessage }) {
  const { conversation } = usePane()
  const words = useWords()
  const { clientMessageId, error } = message
  if (clientMessageId === undefined) return null
  return (
    <div className="parley-failed">
      <span>{errorText(error, words.errors)}</span>
      <button type="button" onClick={() => void conversation.retry(clientMessageId)}>
        <RetryIcon size={14} />
        {words.retry}
      </button>
      <button type="button" onClick={() => conversation.discard(clientMessageId)}>
        <TrashIcon size={14} />
        {words.discard}
      </button>
    </div>
  )
}
