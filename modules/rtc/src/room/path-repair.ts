import type { Transport } from '@parley/fastpath'
import type { PathFacts } from '../sfu/messages.ts'
import { type Allocation, repairShare } from './allocation.ts'
import { type FecFacts, mostFecShare } from './fec-share.ts'
import { copiesAhead, type PathLoss, ReportedLoss, SteadyLoss } from './repair.ts'

/** Bits a second for repairs where nothing tells what the path carries. */
const unmeasuredRepair = 400_000
/** Of a measured path, whatever it loses: single losses are to be repaired at once. */
const leastRepairBudget = 0.25
const repairEveryMs = 500
/**
 * Where the room for copies that go ahead turned out not to be there, they are not tried again for so long, and for twice as
 * long each time they went less than a trial.
 */
const copiesRestMs = 5_000
const mostCopiesRestMs = 80_000
const copiesTrialMs = 20_000

export interface PathRepairOptions {
  allocation: Allocation
  /** That it all goes over; undefined while there is none. */
  transport: () => Pick<Transport, 'setRepairBudget'> | undefined
  subscriptions: () => Iterable<{ setRepair(path: PathLoss | FecFacts): void }>
}

/** What is done against the losses of a subscriber's path, and how many bits a second that may take. */
export class PathRepair {
  readonly #options: PathRepairOptions
  readonly #reported = new ReportedLoss()
  #steady = new SteadyLoss()
  #repairedAtMs = Number.NEGATIVE_INFINITY
  /** Since when copies go ahead. */
  #copiesSinceMs: number | undefined
  #copiesRestMs = copiesRestMs
  #copiesRestUntilMs = Number.NEGATIVE_INFINITY

  constructor(options: PathRepairOptions) {
    this.#options = options
  }

  handleFacts(facts: PathFacts, nowMs: number): void {
    if (nowMs - this.#repairedAtMs < repairEveryMs) return
    this.#repairedAtMs = nowMs
    const { allocation } = this.#options
    const path = this.#steady.update(facts)
    const share = Math.max(leastRepairBudget, repairShare(path.loss))
    const { protection } = allocation
    // What the path carries beyond the media is free for repairs.
    const beside = facts.target - allocation.bitrates.allotted
    const budget = Math.max(facts.target * share + protection.bitrate, beside)
    const { roundTripMs } = facts
    const most = this.#mayCopy({ ...path, roundTripMs, most: protection.most }, nowMs)
      ? protection.most
      : Math.min(protection.most, mostFecShare)
    this.#set(Math.round(budget), { ...path, roundTripMs, most })
  }

  /** What receivers report of the sound they get, where no video is measured. */
  handleReport(report: { loss: number; jitterMs: number }, nowMs: number): void {
    this.#set(unmeasuredRepair, this.#reported.update({ ...report, nowMs }))
  }

  /** The connection ended; what comes next is measured anew. */
  reset(): void {
    this.#steady = new SteadyLoss()
    this.#copiesSinceMs = undefined
    this.#copiesRestMs = copiesRestMs
    this.#copiesRestUntilMs = Number.NEGATIVE_INFINITY
  }

  /** Whether copies may go ahead as far as there is room: not soon after there was none, as they may be why. */
  #mayCopy(path: FecFacts, nowMs: number): boolean {
    const isRoom = path.most >= mostFecShare + 1
    const sinceMs = this.#copiesSinceMs
    if (sinceMs !== undefined && !isRoom) {
      if (nowMs - sinceMs >= copiesTrialMs) this.#copiesRestMs = copiesRestMs
      this.#copiesRestUntilMs = nowMs + this.#copiesRestMs
      this.#copiesRestMs = Math.min(mostCopiesRestMs, 2 * this.#copiesRestMs)
    }
    const isResting = nowMs < this.#copiesRestUntilMs
    if (!isRoom || isResting) this.#copiesSinceMs = undefined
    else if (copiesAhead(path) > 0) this.#copiesSinceMs ??= nowMs
    return !isResting
  }

  #set(budget: number, path: PathLoss | FecFacts): void {
    this.#options.transport()?.setRepairBudget(budget)
    for (const subscription of this.#options.subscriptions()) subscription.setRepair(path)
  }
}
