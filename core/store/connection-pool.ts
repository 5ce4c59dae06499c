import { AppError } from '@parley/contracts'
import { type Closable, sleep } from '@parley/core/kernel'
import { Connection, type ConnectionOptions } from './connection.ts'
import { damageOf, translateError } from './errors.ts'

export interface ConnectionPoolOptions extends ConnectionOptions {
  size: number
  /** How long a caller waits for a connection before it is told that the database is overloaded or away. */
  acquireTimeoutMs: number
  maxWaiting: number
}

interface Waiter {
  projectId: string
  deadline: number
  timer: NodeJS.Timeout
  resolve: (connection: Connection) => void
  reject: (error: unknown) => void
}

const maxIdleMs = 60_000
const keptIdle = 2

/** A restart of the server is waited out; after that callers are told soon. */
const outagePatienceMs = 5_000
const waitInOutageMs = 1_000

/**
 * A bounded set of sessions. A caller preferably gets one that is already set to its project; nobody gets one
 * with an open transaction. While the server is away callers wait, and connecting is tried again.
 */
export class ConnectionPool implements Closable {
  readonly #options: ConnectionPoolOptions
  readonly #all = new Set<Connection>()
  #idle: Connection[] = []
  #waiting: Waiter[] = []
  #opening = 0
  readonly #closing = new AbortController()
  readonly #openings = new Set<Promise<void>>()
  #lastFailure: { error: unknown; since: number } | undefined

  constructor(options: ConnectionPoolOptions) {
    this.#options = options
  }

  get figures(): { open: number; idle: number; waiting: number } {
    return { open: this.#all.size, idle: this.#idle.length, waiting: this.#waiting.length }
  }

  /** The connection is set to the project. Give it back with `release`. */
  async acquire(projectId: string, timeoutMs = this.#options.acquireTimeoutMs): Promise<Connection> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const connection = this.#takeIdle(projectId) ?? (await this.#wait(projectId, deadline))
      try {
        await connection.enter(projectId)
        return connection
      } catch (error) {
        connection.destroy()
        this.release(connection)
        const away = error instanceof AppError && error.code === 'unavailable'
        if (!away || performance.now() > deadline) throw error
      }
    }
  }

  release(connection: Connection): void {
    if (!this.#all.has(connection)) {
      this.#serve()
    } else if (!connection.reusable || this.#closing.signal.aborted) {
      this.#forget(connection)
      connection.destroy()
      this.#serve()
    } else {
      this.#offer(connection)
    }
  }

  #offer(connection: Connection): void {
    const next = this.#waiting.shift()
    if (next) {
      this.#hand(next, connection)
    } else {
      connection.idleSince = performance.now()
      this.#idle.push(connection)
    }
  }

  /** Closes what has been idle for long; called now and then by the owner. */
  trim(): void {
    const oldest = performance.now() - maxIdleMs
    while (this.#idle.length > keptIdle) {
      const first = this.#idle[0]
      if (!first || first.idleSince > oldest) return
      this.#idle.shift()
      this.#forget(first)
      void first.close()
    }
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    for (const waiter of this.#waiting.splice(0)) {
      clearTimeout(waiter.timer)
      waiter.reject(new AppError('unavailable', 'The server is shutting down'))
    }
    await Promise.all(this.#openings)
    const all = [...this.#all]
    this.#all.clear()
    this.#idle = []
    await Promise.all(all.map((connection) => connection.close()))
  }

  #takeIdle(projectId: string): Connection | undefined {
    for (let i = this.#idle.length - 1; i >= 0; i--) {
      const connection = this.#idle[i]
      if (connection?.projectId === projectId) {
        this.#idle.splice(i, 1)
        return connection
      }
    }
    return this.#idle.pop()
  }

  #wait(projectId: string, deadline: number): Promise<Connection> {
    if (this.#closing.signal.aborted)
      return Promise.reject(new AppError('unavailable', 'The server is shutting down'))
    if (this.#waiting.length >= this.#options.maxWaiting)
      return Promise.reject(
        new AppError('overloaded', 'Too many requests wait for the database', { retryAfterMs: 1_000 }),
      )
    return new Promise((resolve, reject) => {
      const waitMs = Math.min(deadline - performance.now(), this.#longOutage ? waitInOutageMs : Infinity)
      const timer = setTimeout(() => this.#giveUp(waiter), Math.max(0, waitMs))
      const waiter: Waiter = { projectId, deadline, timer, resolve, reject }
      this.#waiting.push(waiter)
      this.#serve()
    })
  }

  get #longOutage(): boolean {
    return this.#lastFailure !== undefined && performance.now() - this.#lastFailure.since > outagePatienceMs
  }

  #giveUp(waiter: Waiter): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiter)
    waiter.reject(
      this.#lastFailure === undefined
        ? new AppError('overloaded', 'No database connection became free in time', { retryAfterMs: 1_000 })
        : translateError(this.#lastFailure.error),
    )
  }

  #hand(waiter: Waiter, connection: Connection): void {
    clearTimeout(waiter.timer)
    waiter.resolve(connection)
  }

  /** Opens connections while somebody waits and there is room for more. */
  #serve(): void {
    while (
      !this.#closing.signal.aborted &&
      this.#opening < this.#waiting.length &&
      this.#all.size + this.#opening < this.#options.size
    ) {
      this.#opening++
      const opening = this.#open().finally(() => {
        this.#opening--
        this.#openings.delete(opening)
        this.#serve()
      })
      this.#openings.add(opening)
    }
  }

  async #open(): Promise<void> {
    let pauseMs = 25
    while (this.#waiting.length > 0 && !this.#closing.signal.aborted) {
      try {
        const connection = await Connection.open(this.#options)
        connection.onBroken = () => this.#onBroken(connection)
        this.#all.add(connection)
        this.#lastFailure = undefined
        return this.release(connection)
      } catch (error) {
        this.#lastFailure = { error, since: this.#lastFailure?.since ?? performance.now() }
        if (damageOf(error) === 'statement') return this.#refuseAll(error)
        await sleep(pauseMs * (0.5 + Math.random()), this.#closing.signal)
        pauseMs = Math.min(1_000, pauseMs * 2)
      }
    }
  }

  /** A wrong password or a missing role does not pass by waiting. */
  #refuseAll(error: unknown): void {
    for (const waiter of this.#waiting.splice(0)) {
      clearTimeout(waiter.timer)
      waiter.reject(translateError(error))
    }
  }

  #onBroken(connection: Connection): void {
    this.#forget(connection)
    this.#serve()
  }

  #forget(connection: Connection): void {
    this.#all.delete(connection)
    this.#idle = this.#idle.filter((other) => other !== connection)
  }
}
