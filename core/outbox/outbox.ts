import { type DomainEvent, newId } from '@parley/contracts'
import type { Bus } from '@parley/core/bus'
import type { Closable, Logger, Scope } from '@parley/core/kernel'
import type { Database, Queryable, Transaction } from '@parley/core/store'
import { insertEvents } from './append.ts'
import { type ConsumeOptions, Consumer, type ConsumerTimes } from './consumer.ts'
import { adoptHistory } from './history.ts'
import { Leases } from './leases.ts'
import { outboxMigrations } from './migrations.ts'
import { Progress } from './progress.ts'
import { removeHandledEvents } from './retention.ts'
import { type TailOptions, TailReader } from './tail.ts'

export interface OutboxTimes extends ConsumerTimes {
  /** A consumer whose process has died or stands still is taken over after this. */
  leaseMs: number
  /** Events stay at least this long. */
  keepMs: number
  /** Between two looks for events to delete. */
  retentionMs: number
}

const defaultTimes: OutboxTimes = {
  rereadMs: 2_000,
  gatherMs: 3,
  retryMs: 100,
  maxRetryMs: 10_000,
  idleSaveMs: 30_000,
  leaseMs: 6_000,
  keepMs: 3_600_000,
  retentionMs: 60_000,
}

export interface OutboxOptions {
  database: Database
  bus: Bus
  logger: Logger
  scope: Scope
  times?: Partial<OutboxTimes>
}

export interface ConsumerLag {
  name: string
  /** Events not handled yet, counted up to 10,000. */
  events: number
  /** Age of the oldest of them; 0 when there is none. */
  lagMs: number
}

const appended = 'outbox.appended'
const released = 'outbox.released'
const hurried = 'outbox.hurried'
const wakeGapMs = 5

/**
 * Facts that survive. They are appended in the transaction that causes them, and read by durable consumers (one at
 * a time over all processes) and by tails (every process). How reading is safe: README.md.
 */
export class Outbox implements Closable {
  /** Names this line of history; another one after a restore, when transaction ids kept elsewhere mean nothing. */
  readonly epoch: string
  readonly #database: Database
  readonly #bus: Bus
  readonly #logger: Logger
  readonly #scope: Scope
  readonly #times: OutboxTimes
  readonly #leases: Leases
  readonly #progress: Progress
  readonly #tails: TailReader
  readonly #consumers = new Map<string, Consumer>()
  #wakeTimer: NodeJS.Timeout | undefined
  #wakeAgain = false

