/** Values that expire, at most so many: what was put in first goes first. */
export class BoundedCache<Value> {
  readonly #most: number
  readonly #entries = new Map<string, { value: Value; untilMs: number }>()

  constructor(most: number) {
    this.#most = most
  }

  get(key: string, nowMs: number = Date.now()): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.untilMs <= nowMs) return undefined
    return entry.value
  }

  set(key: string, value: Value, untilMs: number): void {
    this.#entries.delete(key)
    this.#entries.set(key, { value, untilMs })
    if (this.#entries.size <= this.#most) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      return
    }
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }
}
