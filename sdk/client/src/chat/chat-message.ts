import type { EntryContent, Message } from '@parley/contracts'
import type { ParleyError } from '../parley-error.ts'
import type { OutboxEntry } from './outbox.ts'

/**
 * A line of a conversation as an application shows it: a stored entry, or a message of this client on its way.
 * `key` stays the same from the first to the last state.
 */
export interface ChatMessage {
  key: string
  state: 'sending' | 'sent' | 'failed'
  senderId: string
  content: EntryContent
  /** RFC 3339; the local clock's until the server has stored it. */
  createdAt: string
  id?: string
  seq?: number
  clientMessageId?: string
  editedAt?: string
  recalledAt?: string
  /** The file itself while it is on its way, for a preview. */
  file?: Blob
  /** Share of the file that is uploaded, 0 to 1. */
  progress?: number
  error?: ParleyError
}

/** Edits and recalls show in the message they change, not as lines of their own. */
export function isShown({ content }: Message): boolean {
  return content.type !== 'edit' && content.type !== 'recall'
}

/** True for an entry that somebody wrote, as against one that tells of members or profile. */
export function isMessage(entry: Message): boolean {
  return isMessageContent(entry.content)
}

function isMessageContent({ type }: EntryContent): boolean {
  return type === 'text' || type === 'image' || type === 'file' || type === 'custom' || type === 'recalled'
}

export function storedMessage(entry: Message, userId: string): ChatMessage {
  const { id, seq, senderId, clientMessageId, content, createdAt, editedAt, recalledAt } = entry
  const own = senderId === userId && clientMessageId
  return {
    key: own || id,
    state: 'sent',
    id,
    seq,
    senderId,
    content,
    createdAt,
    ...(clientMessageId && { clientMessageId }),
    ...(editedAt && { editedAt }),
    ...(recalledAt && { recalledAt }),
  }
}

export function outgoingMessage({ item, state, progress, error }: OutboxEntry, userId: string): ChatMessage {
  return {
    key: item.clientMessageId,
    clientMessageId: item.clientMessageId,
    state: state === 'failed' ? 'failed' : 'sending',
    senderId: userId,
    content: item.content ?? contentOfFile(item.file),
    createdAt: item.createdAt,
    ...(item.file && { file: item.file.blob, progress }),
    ...(error && { error }),
  }
}

function contentOfFile(file: OutboxEntry['item']['file']): EntryContent {
  const { name = '', contentType = '', blob, width, height, caption } = file ?? {}
  const attachment = { name, contentType, sizeBytes: blob?.size ?? 0 }
  const common = { objectId: '', attachment, ...(caption && { caption }) }
  if (!isImage(contentType)) return { type: 'file', ...common }
  return { type: 'image', ...common, ...(width && { width }), ...(height && { height }) }
}

/** Images every browser can show; anything else is a file. */
export function isImage(contentType: string): boolean {
  return /^image\/(png|jpeg|gif|webp|avif)$/.test(contentType)
}
