export interface BackoffOptions {
  baseMs?: number
  maxMs?: number
  random?: () => number
}

/**
 * Full-jitter exponential backoff: a random wait between 0 and min(max, base * 2^attempt). What the server asks
 * for with `retryAfterMs` is waited in full, with the jitter on top, so that a crowd does not come back at once.
 */
export class Backoff {
  #attempt = 0
  readonly #baseMs: number
  readonly #maxMs: number
  readonly #random: () => number

  constructor(options: BackoffOptions = {}) {
    this.#baseMs = options.baseMs ?? 500
    this.#maxMs = options.maxMs ?? 30_000
    this.#random = options.random ?? Math.random
  }

  get attempt(): number {
    return this.#attempt
  }

  nextMs(retryAfterMs = 0): number {
    const ceiling = Math.min(this.#maxMs, this.#baseMs * 2 ** this.#attempt++)
    return Math.round(retryAfterMs + this.#random() * ceiling)
  }

  reset(): void {
    this.#attempt = 0
  }
}
