import { type Scope, sleep } from '@parley/core/kernel'
import type { Database } from '@parley/core/store'

// What is visible in $2 (the present moment when null), wanted by the consumer, and not handled yet.
const pendingWhere = `
      and pg_visible_in_snapshot(event.txid, moment.snapshot)
      and (consumer.types is null or event.type = any(consumer.types))
      and (consumer.until is null or event.position > consumer.position
        or not pg_visible_in_snapshot(event.txid, consumer.until))`
const pending = `
  select moment.snapshot::text as snapshot, consumer.name is null or exists (
    select 1 from outbox.events event where event.txid >= pg_snapshot_xmax(consumer.seen) ${pendingWhere}
  ) or exists (
    select 1 from outbox.events event
    where event.txid = any(array(select pg_snapshot_xip(consumer.seen))) ${pendingWhere}
  ) as pending
  from (select coalesce($2::pg_snapshot, pg_current_snapshot()) as snapshot) moment
  left join outbox.consumers consumer on consumer.name = $1`

/** True when nothing is pending, else the snapshot that was asked about. */
type Answer = true | string

interface Round {
  answer: Promise<Answer>
  begun: boolean
}

/**
 * Answers whether a consumer has handled what was committed before the question. Questions that come while one
 * query runs share the next one, so that thousands a second cost a few hundred queries.
 */
export class Progress {
  readonly #database: Database
  readonly #scope: Scope
  readonly #hurry: (name: string) => void
  readonly #rounds = new Map<string, Round>()
  readonly #waiting = new Map<string, Set<() => void>>()

  /** `hurry` tells the consumer, wherever it runs, that somebody waits. */
  constructor(options: { database: Database; scope: Scope; hurry: (name: string) => void }) {
    this.#database = options.database
    this.#scope = options.scope
    this.#hurry = options.hurry
  }

  /** The consumer has saved its cursor in this process. */
  moved(name: string): void {
    for (const wake of this.#waiting.get(name) ?? []) wake()
  }

  async caughtUp(name: string, timeoutMs: number): Promise<boolean> {
    const deadlineMs = performance.now() + timeoutMs
    const first = await this.#share(name)
    if (first === true) return true
    for (let pauseMs = 5; !this.#scope.closed; pauseMs = Math.min(100, pauseMs * 2)) {
      const leftMs = deadlineMs - performance.now()
      if (leftMs <= 0) return false
      this.#hurry(name)
      await this.#pause(name, Math.min(pauseMs, leftMs))
      const answer = await this.#ask(name, first)
      if (answer === true) return true
    }
    return false
  }

  /** Joins the round that is yet to begin: one that runs may have looked before this question was asked. */
  #share(name: string): Promise<Answer> {
    const last = this.#rounds.get(name)
    if (last && !last.begun) return last.answer
    const round: Round = { begun: false, answer: Promise.resolve(true) }
    round.answer = (async () => {
      await last?.answer.catch(() => undefined)
      await new Promise(setImmediate)
      round.begun = true
      return this.#ask(name, null)
    })().finally(() => {
      if (this.#rounds.get(name) === round) this.#rounds.delete(name)
    })
    this.#rounds.set(name, round)
    return round.answer
  }

  async #ask(name: string, snapshot: string | null): Promise<Answer> {
    const { rows } = await this.#database.system.query<{ snapshot: string; pending: boolean }>({
      name: 'outbox-pending',
      text: pending,
      values: [name, snapshot],
    })
    const [row] = rows
    return row?.pending === false ? true : (row?.snapshot ?? '')
  }

  async #pause(name: string, ms: number): Promise<void> {
    const woken = new AbortController()
    const wake = (): void => woken.abort()
    const waiting = this.#waiting.get(name) ?? new Set()
    this.#waiting.set(name, waiting.add(wake))
    await sleep(ms, AbortSignal.any([woken.signal, this.#scope.signal]))
    waiting.delete(wake)
    if (waiting.size === 0 && this.#waiting.get(name) === waiting) this.#waiting.delete(name)
  }
}
