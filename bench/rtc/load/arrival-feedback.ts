import { ArrivalRecorder, serializeRtcp } from '@parley/protocols/rtcp'
import { transportSequence } from '@parley/protocols/rtp'
import type { MediaDescription } from '@parley/protocols/sdp'
import { extensionId } from '../../../testing/rtc-client/negotiation.ts'

const oneByteProfile = 0xbede

/** Transport-wide feedback on packets that stay sealed: SRTP leaves their header extensions readable. */
export class ArrivalFeedback {
  readonly #id: number
  readonly #arrivals = new ArrivalRecorder({ senderSsrc: 1, mediaSsrc: 0 })

  private constructor(id: number) {
    this.#id = id
  }

  /** Undefined where no section has the extension. */
  static of(media: readonly MediaDescription[]): ArrivalFeedback | undefined {
    for (const section of media) {
      const id = extensionId(section, transportSequence.uri)
      if (id !== undefined) return new ArrivalFeedback(id)
    }
    return undefined
  }

  /** `arrivalMs` on the clock of `performance.now()`. */
  note(packet: Buffer, arrivalMs: number): void {
    const first = packet[0] ?? 0
    const start = 12 + 4 * (first & 15)
    if ((first & 0x10) === 0 || packet.length < start + 4 || packet.readUInt16BE(start) !== oneByteProfile)
      return
    const end = Math.min(packet.length, start + 4 + 4 * packet.readUInt16BE(start + 2))
    for (let at = start + 4; at + 2 < end; ) {
      const head = packet[at] ?? 0
      if (head >> 4 === this.#id) {
        this.#arrivals.record(packet.readUInt16BE(at + 1), arrivalMs * 1_000)
        return
      }
      at += head === 0 ? 1 : 2 + (head & 15)
    }
  }

  /** What is due, packets of RTCP. */
  take(): Uint8Array[] {
    return this.#arrivals.take().map((feedback) => serializeRtcp([feedback]))
  }
}
