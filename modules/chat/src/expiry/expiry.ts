import { AppError, type MessageExpiry, newId } from '@parley/contracts'
import type { StoredEvent } from '@parley/core/outbox'
import { ConversationNotFoundError, NotAMemberError } from '../errors.ts'
import { appendedEvent } from '../message/append.ts'
import { appendChange } from '../message/append-change.ts'
import { type EntryRow, entryColumns } from '../message/entry-row.ts'
import { eraseMessage } from '../message/erase.ts'
import { keyOf, lockHeads, numberEntries, writeEntries } from '../message/log.ts'
import type { MessageParts } from '../message/message-parts.ts'
import type { Actor } from '../message/target.ts'
import type { Operations } from '../operations.ts'

export const burnConsumer = 'chat-burn'
const eraseAtOnce = 500

/** Messages whose time is over are erased in place, and an entry of the log says so (CHAT-61, CHAT-62). */
export class Expiry {
  readonly #parts: MessageParts

  constructor(parts: MessageParts) {
    this.#parts = parts
  }

  /** How long messages sent from now on live, unless they say otherwise. */
  async set(actor: Actor, conversationId: string, expiry: MessageExpiry): Promise<MessageExpiry> {
    const { database, outbox, onAppended } = this.#parts
    const { projectId, userId } = actor
    return database.project(projectId).transaction(async (tx) => {
      const heads = await lockHeads(tx, [{ projectId, conversationId }])
      const head = heads.get(keyOf(projectId, conversationId))
      if (head === undefined) throw new ConversationNotFoundError(conversationId)
      if (userId !== undefined) {
        const { rows } = await tx.query<{ role: string }>({
          text: `select role from chat.members
            where project_id = $1 and conversation_id = $2 and user_id = $3 and left_seq is null`,
          values: [projectId, conversationId, userId],
        })
        const role = rows[0]?.role
        if (role === undefined) throw new NotAMemberError(userId, conversationId)
        if (head.type === 'group' && role === 'member')
          throw new AppError('forbidden', 'In groups, owner and admins decide how long messages live')
      }
      const { expiresAfterMs, burnAfterReadMs } = expiry
      await tx.query({
        text: `update chat.conversations set expires_after_ms = $3, burn_after_ms = $4
          where project_id = $1 and id = $2`,
        values: [projectId, conversationId, expiresAfterMs ?? null, burnAfterReadMs ?? null],
      })
      head.version += 1
      const messageExpiry = {
        ...(expiresAfterMs !== undefined && { expiresAfterMs }),
        ...(burnAfterReadMs !== undefined && { burnAfterReadMs }),
      }
      const run = await appendChange(tx, head, {
        id: newId('message'),
        senderId: userId ?? '',
        content: { type: 'expiry-changed', messageExpiry },
      })
      await outbox.append(tx, [appendedEvent(run)])
      tx.afterCommit(() => onAppended(run))
      return messageExpiry
    })
  }

  /** Erases what is due, a bounded number at a time; answers how many. Any process may do it at any time. */
  async eraseDue(): Promise<number> {
    const { rows } = await this.#parts.database.system.query<{
      project_id: string
      conversation_id: string
      seqs: number[]
    }>({
      name: 'chat-due-entries',
      text: `select project_id, conversation_id, array_agg(seq order by seq) as seqs from (
          select project_id, conversation_id, seq from chat.entries
          where expires_at <= now() and recalled_at is null order by expires_at limit ${eraseAtOnce}
        ) due group by 1, 2`,
    })
    let erased = 0
    for (const row of rows) erased += await this.#erase(row.project_id, row.conversation_id, row.seqs)
    return erased
  }

  /** A read of somebody else starts the timers of what burns after reading. */
  async startTimers(events: readonly StoredEvent[]): Promise<void> {
    const reads = events.map(({ projectId, data }) => ({
      projectId,
      ...(data as { conversationId: string; userId: string; readSeq: number }),
    }))
    await this.#parts.database.system.query({
      name: 'chat-start-burning',
      text: `with due as (
          select e.project_id, e.conversation_id, e.seq
          from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as r (project_id, conversation_id, user_id, seq)
          join chat.members m using (project_id, conversation_id, user_id)
          join chat.entries e on e.project_id = r.project_id and e.conversation_id = r.conversation_id
            and e.seq <= r.seq and e.seq >= m.visible_from_seq and e.sender_id <> r.user_id
          where e.burn_after_ms is not null and e.recalled_at is null
          group by 1, 2, 3
        )
        update chat.entries e set burn_after_ms = null,
          expires_at = least(coalesce(e.expires_at, 'infinity'), now() + e.burn_after_ms * interval '1 millisecond')
        from due d
        where (e.project_id, e.conversation_id, e.seq) = (d.project_id, d.conversation_id, d.seq)
          and e.burn_after_ms is not null and e.recalled_at is null`,
      values: [
        reads.map((read) => read.projectId),
        reads.map((read) => read.conversationId),
        reads.map((read) => read.userId),
        reads.map((read) => read.readSeq),
      ],
    })
  }

  #erase(projectId: string, conversationId: string, seqs: readonly number[]): Promise<number> {
    const { database, outbox, onAppended } = this.#parts
    return database.project(projectId).transaction(async (tx) => {
      const heads = await lockHeads(tx, [{ projectId, conversationId }])
      const head = heads.get(keyOf(projectId, conversationId))
      const { rows: due } = await tx.query<EntryRow>({
        text: `select ${entryColumns} from chat.entries e
          where e.project_id = $1 and e.conversation_id = $2 and e.seq = any($3)
            and e.expires_at <= now() and e.recalled_at is null order by e.seq`,
        values: [projectId, conversationId, seqs],
      })
      if (head === undefined || due.length === 0) return 0
      for (const message of due)
        await eraseMessage(tx, message, { type: 'expired' }, this.#parts.ports.attachments)
      const entries = due.map(({ id, seq }) => ({
        projectId,
        conversationId,
        id: newId('message'),
        senderId: '',
        clientMessageId: null,
        bearsUnread: false,
        content: { type: 'expire' as const, targetId: id, targetSeq: seq },
      }))
      const rows = numberEntries(entries, heads, new Date())
      await writeEntries(tx, rows, heads)
      const run = { projectId, conversationId, version: head.version, rows }
      await outbox.append(tx, [appendedEvent(run)])
      tx.afterCommit(() => onAppended(run))
      return due.length
    })
  }
}

export function registerExpiry(operations: Operations, expiry: Expiry): void {
  operations.forAll('conversation.expiry', (actor, { conversationId, ...change }) =>
    expiry.set(actor, conversationId, change),
  )
}
