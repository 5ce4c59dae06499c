import type { Message } from '@parley/contracts'
import { type ChatMessage, isShown, outgoingMessage, storedMessage } from './chat-message.ts'
import type { OutboxEntry, OutboxItem } from './outbox.ts'

export interface ShownFrom {
  userId: string
  entries: readonly Message[]
  at: (seq: number) => Message | undefined
  /** How far the text of a message that is being written has come. */
  textOf: (messageId: string) => string | undefined
  /** Acknowledged by the server, not yet among the entries. */
  settling: readonly OutboxItem[]
  outgoing: readonly OutboxEntry[]
}

/** The lines of a conversation as an application shows them: what is stored, then what is on its way. */
export function listMessages(from: ShownFrom): ChatMessage[] {
  const { userId } = from
  const stored = from.entries.filter(isShown).map((entry) => lineOf(entry, from))
  if (from.settling.length === 0 && from.outgoing.length === 0) return stored
  const known = new Set(stored.flatMap(({ key, senderId }) => (senderId === userId ? [key] : [])))
  const settling = from.settling.map((item) =>
    outgoingMessage({ item, state: 'in-flight', progress: 1 }, userId),
  )
  const outgoing = from.outgoing.map((entry) => outgoingMessage(entry, userId))
  const pending = [...settling, ...outgoing].filter(({ key }) => !known.has(key) && known.add(key))
  return [...stored, ...pending]
}

const lines = new WeakMap<Message, ChatMessage>()

/** The same object as long as nothing of it has changed, so that a list renders again only what did. */
function lineOf(entry: Message, from: ShownFrom): ChatMessage {
  const shown = asShown(entry, from)
  const known = shown === entry ? lines.get(entry) : undefined
  const line = known ?? storedMessage(shown, from.userId)
  if (shown === entry) lines.set(entry, line)
  return line
}

/** A quote shows what has become of its message; a text that is being written shows as far as it came. */
function asShown(entry: Message, { at, textOf }: ShownFrom): Message {
  const quoted = entry.replyTo && at(entry.replyTo.seq)?.content
  const gone = quoted?.type === 'recalled' || quoted?.type === 'expired'
  const shown = gone && entry.replyTo ? { ...entry, replyTo: { ...entry.replyTo, content: quoted } } : entry
  if (shown.content.type !== 'stream' || shown.content.state !== 'open') return shown
  const text = textOf(shown.id)
  return text === undefined ? shown : { ...shown, content: { ...shown.content, text } }
}