  private constructor(options: OutboxOptions, epoch: string) {
    this.epoch = epoch
    const { database, bus, logger } = options
    this.#database = database
    this.#bus = bus
    this.#logger = logger
    this.#times = { ...defaultTimes, ...options.times }
    this.#scope = options.scope.child('outbox')
    this.#scope.onClose('wake', () => clearTimeout(this.#wakeTimer))
    this.#scope.onClose('released', () => bus.publish(released, null))
    this.#leases = new Leases({
      database,
      logger,
      scope: this.#scope,
      holder: newId('process'),
      leaseMs: this.#times.leaseMs,
      onChange: () => this.#wakeConsumers(),
    })
    this.#progress = new Progress({
      database,
      scope: this.#scope,
      hurry: (name) => bus.publish(hurried, name),
    })
    this.#tails = new TailReader({ database, logger, times: this.#times })
    this.#scope.loop('tails', (signal) => this.#tails.run(signal))
    this.#scope.every('retention', this.#times.retentionMs, async () => {
      await removeHandledEvents(database, this.#times.keepMs)
    })
    this.#subscribe()
  }

  /** Migrates, and checks that the stored cursors belong to this database cluster. Owned by the scope. */
  static async open(options: OutboxOptions): Promise<Outbox> {
    await options.database.migrate(outboxMigrations)
    return new Outbox(options, await adoptHistory(options.database, options.logger))
  }

  /**
   * Stores events with the transaction, in one statement, and wakes readers once it has committed. For the order
   * of a resource to hold, the transaction locks a row of the resource before it appends.
   */
  async append(tx: Transaction, events: readonly DomainEvent[]): Promise<void> {
    if (events.length === 0) return
    await insertEvents(tx, events)
    tx.afterCommit(() => this.#announce())
  }

  /** Starts a durable consumer; a new one begins with the oldest event that is still there. */
  consume(name: string, options: ConsumeOptions): void {
    if (this.#consumers.has(name)) throw new Error(`the outbox has a consumer ${name} already`)
    const consumer = new Consumer(name, options, {
      database: this.#database,
      logger: this.#logger,
      leases: this.#leases,
      times: this.#times,
      onSaved: () => this.#progress.moved(name),
    })
    this.#consumers.set(name, consumer)
    this.#scope.loop(`consumer ${name}`, (signal) => consumer.run(signal))
  }

  /** Calls with every event committed from soon on; `await tailing()` to know since when. The answer ends it. */
  tail(options: TailOptions): () => void {
    return this.#tails.add(options, this.#scope.signal)
  }

  /** Resolves once every tail begun before sees all that is committed from now on. */
  tailing(): Promise<void> {
    return this.#tails.joined()
  }

  /** Waits until the consumer, wherever it runs, has handled all that was committed before the call. */
  caughtUp(name: string, options: { timeoutMs: number }): Promise<boolean> {
    return this.#progress.caughtUp(name, options.timeoutMs)
  }

  /** Drops a consumer that no program registers any more, so that it holds retention up no longer. */
  async forget(name: string): Promise<void> {
    await this.#database.system.query({
      text: 'delete from outbox.consumers where name = $1',
      values: [name],
    })
  }

  /** How far each durable consumer is behind, for metrics. */
  lag(): Promise<ConsumerLag[]> {
    return readLag(this.#database.system)
  }

  close(): Promise<void> {
    return this.#scope.close()
  }

  #subscribe(): void {
    const stops = [
      this.#bus.subscribe(appended, () => this.#wakeReaders()),
      this.#bus.subscribe(released, () => this.#leases.retry()),
      this.#bus.subscribe(hurried, (name) => this.#consumers.get(String(name))?.hurry()),
      this.#bus.onGap(() => this.#wakeReaders()),
    ]
    this.#scope.onClose('subscriptions', () => {
      for (const stop of stops) stop()
    })
  }

  /** At once for the first commit, then at most every few milliseconds. */
  #announce(): void {
    if (this.#scope.closed) return
    if (this.#wakeTimer) {
      this.#wakeAgain = true
      return
    }
    this.#bus.publish(appended, null)
    this.#wakeTimer = setTimeout(() => {
      this.#wakeTimer = undefined
      if (!this.#wakeAgain) return
      this.#wakeAgain = false
      this.#announce()
    }, wakeGapMs)
  }

  #wakeReaders(): void {
    this.#tails.wake()
    this.#wakeConsumers()
  }

  #wakeConsumers(): void {
    for (const consumer of this.#consumers.values()) consumer.wake()
  }
}

const lagCount = 10_000

async function readLag(database: Queryable): Promise<ConsumerLag[]> {
  const { rows } = await database.query<{ name: string; events: number; lag_ms: number }>({
    text: `
      select consumer.name, waiting.events,
        coalesce(extract(epoch from clock_timestamp() - waiting.oldest) * 1000, 0)::float8 as lag_ms
      from outbox.consumers consumer, lateral (
        select count(*)::int as events, min(occurred_at) as oldest from (
          select event.occurred_at from outbox.events event
          where not pg_visible_in_snapshot(event.txid, consumer.seen)
            and event.txid >= pg_snapshot_xmin(consumer.seen)
            and (consumer.types is null or event.type = any(consumer.types))
            and (consumer.until is null or event.position > consumer.position
              or not pg_visible_in_snapshot(event.txid, consumer.until))
          limit ${lagCount}
        ) event
      ) waiting
      order by consumer.name`,
  })
  return rows.map(({ name, events, lag_ms }) => ({ name, events, lagMs: Math.max(0, Math.round(lag_ms)) }))
}
