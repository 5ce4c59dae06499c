import type { TransportFeedback } from '@parley/protocols/rtcp'
import type { PacketResult, SentPacket } from './packet-result.ts'

/** Of the reference time and the deltas in transport-wide feedback. */
const referenceUnitUs = 64_000
const tickUs = 250
const referenceWrap = 2 ** 24

/** More packets than a fast path has under way; older ones count as answered. */
const mostPackets = 32_768
const sequenceWrap = 2 ** 16

interface Entry {
  readonly packet: SentPacket
  missing: boolean
}

/** The feedback's fields that matter here. */
export type Feedback = Pick<TransportFeedback, 'baseSequence' | 'referenceTime' | 'deltas'>

/**
 * Packets under way, by transport-wide sequence, until feedback has told that they arrived. Sequences and receive
 * times of the feedback wrap; they are unwrapped next to the newest known ones.
 */
export class SentLog {
  readonly #entries = new Map<number, Entry>()
  #newest = -1
  #inFlightBytes = 0
  #reference: { last: number; unwrapped: number } | undefined

  /** Bytes sent and neither told as received nor as missing. */
  get inFlightBytes(): number {
    return this.#inFlightBytes
  }

  add(packet: SentPacket): void {
    this.#entries.set(packet.sequence, { packet, missing: false })
    this.#newest = Math.max(this.#newest, packet.sequence)
    this.#inFlightBytes += packet.sizeBytes
    if (this.#entries.size > mostPackets) this.#forgetOldest()
  }

  /** Results in order of sequence. Packets that are unknown, or whose arrival was told before, are left out. */
  take(feedback: Feedback): PacketResult[] {
    if (this.#newest < 0) return []
    const base = this.#unwrapSequence(feedback.baseSequence)
    let receivedUs = this.#unwrapReference(feedback.referenceTime) * referenceUnitUs
    const results: PacketResult[] = []
    feedback.deltas.forEach((delta, offset) => {
      if (delta !== null) receivedUs += delta * tickUs
      const entry = this.#entries.get(base + offset)
      if (entry === undefined) return
      const late = entry.missing
      if (delta !== null) this.#forget(base + offset, entry)
      else if (late) return
      else {
        entry.missing = true
        this.#inFlightBytes -= entry.packet.sizeBytes
      }
      results.push({ ...entry.packet, receivedAtUs: delta === null ? undefined : receivedUs, late })
    })
    return results
  }

  #forget(sequence: number, entry: Entry): void {
    this.#entries.delete(sequence)
    if (!entry.missing) this.#inFlightBytes -= entry.packet.sizeBytes
  }

  #forgetOldest(): void {
    for (const [sequence, entry] of this.#entries) {
      this.#forget(sequence, entry)
      return
    }
  }

  #unwrapSequence(sequence: number): number {
    const newest = this.#newest % sequenceWrap
    const behind = (newest - sequence + sequenceWrap) % sequenceWrap
    return this.#newest - behind
  }

  #unwrapReference(time: number): number {
    const wrapped = ((time % referenceWrap) + referenceWrap) % referenceWrap
    const last = this.#reference ?? { last: wrapped, unwrapped: wrapped }
    const ahead = (wrapped - last.last + referenceWrap) % referenceWrap
    const step = ahead < referenceWrap / 2 ? ahead : ahead - referenceWrap
    const unwrapped = last.unwrapped + step
    this.#reference = { last: wrapped, unwrapped }
    return unwrapped
  }
}
