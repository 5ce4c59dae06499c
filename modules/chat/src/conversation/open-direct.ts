import type { Outbox } from '@parley/core/outbox'
import type { Database } from '@parley/core/store'
import type { UserDirectory } from '../ports.ts'
import { directConversationId } from './direct-id.ts'

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

  #insert(projectId: string, id: string, memberIds: string[]): Promise<void> {
    return this.#database.project(projectId).transaction(async (tx) => {
      const { rowCount } = await tx.query({
        name: 'chat-insert-direct',
        text: `insert into chat.conversations (project_id, id, type, direct_users, history_from_start, member_count)
          values ($1, $2, 'direct', $3, true, $4) on conflict do nothing`,
        values: [projectId, id, memberIds, memberIds.length],
      })
      if (rowCount === 0) return
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
