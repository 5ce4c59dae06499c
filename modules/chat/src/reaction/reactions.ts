import { AppError, type Message, type ReactionCount } from '@parley/contracts'
import { decodeRowCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { MessageParts } from '../message/message-parts.ts'
import type { Operations, UserActor } from '../operations.ts'

const maxEmojis = 50
/** So many of those who reacted stand in the message itself; the rest is listed. */
const maxNamed = 20

export interface Reaction {
  emoji: string
  userId: string
  createdAt: string
}

/** Reactions: a row for each user and emoji, counts in the message, an entry for each change (CHAT-53). */
export class Reactions {
  readonly #parts: MessageParts

  constructor(parts: MessageParts) {
    this.#parts = parts
  }

  add(actor: UserActor, messageId: string, emoji: string): Promise<Message> {
    const { projectId, userId } = actor
    return this.#parts.annotations.change(actor, messageId, async (tx, { message }) => {
      const reactions = message.facts?.reactions ?? []
      const known = reactions.find((reaction) => reaction.emoji === emoji)
      if (known === undefined && reactions.length >= maxEmojis)
        throw new AppError('limit-exceeded', `A message takes at most ${maxEmojis} different reactions`)
      const { rowCount } = await tx.query({
        name: 'chat-add-reaction',
        text: `insert into chat.reactions (project_id, message_id, emoji, user_id) values ($1, $2, $3, $4)
          on conflict do nothing`,
        values: [projectId, messageId, emoji, userId],
      })
      if (rowCount === 0) return undefined
      return { kind: 'reaction-added', emoji, facts: { reactions: withOne(reactions, emoji, userId) } }
    })
  }

  remove(actor: UserActor, messageId: string, emoji: string): Promise<Message> {
    const { projectId, userId } = actor
    return this.#parts.annotations.change(actor, messageId, async (tx, { message }) => {
      const { rowCount } = await tx.query({
        name: 'chat-remove-reaction',
        text: `delete from chat.reactions where project_id = $1 and message_id = $2 and emoji = $3 and user_id = $4`,
        values: [projectId, messageId, emoji, userId],
      })
      if (rowCount === 0) return undefined
      const left = withoutOne(message.facts?.reactions ?? [], emoji, userId)
      return { kind: 'reaction-removed', emoji, facts: { reactions: left.length > 0 ? left : null } }
    })
  }

  async list(
    actor: { projectId: string; userId: string | undefined },
    messageId: string,
    { emoji, limit, cursor }: PageRequest & { emoji?: string | undefined },
  ): Promise<Page<Reaction>> {
    const { history, database } = this.#parts
    await history.get(actor.projectId, messageId, actor.userId)
    const [afterEmoji, afterUser] = decodeRowCursor(cursor, ['text', 'text']) ?? ['', '']
    const { rows } = await database
      .project(actor.projectId)
      .query<{ emoji: string; user_id: string; created_at: Date }>({
        text: `select emoji, user_id, created_at from chat.reactions
          where project_id = $1 and message_id = $2 and ($3::text is null or emoji = $3)
            and (emoji, user_id) > ($4, $5)
          order by emoji, user_id limit $6`,
        values: [actor.projectId, messageId, emoji ?? null, afterEmoji, afterUser, limit + 1],
      })
    return toPage(rows, limit, {
      keyOf: (row) => [row.emoji, row.user_id],
      itemOf: (row) => ({ emoji: row.emoji, userId: row.user_id, createdAt: row.created_at.toISOString() }),
    })
  }
}

export function registerReactions(operations: Operations, parts: MessageParts): void {
  const reactions = new Reactions(parts)
  operations.forUsers('message.react', (actor, { messageId, emoji }) =>
    reactions.add(actor, messageId, emoji),
  )
  operations.forUsers('message.unreact', (actor, { messageId, emoji }) =>
    reactions.remove(actor, messageId, emoji),
  )
  operations.forAll('message.reactions', (actor, { messageId, ...page }) =>
    reactions.list(actor, messageId, page),
  )
}

function withOne(reactions: readonly ReactionCount[], emoji: string, userId: string): ReactionCount[] {
  if (!reactions.some((reaction) => reaction.emoji === emoji))
    return [...reactions, { emoji, count: 1, userIds: [userId] }]
  return reactions.map((reaction) =>
    reaction.emoji === emoji
      ? {
          emoji,
          count: reaction.count + 1,
          userIds: reaction.userIds.length < maxNamed ? [...reaction.userIds, userId] : reaction.userIds,
        }
      : reaction,
  )
}

function withoutOne(reactions: readonly ReactionCount[], emoji: string, userId: string): ReactionCount[] {
  return reactions.flatMap((reaction) => {
    if (reaction.emoji !== emoji) return [reaction]
    if (reaction.count <= 1) return []
    return [{ emoji, count: reaction.count - 1, userIds: reaction.userIds.filter((id) => id !== userId) }]
  })
}
