import { randomBytes } from 'node:crypto'
import { AppError, type Bot, type BotCommand, maxBots } from '@parley/contracts'
import { decodeCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { MasterKey } from '@parley/core/secrets'
import type { Database, ProjectScope } from '@parley/core/store'
import { requireReader } from '../conversation/member-list.ts'
import type { Actor } from '../message/change-message.ts'
import type { UserDirectory } from '../ports.ts'

export interface BotsOptions {
  database: Database
  masterKey: MasterKey
  users: UserDirectory
}

export interface BotSettings {
  url: string
  commands: readonly BotCommand[]
  enabled: boolean
}

/** Where a bot is called and what signs the call. */
export interface BotTarget {
  url: string
  secret: string
  commands: readonly BotCommand[]
}

/** Those of the users named who are bots, switched on or not. */
export async function botsAmong(project: ProjectScope, userIds: readonly string[]): Promise<Set<string>> {
  const { rows } = await project.query<{ user_id: string }>({
    name: 'chat-bots-among',
    text: 'select user_id from chat.bots where project_id = $1 and user_id = any($2::text[])',
    values: [project.projectId, userIds],
  })
  return new Set(rows.map((row) => row.user_id))
}

/** Users that are programs: where they are called, with which secret, and the commands they know. */
export class Bots {
  readonly #options: BotsOptions

  constructor(options: BotsOptions) {
    this.#options = options
  }

  /** Throws `user-not-found` and `limit-exceeded`. The secret is told once, when the bot is made. */
  async set(
    projectId: string,
    userId: string,
    { url, commands, enabled }: BotSettings,
  ): Promise<{ bot: Bot; secret?: string }> {
    const { database, masterKey, users } = this.#options
    const project = database.project(projectId)
    await users.ensure(project, [userId])
    const secret = newSecret()
    const made = await project.transaction(async (tx) => {
      await tx.query({
        text: `select pg_advisory_xact_lock(hashtextextended('bots/' || $1, 0))`,
        values: [projectId],
      })
      const { rows } = await tx.query<{ made: boolean; n: number }>({
        text: `insert into chat.bots as b (project_id, user_id, url, secret, commands, enabled)
          values ($1, $2, $3, $4, $5, $6)
          on conflict (project_id, user_id) do update
          set url = excluded.url, commands = excluded.commands, enabled = excluded.enabled, updated_at = now()
          returning b.xmax = 0 as made, (
            select count(*)::int from chat.bots o where o.project_id = $1 and o.user_id <> $2
          ) as n`,
        values: [
          ...[projectId, userId, url, masterKey.seal(secret, contextOf(projectId, userId))],
          ...[JSON.stringify(commands), enabled],
        ],
      })
      const [row] = rows
      if (row?.made === true && row.n >= maxBots)
        throw new AppError('limit-exceeded', `A project has at most ${maxBots} bots`)
      return row?.made === true
    })
    const bot = await this.get(projectId, userId)
    return { bot, ...(made && { secret }) }
  }

  async get(projectId: string, userId: string): Promise<Bot> {
    const { rows } = await this.#options.database.project(projectId).query<BotRow>({
      text: `${botSelect} where b.project_id = $1 and b.user_id = $2`,
      values: [projectId, userId],
    })
    const [row] = rows
    if (row === undefined) throw noBot(userId)
    return toBot(row)
  }

  async list(projectId: string, { limit, cursor }: PageRequest): Promise<Page<Bot>> {
    const { rows } = await this.#options.database.project(projectId).query<BotRow>({
      text: `${botSelect} where b.project_id = $1 and b.user_id > $2 order by b.user_id limit $3`,
      values: [projectId, decodeCursor(cursor) ?? '', limit + 1],
    })
    return toPage(rows, limit, { keyOf: (row) => row.user_id, itemOf: toBot })
  }

  async remove(projectId: string, userId: string): Promise<void> {
    const { rowCount } = await this.#options.database.project(projectId).query({
      text: `with dropped as (delete from chat.bot_deliveries where project_id = $1 and user_id = $2)
        delete from chat.bots where project_id = $1 and user_id = $2`,
      values: [projectId, userId],
    })
    if (rowCount === 0) throw noBot(userId)
  }

  async rotateSecret(projectId: string, userId: string): Promise<string> {
    const { database, masterKey } = this.#options
    const secret = newSecret()
    const { rowCount } = await database.project(projectId).query({
      text: 'update chat.bots set secret = $3, updated_at = now() where project_id = $1 and user_id = $2',
      values: [projectId, userId, masterKey.seal(secret, contextOf(projectId, userId))],
    })
    if (rowCount === 0) throw noBot(userId)
    return secret
  }

  /** Undefined where there is no such bot, or it is switched off. */
  async target(projectId: string, userId: string): Promise<BotTarget | undefined> {
    const { database, masterKey } = this.#options
    const { rows } = await database.project(projectId).query<{
      url: string
      secret: Buffer
      commands: BotCommand[]
    }>({
      text: 'select url, secret, commands from chat.bots where project_id = $1 and user_id = $2 and enabled',
      values: [projectId, userId],
    })
    const [row] = rows
    if (row === undefined) return undefined
    const secret = masterKey.open(row.secret, contextOf(projectId, userId)).toString()
    return { url: row.url, secret, commands: row.commands }
  }

  /** Commands of the bots in a conversation, for whoever is in it. */
  async commands(
    { projectId, userId }: Actor,
    conversationId: string,
  ): Promise<{ items: (BotCommand & { botId: string })[] }> {
    const project = this.#options.database.project(projectId)
    await requireReader(project, conversationId, userId)
    const { rows } = await project.query<{ user_id: string; commands: BotCommand[] }>({
      text: `select b.user_id, b.commands from chat.bots b
        join chat.members m on m.project_id = b.project_id and m.user_id = b.user_id and m.conversation_id = $2
          and m.left_seq is null
        where b.project_id = $1 and b.enabled order by b.user_id`,
      values: [projectId, conversationId],
    })
    return {
      items: rows.flatMap((row) => row.commands.map((command) => ({ ...command, botId: row.user_id }))),
    }
  }
}

const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`
const contextOf = (projectId: string, userId: string): string => `bot/${projectId}/${userId}`
const noBot = (userId: string): AppError => new AppError('not-found', `${userId} is no bot`)

interface BotRow {
  user_id: string
  url: string
  commands: BotCommand[]
  enabled: boolean
  waiting: number
  failed: number
  created_at: Date
  updated_at: Date
}

const botSelect = `select b.user_id, b.url, b.commands, b.enabled, b.created_at, b.updated_at,
    coalesce(d.waiting, 0)::int as waiting, coalesce(d.failed, 0)::int as failed
  from chat.bots b
  left join lateral (
    select count(*) filter (where d.failed_at is null) as waiting,
      count(*) filter (where d.failed_at is not null) as failed
    from chat.bot_deliveries d where d.project_id = b.project_id and d.user_id = b.user_id
  ) d on true`

function toBot(row: BotRow): Bot {
  return {
    userId: row.user_id,
    url: row.url,
    commands: row.commands,
    enabled: row.enabled,
    waiting: row.waiting,
    failed: row.failed,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}
