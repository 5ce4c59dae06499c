import { ProtocolViolation } from '../violation.ts'

/** Reads big-endian bit fields; running past the end is a ProtocolViolation. */
export class BitReader {
  readonly #bytes: Uint8Array
  #position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Up to 32 bits, unsigned. */
  bits(count: number): number {
    if (this.#position + count > this.#bytes.length * 8) {
      throw new ProtocolViolation('rtp', `needs ${count} bits`, { offset: this.#position >> 3 })
    }
    let value = 0
    for (let index = 0; index < count; index++, this.#position++) {
      const byte = this.#bytes[this.#position >> 3] ?? 0
      value = value * 2 + ((byte >> (7 - (this.#position & 7))) & 1)
    }
    return value
  }

  flag(): boolean {
    return this.bits(1) === 1
  }

  /** A value below `limit` in the fewest bits (AV1 specification section 4.10.7). */
  nonSymmetric(limit: number): number {
    let width = 0
    for (let rest = limit; rest > 0; rest >>= 1) width++
    const short = 2 ** width - limit
    const value = this.bits(width - 1)
    return value < short ? value : value * 2 - short + this.bits(1)
  }
}
