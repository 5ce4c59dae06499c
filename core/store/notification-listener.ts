import { AppError } from '@parley/contracts'
import { type Logger, sleep } from '@parley/core/kernel'
import pg from 'pg'
import { type ConnectionOptions, newClient } from './connection.ts'
import type { NotificationListener } from './database.ts'
import { translateError } from './errors.ts'

/** PostgreSQL takes less than 8,000 bytes; this is what we promise. */
export const maxNotificationBytes = 7_900

const pingMs = 15_000
const pingPatienceMs = 10_000

interface Connected {
  /** Resolves when the connection is lost. */
  lost: Promise<void>
}

/** LISTEN and NOTIFY on a connection of its own, which is renewed whenever it is lost. */
export class ReconnectingListener implements NotificationListener {
  readonly #options: ConnectionOptions
  readonly #logger: Logger
  readonly #handlers = new Map<string, Set<(payload: string) => void>>()
  readonly #reconnectHandlers = new Set<() => void>()
  readonly #closing = new AbortController()
  #client: pg.Client | undefined
  #keeping: Promise<void> = Promise.resolve()

  private constructor(options: ConnectionOptions, logger: Logger) {
    this.#options = options
    this.#logger = logger
  }

  /** Resolves once connected; throws when the first connection fails. */
  static async open(options: ConnectionOptions, logger: Logger): Promise<ReconnectingListener> {
    const listener = new ReconnectingListener(options, logger)
    const connected = await listener.#connect()
    listener.#keeping = listener.#keep(connected)
    return listener
  }

  async listen(channel: string, handler: (payload: string) => void): Promise<void> {
    const known = this.#handlers.get(channel)
    if (known) {
      known.add(handler)
      return
    }
    this.#handlers.set(channel, new Set([handler]))
    // When the connection is away, or goes away now, the next one listens to all that is in the map.
    await this.#client?.query(`listen ${pg.escapeIdentifier(channel)}`).catch((error: unknown) => {
      const translated = translateError(error)
      if (!(translated instanceof AppError && translated.code === 'unavailable')) throw translated
    })
  }

  async notify(channel: string, payload: string): Promise<void> {
    if (Buffer.byteLength(payload) > maxNotificationBytes)
      throw new RangeError(`a notification holds at most ${maxNotificationBytes} bytes`)
    if (!this.#client) throw new AppError('unavailable', 'The database cannot be reached now')
    try {
      await this.#client.query({
        name: 'parley-notify',
        text: 'select pg_notify($1, $2)',
        values: [channel, payload],
      })
    } catch (error) {
      throw translateError(error)
    }
  }

  onReconnect(handler: () => void): void {
    this.#reconnectHandlers.add(handler)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => undefined)
    await this.#keeping
  }

  async #keep(first: Connected): Promise<void> {
    let connected: Connected | undefined = first
    for (;;) {
      await connected.lost
      if (this.#closing.signal.aborted) return
      this.#logger.warn('the notification connection is lost')
      connected = await this.#reconnect()
      if (!connected) return
      this.#logger.info('the notification connection is back')
      for (const handler of this.#reconnectHandlers) this.#call(handler)
    }
  }

  async #reconnect(): Promise<Connected | undefined> {
    let pauseMs = 50
    while (!this.#closing.signal.aborted) {
      try {
        return await this.#connect()
      } catch {
        await sleep(pauseMs * (0.5 + Math.random()), this.#closing.signal)
        pauseMs = Math.min(3_000, pauseMs * 2)
      }
    }
    return undefined
  }

  async #connect(): Promise<Connected> {
    const client = newClient(this.#options)
    const lost = new Promise<void>((resolve) => {
      client.once('end', () => resolve())
      client.on('error', () => client.connection.stream.destroy())
    })
    client.on('notification', ({ channel, payload }) => {
      for (const handler of this.#handlers.get(channel) ?? []) this.#call(() => handler(payload ?? ''))
    })
    try {
      await client.connect()
      for (const channel of this.#handlers.keys())
        await client.query(`listen ${pg.escapeIdentifier(channel)}`)
      this.#closing.signal.throwIfAborted()
    } catch (error) {
      client.connection.stream.destroy()
      throw translateError(error)
    }
    this.#client = client
    const pings = setInterval(() => this.#ping(client), pingMs)
    return {
      lost: lost.then(() => {
        clearInterval(pings)
        if (this.#client === client) this.#client = undefined
      }),
    }
  }

  /** A half-open connection looks alive until something is asked. */
  #ping(client: pg.Client): void {
    const cut = setTimeout(() => client.connection.stream.destroy(), pingPatienceMs)
    client
      .query('select 1')
      .catch(() => undefined)
      .finally(() => clearTimeout(cut))
  }

  #call(task: () => void): void {
    try {
      task()
    } catch (error) {
      this.#logger.error({ error }, 'a notification handler failed')
    }
  }
}
