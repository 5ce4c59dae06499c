import { newId } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import type { Ledger, UsageInterval } from '@parley/core/ledger'

/** What is metered of a stretch of use; another one begins when any of it changes. */
export type UsageFacts = Omit<UsageInterval, 'id' | 'from' | 'to'>

type Entry = { signature: string; interval: UsageInterval }

/** Intervals carried forward in one beat, so that a room of thousands does not keep the database busy with itself. */
const maxExtended = 5_000

/**
 * Turns what goes on into usage intervals: cut at every change, carried forward by a heartbeat, so that a crash costs
 * at most one. `key` is whatever is metered; what is written follows in `flush`.
 */
export class UsageMeter {
  readonly #ledger: Ledger
  readonly #logger: Logger
  readonly #open = new Map<object, Entry>()
  #ended: UsageInterval[] = []

  constructor(ledger: Ledger, logger: Logger) {
    this.#ledger = ledger
    this.#logger = logger
  }

  /** Says what is going on for the key now; undefined: nothing. */
  set(key: object, facts: UsageFacts | undefined): void {
    const present = this.#open.get(key)
    const signature = facts === undefined ? '' : JSON.stringify(facts)
    if (present?.signature === signature || (present === undefined && facts === undefined)) return
    const now = new Date()
    if (present !== undefined) {
      this.#ended.push({ ...present.interval, to: now })
      this.#open.delete(key)
    }
    if (facts === undefined) return
    const interval = { id: newId('fact'), ...facts, from: now, to: now }
    this.#open.set(key, { signature, interval })
  }

  /** Writes what ended, and moves the end of what goes on. */
  async flush(): Promise<void> {
    const now = new Date()
    const ended = this.#ended
    this.#ended = []
    const running = this.#nextRunning().map(({ interval }) => ({ ...interval, to: now }))
    try {
      await this.#ledger.openOrExtend([...ended, ...running])
    } catch (error) {
      // Kept for the next heartbeat, but not without bound while the database is away.
      this.#ended = [...ended, ...this.#ended].slice(0, 100_000)
      this.#logger.warn({ error, intervals: ended.length }, 'usage could not be written; it is tried again')
    }
  }

  /** Those whose turn it is: all, or with very many a part at each beat. */
  #nextRunning(): Entry[] {
    const batch: Entry[] = []
    for (const [key, entry] of this.#open) {
      if (batch.length >= maxExtended) break
      batch.push(entry)
      // To the end of the order, which is that of the last extension.
      this.#open.delete(key)
      this.#open.set(key, entry)
      if (batch.length >= this.#open.size) break
    }
    return batch
  }

  /** Ends everything and writes it. */
  async close(): Promise<void> {
    for (const key of [...this.#open.keys()]) this.set(key, undefined)
    await this.flush()
  }
}
