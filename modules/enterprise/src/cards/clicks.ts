import {
  AppError,
  type Card,
  type CardClick,
  card,
  cardContent,
  cardKind,
  type Grants,
  newId,
} from '@parley/contracts'
import type { Jobs } from '@parley/core/jobs'
import type { Outbox } from '@parley/core/outbox'
import type { Database, Queryable } from '@parley/core/store'
import type { UserActor } from '../doors.ts'
import type { LogEntry, Messages } from '../ports.ts'
import { callJobOf } from './call-queues.ts'

export interface ClickRequest {
  messageId: string
  clickId: string
  actionId: string
  value?: string | undefined
}

interface ClickRow {
  id: string
  message_id: string
  conversation_id: string
  owner_id: string
  user_id: string
  action_id: string
  value: string | null
  created_at: Date
}

const columns = 'id, message_id, conversation_id, owner_id, user_id, action_id, value, created_at'

/** Clicks on cards: each is stored once, told as an event, and handed to the owner of the card. */
export class CardClicks {
  readonly #database: Database
  readonly #outbox: Outbox
  readonly #jobs: Jobs
  readonly #messages: Messages

  constructor(options: { database: Database; outbox: Outbox; jobs: Jobs; messages: Messages }) {
    this.#database = options.database
    this.#outbox = options.outbox
    this.#jobs = options.jobs
    this.#messages = options.messages
  }

  async click(
    { projectId, userId }: UserActor,
    request: ClickRequest,
    grants: Grants | undefined,
  ): Promise<CardClick> {
    const { messageId, clickId, actionId } = request
    const message = await this.#messages.find(projectId, messageId, userId)
    requireSendGrant(grants, message.conversationId)
    const project = this.#database.project(projectId)
    const key = [projectId, messageId, userId, clickId]
    const before = await findClick(project, key)
    if (before !== undefined) return sameClick(before, request)
    const value = meaningOf(cardOf(message), request)
    const queue = `card/${messageId}`
    return project.transaction(async (tx) => {
      await tx.query({
        text: `select pg_advisory_xact_lock(hashtextextended('card/' || $1 || '/' || $2, 0))`,
        values: [projectId, messageId],
      })
      const { rows } = await tx.query<ClickRow>({
        text: `insert into enterprise.clicks (project_id, id, message_id, conversation_id, owner_id, user_id,
            click_id, action_id, value)
          values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing returning ${columns}`,
        values: [
          ...[projectId, newId('cardClick'), messageId, message.conversationId, message.senderId],
          ...[userId, clickId, actionId, value ?? null],
        ],
      })
      const [row] = rows
      if (row === undefined) {
        const winner = await findClick(tx, key)
        if (winner === undefined) throw new AppError('conflict')
        return sameClick(winner, request)
      }
      const click = toClick(row)
      await this.#outbox.append(tx, [
        { projectId, resource: `card/${messageId}`, type: 'card.clicked', data: { click } },
      ])
      await tx.query({
        text: `insert into enterprise.calls (project_id, queue, message_id, click_id) values ($1, $2, $3, $4)`,
        values: [projectId, queue, messageId, click.id],
      })
      await this.#jobs.enqueue(tx, callJobOf(projectId, queue))
      return click
    })
  }

  async get(projectId: string, id: string): Promise<CardClick | undefined> {
    const { rows } = await this.#database.project(projectId).query<ClickRow>({
      text: `select ${columns} from enterprise.clicks where project_id = $1 and id = $2`,
      values: [projectId, id],
    })
    return rows[0] && toClick(rows[0])
  }

  /** As the customer's server. */
  async update(projectId: string, messageId: string, value: Card): Promise<void> {
    cardOf(await this.#messages.find(projectId, messageId, undefined))
    await this.#messages.replace(projectId, messageId, cardContent(value))
  }
}

async function findClick(queryable: Queryable, key: readonly string[]): Promise<ClickRow | undefined> {
  const { rows } = await queryable.query<ClickRow>({
    text: `select ${columns} from enterprise.clicks
      where project_id = $1 and message_id = $2 and user_id = $3 and click_id = $4`,
    values: key,
  })
  return rows[0]
}

function sameClick(row: ClickRow, { actionId, value }: ClickRequest): CardClick {
  if (row.action_id !== actionId || (value !== undefined && row.value !== value))
    throw new AppError('conflict', 'The clickId was used for another click')
  return toClick(row)
}

function cardOf({ content }: LogEntry): Card {
  if (content.type === 'recalled') throw new AppError('message-recalled')
  if (content.type === 'custom' && content.kind === cardKind) {
    const parsed = card.safeParse(content.data)
    if (parsed.success) return parsed.data
  }
  throw new AppError('conflict', 'The message shows no card')
}

/** What the click means: the value of the button, or the option chosen. Throws for what the card does not offer. */
function meaningOf({ elements }: Card, { actionId, value }: ClickRequest): string | undefined {
  for (const element of elements) {
    if (element.type === 'select' && element.actionId === actionId) {
      if (element.options.some((option) => option.value === value)) return value
    }
    if (element.type !== 'buttons') continue
    const button = element.buttons.find(
      (each) => each.actionId === actionId && (value === undefined || each.value === value),
    )
    if (button !== undefined) return button.value
  }
  throw new AppError('conflict', 'The card has no such action')
}

function requireSendGrant(grants: Grants | undefined, conversationId: string): void {
  if (grants === undefined) return
  const { chat } = grants
  if (chat?.send !== true) throw new AppError('grant-missing', 'The token holds no grant chat.send')
  if (chat.conversations !== undefined && !chat.conversations.includes(conversationId))
    throw new AppError('grant-missing', 'The token does not open this conversation')
}

function toClick(row: ClickRow): CardClick {
  return {
    id: row.id,
    messageId: row.message_id,
    conversationId: row.conversation_id,
    ownerId: row.owner_id,
    userId: row.user_id,
    actionId: row.action_id,
    ...(row.value !== null && { value: row.value }),
    createdAt: row.created_at.toISOString(),
  }
}
