import { AppError } from '@parley/contracts'
import { type Logger, sleep } from '@parley/core/kernel'
import type { Connection } from './connection.ts'
import type { ConnectionPool } from './connection-pool.ts'
import type { ProjectScope, QueryAnswer, Statement, Transaction, TransactionOptions } from './database.ts'
import { isRepeatable, isStalePlan } from './errors.ts'

const maxRuns = 6

/** A project's view of the database, on connections borrowed from the pool. */
export class PooledProjectScope implements ProjectScope {
  readonly projectId: string
  readonly #pool: ConnectionPool
  readonly #logger: Logger

  constructor(projectId: string, pool: ConnectionPool, logger: Logger) {
    this.projectId = projectId
    this.#pool = pool
    this.#logger = logger
  }

  async query<Row = Record<string, unknown>>(statement: Statement): Promise<QueryAnswer<Row>> {
    try {
      return await this.#queryOnce<Row>(statement)
    } catch (error) {
      if (!isStalePlan(error)) throw error
      return await this.#queryOnce<Row>(statement)
    }
  }

  async #queryOnce<Row>(statement: Statement): Promise<QueryAnswer<Row>> {
    const connection = await this.#pool.acquire(this.projectId)
    try {
      return await connection.query<Row>(statement)
    } finally {
      this.#pool.release(connection)
    }
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    const deadline = options.timeoutMs === undefined ? undefined : performance.now() + options.timeoutMs
    for (let run = 1; ; run++) {
      try {
        return await this.#runOnce(work, deadline)
      } catch (error) {
        if (run === maxRuns || !isRepeatable(error)) throw error
        if (deadline !== undefined && performance.now() > deadline) throw error
        await sleep(Math.random() * 5 * 2 ** run)
      }
    }
  }

  async #runOnce<T>(work: (tx: Transaction) => Promise<T>, deadline: number | undefined): Promise<T> {
    const waitMs = deadline === undefined ? undefined : Math.max(1, deadline - performance.now())
    const connection = await this.#pool.acquire(this.projectId, waitMs)
    const alarm = new Alarm(connection, deadline)
    const tx = new PooledTransaction(connection)
    try {
      await connection.query({ text: 'begin' })
      const answer = await work(tx)
      tx.end()
      const verdict = await connection.command('commit')
      // A transaction in which a statement failed is rolled back by COMMIT, without an error.
      if (verdict !== 'COMMIT') throw new Error('the work went on after a failed statement; rolled back')
      this.#afterCommit(tx)
      return answer
    } catch (error) {
      tx.end()
      await rollBack(connection)
      throw alarm.rang ? timedOut(error) : error
    } finally {
      alarm.stop()
      this.#pool.release(connection)
    }
  }

  #afterCommit(tx: PooledTransaction): void {
    for (const task of tx.tasks) {
      try {
        task()
      } catch (error) {
        this.#logger.error({ error }, 'a task after a commit failed')
      }
    }
  }
}

class PooledTransaction implements Transaction {
  readonly #connection: Connection
  readonly tasks: (() => void)[] = []
  #ended = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  query<Row = Record<string, unknown>>(statement: Statement): Promise<QueryAnswer<Row>> {
    // The connection may already serve somebody else.
    if (this.#ended) return Promise.reject(new Error('the transaction has ended; a query came too late'))
    return this.#connection.query<Row>(statement)
  }

  afterCommit(task: () => void): void {
    this.tasks.push(task)
  }

  end(): void {
    this.#ended = true
  }
}

/** Cuts the connection when the transaction takes too long; the server then rolls it back. */
class Alarm {
  rang = false
  readonly #timer: NodeJS.Timeout | undefined

  constructor(connection: Connection, deadline: number | undefined) {
    if (deadline === undefined) return
    const ring = () => {
      this.rang = true
      connection.destroy()
    }
    this.#timer = setTimeout(ring, Math.max(1, deadline - performance.now()))
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}

function timedOut(cause: unknown): AppError {
  return new AppError('overloaded', 'The database took too long', { cause, retryAfterMs: 1_000 })
}

async function rollBack(connection: Connection): Promise<void> {
  if (connection.broken) return
  try {
    await connection.query({ text: 'rollback' })
  } catch {
    connection.destroy()
  }
}
