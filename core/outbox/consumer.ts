import type { DomainEventType } from '@parley/contracts'
import { Wake } from '@parley/core/bus'
import { type Logger, sleep } from '@parley/core/kernel'
import type { Database } from '@parley/core/store'
import type { StoredEvent } from './event.ts'
import type { Lease, Leases } from './leases.ts'
import { type Cursor, HistoryWentBackError, readEvents } from './reader.ts'
import { parseSnapshot } from './snapshot.ts'

export interface ConsumeContext {
  /** Aborts when the lease is lost or the process closes: stop, the events come again. */
  signal: AbortSignal
}

export interface ConsumeOptions {
  /** All types when absent. */
  types?: readonly DomainEventType[]
  /** Events in one call at most. Default 500. */
  batchSize?: number
  /** Pause after a batch, in which the next one gathers; a caller of `caughtUp` cuts it short. Default 3 ms. */
  gatherMs?: number
  /**
   * At least once, in order of the events of each resource, one call at a time over all processes. When it throws,
   * the same events come again after a pause; nothing after them is handled before.
   */
  handle(events: StoredEvent[], context: ConsumeContext): Promise<void>
}

export interface ConsumerTimes {
  /** Without a wake-up, the database is read again after this. */
  rereadMs: number
  /** Pause after a batch, in which the next one gathers. */
  gatherMs: number
  /** First and longest pause after a failure. */
  retryMs: number
  maxRetryMs: number
  /** A cursor that moves over nothing of interest is saved this often, so that retention may pass. */
  idleSaveMs: number
}

interface ConsumerRow {
  seen: string
  until: string | null
  position: string
}

/** Reads for one durable consumer while this process holds its lease. */
export class Consumer {
  readonly name: string
  readonly #options: ConsumeOptions
  readonly #parts: {
    database: Database
    logger: Logger
    leases: Leases
    times: ConsumerTimes
    onSaved: () => void
  }
  readonly #wake = new Wake()
  readonly #hurry = new Wake()
  #failures = 0
  #cursor: { generation: string; at: Cursor; saved: string; savedMs: number } | undefined

  constructor(
    name: string,
    options: ConsumeOptions,
    parts: { database: Database; logger: Logger; leases: Leases; times: ConsumerTimes; onSaved: () => void },
  ) {
    this.name = name
    this.#options = options
    this.#parts = parts
  }

  wake(): void {
    this.#wake.set()
  }

  /** Somebody waits for it: what has gathered is handled now. */
  hurry(): void {
    this.#hurry.set()
  }

  async run(signal: AbortSignal): Promise<void> {
    const { leases, times } = this.#parts
    await this.#register(signal)
    leases.want(this.name)
    while (!signal.aborted) {
      const lease = leases.get(this.name)
      if (!lease) {
        this.#cursor = undefined
        await this.#wake.wait(times.rereadMs, signal)
        continue
      }
      try {
        const outcome = await this.#step(lease, signal)
        this.#failures = 0
        if (outcome === 'idle') await this.#wake.wait(times.rereadMs, signal)
        else if (outcome === 'handled')
          await this.#hurry.wait(this.#options.gatherMs ?? times.gatherMs, signal)
      } catch (error) {
        if (signal.aborted) return
        this.#cursor = undefined
        await this.#pauseAfter(error, signal)
      }
    }
  }

  async #register(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#parts.database.system.query({
          text: `insert into outbox.consumers (name, types) values ($1, $2::text[])
            on conflict (name) do update set types = excluded.types
            where consumers.types is distinct from excluded.types`,
          values: [this.name, this.#options.types ?? null],
        })
        this.#failures = 0
        return
      } catch (error) {
        await this.#pauseAfter(error, signal)
      }
    }
  }

  async #pauseAfter(error: unknown, signal: AbortSignal): Promise<void> {
    const { logger, times } = this.#parts
    const pauseMs = Math.min(times.maxRetryMs, times.retryMs * 2 ** Math.min(20, this.#failures++))
    logger.error({ error, consumer: this.name, pauseMs }, 'an outbox consumer failed and tries again')
    await sleep(pauseMs, signal)
  }

  async #step(lease: Lease, signal: AbortSignal): Promise<'idle' | 'handled' | 'more'> {
    const { database } = this.#parts
    if (this.#cursor?.generation !== lease.generation) this.#cursor = await this.#load(lease.generation)
    const cursor = this.#cursor
    const { events, next, complete } = await this.#read(database, cursor.at)
    const oldest = events[0]
    if (oldest) {
      if (!lease.live()) return 'idle'
      await this.#options.handle(events, { signal: AbortSignal.any([signal, lease.signal]) })
    }
    cursor.at = next
    const idleForMs = performance.now() - cursor.savedMs
    const worthSaving = events.length > 0 || next.backlog || idleForMs > this.#parts.times.idleSaveMs
    if (worthSaving && serialise(next) !== cursor.saved) await this.#save(lease)
    if (!complete) return 'more'
    return oldest ? 'handled' : 'idle'
  }

  async #read(database: Database, cursor: Cursor): ReturnType<typeof readEvents> {
    const { types, batchSize = 500 } = this.#options
    return readEvents(database.system, cursor, { types, limit: batchSize })
  }

  async #load(
    generation: string,
  ): Promise<{ generation: string; at: Cursor; saved: string; savedMs: number }> {
    const { rows } = await this.#parts.database.system.query<ConsumerRow>({
      text: `select seen::text as seen, until::text as until, position::text as position
        from outbox.consumers where name = $1`,
      values: [this.name],
    })
    const [row] = rows
    if (!row) throw new HistoryWentBackError(`the cursor of ${this.name} is gone`)
    const seen = parseSnapshot(row.seen)
    const at: Cursor =
      row.until === null
        ? { seen }
        : { seen, backlog: { until: parseSnapshot(row.until), position: row.position } }
    return { generation, at, saved: serialise(at), savedMs: performance.now() }
  }

  /** Fenced by the generation: whoever lost the lease cannot move the cursor of the next holder. */
  async #save(lease: Lease): Promise<void> {
    const cursor = this.#cursor
    if (!cursor) return
    const { seen, backlog } = cursor.at
    const { rowCount } = await this.#parts.database.system.query({
      name: 'outbox-save',
      text: `update outbox.consumers
        set seen = $3::pg_snapshot, until = $4::pg_snapshot, position = $5::bigint, updated_at = now()
        where name = $1 and generation = $2::bigint`,
      values: [this.name, lease.generation, seen.text, backlog?.until.text ?? null, backlog?.position ?? '0'],
    })
    if (rowCount === 0) {
      this.#cursor = undefined
      this.#parts.leases.lost(this.name)
      return
    }
    cursor.saved = serialise(cursor.at)
    cursor.savedMs = performance.now()
    this.#parts.onSaved()
  }
}

function serialise({ seen, backlog }: Cursor): string {
  return backlog ? `${seen.text} ${backlog.until.text} ${backlog.position}` : seen.text
}
