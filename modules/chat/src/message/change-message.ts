import { AppError, type Message, type MessageContent, newId, type StoredContent } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { Database, Transaction } from '@parley/core/store'
import { MessageNotFoundError, NotAMemberError } from '../errors.ts'
import type { ChatPorts } from '../ports.ts'
import { type AppendedRun, appendedEvent } from './append.ts'
import { appendChange } from './append-change.ts'
import { withAttachment } from './attachments.ts'
import { type ContentDecorator, type EntryRow, entryColumns, toMessage } from './entry-row.ts'
import { keyOf, type LockedHead, lockHeads } from './log.ts'

/** Who changes a message: a user, or the customer's server with an API key (no user named). */
export interface Actor {
  projectId: string
  userId: string | undefined
}

export interface MessageChangesOptions {
  database: Database
  outbox: Outbox
  ports: ChatPorts
  decorate: ContentDecorator
  onAppended: (run: AppendedRun) => void
}

interface Target {
  message: EntryRow
  head: LockedHead
  /** Role of the acting user; absent for the customer's server. */
  role: string | undefined
}

/** Edit and recall: the message is rewritten in place, and an entry of the same log says so. */
export class MessageChanges {
  readonly #options: MessageChangesOptions

  constructor(options: MessageChangesOptions) {
    this.#options = options
  }

  async edit(actor: Actor, messageId: string, content: MessageContent): Promise<Message> {
    const { database, ports, decorate } = this.#options
    const { editWindowMs } = await ports.projects.settings(actor.projectId)
    const project = database.project(actor.projectId)
    const stored = await withAttachment(ports.attachments, project, content)
    const row = await project.transaction(async (tx) => {
      const target = await lockTarget(tx, actor, messageId)
      requireLiving(target.message)
      if (actor.userId !== undefined) {
        requireSender(target.message, actor.userId)
        requireWithin(target.message, editWindowMs)
      }
      return this.#apply(tx, actor, target, stored, 'edit')
    })
    return toMessage(row, decorate)
  }

  /** The sender within the window; an owner, an admin or the server at any time. Recalled again answers the same. */
  async recall(actor: Actor, messageId: string): Promise<Message> {
    const { database, ports, decorate } = this.#options
    const { recallWindowMs } = await ports.projects.settings(actor.projectId)
    const row = await database.project(actor.projectId).transaction(async (tx) => {
      const target = await lockTarget(tx, actor, messageId)
      if (target.message.recalled_at !== null) return target.message
      if (actor.userId !== undefined && target.role === 'member') {
        requireSender(target.message, actor.userId)
        requireWithin(target.message, recallWindowMs)
      }
      return this.#apply(tx, actor, target, { type: 'recalled' }, 'recall')
    })
    return toMessage(row, decorate)
  }

  async #apply(
    tx: Transaction,
    actor: Actor,
    { message, head }: Target,
    content: StoredContent,
    change: 'edit' | 'recall',
  ): Promise<EntryRow> {
    const { outbox, onAppended } = this.#options
    const target = { targetId: message.id, targetSeq: message.seq }
    const run = await appendChange(tx, head, {
      id: newId('message'),
      senderId: actor.userId ?? '',
      content: change === 'edit' ? { type: 'edit', ...target, content } : { type: 'recall', ...target },
    })
    await outbox.append(tx, [appendedEvent(run)])
    tx.afterCommit(() => onAppended(run))
    return rewrite(tx, message, content, change)
  }
}

async function lockTarget(tx: Transaction, actor: Actor, messageId: string): Promise<Target> {
  const conversationId = await conversationOf(tx, actor.projectId, messageId)
  const heads = await lockHeads(tx, [{ projectId: actor.projectId, conversationId }])
  const head = heads.get(keyOf(actor.projectId, conversationId))
  if (head === undefined) throw new MessageNotFoundError(messageId)
  const { rows } = await tx.query<EntryRow & { role: string | null }>({
    text: `select ${entryColumns}, m.role from chat.entries e
      left join chat.members m on m.project_id = e.project_id and m.conversation_id = e.conversation_id
        and m.user_id = $3 and m.left_seq is null and m.visible_from_seq <= e.seq
      where e.project_id = $1 and e.id = $2 and e.bears_unread`,
    values: [actor.projectId, messageId, actor.userId ?? null],
  })
  const [message] = rows
  if (message === undefined) throw new MessageNotFoundError(messageId)
  if (actor.userId === undefined) return { message, head, role: undefined }
  if (message.role === null) throw new MessageNotFoundError(messageId)
  return { message, head, role: message.role }
}

async function conversationOf(tx: Transaction, projectId: string, messageId: string): Promise<string> {
  const { rows } = await tx.query<{ conversation_id: string }>({
    text: 'select conversation_id from chat.entries where project_id = $1 and id = $2',
    values: [projectId, messageId],
  })
  const [row] = rows
  if (row === undefined) throw new MessageNotFoundError(messageId)
  return row.conversation_id
}

function requireSender(message: EntryRow, userId: string): void {
  if (message.sender_id !== userId) throw new AppError('forbidden', 'Only the sender may do this')
}

function requireLiving(message: EntryRow): void {
  if (message.recalled_at !== null) throw new AppError('message-recalled')
}

function requireWithin(message: EntryRow, windowMs: number): void {
  if (Date.now() - message.created_at.getTime() > windowMs) throw new AppError('recall-window-passed')
}

async function rewrite(
  tx: Transaction,
  message: EntryRow,
  content: StoredContent,
  change: 'edit' | 'recall',
): Promise<EntryRow> {
  const moment = change === 'edit' ? 'edited_at' : 'recalled_at'
  const { rows } = await tx.query<EntryRow>({
    text: `update chat.entries e set content = $4, ${moment} = now()
      where e.project_id = $1 and e.conversation_id = $2 and e.seq = $3
      returning ${entryColumns}`,
    values: [message.project_id, message.conversation_id, message.seq, JSON.stringify(content)],
  })
  const [row] = rows
  if (row === undefined) throw new NotAMemberError(message.sender_id, message.conversation_id)
  if (change === 'recall') await emptyEarlierEdits(tx, message)
  return row
}

/** A recalled message leaves no trace of its text: entries of earlier edits are emptied with it. */
async function emptyEarlierEdits(tx: Transaction, message: EntryRow): Promise<void> {
  if (message.edited_at === null) return
  await tx.query({
    text: `update chat.entries set content = jsonb_set(content, '{content}', '{"type":"recalled"}')
      where project_id = $1 and conversation_id = $2 and seq > $3
        and content->>'type' = 'edit' and content->>'targetId' = $4`,
    values: [message.project_id, message.conversation_id, message.seq, message.id],
  })
}
