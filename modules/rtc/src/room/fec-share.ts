import type { MeasuredPath, PathLoss } from './repair.ts'

/** What is known by which losses of a picture are left to requests or brought back by what is sent ahead. */
export interface FecFacts extends PathLoss, MeasuredPath {}

/** Counters of a stream; all only grow. */
export interface RepairCounters {
  /** Packets that were asked for, and requests for them. */
  readonly missed: number
  readonly nacks: number
  /** Of the former those left to protection, and of these what it did not bring back. */
  readonly leftToFec: number
  readonly fecFailures: number
}

const noticeableLoss = 0.03
/** An answer that is there so soon needs no protection; one that takes this long does. */
const soonMs = 100
const lateMs = 300
/** Packets of protection for one of media: so many at least, and more by the loss, up to a bound. */
const leastShare = 0.3
const shareByLoss = 5
/** Packets of protection for one of media, at most. */
export const mostFecShare = 0.6
/** Rows that bring back less than this are too long for how it loses; with less still protection is not worth its bits. */
const poorRecovery = 0.7
const uselessRecovery = 0.3
const moreRows = 1.4
/** Losses after which a share of them says something. */
const enough = 20
const memory = 200

/**
 * Packets of protection for one packet of a picture, 0 to 0.6. Requests do it where answers come soon; the later they come,
 * and the more often a packet is asked for until it is there, the more is sent ahead. Against random loss only.
 */
export function fecShareOf(
  facts: FecFacts & { requestsPerLoss: number; recovery: number | undefined },
): number {
  const { loss, lossKind, roundTripMs, requestsPerLoss, recovery = 1, most } = facts
  if (lossKind !== 'random' || loss < noticeableLoss || recovery < uselessRecovery) return 0
  const answeredMs = roundTripMs * Math.max(1, requestsPerLoss)
  const need = Math.min(1, Math.max(0, (answeredMs - soonMs) / (lateMs - soonMs)))
  const share = (leastShare + shareByLoss * loss) * (recovery < poorRecovery ? moreRows : 1)
  return Math.max(0, Math.min(need * share, mostFecShare, most))
}

/** Steps of the share, so that it does not tremble. */
const step = 0.05
const falling = 0.9
/** What did not help is tried again after this. */
const restsMs = 30_000

/** Follows one picture on its way to one subscriber. */
export class FecShare {
  #counters: RepairCounters = { missed: 0, nacks: 0, leftToFec: 0, fecFailures: 0 }
  #asked = { missed: 0, nacks: 0 }
  #left = { leftToFec: 0, fecFailures: 0 }
  #wanted = 0
  #restsUntilMs = Number.NEGATIVE_INFINITY

  /** What it would be if there were room without end. */
  get wanted(): number {
    return this.#wanted
  }

  /** Takes counters of the stream as they are now. */
  count(counters: RepairCounters): void {
    const before = this.#counters
    this.#counters = counters
    const missed = this.#asked.missed + counters.missed - before.missed
    const nacks = this.#asked.nacks + counters.nacks - before.nacks
    const leftToFec = this.#left.leftToFec + counters.leftToFec - before.leftToFec
    const fecFailures = this.#left.fecFailures + counters.fecFailures - before.fecFailures
    // What is long ago counts half.
    const fade = (total: number) => (total > memory ? 0.5 : 1)
    this.#asked = { missed: missed * fade(missed), nacks: nacks * fade(missed) }
    this.#left = { leftToFec: leftToFec * fade(leftToFec), fecFailures: fecFailures * fade(leftToFec) }
  }

  /** The share from now on. `nowMs` on a monotonic clock. */
  update(facts: FecFacts, nowMs: number): number {
    const { missed, nacks } = this.#asked
    const { leftToFec, fecFailures } = this.#left
    const recovery = leftToFec < enough ? undefined : 1 - fecFailures / leftToFec
    if (recovery !== undefined && recovery < uselessRecovery) {
      this.#restsUntilMs = nowMs + restsMs
      this.#left = { leftToFec: 0, fecFailures: 0 }
    }
    const requestsPerLoss = missed < enough ? 1 : nacks / missed
    const needed =
      nowMs < this.#restsUntilMs ? 0 : fecShareOf({ ...facts, requestsPerLoss, recovery, most: mostFecShare })
    const held = facts.lossKind === 'congestion' ? 0 : this.#wanted * falling
    this.#wanted = Math.max(needed, held)
    if (this.#wanted < step / 2) this.#wanted = 0
    return Math.floor(Math.min(this.#wanted, facts.most) / step + 0.5) * step
  }
}
