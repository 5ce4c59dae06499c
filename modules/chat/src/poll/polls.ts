import { AppError, type Message, type MessageContent, type MessageFacts } from '@parley/contracts'
import { decodeCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { EntryRow } from '../message/entry-row.ts'
import type { MessageParts } from '../message/message-parts.ts'
import type { Actor } from '../message/target.ts'
import type { Operations, UserActor } from '../operations.ts'

type Poll = Extract<MessageContent, { type: 'poll' }>
type Results = NonNullable<MessageFacts['poll']>

export interface Vote {
  userId: string
  options: number[]
  votedAt: string
}

/** Polls: one vote a user, which may change until the poll is closed; results stand in the message (CHAT-66). */
export class Polls {
  readonly #parts: MessageParts

  constructor(parts: MessageParts) {
    this.#parts = parts
  }

  vote(actor: UserActor, messageId: string, chosen: readonly number[]): Promise<Message> {
    const { projectId, userId } = actor
    return this.#parts.annotations.change(actor, messageId, async (tx, { message }) => {
      const { poll, results } = pollOf(message)
      requireOpen(poll, results)
      const options = [...new Set(chosen)].sort((a, b) => a - b)
      if (options.some((option) => option >= poll.options.length))
        throw new AppError('invalid-request', 'The poll has no such option')
      if (options.length > 1 && poll.multiple !== true)
        throw new AppError('invalid-request', 'The poll takes one option')
      const key = [projectId, messageId, userId]
      const before = await tx.query<{ options: number[] }>({
        text: 'select options from chat.poll_votes where project_id = $1 and message_id = $2 and user_id = $3',
        values: key,
      })
      const earlier = before.rows[0]?.options
      if (JSON.stringify(earlier ?? []) === JSON.stringify(options)) return undefined
      if (options.length === 0) {
        await tx.query({
          text: 'delete from chat.poll_votes where project_id = $1 and message_id = $2 and user_id = $3',
          values: key,
        })
      } else {
        await tx.query({
          text: `insert into chat.poll_votes (project_id, message_id, user_id, options) values ($1, $2, $3, $4)
            on conflict (project_id, message_id, user_id) do update set options = excluded.options, voted_at = now()`,
          values: [...key, options],
        })
      }
      const counts = poll.options.map(
        (_, option) =>
          (results.counts[option] ?? 0) +
          (options.includes(option) ? 1 : 0) -
          (earlier?.includes(option) ? 1 : 0),
      )
      const voters = results.voters + (options.length > 0 ? 1 : 0) - (earlier === undefined ? 0 : 1)
      return { kind: 'voted', facts: { poll: { counts, voters } } }
    })
  }

  close(actor: Actor, messageId: string): Promise<Message> {
    return this.#parts.annotations.change(actor, messageId, async (_tx, { message, role }) => {
      const { results } = pollOf(message)
      if (actor.userId !== undefined && role === 'member' && message.sender_id !== actor.userId)
        throw new AppError('forbidden', 'Whoever asked, owner and admins close a poll')
      if (results.closedAt !== undefined) return undefined
      return { kind: 'poll-closed', facts: { poll: { ...results, closedAt: new Date().toISOString() } } }
    })
  }

  async votes(
    { projectId, userId }: Actor,
    messageId: string,
    { limit, cursor }: PageRequest,
  ): Promise<Page<Vote>> {
    const { history, database } = this.#parts
    const { content } = await history.get(projectId, messageId, userId)
    if (content.type !== 'poll') throw new AppError('conflict', 'The message is no poll')
    if (content.anonymous === true) throw new AppError('forbidden', 'The poll is anonymous')
    const { rows } = await database
      .project(projectId)
      .query<{ user_id: string; options: number[]; voted_at: Date }>({
        text: `select user_id, options, voted_at from chat.poll_votes
          where project_id = $1 and message_id = $2 and user_id > $3 order by user_id limit $4`,
        values: [projectId, messageId, decodeCursor(cursor) ?? '', limit + 1],
      })
    return toPage(rows, limit, {
      keyOf: (row) => row.user_id,
      itemOf: ({ user_id, options, voted_at }) => ({
        userId: user_id,
        options,
        votedAt: voted_at.toISOString(),
      }),
    })
  }
}

export function registerPolls(operations: Operations, parts: MessageParts): void {
  const polls = new Polls(parts)
  operations.forUsers('poll.vote', (actor, { messageId, options }) => polls.vote(actor, messageId, options))
  operations.forAll('poll.close', (actor, { messageId }) => polls.close(actor, messageId))
  operations.forAll('poll.votes', (actor, { messageId, ...page }) => polls.votes(actor, messageId, page))
}

function pollOf({ content, facts }: EntryRow): { poll: Poll; results: Results } {
  if (content.type !== 'poll') throw new AppError('conflict', 'The message is no poll')
  return { poll: content, results: facts?.poll ?? { counts: [], voters: 0 } }
}

function requireOpen({ closesAt }: Poll, { closedAt }: Results): void {
  if (closedAt !== undefined || (closesAt !== undefined && Date.parse(closesAt) <= Date.now()))
    throw new AppError('conflict', 'The poll is closed')
}
