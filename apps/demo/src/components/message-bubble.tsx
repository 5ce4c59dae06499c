import type { ChatMessage, Conversation, Parley } from '@parley/client'
import { useState } from 'react'
import type { NameOf } from '../view-models/use-names.ts'
import type { Row } from '../view-models/use-thread.ts'
import { useLocale, useWords } from '../words/words.ts'
import { FileCard, ImageCard } from './attachment.tsx'
import { Avatar } from './avatar.tsx'
import { clock } from './format.ts'
import { IconButton } from './icon-button.tsx'
import { CopyIcon, EditIcon, RecallIcon, RetryIcon, TrashIcon } from './icons.tsx'
import { MessageState } from './message-state.tsx'
import { RichText } from './rich-text.tsx'
import { useErrorToast, useToast } from './toasts.tsx'

interface MessageBubbleProps {
  parley: Parley
  conversation: Conversation
  row: Extract<Row, { kind: 'message' }>
  nameOf: NameOf
  onView: (message: ChatMessage) => void
  onEdit: (message: ChatMessage) => void
}

export function MessageBubble(props: MessageBubbleProps) {
  const { conversation, row, nameOf } = props
  const { message, own, first, last } = row
  const words = useWords()
  const locale = useLocale()
  const [active, setActive] = useState(false)
  const isGroup = conversation.view?.type === 'group'
  const name = nameOf(message.senderId)
  const { content } = message
  const bare = content.type === 'image' && !content.caption
  return (
    <div
      className="row"
      data-own={own || undefined}
      data-first={first || undefined}
      data-last={last || undefined}
      data-state={message.state}
      data-active={active || undefined}
      onPointerUp={(event) => {
        if (event.pointerType !== 'mouse') setActive(!active)
      }}
      onBlur={() => setActive(false)}
    >
      {!own &&
        (last ? <Avatar id={message.senderId} name={name} size={28} /> : <span className="avatar-gap" />)}
      <div className="bubble-column">
        {!own && isGroup && first && <span className="sender">{name}</span>}
        <div className="bubble" data-bare={bare || undefined}>
          <Content {...props} />
          <span className="meta">
            {message.editedAt && <span>{words.edited}</span>}
            <time dateTime={message.createdAt}>{clock(message.createdAt, locale)}</time>
            {own && <MessageState message={message} {...(row.receipt && { receipt: row.receipt })} />}
          </span>
        </div>
        {message.state === 'failed' && <Failed {...props} />}
        {message.state === 'sent' && <Actions {...props} />}
      </div>
    </div>
  )
}

function Content({ conversation, row: { message }, onView }: MessageBubbleProps) {
  const words = useWords()
  const { content } = message
  switch (content.type) {
    case 'text':
      return <RichText text={content.text} />
    case 'image':
      return (
        <>
          <ImageCard conversation={conversation} message={message} onView={() => onView(message)} />
          {content.caption && <RichText text={content.caption} />}
        </>
      )
    case 'file':
      return (
        <>
          <FileCard conversation={conversation} message={message} />
          {content.caption && <RichText text={content.caption} />}
        </>
      )
    case 'custom':
      return <RichText text={content.summary ?? words.unknownContent} />
    default:
      return null
  }
}

function Actions({ conversation, row: { message, own }, onEdit }: MessageBubbleProps) {
  const words = useWords()
  const toast = useToast()
  const onFailed = useErrorToast()
  const { id, content } = message
  if (id === undefined) return null
  const copy = (text: string) => {
    navigator.clipboard?.writeText(text).then(() => toast(words.copied), onFailed)
  }
  return (
    <div className="actions" role="toolbar" aria-label={words.actions}>
      {content.type === 'text' && (
        <IconButton label={words.copy} onClick={() => copy(content.text)}>
          <CopyIcon size={16} />
        </IconButton>
      )}
      {own && content.type === 'text' && (
        <IconButton label={words.edit} onClick={() => onEdit(message)}>
          <EditIcon size={16} />
        </IconButton>
      )}
      {own && (
        <IconButton label={words.recall} onClick={() => void conversation.recall(id).catch(onFailed)}>
          <RecallIcon size={16} />
        </IconButton>
      )}
    </div>
  )
}

function Failed({ conversation, row: { message } }: MessageBubbleProps) {
  const words = useWords()
  const { clientMessageId, error } = message
  if (clientMessageId === undefined) return null
  const code = error?.code ?? 'other'
  const why = code in words.errors ? words.errors[code as keyof typeof words.errors] : words.errors.other
  return (
    <div className="failed">
      <span>{why}</span>
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
