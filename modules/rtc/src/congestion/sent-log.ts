import type { TransportFeedback } from '@parley/protocols/rtcp'
import type { SentPacket } from './packet-result.ts'
import type { PacketResults } from './packet-results.ts'

/** Of the reference time and the deltas in transport-wide feedback. */
const referenceUnitUs = 64_000
const tickUs = 250
const referenceWrap = 2 ** 24

/** More packets than a fast path has under way; older ones count as answered. */
const mostPackets = 32_768
/** Seconds of most paths; what waits for an answer beyond that makes room for itself. */
const leastPackets = 1_024
const sequenceWrap = 2 ** 16

/** The feedback's fields that matter here. */
export type Feedback = Pick<TransportFeedback, 'baseSequence' | 'referenceTime' | 'deltas'>

/**
 * Packets under way, by transport-wide sequence, until feedback has told that they arrived: a ring, a column a property.
 * Sequences and receive times of the feedback wrap; they are unwrapped next to the newest known ones.
 */
export class SentLog {
  #sequences = new Uint32Array(0)
  #sentAtUs = new Float64Array(0)
  /** 0 where there is no packet, below zero where it was told as missing. */
  #sizes = new Int32Array(0)
  #newest = -1
  /** Of all feedback, the last packet it told of. */
  #answered = -1
  #inFlightBytes = 0
  #reference = -1
  #unwrappedReference = -1

  /** Bytes sent and neither told as received nor as missing. */
  get inFlightBytes(): number {
    return this.#inFlightBytes
  }

  /** The packet is read, not kept. */
  add({ sequence, sizeBytes, sentAtUs }: SentPacket): void {
    if (this.#newest < 0) this.#resize(leastPackets)
    let at = sequence & (this.#sizes.length - 1)
    const before = this.#sizes[at] ?? 0
    if (before > 0) {
      // Feedback goes on in order: what it has passed without a word it will not come back to.
      if ((this.#sequences[at] ?? 0) > this.#answered && this.#sizes.length < mostPackets) {
        this.#resize(this.#sizes.length * 2)
        at = sequence & (this.#sizes.length - 1)
      } else this.#inFlightBytes -= before
    }
    this.#sequences[at] = sequence
    this.#sentAtUs[at] = sentAtUs
    this.#sizes[at] = sizeBytes
    if (sequence > this.#newest) this.#newest = sequence
    this.#inFlightBytes += sizeBytes
  }

  /** Fills in results in order of sequence. Packets that are unknown, or whose arrival was told before, are left out. */
  take({ baseSequence, referenceTime, deltas }: Feedback, results: PacketResults): void {
    results.clear()
    if (this.#newest < 0) return
    const base = this.#unwrapSequence(baseSequence)
    const count = deltas.length
    let receivedUs = this.#unwrapReference(referenceTime) * referenceUnitUs
    this.#answered = Math.max(this.#answered, Math.min(this.#newest, base + count - 1))
    const mask = this.#sizes.length - 1
    for (let offset = 0; offset < count; offset++) {
      const delta = deltas[offset] ?? null
      if (delta !== null) receivedUs += delta * tickUs
      const at = (base + offset) & mask
      const size = this.#sizes[at] ?? 0
      if (size === 0 || this.#sequences[at] !== base + offset) continue
      const late = size < 0
      if (late && delta === null) continue
      this.#sizes[at] = delta === null ? -size : 0
      if (!late) this.#inFlightBytes -= size
      results.add(
        late ? -size : size,
        this.#sentAtUs[at] ?? 0,
        delta === null ? Number.NaN : receivedUs,
        late,
      )
    }
  }

  #resize(length: number): void {
    const [sequences, sentAtUs, sizes] = [this.#sequences, this.#sentAtUs, this.#sizes]
    this.#sequences = new Uint32Array(length)
    this.#sentAtUs = new Float64Array(length)
    this.#sizes = new Int32Array(length)
    sequences.forEach((sequence, from) => {
      const at = sequence & (length - 1)
      this.#sequences[at] = sequence
      this.#sentAtUs[at] = sentAtUs[from] ?? 0
      this.#sizes[at] = sizes[from] ?? 0
    })
  }

  #unwrapSequence(sequence: number): number {
    const newest = this.#newest % sequenceWrap
    const behind = (newest - sequence + sequenceWrap) % sequenceWrap
    return this.#newest - behind
  }

  #unwrapReference(time: number): number {
    const wrapped = ((time % referenceWrap) + referenceWrap) % referenceWrap
    if (this.#reference < 0) this.#unwrappedReference = wrapped
    else {
      const ahead = (wrapped - this.#reference + referenceWrap) % referenceWrap
      this.#unwrappedReference += ahead < referenceWrap / 2 ? ahead : ahead - referenceWrap
    }
    this.#reference = wrapped
    return this.#unwrappedReference
  }
}
