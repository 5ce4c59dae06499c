type Delivery = { readonly atMs: number; readonly run: () => void }

/** Runs deliveries when they are due, in order of time and, for equal times, of arrival. Owns one timer. */
export class DeliveryQueue {
  #waiting: Delivery[] = []
  #timer: NodeJS.Timeout | undefined
  #closed = false

  get length(): number {
    return this.#waiting.length
  }

  /** `atMs` is on the clock of `performance.now()`; what is due already runs at once if nothing waits before it. */
  schedule(atMs: number, run: () => void): void {
    if (this.#closed) return
    if (this.#waiting.length === 0 && atMs <= performance.now()) {
      run()
      return
    }
    let index = this.#waiting.length
    while (index > 0 && (this.#waiting[index - 1]?.atMs ?? 0) > atMs) index--
    this.#waiting.splice(index, 0, { atMs, run })
    if (index === 0) this.#arm()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#waiting = []
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const [first] = this.#waiting
    if (!first || this.#closed) return
    this.#timer = setTimeout(() => this.#runDue(), Math.max(0, first.atMs - performance.now()))
  }

  #runDue(): void {
    const now = performance.now()
    let due = 0
    while (due < this.#waiting.length && (this.#waiting[due]?.atMs ?? Infinity) <= now) due++
    for (const { run } of this.#waiting.splice(0, due)) run()
    this.#arm()
  }
}
