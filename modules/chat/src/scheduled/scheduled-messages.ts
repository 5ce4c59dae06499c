import {
  AppError,
  type MessageContent,
  newId,
  type ScheduledMessage,
  type SendOptions,
} from '@parley/contracts'
import type { Jobs } from '@parley/core/jobs'
import { decodeRowCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import { z } from 'zod'
import { requireChatGrant } from '../acting-user.ts'
import { requireReader } from '../conversation/member-list.ts'
import { messageDigest } from '../message/digest.ts'
import type { MessageParts } from '../message/message-parts.ts'
import { destinationOf } from '../message/send.ts'
import { optionsIn } from '../message/send-options.ts'
import type { Operations, UserActor } from '../operations.ts'

const jobName = 'chat-send-scheduled'
const maxWaiting = 100
const maxAheadMs = 366 * 86_400_000

interface ScheduleCommand extends SendOptions {
  conversationId?: string | undefined
  toUserId?: string | undefined
  clientMessageId: string
  content: MessageContent
  sendAt: string
}

interface ScheduledRow {
  id: string
  sender_id: string
  client_message_id: string
  conversation_id: string
  to_user_id: string | null
  content: MessageContent
  options: SendOptions
  send_at: Date
  state: 'waiting' | 'sending' | 'sent' | 'failed' | 'cancelled'
  message_id: string | null
  error: string | null
}

const columns = `id, sender_id, client_message_id, conversation_id, to_user_id, content, options, send_at, state,
  message_id, error`

/**
 * Messages that are sent at a time to come. Each is a durable job that sends under the clientMessageId it was
 * scheduled with, so that a crash never sends it twice; rights and guards are judged when it is sent (CHAT-64).
 */
export class ScheduledMessages {
  readonly #parts: MessageParts
  readonly #jobs: Jobs

  constructor(parts: MessageParts, jobs: Jobs) {
    this.#parts = parts
    this.#jobs = jobs
    jobs.define({
      name: jobName,
      schema: z.object({ id: z.string() }),
      maxAttempts: 20,
      handle: ({ id }, { projectId }) => this.#run(projectId, id),
    })
  }

  async schedule({ projectId, userId }: UserActor, command: ScheduleCommand): Promise<ScheduledMessage> {
    const conversationId = destinationOf(userId, command)
    const sendAt = new Date(command.sendAt)
    if (sendAt.getTime() > Date.now() + maxAheadMs)
      throw new AppError('invalid-request', 'sendAt lies more than a year ahead')
    const project = this.#parts.database.project(projectId)
    if (command.toUserId === undefined) await requireReader(project, conversationId, userId)
    else await this.#parts.ports.users.ensure(project, [command.toUserId])
    const options = optionsIn(command) ?? {}
    const row = await project.transaction(async (tx) => {
      const { rows: waiting } = await tx.query<{ n: number }>({
        text: `select count(*)::int as n from chat.scheduled_messages
          where project_id = $1 and sender_id = $2 and state = 'waiting'`,
        values: [projectId, userId],
      })
      if ((waiting[0]?.n ?? 0) >= maxWaiting)
        throw new AppError('limit-exceeded', `At most ${maxWaiting} messages of a user wait for their time`)
      const { rows } = await tx.query<ScheduledRow>({
        text: `insert into chat.scheduled_messages (project_id, id, sender_id, client_message_id, conversation_id,
            to_user_id, content, options, send_at, state)
          values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting') on conflict do nothing returning ${columns}`,
        values: [
          projectId,
          newId('scheduledMessage'),
          userId,
          command.clientMessageId,
          conversationId,
          command.toUserId ?? null,
          JSON.stringify(command.content),
          JSON.stringify(options),
          sendAt.toISOString(),
        ],
      })
      const [made] = rows
      if (made === undefined) return undefined
      await this.#jobs.enqueue(tx, { name: jobName, projectId, payload: { id: made.id }, runAt: sendAt })
      return made
    })
    return toScheduled(row ?? (await this.#earlier(projectId, userId, conversationId, command)))
  }

  async list(
    { projectId, userId }: UserActor,
    { limit, cursor }: PageRequest,
  ): Promise<Page<ScheduledMessage>> {
    const [at, id] = decodeRowCursor(cursor, ['time', 'text']) ?? ['-infinity', '']
    const { rows } = await this.#parts.database.project(projectId).query<ScheduledRow & { place: string }>({
      text: `select ${columns}, send_at::text as place from chat.scheduled_messages
        where project_id = $1 and sender_id = $2 and state = 'waiting' and (send_at, id) > ($3::timestamptz, $4)
        order by send_at, id limit $5`,
      values: [projectId, userId, at, id, limit + 1],
    })
    return toPage(rows, limit, { keyOf: (row) => [row.place, row.id], itemOf: toScheduled })
  }

  /** Throws `conflict` when it is on its way, or was sent, already. */
  async cancel({ projectId, userId }: UserActor, id: string): Promise<void> {
    const { rows } = await this.#parts.database.project(projectId).query<{ state: string; was: string }>({
      text: `with before as (
          select id, state from chat.scheduled_messages
          where project_id = $1 and id = $2 and sender_id = $3 for update
        )
        update chat.scheduled_messages s
        set state = case when b.state in ('waiting', 'failed') then 'cancelled' else b.state end
        from before b where s.project_id = $1 and s.id = b.id
        returning s.state, b.state as was`,
      values: [projectId, id, userId],
    })
    const [row] = rows
    if (row === undefined) throw new AppError('message-not-found', `There is no scheduled message ${id}`)
    if (row.state !== 'cancelled') throw new AppError('conflict', 'The message was sent already')
  }

  async #earlier(
    projectId: string,
    userId: string,
    conversationId: string,
    command: ScheduleCommand,
  ): Promise<ScheduledRow> {
    const { rows } = await this.#parts.database.project(projectId).query<ScheduledRow>({
      text: `select ${columns} from chat.scheduled_messages
        where project_id = $1 and sender_id = $2 and client_message_id = $3`,
      values: [projectId, userId, command.clientMessageId],
    })
    const [row] = rows
    const same =
      row !== undefined &&
      messageDigest(row.conversation_id, row.content).equals(
        messageDigest(conversationId, command.content),
      ) &&
      row.send_at.getTime() === Date.parse(command.sendAt)
    if (!same) throw new AppError('client-message-id-conflict')
    return row
  }

  async #run(projectId: string, id: string): Promise<void> {
    const project = this.#parts.database.project(projectId)
    const { rows } = await project.query<ScheduledRow>({
      text: `update chat.scheduled_messages set state = 'sending'
        where project_id = $1 and id = $2 and state in ('waiting', 'sending') returning ${columns}`,
      values: [projectId, id],
    })
    const [row] = rows
    if (row === undefined) return
    const settle = (state: 'sent' | 'failed', messageId: string | null, error: string | null) =>
      project.query({
        text: `update chat.scheduled_messages set state = $3, message_id = $4, error = $5
          where project_id = $1 and id = $2`,
        values: [projectId, id, state, messageId, error],
      })
    try {
      const sent = await this.#parts.send({
        projectId,
        senderId: row.sender_id,
        ...(row.to_user_id === null ? { conversationId: row.conversation_id } : { toUserId: row.to_user_id }),
        clientMessageId: row.client_message_id,
        content: row.content,
        options: optionsIn(row.options),
      })
      await settle('sent', sent.messageId, null)
    } catch (error) {
      if (!(error instanceof AppError) || error.retryable) throw error
      await settle('failed', null, error.code)
    }
  }
}

export function registerScheduled(operations: Operations, scheduled: ScheduledMessages): void {
  operations.forUsers('message.schedule', (actor, command, { grants }) => {
    if ((command.conversationId === undefined) === (command.toUserId === undefined))
      throw new AppError('invalid-request', 'give either conversationId or toUserId')
    requireChatGrant(grants, 'send', destinationOf(actor.userId, command))
    return scheduled.schedule(actor, command)
  })
  operations.forUsers('message.scheduled', (actor, page) => scheduled.list(actor, page))
  operations.forUsers('message.cancel-scheduled', async (actor, { scheduledMessageId }) => {
    await scheduled.cancel(actor, scheduledMessageId)
    return { done: true as const }
  })
}

const toScheduled = (row: ScheduledRow): ScheduledMessage => ({
  id: row.id,
  senderId: row.sender_id,
  conversationId: row.conversation_id,
  content: row.content,
  sendAt: row.send_at.toISOString(),
  state: row.state === 'sending' ? 'waiting' : row.state,
  ...(row.message_id !== null && { messageId: row.message_id }),
  ...(row.error !== null && { error: row.error }),
})
