export interface FramePaceOptions {
  framesPerSecond: number
  /** Share of the time between two frames that may be spent on one. */
  budget?: number
}

/** Of width and height. */
const scales = [1, 0.75, 0.5, 0.375]
const slowFrames = 20
const quickFrames = 150
const mostQuickFrames = 3_000

/**
 * Decides which frames are worked on and how large: never more a second than asked for, smaller when they take too
 * long, larger again when they would fit; after each relapse it waits twice as long.
 */
export class FramePace {
  readonly #everyMs: number
  readonly #budgetMs: number
  #dueMs = Number.NEGATIVE_INFINITY
  #step = 0
  #slow = 0
  #quick = 0
  #quickWanted = quickFrames

  constructor({ framesPerSecond, budget = 0.6 }: FramePaceOptions) {
    this.#everyMs = 1000 / framesPerSecond
    this.#budgetMs = this.#everyMs * budget
  }

  get scale(): number {
    return scales[this.#step] ?? 1
  }

  /** Whether the frame that came now is worked on. */
  takes(nowMs: number): boolean {
    // A quarter early is on time: cameras tremble.
    if (nowMs < this.#dueMs - this.#everyMs / 4) return false
    this.#dueMs = Math.max(this.#dueMs + this.#everyMs, nowMs)
    return true
  }

  /** What the last frame took. */
  took(ms: number): void {
    if (ms > this.#budgetMs) {
      this.#quick = 0
      if (++this.#slow < slowFrames || this.#step === scales.length - 1) return
      this.#step++
      this.#slow = 0
      this.#quickWanted = Math.min(mostQuickFrames, this.#quickWanted * 2)
      return
    }
    this.#slow = Math.max(0, this.#slow - 1)
    // Twice the area may take twice the time.
    this.#quick = ms < this.#budgetMs / 2 ? this.#quick + 1 : 0
    if (this.#quick < this.#quickWanted || this.#step === 0) return
    this.#step--
    this.#quick = 0
  }
}
