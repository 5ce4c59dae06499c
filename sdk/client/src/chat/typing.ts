const shownForMs = 6_000
const toldEveryMs = 3_000

/** Who types, each for a few seconds after the last sign; and how often our own typing is told. */
export class Typing {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()
  readonly #onChanged: (userIds: string[]) => void
  #toldMs = Number.NEGATIVE_INFINITY

  constructor(onChanged: (userIds: string[]) => void) {
    this.#onChanged = onChanged
  }

  get userIds(): string[] {
    return [...this.#timers.keys()]
  }

  started(userId: string): void {
    const known = this.#timers.has(userId)
    clearTimeout(this.#timers.get(userId))
    this.#timers.set(
      userId,
      setTimeout(() => this.stopped(userId), shownForMs),
    )
    if (!known) this.#onChanged(this.userIds)
  }

  stopped(userId: string): void {
    clearTimeout(this.#timers.get(userId))
    if (this.#timers.delete(userId)) this.#onChanged(this.userIds)
  }

  /** True when it is time to tell again that we type. */
  shouldTell(): boolean {
    if (Date.now() - this.#toldMs < toldEveryMs) return false
    this.#toldMs = Date.now()
    return true
  }

  /** A message ends the typing that led to it; the next letter is told at once. */
  sent(): void {
    this.#toldMs = Number.NEGATIVE_INFINITY
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }
}
