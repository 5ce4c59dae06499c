import { compactNtp, type ReportBlock, type SenderReport } from '@parley/protocols/rtcp'
import { Unwrapper } from '@parley/protocols/rtp'

type Missing = { readonly sinceMs: number; attempts: number; nextMs: number }

const MAX_NACKS = 10
const MAX_MISSING = 500
/** Reordered packets get this long before they are asked for. */
const REORDER_ALLOWANCE_MS = 10

/** What a receiver knows about the sequence numbers of one SSRC: loss, what to ask for again, its report block. */
export class LossTracker {
  readonly #ssrc: number
  readonly #clockRate: number
  readonly #unwrapper = new Unwrapper({ bits: 16 })
  readonly #timestamps = new Unwrapper({ bits: 32 })
  readonly #missing = new Map<number, Missing>()
  #first: number | undefined
  #highest = -1
  #received = 0
  #expectedBefore = 0
  #receivedBefore = 0
  #jitter = 0
  #transit: number | undefined
  #report: { compact: number; arrivalMs: number } | undefined
  duplicates = 0
  recovered = 0
  /** Never came, however often asked for. */
  abandoned = 0

  constructor(options: { readonly ssrc: number; readonly clockRate: number }) {
    this.#ssrc = options.ssrc
    this.#clockRate = options.clockRate
  }

  /** Sequence numbers that have not come (yet). */
  get missing(): number {
    return this.#missing.size
  }

  /** The unwrapped sequence number, or undefined for a packet that came before. */
  take(
    packet: { readonly sequenceNumber: number; readonly timestamp: number },
    arrivalMs: number,
    retransmitted: boolean,
  ): number | undefined {
    const sequence = this.#unwrapper.unwrap(packet.sequenceNumber)
    if (this.#first === undefined) {
      this.#first = sequence
      this.#highest = sequence - 1
    }
    if (sequence > this.#highest) {
      const from = Math.max(this.#highest + 1, sequence - MAX_MISSING)
      for (let gap = from; gap < sequence; gap++) {
        this.#missing.set(gap, { sinceMs: arrivalMs, attempts: 0, nextMs: arrivalMs + REORDER_ALLOWANCE_MS })
      }
      this.#highest = sequence
    } else if (!this.#missing.delete(sequence)) {
      this.duplicates++
      return undefined
    } else if (retransmitted) {
      this.recovered++
    }
    this.#received++
    if (!retransmitted) this.#updateJitter(packet.timestamp, arrivalMs)
    return sequence
  }

  handleSenderReport(report: SenderReport, arrivalMs: number): void {
    this.#report = { compact: compactNtp(report.ntp), arrivalMs }
  }

  /** Sequence numbers to ask for now, oldest first; each at most ten times, a round trip apart. */
  dueNacks(nowMs: number, roundTripMs: number): number[] {
    const due: number[] = []
    for (const [sequence, missing] of this.#missing) {
      if (missing.attempts >= MAX_NACKS) {
        if (nowMs < missing.nextMs) continue
        this.#missing.delete(sequence)
        this.abandoned++
      } else if (nowMs >= missing.nextMs) {
        missing.attempts++
        missing.nextMs = nowMs + Math.max(20, roundTripMs * 1.2)
        due.push(sequence & 0xffff)
      }
    }
    return due
  }

  reportBlock(nowMs: number): ReportBlock {
    const expected = this.#first === undefined ? 0 : this.#highest - this.#first + 1
    const expectedSince = expected - this.#expectedBefore
    const lostSince = expectedSince - (this.#received - this.#receivedBefore)
    this.#expectedBefore = expected
    this.#receivedBefore = this.#received
    const fraction = expectedSince > 0 && lostSince > 0 ? Math.floor((lostSince * 256) / expectedSince) : 0
    return {
      ssrc: this.#ssrc,
      fractionLost: Math.min(255, fraction),
      packetsLost: Math.max(0, expected - this.#received),
      highestSequence: Math.max(0, this.#highest) >>> 0,
      jitter: Math.round(this.#jitter),
      lastSenderReport: this.#report?.compact ?? 0,
      delaySinceLastSenderReport: this.#report
        ? Math.round(((nowMs - this.#report.arrivalMs) * 65_536) / 1_000) >>> 0
        : 0,
    }
  }

  /** RFC 3550 appendix A.8. */
  #updateJitter(timestamp: number, arrivalMs: number): void {
    const transit = (arrivalMs * this.#clockRate) / 1_000 - this.#timestamps.unwrap(timestamp)
    if (this.#transit !== undefined) this.#jitter += (Math.abs(transit - this.#transit) - this.#jitter) / 16
    this.#transit = transit
  }
}
