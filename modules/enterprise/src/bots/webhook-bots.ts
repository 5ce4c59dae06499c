import { createHash, randomBytes } from 'node:crypto'
import { AppError, maxWebhookBots, newId, type OutgoingHook, type WebhookBot } from '@parley/contracts'
import { decodeCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { MasterKey } from '@parley/core/secrets'
import type { Database } from '@parley/core/store'
import type { Messages } from '../ports.ts'

export interface WebhookBotsOptions {
  database: Database
  masterKey: MasterKey
  messages: Messages
  postsPerMinute: number
}

interface BotInput {
  conversationId: string
  userId: string
  name: string
  keywords: string[]
  allowAddresses: string[]
  requireSignature: boolean
  outgoing?: OutgoingHook | undefined
}

type BotChange = Partial<Omit<BotInput, 'conversationId' | 'userId' | 'outgoing'>> & {
  enabled?: boolean | undefined
  outgoing?: OutgoingHook | null | undefined
}

interface BotRow {
  project_id: string
  id: string
  conversation_id: string
  user_id: string
  name: string
  enabled: boolean
  keywords: string[]
  allow_addresses: string[]
  require_signature: boolean
  outgoing: OutgoingHook | null
  sealed_secret: Buffer
  created_at: Date
  waiting: number
  failed: number
}

/** A bot with what opens and signs its calls. */
export interface OpenBot {
  projectId: string
  bot: WebhookBot
  secret: string
}

export const queueOf = (botId: string): string => `bot/${botId}`
const contextOf = (projectId: string, id: string): string => `webhook-bot/${projectId}/${id}`
const columns = `b.project_id, b.id, b.conversation_id, b.user_id, b.name, b.enabled, b.keywords, b.allow_addresses,
  b.require_signature, b.outgoing, b.sealed_secret, b.created_at,
  (select count(*) filter (where c.failed_at is null)::int from enterprise.calls c
    where c.project_id = b.project_id and c.bot_id = b.id) as waiting,
  (select count(c.failed_at)::int from enterprise.calls c
    where c.project_id = b.project_id and c.bot_id = b.id) as failed`

/** Webhook bots of groups: their addresses, secrets and what guards them. */
export class WebhookBots {
  readonly #options: WebhookBotsOptions

  constructor(options: WebhookBotsOptions) {
    this.#options = options
  }

  async create(
    projectId: string,
    input: BotInput,
  ): Promise<{ bot: WebhookBot; token: string; secret: string }> {
    const { database, masterKey, messages, postsPerMinute } = this.#options
    await messages.requireMember(projectId, input.conversationId, input.userId)
    const id = newId('webhookBot')
    const { token, secret } = newSecrets()
    await database.project(projectId).transaction(async (tx) => {
      await tx.query({
        text: `select pg_advisory_xact_lock(hashtextextended('webhook-bots/' || $1, 0))`,
        values: [projectId],
      })
      const { rows } = await tx.query<{ n: number }>({
        text: 'select count(*)::int as n from enterprise.bots where project_id = $1',
        values: [projectId],
      })
      if ((rows[0]?.n ?? 0) >= maxWebhookBots)
        throw new AppError('limit-exceeded', `A project has at most ${maxWebhookBots} webhook bots`)
      await tx.query({
        text: `insert into enterprise.bots (project_id, id, conversation_id, user_id, name, keywords,
            allow_addresses, require_signature, outgoing, token_hash, sealed_secret, posts_left)
          values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
        values: [
          ...[projectId, id, input.conversationId, input.userId, input.name, input.keywords],
          ...[input.allowAddresses, input.requireSignature],
          ...[input.outgoing === undefined ? null : JSON.stringify(input.outgoing), hashOf(token)],
          ...[masterKey.seal(secret, contextOf(projectId, id)), postsPerMinute],
        ],
      })
    })
    return { bot: await this.get(projectId, id), token, secret }
  }

  async get(projectId: string, id: string): Promise<WebhookBot> {
    const { rows } = await this.#options.database.project(projectId).query<BotRow>({
      text: `select ${columns} from enterprise.bots b where b.project_id = $1 and b.id = $2`,
      values: [projectId, id],
    })
    return toBot(oneOf(rows))
  }

  async list(projectId: string, page: PageRequest & { conversationId?: string | undefined }) {
    const { rows } = await this.#options.database.project(projectId).query<BotRow>({
      text: `select ${columns} from enterprise.bots b
        where b.project_id = $1 and b.id > $2 and ($3::text is null or b.conversation_id = $3)
        order by b.id limit $4`,
      values: [projectId, decodeCursor(page.cursor) ?? '', page.conversationId ?? null, page.limit + 1],
    })
    return toPage(rows, page.limit, { keyOf: (row) => row.id, itemOf: toBot })
  }

  async update(projectId: string, id: string, change: BotChange): Promise<WebhookBot> {
    const { name, enabled, keywords, allowAddresses, requireSignature, outgoing } = change
    await this.#options.database.project(projectId).query({
      text: `update enterprise.bots set name = coalesce($3, name), enabled = coalesce($4, enabled),
          keywords = coalesce($5, keywords), allow_addresses = coalesce($6, allow_addresses),
          require_signature = coalesce($7, require_signature),
          outgoing = case when $8 then $9::jsonb else outgoing end
        where project_id = $1 and id = $2`,
      values: [
        ...[projectId, id, name ?? null, enabled ?? null, keywords ?? null, allowAddresses ?? null],
        ...[requireSignature ?? null, outgoing !== undefined],
        outgoing === undefined || outgoing === null ? null : JSON.stringify(outgoing),
      ],
    })
    return this.get(projectId, id)
  }

  async rotate(projectId: string, id: string): Promise<{ bot: WebhookBot; token: string; secret: string }> {
    const { database, masterKey } = this.#options
    const { token, secret } = newSecrets()
    await database.project(projectId).query({
      text: `update enterprise.bots set token_hash = $3, sealed_secret = $4 where project_id = $1 and id = $2`,
      values: [projectId, id, hashOf(token), masterKey.seal(secret, contextOf(projectId, id))],
    })
    return { bot: await this.get(projectId, id), token, secret }
  }

  async remove(projectId: string, id: string): Promise<void> {
    await this.#options.database.project(projectId).transaction(async (tx) => {
      const { rowCount } = await tx.query({
        text: 'delete from enterprise.bots where project_id = $1 and id = $2',
        values: [projectId, id],
      })
      if (rowCount === 0) throw noBot()
      await tx.query({
        text: 'delete from enterprise.calls where project_id = $1 and bot_id = $2',
        values: [projectId, id],
      })
    })
  }

  /** Whose address this is, in whatever project. Throws `not-found`. */
  async byToken(token: string): Promise<OpenBot> {
    const { rows } = await this.#options.database.system.query<BotRow>({
      name: 'enterprise-bot-by-token',
      text: `select ${columns} from enterprise.bots b where b.token_hash = $1`,
      values: [hashOf(token)],
    })
    return this.#open(oneOf(rows))
  }

  /** Undefined when it is gone, or calls nobody. */
  async caller(projectId: string, id: string): Promise<OpenBot | undefined> {
    return this.#caller(projectId, 'b.id = $2', [id])
  }

  /** The bot that answers for cards which a user sent to a conversation. */
  async ownerOf(projectId: string, userId: string, conversationId: string): Promise<OpenBot | undefined> {
    return this.#caller(projectId, 'b.user_id = $2 and b.conversation_id = $3', [userId, conversationId])
  }

  /** Takes one of the posts of the minute, over all processes. Throws `rate-limited`. */
  async takePost({ projectId, bot }: OpenBot): Promise<void> {
    const { database, postsPerMinute } = this.#options
    const { rows } = await database.project(projectId).query<{ left: number; before: number }>({
      name: 'enterprise-take-post',
      text: `with now_left as (
          select least($3::float8, posts_left
            + extract(epoch from clock_timestamp() - posts_at) * $3::float8 / 60) as posts
          from enterprise.bots where project_id = $1 and id = $2 for update
        )
        update enterprise.bots b set posts_at = clock_timestamp(),
          posts_left = case when n.posts >= 1 then n.posts - 1 else n.posts end
        from now_left n where b.project_id = $1 and b.id = $2 returning n.posts as before, b.posts_left as left`,
      values: [projectId, bot.id, postsPerMinute],
    })
    const before = rows[0]?.before ?? 0
    if (before >= 1) return
    const retryAfterMs = Math.ceil(((1 - before) * 60_000) / postsPerMinute)
    throw new AppError('rate-limited', `A bot takes ${postsPerMinute} posts a minute`, { retryAfterMs })
  }

  async #caller(projectId: string, where: string, values: unknown[]): Promise<OpenBot | undefined> {
    const { rows } = await this.#options.database.project(projectId).query<BotRow>({
      text: `select ${columns} from enterprise.bots b
        where b.project_id = $1 and ${where} and b.enabled and b.outgoing is not null order by b.id limit 1`,
      values: [projectId, ...values],
    })
    return rows[0] && this.#open(rows[0])
  }

  #open(row: BotRow): OpenBot {
    const context = contextOf(row.project_id, row.id)
    const secret = this.#options.masterKey.open(row.sealed_secret, context).toString()
    return { projectId: row.project_id, bot: toBot(row), secret }
  }
}

function newSecrets(): { token: string; secret: string } {
  return {
    token: randomBytes(32).toString('base64url'),
    secret: `whsec_${randomBytes(32).toString('base64')}`,
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function oneOf(rows: readonly BotRow[]): BotRow {
  const [row] = rows
  if (row === undefined) throw noBot()
  return row
}

function noBot(): AppError {
  return new AppError('not-found', 'There is no such webhook bot')
}

function toBot(row: BotRow): WebhookBot {
  return {
    id: row.id,
    conversationId: row.conversation_id,
    userId: row.user_id,
    name: row.name,
    enabled: row.enabled,
    keywords: row.keywords,
    allowAddresses: row.allow_addresses,
    requireSignature: row.require_signature,
    ...(row.outgoing !== null && { outgoing: row.outgoing }),
    waiting: row.waiting,
    failed: row.failed,
    createdAt: row.created_at.toISOString(),
  }
}
