import { Wake } from '@parley/core/bus'
import { type Logger, type Scope, sleep } from '@parley/core/kernel'

export interface DueWorkOptions<Item> {
  name: string
  scope: Scope
  logger: Logger
  /** Items at a time in this process, and those taken in one claim. */
  concurrency: number
  batch: number
  rereadMs: number
  /** How long what runs may go on while the process closes, before its signal aborts. */
  drainMs: number
  /** Items of a key above so many leave room for others. */
  perKey: number
  keyOf: (item: Item) => string
  claim: (limit: number, busyKeys: string[]) => Promise<Item[]>
  /** How long nothing is due; undefined when nothing waits. Milliseconds. */
  nextDueMs: () => Promise<number | undefined>
  work: (item: Item, signal: AbortSignal) => Promise<void>
}

/** Claims what is due from a table and works on it; an item that a dead process had is due again by itself. */
export class DueWork<Item> {
  readonly #options: DueWorkOptions<Item>
  readonly #wake = new Wake()
  readonly #running = new Map<Promise<void>, string>()
  readonly #abort = new AbortController()

  constructor(options: DueWorkOptions<Item>) {
    this.#options = options
    options.scope.loop(options.name, (signal) => this.#run(signal))
  }

  wake(): void {
    this.#wake.set()
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { rereadMs, drainMs, logger, name } = this.#options
    while (!signal.aborted) {
      let waitMs = rereadMs
      try {
        waitMs = Math.min(waitMs, await this.#claim())
      } catch (error) {
        if (!signal.aborted) logger.warn({ error, work: name }, 'due work could not be claimed')
      }
      if (waitMs > 0) await this.#wake.wait(waitMs, signal)
    }
    const ended = new AbortController()
    const all = Promise.all(this.#running.keys()).then(() => ended.abort())
    await Promise.race([all, sleep(drainMs, ended.signal)])
    this.#abort.abort(new Error('the process closes'))
    await all
  }

  async #claim(): Promise<number> {
    const { concurrency, batch, rereadMs, perKey, claim, nextDueMs } = this.#options
    const free = Math.min(batch, concurrency - this.#running.size)
    if (free <= 0) return rereadMs
    const counts = new Map<string, number>()
    for (const key of this.#running.values()) counts.set(key, (counts.get(key) ?? 0) + 1)
    const busy = [...counts].flatMap(([key, count]) => (count >= perKey ? [key] : []))
    const items = await claim(free, busy)
    for (const item of items) this.#start(item)
    if (items.length === free) return 0
    // What is due but busy is claimed when something ends.
    return busy.length > 0 ? rereadMs : Math.max(1, (await nextDueMs()) ?? rereadMs)
  }

  #start(item: Item): void {
    const { keyOf, work, logger, name } = this.#options
    const running = work(item, this.#abort.signal)
      .catch((error: unknown) => {
        logger.warn({ error, work: name }, 'due work was left; it comes again')
      })
      .finally(() => {
        this.#running.delete(running)
        this.#wake.set()
      })
    this.#running.set(running, keyOf(item))
  }
}
