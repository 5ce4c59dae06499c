import { AppError } from '@parley/contracts'
import type { Transaction } from '@parley/core/store'
import { MessageNotFoundError } from '../errors.ts'
import { type EntryRow, entryColumns } from './entry-row.ts'
import { keyOf, type LockedHead, lockHeads } from './log.ts'

/** Who changes a message: a user, or the customer's server with an API key (no user named). */
export interface Actor {
  projectId: string
  userId: string | undefined
}

export interface Target {
  message: EntryRow
  head: LockedHead
  /** Role of the acting user; absent for the customer's server. */
  role: string | undefined
}

/**
 * Locks the conversation of a message and reads the message under it. Throws `message-not-found` for what the actor
 * may not see.
 */
export async function lockTarget(tx: Transaction, actor: Actor, messageId: string): Promise<Target> {
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

export function requireSender(message: EntryRow, userId: string): void {
  if (message.sender_id !== userId) throw new AppError('forbidden', 'Only the sender may do this')
}

export function requireLiving(message: EntryRow): void {
  if (message.recalled_at !== null) throw new AppError('message-recalled')
}

export function requireWithin(message: EntryRow, windowMs: number): void {
  if (Date.now() - message.created_at.getTime() > windowMs) throw new AppError('recall-window-passed')
}
