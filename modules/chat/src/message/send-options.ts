import { AppError, type MessageFacts, type SendOptions } from '@parley/contracts'
import type { ProjectScope } from '@parley/core/store'
import type { ConversationMembers } from '../conversation/conversation-views.ts'
import { MessageNotFoundError } from '../errors.ts'
import { quoteOf } from './copy.ts'
import type { EntryRow } from './entry-row.ts'
import { readEntry } from './history.ts'
import type { EntryExtras } from './log.ts'

/** What a send refers to and how long it lives. Nothing is looked up for a send that says nothing of it. */
export async function resolveOptions(
  project: ProjectScope,
  members: ConversationMembers,
  senderId: string,
  { replyToId, threadRootId, expiresAfterMs, burnAfterReadMs }: SendOptions,
): Promise<EntryExtras | undefined> {
  const expires = expiresAfterMs ?? members.expiry?.expiresAfterMs
  const burns = burnAfterReadMs ?? members.expiry?.burnAfterReadMs
  const facts: MessageFacts = {}
  const extras: EntryExtras = {
    ...(expires !== undefined && { expiresAfterMs: expires }),
    ...(burns !== undefined && { burnAfterReadMs: burns }),
  }
  if (replyToId !== undefined) {
    const quoted = await readTarget(project, members, senderId, replyToId)
    if (quoted.recalled_at !== null) throw new AppError('message-recalled')
    const { id: messageId, seq, sender_id } = quoted
    facts.replyTo = { messageId, seq, senderId: sender_id, content: quoteOf(quoted.content) }
    extras.replyToSeq = seq
  }
  if (threadRootId !== undefined) {
    const root = await readTarget(project, members, senderId, threadRootId)
    if (root.thread_root_seq) throw new AppError('conflict', 'A reply in a thread has no thread of its own')
    facts.threadRootId = root.id
    extras.threadRootSeq = root.seq
  }
  if (Object.keys(facts).length > 0) extras.facts = facts
  return Object.keys(extras).length > 0 ? extras : undefined
}

async function readTarget(
  project: ProjectScope,
  members: ConversationMembers,
  senderId: string,
  messageId: string,
): Promise<EntryRow> {
  const row = await readEntry(project, messageId, senderId)
  const unknown = row.conversation_id !== members.conversationId || !row.bears_unread
  // What the sender deleted for themselves is gone for them.
  if (unknown || row.content.type === 'hidden') throw new MessageNotFoundError(messageId)
  return row
}

/** The options among the fields of a request; undefined when it has none. */
export function optionsIn(request: SendOptions): SendOptions | undefined {
  const { replyToId, threadRootId, expiresAfterMs, burnAfterReadMs } = request
  if (
    replyToId === undefined &&
    threadRootId === undefined &&
    expiresAfterMs === undefined &&
    burnAfterReadMs === undefined
  )
    return undefined
  return { replyToId, threadRootId, expiresAfterMs, burnAfterReadMs }
}
