import type { Draft } from '@parley/contracts'
import { AppError } from '@parley/contracts'
import type { Transaction } from '@parley/core/store'
import { NotAMemberError } from '../errors.ts'
import type { MessageParts } from '../message/message-parts.ts'
import type { Operations, UserActor } from '../operations.ts'

const maxHidden = 100_000

/**
 * What concerns one member only and no log knows: drafts, and messages deleted for oneself. The member's other
 * devices hear it live, and those that were away by sync.
 */
export class Overlays {
  readonly #parts: MessageParts

  constructor(parts: MessageParts) {
    this.#parts = parts
  }

  async setDraft(actor: UserActor, conversationId: string, text: string): Promise<Draft | undefined> {
    const { projectId, userId } = actor
    const draft = text === '' ? undefined : { text, updatedAt: new Date().toISOString() }
    await this.#parts.database.project(projectId).transaction(async (tx) => {
      const { rowCount } = await tx.query({
        name: 'chat-set-draft',
        text: `update chat.members set draft = $4
          where project_id = $1 and conversation_id = $2 and user_id = $3 and left_seq is null`,
        values: [projectId, conversationId, userId, draft === undefined ? null : JSON.stringify(draft)],
      })
      if (rowCount === 0) throw new NotAMemberError(userId, conversationId)
      await this.#tellDevices(tx, actor, conversationId)
    })
    const event = { type: 'conversation.draft-changed' as const, conversationId, ...(draft && { draft }) }
    this.#parts.signals.send({ projectId, conversationId, fromUserId: userId, onlyUserId: userId, event })
    return draft
  }

  /** Answers the version that the last of them has. */
  async hide(actor: UserActor, conversationId: string, seqs: readonly number[]): Promise<number> {
    const { projectId, userId } = actor
    const { hiddenVersion, added } = await this.#parts.database.project(projectId).transaction(async (tx) => {
      const { rows } = await tx.query<{ visible_from_seq: number }>({
        text: `update chat.members set hides = true
          where project_id = $1 and conversation_id = $2 and user_id = $3 and left_seq is null
          returning visible_from_seq`,
        values: [projectId, conversationId, userId],
      })
      const [member] = rows
      if (member === undefined) throw new NotAMemberError(userId, conversationId)
      const inserted = await tx.query<{ seq: number }>({
        text: `insert into chat.hidden_entries (project_id, conversation_id, user_id, seq, version)
          select $1, $2, $3, e.seq, coalesce((select max(version) from chat.hidden_entries
            where project_id = $1 and conversation_id = $2 and user_id = $3), 0) + row_number() over (order by e.seq)
          from chat.entries e
          where e.project_id = $1 and e.conversation_id = $2 and e.seq = any($4) and e.seq >= $5 and e.bears_unread
            and not exists (select from chat.hidden_entries h where h.project_id = $1 and h.conversation_id = $2
              and h.user_id = $3 and h.seq = e.seq)
          returning seq`,
        values: [projectId, conversationId, userId, seqs, member.visible_from_seq],
      })
      const { rows: state } = await tx.query<{ version: number | null; n: number }>({
        text: `select max(version) as version, count(*)::int as n from chat.hidden_entries
          where project_id = $1 and conversation_id = $2 and user_id = $3`,
        values: [projectId, conversationId, userId],
      })
      if ((state[0]?.n ?? 0) > maxHidden)
        throw new AppError('limit-exceeded', `At most ${maxHidden} messages are hidden in a conversation`)
      await this.#tellDevices(tx, actor, conversationId)
      return { hiddenVersion: state[0]?.version ?? 0, added: inserted.rows.map(({ seq }) => seq) }
    })
    const event = { type: 'message.hidden' as const, conversationId, seqs: added, hiddenVersion }
    this.#parts.signals.send({ projectId, conversationId, fromUserId: userId, onlyUserId: userId, event })
    return hiddenVersion
  }

  async listHidden(
    { projectId, userId }: UserActor,
    conversationId: string,
    { afterVersion, limit }: { afterVersion: number; limit: number },
  ): Promise<{ seqs: number[]; hiddenVersion: number; more: boolean }> {
    const { rows } = await this.#parts.database
      .project(projectId)
      .query<{ seq: number | null; version: number | null }>({
        text: `select h.seq, h.version from chat.members m
          left join chat.hidden_entries h on h.project_id = m.project_id and h.conversation_id = m.conversation_id
            and h.user_id = m.user_id and h.version > $4
          where m.project_id = $1 and m.conversation_id = $2 and m.user_id = $3 and m.left_seq is null
          order by h.version limit $5`,
        values: [projectId, conversationId, userId, afterVersion, limit + 1],
      })
    if (rows.length === 0) throw new NotAMemberError(userId, conversationId)
    const found = rows.flatMap(({ seq, version }) =>
      seq === null || version === null ? [] : [{ seq, version }],
    )
    const shown = found.slice(0, limit)
    return {
      seqs: shown.map(({ seq }) => seq),
      hiddenVersion: shown.at(-1)?.version ?? afterVersion,
      more: found.length > limit,
    }
  }

  #tellDevices(tx: Transaction, { projectId, userId }: UserActor, conversationId: string): Promise<void> {
    const data = { conversationId, userId }
    const resource = `conversation/${conversationId}`
    return this.#parts.outbox.append(tx, [
      { projectId, resource, type: 'conversation.overlay-changed', data },
    ])
  }
}

export function registerOverlays(operations: Operations, parts: MessageParts): void {
  const overlays = new Overlays(parts)
  operations.forUsers('conversation.draft', async (actor, { conversationId, text }) => {
    const draft = await overlays.setDraft(actor, conversationId, text)
    return draft === undefined ? {} : { draft }
  })
  operations.forUsers('message.hide', async (actor, { conversationId, seqs }) => ({
    hiddenVersion: await overlays.hide(actor, conversationId, seqs),
  }))
  operations.forUsers('conversation.hidden', (actor, { conversationId, ...range }) =>
    overlays.listHidden(actor, conversationId, range),
  )
}
