/** When things happen, in microseconds since the beginning. */
export interface Clock {
  readonly nowUs: number
  after(delayUs: number, run: () => void): void
  at(atUs: number, run: () => void): void
  every(periodUs: number, run: () => void): void
}

/** One direction of a path, whose capacity (bits a second) may change. */
export interface Way {
  capacity: number
  /** `deliver` is called with the queueing delay when the packet arrives, never when it is lost. */
  send(bytes: number, deliver: (queueMs: number) => void, extraOneWayMs?: number): void
}

/** Events in order of time; a run is the same each time. */
export class VirtualClock implements Clock {
  #nowUs = 0
  #order = 0
  readonly #events: { atUs: number; order: number; run: () => void }[] = []

  get nowUs(): number {
    return this.#nowUs
  }

  after(delayUs: number, run: () => void): void {
    this.at(this.#nowUs + delayUs, run)
  }

  at(atUs: number, run: () => void): void {
    const event = { atUs, order: this.#order++, run }
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#events[middle]
      if (other !== undefined && (other.atUs < atUs || (other.atUs === atUs && other.order < event.order)))
        low = middle + 1
      else high = middle
    }
    this.#events.splice(low, 0, event)
  }

  every(periodUs: number, run: () => void): void {
    const again = (): void => {
      run()
      this.after(periodUs, again)
    }
    this.after(periodUs, again)
  }

  runUntil(endUs: number): void {
    for (;;) {
      const next = this.#events[0]
      if (next === undefined || next.atUs > endUs) break
      this.#events.shift()
      this.#nowUs = next.atUs
      next.run()
    }
    this.#nowUs = endUs
  }
}

/** Mulberry32: a small generator with a seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface LinkOptions {
  /** Bits a second. */
  capacity: number
  oneWayMs?: number
  /** What the queue holds, in milliseconds at the capacity of the moment; more is dropped. */
  queueMs?: number
  /** Share of packets lost whatever is sent. */
  loss?: number
  /** Up to so much later, without reordering. */
  jitterMs?: number
  seed?: number
}

/** A drop-tail queue before a line. */
export class Link implements Way {
  capacity: number
  loss: number
  readonly #clock: VirtualClock
  readonly #options: Required<LinkOptions>
  readonly #random: () => number
  #freeAtUs = 0
  #lastArrivalUs = 0

  constructor(clock: VirtualClock, options: LinkOptions) {
    this.#clock = clock
    this.#options = { oneWayMs: 50, queueMs: 300, loss: 0, jitterMs: 0, seed: 1, ...options }
    this.capacity = options.capacity
    this.loss = this.#options.loss
    this.#random = randomOf(this.#options.seed)
  }

  get queueDelayMs(): number {
    return Math.max(0, this.#freeAtUs - this.#clock.nowUs) / 1_000
  }

  send(bytes: number, deliver: (queueMs: number) => void, extraOneWayMs = 0): void {
    const { nowUs } = this.#clock
    const queueMs = this.queueDelayMs
    if (queueMs > this.#options.queueMs) return
    this.#freeAtUs = Math.max(this.#freeAtUs, nowUs) + (bytes * 8 * 1e6) / this.capacity
    if (this.#random() < this.loss) return
    const jitterUs = this.#random() * this.#options.jitterMs * 1_000
    const arrivalUs = this.#freeAtUs + (this.#options.oneWayMs + extraOneWayMs) * 1_000 + jitterUs
    this.#lastArrivalUs = Math.max(this.#lastArrivalUs, arrivalUs)
    this.#clock.at(this.#lastArrivalUs, () => deliver(queueMs))
  }
}
