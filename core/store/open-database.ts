import { hostname } from 'node:os'
import type { Logger, Scope } from '@parley/core/kernel'
import { ensureAppRole } from './app-role.ts'
import { type ConnectionOptions, newClient } from './connection.ts'
import { ConnectionPool } from './connection-pool.ts'
import type { Database, Migrations, NotificationListener, ProjectScope } from './database.ts'
import { translateError } from './errors.ts'
import { migrate } from './migrate.ts'
import { ReconnectingListener } from './notification-listener.ts'
import { PooledProjectScope } from './project-scope.ts'
import { StoreError } from './store-error.ts'

export interface OpenDatabaseOptions {
  /** postgres://user:password@host/database, or what startEmbeddedPostgres answers. */
  url: string
  logger: Logger
  scope: Scope
  /** Connections at most, listeners and migrations apart. Default 16. */
  poolSize?: number
  /** How long a query waits for a free connection, or for the server to come back. Default 10 s. */
  acquireTimeoutMs?: number
  /** The server cancels a longer statement. Default 30 s. */
  statementTimeoutMs?: number
  /** Queries that may wait for a connection before more are refused. Default 10,000. */
  maxWaiting?: number
}

const oldestVersion = 150_000

/** What the store as a whole lets through: the policies of all tables know it as `all projects`. */
const allProjects = '*'

/**
 * Opens the database and checks that row-level security binds us. Owned by `scope`.
 * Throws `unavailable` when it cannot be reached and a StoreError when it cannot be used.
 */
export async function openDatabase(options: OpenDatabaseOptions): Promise<OpenedDatabase> {
  const { logger } = options
  const scope = options.scope.child('database')
  const connectionOptions: ConnectionOptions = {
    url: options.url,
    role: undefined,
    statementTimeoutMs: options.statementTimeoutMs ?? 30_000,
    connectTimeoutMs: 10_000,
    applicationName: `parley ${process.pid}@${hostname()}`.slice(0, 63),
  }
  try {
    const role = await meet(connectionOptions, logger)
    return new OpenedDatabase({ ...connectionOptions, role }, options, scope)
  } catch (error) {
    await scope.close()
    throw translateError(error)
  }
}

/** First contact: is the server one we can use, and as which role. */
async function meet(options: ConnectionOptions, logger: Logger): Promise<string | undefined> {
  const client = newClient(options)
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ version: string; encoding: string }>(
      `select current_setting('server_version_num') as version, current_setting('server_encoding') as encoding`,
    )
    const { version, encoding } = rows[0] ?? { version: '0', encoding: '' }
    if (Number(version) < oldestVersion)
      throw new StoreError(
        `PostgreSQL 15 or later is needed; the server is ${Math.floor(Number(version) / 10_000)}`,
      )
    if (encoding !== 'UTF8')
      throw new StoreError(`the database must be encoded in UTF8, it is ${encoding}; make it anew`)
    return await ensureAppRole(client, logger)
  } finally {
    await client.end().catch(() => undefined)
  }
}

export class OpenedDatabase implements Database {
  readonly system: ProjectScope
  readonly #connectionOptions: ConnectionOptions
  readonly #pool: ConnectionPool
  readonly #logger: Logger
  readonly #scope: Scope

  constructor(connectionOptions: ConnectionOptions, options: OpenDatabaseOptions, scope: Scope) {
    this.#connectionOptions = connectionOptions
    this.#logger = options.logger
    this.#scope = scope
    this.#pool = scope.own(
      'connection pool',
      new ConnectionPool({
        ...connectionOptions,
        size: options.poolSize ?? 16,
        acquireTimeoutMs: options.acquireTimeoutMs ?? 10_000,
        maxWaiting: options.maxWaiting ?? 10_000,
      }),
    )
    scope.every('trim idle connections', 15_000, () => this.#pool.trim())
    this.system = new PooledProjectScope(allProjects, this.#pool, this.#logger)
  }

  /** Connections open, idle, and callers that wait for one. */
  get figures(): { open: number; idle: number; waiting: number } {
    return this.#pool.figures
  }

  project(projectId: string): ProjectScope {
    if (projectId === '' || projectId === allProjects)
      throw new Error(`${JSON.stringify(projectId)} is not the id of one project`)
    return new PooledProjectScope(projectId, this.#pool, this.#logger)
  }

  async migrate(migrations: Migrations): Promise<void> {
    try {
      await migrate(migrations, this.#connectionOptions, this.#connectionOptions.role, this.#logger)
    } catch (error) {
      throw translateError(error)
    }
  }

  async listener(): Promise<NotificationListener> {
    const listener = await ReconnectingListener.open(this.#connectionOptions, this.#logger)
    return this.#scope.own('notification listener', listener)
  }

  close(): Promise<void> {
    return this.#scope.close()
  }
}
