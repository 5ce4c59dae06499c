import { Unwrapper } from '../rtp/sequence.ts'
import type { TransportFeedback } from './packet.ts'
import { REFERENCE_UNIT_US, TICK_US } from './transport-feedback.ts'

export type ArrivalRecorderOptions = {
  readonly senderSsrc: number
  readonly mediaSsrc: number
  /** Statuses in one feedback packet; 400 keeps the worst case under 1,100 bytes. */
  readonly maxStatuses?: number
}

const TICKS_PER_REFERENCE = REFERENCE_UNIT_US / TICK_US
/** Arrivals kept after they were reported, so that a late one can be reported together with its neighbours. */
const KEPT_STATUSES = 1_000
/** A gap above this is a new start of the sender, not loss. */
const MAX_GAP = 5_000

/** Collects arrivals by transport-wide sequence number and turns them into feedback; it owns no clock. */
export class ArrivalRecorder {
  readonly #options: Required<ArrivalRecorderOptions>
  readonly #unwrapper = new Unwrapper({ bits: 16 })
  readonly #ticks = new Map<number, number>()
  #nextBase: number | undefined
  #earliestPending: number | undefined
  #newest = 0
  #feedbackCount = 0

  constructor(options: ArrivalRecorderOptions) {
    this.#options = { maxStatuses: 400, ...options }
  }

  /** Notes that a packet arrived, in microseconds of any clock; the first arrival of a number counts. */
  record(sequenceNumber: number, timeUs: number): void {
    const sequence = this.#unwrapper.unwrap(sequenceNumber)
    if (this.#ticks.has(sequence)) return
    if (this.#nextBase !== undefined && sequence < this.#nextBase - KEPT_STATUSES) return
    this.#ticks.set(sequence, Math.round(timeUs / TICK_US))
    this.#earliestPending = Math.min(this.#earliestPending ?? sequence, sequence)
    this.#newest = Math.max(this.#newest, sequence)
  }

  /** Feedback on all since the last call, oldest first; empty when nothing arrived. */
  take(): TransportFeedback[] {
    if (this.#earliestPending === undefined) return []
    const gap = this.#nextBase === undefined ? 0 : this.#earliestPending - this.#nextBase
    let next = gap > 0 && gap <= MAX_GAP ? this.#earliestPending - gap : this.#earliestPending
    const packets: TransportFeedback[] = []
    while (next <= this.#newest) {
      const packet = this.#feedbackFrom(next)
      packets.push(packet)
      next += packet.deltas.length
    }
    this.#nextBase = next
    this.#earliestPending = undefined
    for (const sequence of this.#ticks.keys()) {
      if (sequence < next - KEPT_STATUSES) this.#ticks.delete(sequence)
    }
    return packets
  }

  #feedbackFrom(base: number): TransportFeedback {
    const { senderSsrc, mediaSsrc, maxStatuses } = this.#options
    const deltas: (number | null)[] = []
    let reference: number | undefined
    let last = 0
    for (let sequence = base; sequence <= this.#newest && deltas.length < maxStatuses; sequence++) {
      const ticks = this.#ticks.get(sequence)
      if (ticks === undefined) {
        deltas.push(null)
        continue
      }
      if (reference === undefined) {
        reference = Math.floor(ticks / TICKS_PER_REFERENCE)
        last = reference * TICKS_PER_REFERENCE
      }
      const delta = ticks - last
      if (delta < -0x8000 || delta > 0x7fff) break
      deltas.push(delta)
      last = ticks
    }
    const feedbackCount = this.#feedbackCount
    this.#feedbackCount = (feedbackCount + 1) & 0xff
    return {
      type: 'transport-feedback',
      senderSsrc,
      mediaSsrc,
      baseSequence: base & 0xffff,
      referenceTime: ((reference ?? 0) << 8) >> 8,
      feedbackCount,
      deltas,
    }
  }
}

/** When each packet of a feedback arrived: microseconds of the receiver's clock, null where it did not. */
export function arrivalTimes(
  feedback: Pick<TransportFeedback, 'baseSequence' | 'referenceTime' | 'deltas'>,
): { readonly sequenceNumber: number; readonly timeUs: number | null }[] {
  let timeUs = feedback.referenceTime * REFERENCE_UNIT_US
  return feedback.deltas.map((delta, index) => {
    if (delta !== null) timeUs += delta * TICK_US
    return {
      sequenceNumber: (feedback.baseSequence + index) & 0xffff,
      timeUs: delta === null ? null : timeUs,
    }
  })
}
