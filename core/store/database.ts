import type { Closable } from '@parley/core/kernel'

/** A SQL statement. A `name` makes it a prepared statement of the connection: for hot paths with constant text. */
export interface Statement {
  name?: string
  text: string
  values?: readonly unknown[]
}

export interface QueryAnswer<Row> {
  rows: Row[]
  rowCount: number
}

export interface Queryable {
  query<Row = Record<string, unknown>>(statement: Statement): Promise<QueryAnswer<Row>>
}

/** One database transaction; READ COMMITTED. */
export interface Transaction extends Queryable {
  /** Runs after the commit succeeded, never after a rollback. For wake-ups and in-memory views. */
  afterCommit(task: () => void): void
}

export interface TransactionOptions {
  /** Whole transaction, wait for a connection included. Milliseconds. */
  timeoutMs?: number
}

/**
 * The database as one project may see it. Every query goes through a scope; row-level security on
 * `parley.project_id` is the second lock, so that a forgotten WHERE shows nothing of another tenant.
 */
export interface ProjectScope extends Queryable {
  readonly projectId: string
  /** Commits when `work` resolves, rolls back when it throws. Serialisation failures and deadlocks are retried. */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>
}

/** Numbered, forward-only SQL of one schema. The schema name is the module's name. */
export interface Migrations {
  schema: string
  steps: readonly { id: string; sql: string }[]
}

export interface Database extends Closable {
  project(projectId: string): ProjectScope
  /** All projects: for workers (dispatch, jobs, group commit), never for a request of a tenant. */
  readonly system: ProjectScope
  /** Applies what is missing, under an advisory lock, each step in a transaction of its own. */
  migrate(migrations: Migrations): Promise<void>
  /** A dedicated connection for LISTEN/NOTIFY that reconnects by itself and tells so. */
  listener(): Promise<NotificationListener>
}

export interface NotificationListener extends Closable {
  listen(channel: string, handler: (payload: string) => void): Promise<void>
  /** At most 7,900 bytes of payload. */
  notify(channel: string, payload: string): Promise<void>
  /** Notifications may have been lost while the connection was away: re-read. */
  onReconnect(handler: () => void): void
}
