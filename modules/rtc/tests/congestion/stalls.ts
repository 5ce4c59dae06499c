import type { VirtualClock, Way } from './simulation.ts'

export interface StallOptions {
  /** How long a stall lasts, in milliseconds: evenly between the two. */
  lasting: readonly [least: number, most: number]
  /** Mean of the time between two. */
  everyMs: number
  /** What the receiver takes for each packet that waited, in milliseconds. */
  takingMs: number
  random: () => number
}

/**
 * The way to a receiver that stands still at times, as a page in a busy browser does: what arrives meanwhile waits before
 * it and is taken at once when it goes on. The path itself holds nothing up.
 */
export class StallingReceiver implements Way {
  readonly #way: Way
  readonly #clock: VirtualClock
  readonly #options: StallOptions
  #busyUntilUs = 0

  constructor(clock: VirtualClock, way: Way, options: StallOptions) {
    this.#clock = clock
    this.#way = way
    this.#options = options
    this.#stallLater()
  }

  get capacity(): number {
    return this.#way.capacity
  }

  set capacity(capacity: number) {
    this.#way.capacity = capacity
  }

  send(bytes: number, deliver: (queueMs: number) => void, extraOneWayMs?: number): void {
    const take = (queueMs: number): void => {
      const startUs = Math.max(this.#busyUntilUs, this.#clock.nowUs)
      this.#busyUntilUs = startUs + this.#options.takingMs * 1_000
      this.#clock.at(startUs, () => deliver(queueMs))
    }
    this.#way.send(bytes, take, extraOneWayMs)
  }

  #stallLater(): void {
    const { lasting, everyMs, random } = this.#options
    const [least, most] = lasting
    this.#clock.after(everyMs * (0.5 + random()) * 1_000, () => {
      const untilUs = this.#clock.nowUs + (least + (most - least) * random()) * 1_000
      this.#busyUntilUs = Math.max(this.#busyUntilUs, untilUs)
      this.#stallLater()
    })
  }
}
