import pg from 'pg'
import type { QueryAnswer, Queryable, Statement } from './database.ts'
import { damageOf, isStalePlan, translateError } from './errors.ts'
import { valueTypes } from './value-parsers.ts'

export interface ConnectionOptions {
  url: string
  /** Role that statements run as; the one that logged in when undefined. */
  role: string | undefined
  statementTimeoutMs: number
  connectTimeoutMs: number
  applicationName: string
}

/** A process that stands still in a transaction holds locks, and holds up whoever follows the log: not for long. */
const idleInTransactionMs = 10_000

/**
 * One database session. It remembers the project its row-level security is set to, and whether it may be used
 * again: not after an error that leaves its state in doubt.
 */
export class Connection implements Queryable {
  readonly #client: pg.Client
  #projectId: string | undefined
  #broken = false
  /** When it was last given back; milliseconds of `performance.now()`. */
  idleSince = 0
  onBroken: (() => void) | undefined

  private constructor(client: pg.Client) {
    this.#client = client
    client.on('error', () => this.#break())
    client.on('end', () => this.#break())
  }

  static async open(options: ConnectionOptions): Promise<Connection> {
    const client = newClient(options)
    const connection = new Connection(client)
    try {
      await client.connect()
      await client.query({
        text: `select set_config('statement_timeout', $1, false),
                      set_config('idle_in_transaction_session_timeout', '${idleInTransactionMs}', false),
                      set_config('TimeZone', 'UTC', false),
                      set_config('parley.project_id', '', false)`,
        values: [String(options.statementTimeoutMs)],
      })
      if (options.role !== undefined) await client.query(`set role ${pg.escapeIdentifier(options.role)}`)
      return connection
    } catch (error) {
      connection.destroy()
      throw error
    }
  }

  get projectId(): string | undefined {
    return this.#projectId
  }

  get broken(): boolean {
    return this.#broken
  }

  /** Whether it is between transactions and fit for anyone. */
  get reusable(): boolean {
    return !this.#broken && this.#client.getTransactionStatus() === 'I'
  }

  /** Sets what row-level security lets through; outside a transaction, so that no rollback takes it back. */
  async enter(projectId: string): Promise<void> {
    if (this.#projectId === projectId) return
    this.#projectId = undefined
    await this.query({
      name: 'parley-enter-project',
      text: `select set_config('parley.project_id', $1, false)`,
      values: [projectId],
    })
    this.#projectId = projectId
  }

  async query<Row = Record<string, unknown>>(statement: Statement): Promise<QueryAnswer<Row>> {
    const { rows, rowCount } = await this.#run(statement)
    return { rows: rows as Row[], rowCount: rowCount ?? 0 }
  }

  /** The command tag that the server answers: `COMMIT`, or `ROLLBACK` where a COMMIT could not be. */
  async command(text: string): Promise<string> {
    return (await this.#run({ text })).command
  }

  async #run(statement: Statement): Promise<pg.QueryResult> {
    const { name, text, values } = statement
    try {
      return await this.#client.query({
        text,
        ...(name !== undefined && { name }),
        ...(values !== undefined && { values: [...values] }),
      })
    } catch (error) {
      if (damageOf(error) === 'connection' || isStalePlan(error)) this.destroy()
      throw translateError(error)
    }
  }

  destroy(): void {
    this.#break()
    this.#client.end().catch(() => undefined)
    // `end` says goodbye politely and waits; a server that hangs would keep the socket open.
    this.#client.connection.stream.destroy()
  }

  async close(): Promise<void> {
    this.#broken = true
    await this.#client.end().catch(() => undefined)
  }

  #break(): void {
    if (this.#broken) return
    this.#broken = true
    this.onBroken?.()
  }
}

export function newClient(options: Omit<ConnectionOptions, 'role' | 'statementTimeoutMs'>): pg.Client {
  return new pg.Client({
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs,
    types: valueTypes,
    keepAlive: true,
    pipeline: true,
  })
}
