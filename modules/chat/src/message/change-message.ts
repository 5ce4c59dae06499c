import { AppError, type Message, type MessageContent, newId, type StoredContent } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { Database, Transaction } from '@parley/core/store'
import { type ConversationViews, requireVoice } from '../conversation/conversation-views.ts'
import type { ChatPorts } from '../ports.ts'
import { admit } from './admission.ts'
import { type AppendedRun, appendedEvent } from './append.ts'
import { appendChange } from './append-change.ts'
import { withAttachment } from './attachments.ts'
import { type ContentDecorator, type EntryRow, entryColumns, toMessage } from './entry-row.ts'
import { eraseMessage } from './erase.ts'
import { readEntry } from './history.ts'
import { type Actor, lockTarget, requireLiving, requireSender, requireWithin, type Target } from './target.ts'

export type { Actor } from './target.ts'

export interface MessageChangesOptions {
  database: Database
  outbox: Outbox
  ports: ChatPorts
  views: ConversationViews
  decorate: ContentDecorator
  onAppended: (run: AppendedRun) => void
}

/** Edit and recall: the message is rewritten in place, and an entry of the same log says so. */
export class MessageChanges {
  readonly #options: MessageChangesOptions

  constructor(options: MessageChangesOptions) {
    this.#options = options
  }

  async edit(actor: Actor, messageId: string, content: MessageContent): Promise<Message> {
    const { database, ports, views, decorate } = this.#options
    const { editWindowMs } = await ports.projects.settings(actor.projectId)
    const project = database.project(actor.projectId)
    const requireEditable = (message: EntryRow): void => {
      requireLiving(message)
      if (actor.userId === undefined) return
      requireSender(message, actor.userId)
      requireWithin(message, editWindowMs)
    }
    const before = await readEntry(project, messageId, actor.userId)
    requireEditable(before)
    requireOrdinary(before.content)
    requireOrdinary(content)
    const members = await views.latest(actor.projectId, before.conversation_id)
    if (actor.userId !== undefined) requireVoice(members, actor.userId)
    const admitted = await admit(ports.sendGuards, members, {
      senderId: before.sender_id,
      operation: 'edit',
      content,
    })
    if (admitted.type === 'merged-forward') throw new AppError('conflict')
    const stored = await withAttachment(ports.attachments, project, admitted)
    const row = await project.transaction(async (tx) => {
      const target = await lockTarget(tx, actor, messageId)
      requireEditable(target.message)
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
      if (target.message.facts?.packet?.state === 'open')
        throw new AppError('conflict', 'A packet that is open cannot be recalled')
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
    if (content.type === 'recalled')
      return eraseMessage(tx, message, content, this.#options.ports.attachments)
    return rewrite(tx, message, content)
  }
}

/** Puts the new content in place and keeps what was there before as an earlier content (CHAT-58). */
async function rewrite(tx: Transaction, message: EntryRow, content: StoredContent): Promise<EntryRow> {
  const { rows } = await tx.query<EntryRow>({
    text: `with kept as (
        insert into chat.earlier_contents (project_id, message_id, version, content)
        select $1, $5, coalesce(max(version), 0) + 1, $6 from chat.earlier_contents
        where project_id = $1 and message_id = $5
      )
      update chat.entries e set content = $4, edited_at = now()
      where e.project_id = $1 and e.conversation_id = $2 and e.seq = $3
      returning ${entryColumns}`,
    values: [
      message.project_id,
      message.conversation_id,
      message.seq,
      JSON.stringify(content),
      message.id,
      JSON.stringify(message.content),
    ],
  })
  return rows[0] ?? message
}

/** Contents with a life of their own are not edited, nor edited into. */
function requireOrdinary({ type }: { type: string }): void {
  if (type === 'poll' || type === 'packet' || type === 'stream' || type === 'merged-forward')
    throw new AppError('conflict', `A message of type ${type} cannot be edited`)
}
