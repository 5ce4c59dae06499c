const WINDOW = 1_024

/** Remembers which packet indices were accepted lately, so that none is taken twice (RFC 3711 section 3.3.2). */
export class ReplayWindow {
  readonly #seen = new Float64Array(WINDOW).fill(-1)
  #highest = -1

  /** The highest accepted index; -1 before the first. */
  get highest(): number {
    return this.#highest
  }

  /** Accepted before, or too old to tell. */
  isReplayed(index: number): boolean {
    return index <= this.#highest - WINDOW || this.#seen[index % WINDOW] === index
  }

  accept(index: number): void {
    this.#highest = Math.max(this.#highest, index)
    this.#seen[index % WINDOW] = index
  }
}
