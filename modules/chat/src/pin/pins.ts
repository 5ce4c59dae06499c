import { AppError, type Message, maxPins } from '@parley/contracts'
import type { Queryable } from '@parley/core/store'
import { requireReader } from '../conversation/member-list.ts'
import { type EntryRow, entryColumns, toMessage } from '../message/entry-row.ts'
import type { MessageParts } from '../message/message-parts.ts'
import type { Actor, Target } from '../message/target.ts'
import type { Operations } from '../operations.ts'

/** Pinned messages of a conversation, a bounded number (CHAT-55). */
export class Pins {
  readonly #parts: MessageParts

  constructor(parts: MessageParts) {
    this.#parts = parts
  }

  pin(actor: Actor, messageId: string): Promise<Message> {
    return this.#parts.annotations.change(actor, messageId, async (tx, target) => {
      requirePinner(target)
      const { message } = target
      if (message.facts?.pinned !== undefined) return undefined
      const place = [message.project_id, message.conversation_id]
      if ((await countPins(tx, place)) >= maxPins)
        throw new AppError('limit-exceeded', `A conversation has at most ${maxPins} pinned messages`)
      await tx.query({
        text: 'insert into chat.pins (project_id, conversation_id, seq) values ($1, $2, $3)',
        values: [...place, message.seq],
      })
      const pinned = { userId: actor.userId ?? '', at: new Date().toISOString() }
      return { kind: 'pinned', facts: { pinned } }
    })
  }

  unpin(actor: Actor, messageId: string): Promise<Message> {
    return this.#parts.annotations.change(actor, messageId, async (tx, target) => {
      requirePinner(target)
      const { message } = target
      if (message.facts?.pinned === undefined) return undefined
      await tx.query({
        text: 'delete from chat.pins where project_id = $1 and conversation_id = $2 and seq = $3',
        values: [message.project_id, message.conversation_id, message.seq],
      })
      return { kind: 'unpinned', facts: { pinned: null } }
    })
  }

  async list({ projectId, userId }: Actor, conversationId: string): Promise<Message[]> {
    const { database, decorate } = this.#parts
    const project = database.project(projectId)
    await requireReader(project, conversationId, userId)
    const { rows } = await project.query<EntryRow>({
      text: `select ${entryColumns} from chat.pins p
        join chat.entries e using (project_id, conversation_id, seq)
        left join chat.members m on m.project_id = p.project_id and m.conversation_id = p.conversation_id
          and m.user_id = $3
        where p.project_id = $1 and p.conversation_id = $2
          and ($3::text is null or (m.visible_from_seq <= p.seq and not exists (
            select from chat.hidden_entries h where h.project_id = p.project_id
              and h.conversation_id = p.conversation_id and h.user_id = $3 and h.seq = p.seq)))
        order by p.pinned_at desc, p.seq desc`,
      values: [projectId, conversationId, userId ?? null],
    })
    return rows.map((row) => toMessage(row, decorate))
  }
}

export function registerPins(operations: Operations, parts: MessageParts): void {
  const pins = new Pins(parts)
  operations.forAll('message.pin', (actor, { messageId }) => pins.pin(actor, messageId))
  operations.forAll('message.unpin', (actor, { messageId }) => pins.unpin(actor, messageId))
  operations.forAll('conversation.pins', async (actor, { conversationId }) => ({
    items: await pins.list(actor, conversationId),
  }))
}

function requirePinner({ head, role }: Target): void {
  if (head.type === 'group' && role === 'member')
    throw new AppError('forbidden', 'In groups, owner and admins pin')
}

async function countPins(tx: Queryable, place: readonly unknown[]): Promise<number> {
  const { rows } = await tx.query<{ n: number }>({
    text: 'select count(*)::int as n from chat.pins where project_id = $1 and conversation_id = $2',
    values: place,
  })
  return rows[0]?.n ?? 0
}
