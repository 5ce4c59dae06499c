/** Forward distance from one sequence number to another modulo 2^16, in -32768..32767; positive: `to` is newer. */
export function sequenceDistance(from: number, to: number): number {
  return ((to - from) << 16) >> 16
}

/**
 * Turns wrapping counters (16-bit sequence numbers, 32-bit timestamps) into ones that do not wrap, assuming each
 * value lies within half the range of the newest one. Values before the first may come out negative.
 */
export class Unwrapper {
  readonly #modulus: number
  #newest: number | undefined

  constructor(options: { readonly bits: 16 | 32 }) {
    this.#modulus = 2 ** options.bits
  }

  unwrap(value: number): number {
    if (this.#newest === undefined) {
      this.#newest = value
      return value
    }
    const modulus = this.#modulus
    let distance = (value - this.#newest) % modulus
    if (distance < 0) distance += modulus
    if (distance >= modulus / 2) distance -= modulus
    const unwrapped = this.#newest + distance
    if (distance > 0) this.#newest = unwrapped
    return unwrapped
  }
}
