import { Wake } from '@parley/core/bus'
import type { Logger, Scope } from '@parley/core/kernel'
import type { Database } from '@parley/core/store'

/** The right to read for one consumer. `generation` fences the cursor; `signal` aborts when the right is lost. */
export interface Lease {
  generation: string
  signal: AbortSignal
  /** False once time has run out, even before anybody has noticed. */
  live(): boolean
}

interface Held {
  generation: string
  /** On the monotonic clock, counted from before the statement that took the lease. */
  deadlineMs: number
  abort: AbortController
}

// One statement extends what is held and takes what is free; in order of name, so that two processes cannot deadlock.
const take = `
  update outbox.consumers set
    generation = case when holder = $2 then generation else generation + 1 end,
    holder = $2,
    lease_until = clock_timestamp() + $3 * interval '1 millisecond'
  where name in (
    select name from outbox.consumers
    where name = any($1::text[]) and (holder = $2 or lease_until is null or lease_until < clock_timestamp())
    order by name for update
  )
  returning name, generation::text as generation`

/**
 * Leases of this process on durable consumers, in rows with the database's clock rather than in advisory locks: a
 * process that is stopped or cut off loses them as surely as one that died.
 */
export class Leases {
  readonly #options: {
    database: Database
    logger: Logger
    holder: string
    leaseMs: number
    onChange: () => void
  }
  readonly #names = new Set<string>()
  readonly #held = new Map<string, Held>()
  readonly #wake = new Wake()

  constructor(options: {
    database: Database
    logger: Logger
    scope: Scope
    holder: string
    leaseMs: number
    /** Called after leases were gained or lost. */
    onChange: () => void
  }) {
    this.#options = options
    options.scope.onClose('release', () => this.#release())
    options.scope.loop('leases', (signal) => this.#keep(signal))
  }

  /** Competes for the consumer from now on. */
  want(name: string): void {
    this.#names.add(name)
    this.#wake.set()
  }

  /** Looks at once whether something has become free. */
  retry(): void {
    this.#wake.set()
  }

  get(name: string): Lease | undefined {
    const held = this.#held.get(name)
    if (!held || held.deadlineMs <= performance.now()) return undefined
    return {
      generation: held.generation,
      signal: held.abort.signal,
      live: () => !held.abort.signal.aborted && held.deadlineMs > performance.now(),
    }
  }

  /** The database said that somebody else holds it. */
  lost(name: string): void {
    const held = this.#held.get(name)
    this.#held.delete(name)
    held?.abort.abort()
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { leaseMs, logger } = this.#options
    while (!signal.aborted) {
      await this.#wake.wait(this.#names.size === 0 ? 60_000 : leaseMs / 3, signal)
      if (signal.aborted || this.#names.size === 0) continue
      try {
        await this.#take()
      } catch (error) {
        logger.warn({ error }, 'leases on outbox consumers could not be renewed')
      }
      this.#dropExpired()
    }
  }

  async #take(): Promise<void> {
    const { database, holder, leaseMs, onChange } = this.#options
    const names = [...this.#names]
    const deadlineMs = performance.now() + leaseMs
    const { rows } = await database.system.query<{ name: string; generation: string }>({
      name: 'outbox-lease',
      text: take,
      values: [names, holder, leaseMs],
    })
    let changed = false
    for (const { name, generation } of rows) {
      const held = this.#held.get(name)
      if (held?.generation === generation) held.deadlineMs = deadlineMs
      else {
        this.lost(name)
        this.#held.set(name, { generation, deadlineMs, abort: new AbortController() })
        changed = true
      }
    }
    if (changed) onChange()
  }

  #dropExpired(): void {
    for (const [name, held] of this.#held) {
      if (held.deadlineMs > performance.now()) continue
      this.lost(name)
      this.#options.onChange()
    }
  }

  async #release(): Promise<void> {
    const { database, holder } = this.#options
    if (this.#held.size === 0) return
    await database.system.query({
      text: 'update outbox.consumers set holder = null, lease_until = null where holder = $1',
      values: [holder],
    })
  }
}
