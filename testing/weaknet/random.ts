/** A small seeded generator (xorshift128): the same seed gives the same decisions on every machine. */
export class SeededRandom {
  #state: [number, number, number, number]

  constructor(seed: number) {
    this.#state = [seed ^ 0x9e3779b9, seed ^ 0x243f6a88, (seed * 0x85ebca6b) | 0, 0xb7e15162]
    for (let round = 0; round < 16; round++) this.next()
  }

  /** Uniform in [0, 1). */
  next(): number {
    const [a, b, c, d] = this.#state
    let mixed = d ^ (d << 11)
    mixed ^= mixed >>> 8
    const fresh = mixed ^ a ^ (a >>> 19)
    this.#state = [fresh | 0, a, b, c]
    return (fresh >>> 0) / 2 ** 32
  }
}
