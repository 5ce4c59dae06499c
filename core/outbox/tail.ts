import type { DomainEventType } from '@parley/contracts'
import { Wake } from '@parley/core/bus'
import { type Logger, sleep } from '@parley/core/kernel'
import type { Database } from '@parley/core/store'
import type { StoredEvent } from './event.ts'
import { currentSnapshot, HistoryWentBackError, readEvents } from './reader.ts'
import type { Snapshot } from './snapshot.ts'

export interface TailOptions {
  /** All types when absent. */
  types?: readonly DomainEventType[]
  /**
   * Every event committed after the tail began, in order of the events of each resource. When it throws, the same
   * events come again a few times, then they are given up with an error in the log.
   */
  handle(events: StoredEvent[]): Promise<void> | void
}

export interface TailTimes {
  rereadMs: number
  gatherMs: number
  retryMs: number
}

const readLimit = 2_000
const queueLimit = 10_000
const attempts = 5

/** One reader of the outbox for all tails of a process, so that many tails cost what one does. */
export class TailReader {
  readonly #parts: { database: Database; logger: Logger; times: TailTimes }
  readonly #wake = new Wake()
  readonly #tails = new Set<Tail>()
  #joining: Tail[] = []
  #waiting: (() => void)[] = []

  constructor(parts: { database: Database; logger: Logger; times: TailTimes }) {
    this.#parts = parts
  }

  wake(): void {
    this.#wake.set()
  }

  /** The answer ends the tail. */
  add(options: TailOptions, signal: AbortSignal): () => void {
    const tail = new Tail(options, this.#parts, signal)
    this.#joining.push(tail)
    this.#wake.set()
    return () => {
      tail.stop()
      this.#tails.delete(tail)
      this.#joining = this.#joining.filter((other) => other !== tail)
    }
  }

  /** Resolves when nothing waits to join, or when the reader ends. */
  joined(): Promise<void> {
    if (this.#joining.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  async run(signal: AbortSignal): Promise<void> {
    const { logger, times } = this.#parts
    let seen: Snapshot | undefined
    let failures = 0
    while (!signal.aborted) {
      try {
        const answer = await this.#step(seen)
        seen = answer.seen
        failures = 0
        if (answer.outcome === 'idle') await this.#wake.wait(seen ? times.rereadMs : 60_000, signal)
        else await sleep(times.gatherMs, signal)
      } catch (error) {
        if (signal.aborted) break
        if (error instanceof HistoryWentBackError) {
          seen = undefined
          logger.error({ error }, 'the database was restored to an earlier moment; tails go on from now')
        } else logger.warn({ error }, 'the outbox could not be read')
        await sleep(Math.min(times.rereadMs, times.retryMs * 2 ** failures++), signal)
      }
    }
    this.#release()
    await Promise.all([...this.#tails].map((tail) => tail.idle()))
  }

  /** A tail joins between two reads: the next one already asks for its types. */
  async #step(
    seen: Snapshot | undefined,
  ): Promise<{ seen: Snapshot | undefined; outcome: 'idle' | 'handled' }> {
    const { database } = this.#parts
    if (this.#tails.size + this.#joining.length === 0) {
      this.#release()
      return { seen: undefined, outcome: 'idle' }
    }
    const from = seen ?? (await currentSnapshot(database.system))
    for (const tail of this.#joining) this.#tails.add(tail)
    this.#joining = []
    this.#release()
    const tails = [...this.#tails]
    const next = await this.#readAll(from, tails)
    return next.count > 0 ? { seen: next.seen, outcome: 'handled' } : { seen: next.seen, outcome: 'idle' }
  }

  #release(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  async #readAll(from: Snapshot, tails: Tail[]): Promise<{ seen: Snapshot; count: number }> {
    const types = typesOf(tails)
    let cursor: Parameters<typeof readEvents>[1] = { seen: from }
    let count = 0
    for (;;) {
      const answer = await readEvents(this.#parts.database.system, cursor, { types, limit: readLimit })
      count += answer.events.length
      if (answer.events.length > 0) await Promise.all(tails.map((tail) => tail.push(answer.events)))
      cursor = answer.next
      if (!cursor.backlog) return { seen: cursor.seen, count }
    }
  }
}

function typesOf(tails: Tail[]): string[] | undefined {
  const types = new Set<string>()
  for (const { types: wanted } of tails) {
    if (!wanted) return undefined
    for (const type of wanted) types.add(type)
  }
  return [...types]
}

/** The queue and the loop of one handler: a slow one delays others only once its queue is full. */
class Tail {
  readonly types: ReadonlySet<string> | undefined
  readonly #options: TailOptions
  readonly #parts: { logger: Logger; times: TailTimes }
  readonly #signal: AbortSignal
  #queue: StoredEvent[] = []
  #running: Promise<void> | undefined
  #stopped = false

  constructor(options: TailOptions, parts: { logger: Logger; times: TailTimes }, signal: AbortSignal) {
    this.types = options.types && new Set(options.types)
    this.#options = options
    this.#parts = parts
    this.#signal = signal
  }

  /** Resolves when there is room for more. */
  async push(events: StoredEvent[]): Promise<void> {
    if (this.#stopped) return
    const wanted = this.types ? events.filter((event) => this.types?.has(event.type)) : events
    if (wanted.length === 0) return
    for (const event of wanted) this.#queue.push(event)
    this.#running ??= this.#drain()
    if (this.#queue.length > queueLimit) await this.#running
  }

  stop(): void {
    this.#stopped = true
    this.#queue = []
  }

  async idle(): Promise<void> {
    await this.#running
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0 && !this.#stopped && !this.#signal.aborted) {
      const events = this.#queue
      this.#queue = []
      await this.#handle(events)
    }
    this.#running = undefined
  }

  async #handle(events: StoredEvent[]): Promise<void> {
    const { logger, times } = this.#parts
    for (let attempt = 1; attempt <= attempts && !this.#stopped && !this.#signal.aborted; attempt++) {
      try {
        await this.#options.handle(events)
        return
      } catch (error) {
        if (attempt < attempts) logger.warn({ error, attempt }, 'an outbox tail failed and tries again')
        else logger.error({ error, events: events.length }, 'an outbox tail gave events up')
        await sleep(times.retryMs * 2 ** attempt, this.#signal)
      }
    }
  }
}
