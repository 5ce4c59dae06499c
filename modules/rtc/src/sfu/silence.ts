/**
 * How long something has said nothing, as judged by somebody who may be late himself: one look counts for twice the
 * usual distance of looks at most, so that a pause of the judge is not taken for a silence of the judged.
 */
export class Silence {
  readonly #everyMs: number
  #silentMs = 0
  #lookedAtMs: number
  #heard = false

  /** @param everyMs the usual distance of looks */
  constructor(everyMs: number, nowMs: number) {
    this.#everyMs = everyMs
    this.#lookedAtMs = nowMs
  }

  /** A sign of life was read. */
  hear(): void {
    this.#heard = true
  }

  /** To be called after everything that waited was read. Answers for how long nothing was heard, in milliseconds. */
  look(nowMs: number): number {
    const passedMs = Math.min(2 * this.#everyMs, nowMs - this.#lookedAtMs)
    this.#lookedAtMs = nowMs
    this.#silentMs = this.#heard ? 0 : this.#silentMs + passedMs
    this.#heard = false
    return this.#silentMs
  }
}
