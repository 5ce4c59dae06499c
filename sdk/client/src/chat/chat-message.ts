import type { EntryContent, Message, MessageFacts } from '@parley/contracts'
import type { ParleyError } from '../parley-error.ts'
import { changesMessage } from './message-change.ts'
import type { OutboxEntry } from './outbox.ts'

/**
 * A line of a conversation as an application shows it: a stored entry, or a message of this client on its way.
 * `key` stays the same from the first to the last state.
 */
export interface ChatMessage extends MessageFacts {
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
  /** When it is erased. */
  expiresAt?: string
  /** The file itself while it is on its way, for a preview. */
  file?: Blob
  /** Share of the file that is uploaded, 0 to 1. */
  progress?: number
  error?: ParleyError
}

/** Changes show in the message they change, not as lines of their own; what the user deleted shows nowhere. */
export function isShown({ content }: Message): boolean {
  return !changesMessage(content) && content.type !== 'hidden'
}

/** True for an entry that somebody wrote, as against one that tells of members or profile. */
export function isMessage(entry: Message): boolean {
  return isMessageContent(entry.content)
}

const messageTypes = new Set<EntryContent['type']>([
  'text',
  'image',
  'file',
  'voice',
  'video',
  'location',
  'contact',
  'sticker',
  'merged-forward',
  'poll',
  'packet',
  'stream',
  'custom',
  'recalled',
  'expired',
  'hidden',
])

function isMessageContent({ type }: EntryContent): boolean {
  return messageTypes.has(type)
}

/** False for what is no more: it does not count as unread. */
export function isLiving({ content }: Message): boolean {
  return content.type !== 'recalled' && content.type !== 'expired' && content.type !== 'hidden'
}

export function storedMessage(entry: Message, userId: string): ChatMessage {
  const { conversationId: _, messageNo: _no, burnAfterReadMs: _burn, ...shown } = entry
  const own = entry.senderId === userId && entry.clientMessageId
  return { key: own || entry.id, state: 'sent', ...shown } as ChatMessage
}

export function outgoingMessage({ item, state, progress, error }: OutboxEntry, userId: string): ChatMessage {
  return {
    key: item.clientMessageId,
    clientMessageId: item.clientMessageId,
    state: state === 'failed' ? 'failed' : 'sending',
    senderId: userId,
    content: (item.content ?? contentOfFile(item.file)) as EntryContent,
    createdAt: item.createdAt,
    ...(item.options?.threadRootId && { threadRootId: item.options.threadRootId }),
    ...(item.file && { file: item.file.blob, progress }),
    ...(error && { error }),
  }
}

function contentOfFile(file: OutboxEntry['item']['file']): EntryContent {
  const { name = '', contentType = '', blob, width, height, caption } = file ?? {}
  const attachment = { name, contentType, sizeBytes: blob?.size ?? 0 }
  const size = { ...(width && { width }), ...(height && { height }) }
  const common = { objectId: '', attachment, ...(caption && { caption }) }
  if (file?.voice) return { type: 'voice', ...common, ...file.voice }
  if (file?.video) return { type: 'video', ...common, ...size, ...file.video }
  return isImage(contentType) ? { type: 'image', ...common, ...size } : { type: 'file', ...common }
}

/** Images every browser can show; anything else is a file. */
export function isImage(contentType: string): boolean {
  return /^image\/(png|jpeg|gif|webp|avif)$/.test(contentType)
}
