import { type PacketResult, usPerMs } from './packet-result.ts'

const bucketMs = 500
/** The shortest delay of this long counts as the path without a queue. */
const baseBuckets = 120
const recentBuckets = 2
/** A queue this long that we do not fill belongs to somebody else. */
const standingMs = 60
const goneMs = 15
/** How long it has to stand while our share falls, before we hold our ground. */
const patienceMs = 5_000
const leastReductions = 4
/** While contested, we make room for so long, so often: a queue of flows like ours is gone then, one of TCP is not. */
const yieldMs = 1_000
const yieldEveryMs = 8_000

/**
 * Tells when a queue stands although we reduce: another flow fills it, one that yields to loss alone, as TCP does.
 * Yielding to its delay would leave us nothing, so while it lasts only loss counts.
 */
export class StandingQueue {
  readonly #minima: number[] = []
  #bucketEndMs = 0
  #standingSinceMs: number | undefined
  #reductions = 0
  #contestedAtMs: number | undefined
  #nowMs = 0

  /** True while another flow keeps the queue filled. */
  get contested(): boolean {
    return this.#contestedAtMs !== undefined
  }

  /** True in the spans in which room is made, to see who the other is. */
  get yielding(): boolean {
    if (this.#contestedAtMs === undefined) return false
    return (this.#nowMs - this.#contestedAtMs) % yieldEveryMs >= yieldEveryMs - yieldMs
  }

  /** Shortest recent delay above the shortest one known, in milliseconds. */
  get delayMs(): number {
    if (this.#minima.length === 0) return 0
    return Math.min(...this.#minima.slice(-recentBuckets)) - Math.min(...this.#minima)
  }

  noteReduction(): void {
    if (this.#standingSinceMs !== undefined) this.#reductions += 1
  }

  add({ sentAtUs, receivedAtUs }: PacketResult): void {
    if (receivedAtUs === undefined) return
    const delayMs = (receivedAtUs - sentAtUs) / usPerMs
    const nowMs = sentAtUs / usPerMs
    this.#nowMs = nowMs
    const last = this.#minima.length - 1
    if (nowMs < this.#bucketEndMs && last >= 0) {
      this.#minima[last] = Math.min(this.#minima[last] ?? delayMs, delayMs)
      return
    }
    this.#bucketEndMs = nowMs + bucketMs
    this.#judge(nowMs)
    this.#minima.push(delayMs)
    if (this.#minima.length > baseBuckets) this.#minima.shift()
  }

  #judge(nowMs: number): void {
    const { delayMs } = this
    if (delayMs < (this.contested ? goneMs : standingMs)) {
      this.#standingSinceMs = undefined
      this.#reductions = 0
      this.#contestedAtMs = undefined
      return
    }
    this.#standingSinceMs ??= nowMs
    if (this.#reductions >= leastReductions && nowMs - this.#standingSinceMs > patienceMs)
      this.#contestedAtMs ??= nowMs
  }
}
