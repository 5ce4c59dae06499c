import type { Outbox } from '@parley/core/outbox'
import type { Database, Transaction } from '@parley/core/store'
import type { UserDirectory } from '../ports.ts'
import { directConversationId } from './direct-id.ts'
import { insertMembers } from './member-rows.ts'

const maxRemembered = 100_000

/** Makes direct conversations on first use. */
export class DirectConversations {
  readonly #database: Database
  readonly #outbox: Outbox
  readonly #users: UserDirectory
  readonly #known = new Set<string>()

  constructor(options: { database: Database; outbox: Outbox; users: UserDirectory }) {
    this.#database = options.database
    this.#outbox = options.outbox
    this.#users = options.users
  }

  /** The id of the conversation, which exists afterwards. Throws `user-not-found`. */
  async open(
    projectId: string,
    userId: string,
    peerId: string,
    id = directConversationId(userId, peerId),
  ): Promise<string> {
    const key = `${projectId}/${id}`
    if (this.#known.has(key)) return id
    const memberIds = [...new Set([userId, peerId])].sort()
    await this.#users.ensure(this.#database.project(projectId), memberIds)
    await this.#insert(projectId, id, memberIds)
    if (this.#known.size >= maxRemembered) this.#known.clear()
    this.#known.add(key)
    return id
  }

  /** As `open`, without trusting what this process remembers: one of the two may have been erased and come back. */
  reopen(projectId: string, userId: string, peerId: string): Promise<string> {
    const id = directConversationId(userId, peerId)
    this.#known.delete(`${projectId}/${id}`)
    return this.open(projectId, userId, peerId, id)
  }

  #insert(projectId: string, id: string, memberIds: string[]): Promise<void> {
    return this.#database.project(projectId).transaction(async (tx) => {
      const { rowCount } = await tx.query({
        name: 'chat-insert-direct',
        text: `insert into chat.conversations (project_id, id, type, direct_users, history_from_start, member_count)
          values ($1, $2, 'direct', $3, true, $4) on conflict do nothing`,
        values: [projectId, id, memberIds, memberIds.length],
      })
      if (rowCount === 0) return readmit(tx, projectId, id, memberIds)
      await tx.query({
        name: 'chat-insert-direct-members',
        text: `insert into chat.members (project_id, conversation_id, user_id, role, joined_seq, visible_from_seq)
          select $1, $2, user_id, 'member', 0, 1 from unnest($3::text[]) as u (user_id)`,
        values: [projectId, id, memberIds],
      })
      const data = { conversationId: id, type: 'direct' as const, memberIds }
      await this.#outbox.append(tx, [
        { projectId, resource: `conversation/${id}`, type: 'conversation.created', data },
      ])
    })
  }
}

/** Whoever uses the id of an erased user begins after what was said with that one. */
async function readmit(
  tx: Transaction,
  projectId: string,
  id: string,
  memberIds: readonly string[],
): Promise<void> {
  const { rows } = await tx.query<{ head_seq: number; version: number }>({
    text: `update chat.conversations set direct_users = $3, version = version + 1
      where project_id = $1 and id = $2 and type = 'direct' and direct_users <> $3 returning head_seq, version`,
    values: [projectId, id, memberIds],
  })
  const [head] = rows
  if (head === undefined) return
  const { rows: present } = await tx.query<{ user_id: string }>({
    text: `update chat.members set left_seq = case when user_id = any($3) then left_seq else $4 end, changed_version = $5
      where project_id = $1 and conversation_id = $2 and left_seq is null returning user_id`,
    values: [projectId, id, memberIds, head.head_seq + 1, head.version],
  })
  const there = new Set(present.map((row) => row.user_id))
  await insertMembers(tx, {
    ...{ projectId, id, userIds: memberIds.filter((userId) => !there.has(userId)), role: 'member' },
    ...{ seq: head.head_seq, visibleFromSeq: head.head_seq + 1, version: head.version },
  })
}
