import { randomBytes } from 'node:crypto'
import { AppError, type BlockingConfig, newId, type Webhook } from '@parley/contracts'
import { decodeCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { MasterKey } from '@parley/core/secrets'
import type { Database, ProjectScope, Queryable, Transaction } from '@parley/core/store'

export interface EndpointRow {
  project_id: string
  id: string
  url: string
  description: string | null
  events: string[]
  blocking: BlockingConfig | null
  enabled: boolean
  disabled_reason: 'gone' | 'by-request' | null
  created_at: Date
  updated_at: Date
}

export interface NewEndpoint {
  url: string
  events: string[]
  description?: string | undefined
  blocking?: BlockingConfig | undefined
}

export interface EndpointChange {
  url?: string | undefined
  events?: string[] | undefined
  description?: string | null | undefined
  blocking?: BlockingConfig | null | undefined
  enabled?: boolean | undefined
}

/** Where a delivery goes and what signs it. */
export interface Target {
  endpointId: string
  url: string
  enabled: boolean
  /** Live secrets, the newest first. */
  secrets: string[]
  blocking: BlockingConfig | undefined
}

const columns = `e.project_id, e.id, e.url, e.description, e.events, e.blocking, e.enabled, e.disabled_reason,
  e.created_at, e.updated_at`

/** Secrets that can be live at a time; rotating faster than they expire is refused. */
const maxSecrets = 5

/** Webhooks as customers configure them, with their sealed secrets. */
export class EndpointStore {
  readonly #database: Database
  readonly #masterKey: MasterKey
  readonly #maxEndpoints: number

  constructor(options: { database: Database; masterKey: MasterKey; maxEndpoints: number }) {
    this.#database = options.database
    this.#masterKey = options.masterKey
    this.#maxEndpoints = options.maxEndpoints
  }

  /** Throws `limit-exceeded`. The secret is told this once. */
  async create(
    tx: Transaction,
    projectId: string,
    given: NewEndpoint,
  ): Promise<Webhook & { secret: string }> {
    await tx.query({
      text: `select pg_advisory_xact_lock(hashtextextended('webhooks/' || $1, 0))`,
      values: [projectId],
    })
    const { rows: counted } = await tx.query<{ count: number }>({
      text: 'select count(*)::int as count from webhooks.endpoints where project_id = $1',
      values: [projectId],
    })
    if ((counted[0]?.count ?? 0) >= this.#maxEndpoints)
      throw new AppError('limit-exceeded', `A project has at most ${this.#maxEndpoints} webhooks`)
    const { rows } = await tx.query<EndpointRow>({
      text: `insert into webhooks.endpoints as e (project_id, id, url, description, events, blocking)
        values ($1, $2, $3, $4, $5::text[], $6::jsonb) returning ${columns}`,
      values: [
        projectId,
        newId('webhook'),
        given.url,
        given.description ?? null,
        given.events,
        given.blocking === undefined ? null : JSON.stringify(given.blocking),
      ],
    })
    const webhook = toWebhook(oneOf(rows))
    return { ...webhook, secret: await this.#addSecret(tx, projectId, webhook.id) }
  }

  async list(project: ProjectScope, page: PageRequest) {
    const { rows } = await project.query<EndpointRow>({
      text: `select ${columns} from webhooks.endpoints e where e.project_id = $1 and e.id > $2
        order by e.id limit $3`,
      values: [project.projectId, decodeCursor(page.cursor) ?? '', page.limit + 1],
    })
    return toPage(rows, page.limit, { keyOf: (row) => row.id, itemOf: toWebhook })
  }

  /** Throws `not-found`. */
  async get(project: ProjectScope, id: string): Promise<Webhook> {
    const { rows } = await project.query<EndpointRow>({
      text: `select ${columns} from webhooks.endpoints e where e.project_id = $1 and e.id = $2`,
      values: [project.projectId, id],
    })
    return toWebhook(oneOf(rows))
  }

  /** Disabling holds what waits; enabling lets it go, at once. */
  async update(project: ProjectScope, id: string, change: EndpointChange): Promise<Webhook> {
    return project.transaction(async (tx) => {
      const { rows: locked } = await tx.query<EndpointRow>({
        text: `select ${columns} from webhooks.endpoints e where e.project_id = $1 and e.id = $2 for update`,
        values: [project.projectId, id],
      })
      const before = oneOf(locked)
      const enabled = change.enabled ?? before.enabled
      const reason = enabled ? null : change.enabled === false ? 'by-request' : before.disabled_reason
      const blocking = change.blocking === undefined ? before.blocking : change.blocking
      const { rows } = await tx.query<EndpointRow>({
        text: `update webhooks.endpoints e set url = $3, description = $4, events = $5::text[], blocking = $6::jsonb,
            enabled = $7, disabled_reason = $8, updated_at = now()
          where e.project_id = $1 and e.id = $2 returning ${columns}`,
        values: [
          project.projectId,
          id,
          change.url ?? before.url,
          change.description === undefined ? before.description : change.description,
          change.events ?? before.events,
          blocking === null ? null : JSON.stringify(blocking),
          enabled,
          reason,
        ],
      })
      if (enabled !== before.enabled) await setHeld(tx, project.projectId, id, !enabled)
      return toWebhook(oneOf(rows))
    })
  }

  /** Throws `not-found`. Deliveries and secrets go with it. */
  async delete(project: ProjectScope, id: string): Promise<void> {
    await project.transaction(async (tx) => {
      const { rowCount } = await tx.query({
        text: 'delete from webhooks.endpoints where project_id = $1 and id = $2',
        values: [project.projectId, id],
      })
      if (rowCount === 0) throw notFound()
    })
  }

  /** A new secret that signs from now on; the earlier ones sign along for `overlapMs`. */
  async rotate(
    tx: Transaction,
    projectId: string,
    id: string,
    overlapMs: number,
  ): Promise<{ id: string; secret: string; earlierSecretsExpireAt: string }> {
    const { rows: locked } = await tx.query({
      text: 'select from webhooks.endpoints where project_id = $1 and id = $2 for update',
      values: [projectId, id],
    })
    oneOf(locked)
    await tx.query({
      text: `delete from webhooks.secrets
        where project_id = $1 and endpoint_id = $2 and expires_at <= clock_timestamp()`,
      values: [projectId, id],
    })
    const expiresAt = new Date(Date.now() + overlapMs)
    const { rowCount: earlier } = await tx.query({
      text: `update webhooks.secrets set expires_at = least(coalesce(expires_at, $3), $3)
        where project_id = $1 and endpoint_id = $2`,
      values: [projectId, id, expiresAt.toISOString()],
    })
    if (earlier >= maxSecrets)
      throw new AppError('limit-exceeded', `At most ${maxSecrets} secrets sign at a time`)
    const secret = await this.#addSecret(tx, projectId, id)
    return { id, secret, earlierSecretsExpireAt: expiresAt.toISOString() }
  }

  /** Stops a receiver that said it is gone, unless it was pointed elsewhere meanwhile. What waits is held. */
  async disableAsGone(projectId: string, id: string, url: string): Promise<boolean> {
    return this.#database.system.transaction(async (tx) => {
      const { rowCount } = await tx.query({
        text: `update webhooks.endpoints set enabled = false, disabled_reason = 'gone', updated_at = now()
          where project_id = $1 and id = $2 and url = $3 and enabled`,
        values: [projectId, id, url],
      })
      if (rowCount > 0) await setHeld(tx, projectId, id, true)
      return rowCount > 0
    })
  }

  /** Enabled endpoints that take events, of these projects, the oldest first. */
  async receivers(projectIds: readonly string[]): Promise<Map<string, { id: string; events: string[] }[]>> {
    const { rows } = await this.#database.system.query<EndpointRow>({
      name: 'webhooks-receivers',
      text: `select e.project_id, e.id, e.events from webhooks.endpoints e
        where e.project_id = any($1::text[]) and e.enabled and cardinality(e.events) > 0 order by e.id`,
      values: [projectIds],
    })
    const found = new Map<string, { id: string; events: string[] }[]>()
    for (const { project_id, id, events } of rows) {
      const list = found.get(project_id) ?? []
      list.push({ id, events })
      found.set(project_id, list)
    }
    return found
  }

  /** Undefined when it was deleted. */
  async target(projectId: string, id: string): Promise<Target | undefined> {
    return (await this.#targets(projectId, 'e.id = $2', id))[0]
  }

  /** Enabled endpoints that want to be asked, the oldest first. */
  blockers(projectId: string): Promise<Target[]> {
    return this.#targets(projectId, 'e.enabled and e.blocking is not null and $2::text is null', null)
  }

  async #targets(projectId: string, condition: string, value: string | null): Promise<Target[]> {
    const { rows } = await this.#database
      .project(projectId)
      .query<EndpointRow & { sealed: Buffer[] | null }>({
        text: `select ${columns}, (select array_agg(s.sealed order by s.id desc) from webhooks.secrets s
          where s.project_id = e.project_id and s.endpoint_id = e.id
            and (s.expires_at is null or s.expires_at > clock_timestamp())) as sealed
        from webhooks.endpoints e where e.project_id = $1 and ${condition} order by e.id`,
        values: [projectId, value],
      })
    return rows.map((row) => ({
      endpointId: row.id,
      url: row.url,
      enabled: row.enabled,
      secrets: (row.sealed ?? []).map((sealed) => this.#masterKey.open(sealed, contextOf(row.id)).toString()),
      blocking: row.blocking ?? undefined,
    }))
  }

  async #addSecret(tx: Queryable, projectId: string, endpointId: string): Promise<string> {
    const secret = `whsec_${randomBytes(32).toString('base64')}`
    await tx.query({
      text: 'insert into webhooks.secrets (project_id, endpoint_id, id, sealed) values ($1, $2, $3, $4)',
      values: [projectId, endpointId, newId('key'), this.#masterKey.seal(secret, contextOf(endpointId))],
    })
    return secret
  }
}

/** The endpoint's row must be locked, so that holding and letting go do not cross. */
async function setHeld(tx: Transaction, projectId: string, endpointId: string, held: boolean): Promise<void> {
  await tx.query({
    text: `update webhooks.queues set held = $3, due_at = case when $3 then due_at else clock_timestamp() end
      where project_id = $1 and endpoint_id = $2 and held <> $3`,
    values: [projectId, endpointId, held],
  })
}

function contextOf(endpointId: string): string {
  return `webhook-secret/${endpointId}`
}

function notFound(): AppError {
  return new AppError('not-found', 'There is no such webhook')
}

function oneOf<Row>(rows: readonly Row[]): Row {
  const [row] = rows
  if (row === undefined) throw notFound()
  return row
}

function toWebhook(row: EndpointRow): Webhook {
  return {
    id: row.id,
    url: row.url,
    ...(row.description !== null && { description: row.description }),
    events: row.events,
    ...(row.blocking !== null && { blocking: row.blocking }),
    enabled: row.enabled,
    ...(row.disabled_reason !== null && { disabledReason: row.disabled_reason }),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}
