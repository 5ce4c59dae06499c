import { AppError } from '@parley/contracts'
import type { Closable } from '@parley/core/kernel'
import type { Database, ProjectScope, Transaction } from './database.ts'

export interface CommitContext {
  lane: number
  /** Items that still wait in this lane behind the batch. */
  queued: number
}

export interface GroupCommitOptions<Item, Answer> {
  database: Pick<Database, 'system'>
  /** Transactions that run at the same time, one connection each. Items of one `laneOf` never overlap. */
  lanes: number
  /** Items in one transaction at most. Default 256. */
  maxBatch?: number
  /** Accepted and unanswered items over all lanes, above which `submit` refuses. Default 20,000. */
  maxQueued?: number
  /** What must keep its order and not run beside itself, e.g. a conversation id. */
  laneOf(item: Item): string
  /**
   * Writes a batch, in the order of submission, and answers one result an item in that order. An Error as
   * result rejects that item alone and the rest is committed. A throw rolls all back: the batch is then halved
   * until the items that cannot be written stand alone. May run several times for an item.
   */
  commit(
    items: readonly Item[],
    tx: Transaction,
    context: CommitContext,
  ): Promise<readonly (Answer | Error)[]>
}

interface Entry<Item, Answer> {
  item: Item
  resolve: (answer: Answer) => void
  reject: (error: unknown) => void
}

/** Failures of the database rather than of an item: a smaller batch would meet them as well. */
const transientCodes = new Set<string>(['unavailable', 'overloaded', 'storage-full'])

/**
 * Turns single writes into few transactions: while a lane commits, what arrives gathers, and is its next
 * batch. `submit` resolves after the commit, so that an answer means durable.
 */
export class GroupCommit<Item, Answer> implements Closable {
  readonly #options: GroupCommitOptions<Item, Answer>
  readonly #database: ProjectScope
  readonly #maxBatch: number
  readonly #maxQueued: number
  readonly #lanes: Lane<Item, Answer>[]
  #unanswered = 0
  #closing: Promise<void> | undefined
  /** Items a second, smoothed; for a hint when to come again. */
  #rate = 1_000

  constructor(options: GroupCommitOptions<Item, Answer>) {
    this.#options = options
    this.#database = options.database.system
    this.#maxBatch = options.maxBatch ?? 256
    this.#maxQueued = options.maxQueued ?? 20_000
    this.#lanes = Array.from({ length: options.lanes }, (_, index) => ({
      index,
      waiting: [],
      running: undefined,
    }))
  }

  /** Accepted items that have no answer yet. */
  get queued(): number {
    return this.#unanswered
  }

  /**
   * Rejects with `overloaded` before it accepts when too much waits, with `unavailable`, `overloaded` or
   * `storage-full` when the batch could not be committed: after `unavailable` it may be in the database
   * nevertheless. Everything else is what `commit` said of this item.
   */
  submit(item: Item): Promise<Answer> {
    if (this.#closing) return Promise.reject(new AppError('unavailable', 'The server is shutting down'))
    if (this.#unanswered >= this.#maxQueued) return Promise.reject(this.#overload())
    const lane = this.#lanes[hash(this.#options.laneOf(item)) % this.#lanes.length]
    if (!lane) return Promise.reject(new Error('a group commit needs a lane'))
    this.#unanswered++
    return new Promise((resolve, reject) => {
      lane.waiting.push({ item, resolve, reject })
      lane.running ??= this.#drain(lane)
    })
  }

  /** Accepts no more, and resolves when all that was accepted is answered. */
  close(): Promise<void> {
    this.#closing ??= Promise.all(this.#lanes.map((lane) => lane.running)).then(() => undefined)
    return this.#closing
  }

  #overload(): AppError {
    const retryAfterMs = Math.round(Math.min(5_000, Math.max(100, (this.#unanswered / this.#rate) * 1_000)))
    return new AppError('overloaded', 'Too many writes wait for the database', { retryAfterMs })
  }

  async #drain(lane: Lane<Item, Answer>): Promise<void> {
    // What other sockets bring in the same turn of the event loop joins the first batch.
    await new Promise((resolve) => setImmediate(resolve))
    while (lane.waiting.length > 0) {
      const batch = lane.waiting.splice(0, this.#maxBatch)
      const began = performance.now()
      await this.#write(batch, lane)
      this.#learnRate(batch.length, performance.now() - began)
    }
    lane.running = undefined
  }

  /** Halves on failure, the first half first, so that the order within a lane holds. Never throws. */
  async #write(batch: readonly Entry<Item, Answer>[], lane: Lane<Item, Answer>): Promise<void> {
    try {
      const answers = await this.#commit(batch, lane)
      for (const [index, entry] of batch.entries()) {
        const answer = answers[index] as Answer | Error
        this.#unanswered--
        if (answer instanceof Error) entry.reject(answer)
        else entry.resolve(answer)
      }
    } catch (error) {
      if (batch.length === 1 || isTransient(error)) return this.#rejectAll(batch, error)
      const middle = batch.length >> 1
      await this.#write(batch.slice(0, middle), lane)
      await this.#write(batch.slice(middle), lane)
    }
  }

  #commit(
    batch: readonly Entry<Item, Answer>[],
    lane: Lane<Item, Answer>,
  ): Promise<readonly (Answer | Error)[]> {
    const items = batch.map((entry) => entry.item)
    const context = { lane: lane.index, queued: lane.waiting.length }
    return this.#database.transaction(async (tx) => {
      const answers = await this.#options.commit(items, tx, context)
      if (answers.length !== items.length)
        throw new Error(`a batch of ${items.length} items was given ${answers.length} answers`)
      return answers
    })
  }

  #rejectAll(batch: readonly Entry<Item, Answer>[], error: unknown): void {
    this.#unanswered -= batch.length
    for (const entry of batch) entry.reject(error)
  }

  #learnRate(items: number, elapsedMs: number): void {
    const rate = (items * 1_000 * this.#lanes.length) / Math.max(0.1, elapsedMs)
    this.#rate += (rate - this.#rate) * 0.1
  }
}

interface Lane<Item, Answer> {
  readonly index: number
  waiting: Entry<Item, Answer>[]
  running: Promise<void> | undefined
}

function isTransient(error: unknown): boolean {
  return error instanceof AppError && transientCodes.has(error.code)
}

/** FNV-1a over UTF-16 units. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}
