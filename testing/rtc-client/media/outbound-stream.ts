import { type SenderReport, toNtp } from '@parley/protocols/rtcp'
import { type RtpPacket, wrapRetransmission } from '@parley/protocols/rtp'
import type { GeneratedFrame } from './frame-source.ts'
import { wallClockMs } from './stamp.ts'

export type OutboundStreamOptions = {
  readonly ssrc: number
  readonly payloadType: number
  readonly clockRate: number
  readonly retransmission?: { readonly ssrc: number; readonly payloadType: number }
  /** Adds header extensions and sends; gives back the ciphertext. */
  readonly send: (packet: RtpPacket, kind: 'media' | 'retransmission') => Buffer | undefined
  /** Sends the identical ciphertext again. */
  readonly resend: (sealed: Buffer) => void
}

export type OutboundCounters = {
  packets: number
  frames: number
  keyFrames: number
  keyFrameRequests: number
  nacked: number
  retransmitted: number
}

const HISTORY = 1_024

/** One SSRC that is sent: numbering, history for NACK, sender reports. */
export class OutboundStream {
  readonly counters: OutboundCounters = {
    packets: 0,
    frames: 0,
    keyFrames: 0,
    keyFrameRequests: 0,
    nacked: 0,
    retransmitted: 0,
  }
  readonly #options: OutboundStreamOptions
  readonly #history = new Map<number, { packet: RtpPacket; sealed: Buffer }>()
  #sequenceNumber: number
  #retransmissionSequence = Math.floor(Math.random() * 0x10000)
  #octets = 0
  #lastTimestamp = 0
  #lastSentMs = 0

  constructor(options: OutboundStreamOptions) {
    this.#options = options
    this.#sequenceNumber = Math.floor(Math.random() * 0x10000)
  }

  get ssrc(): number {
    return this.#options.ssrc
  }

  get retransmissionSsrc(): number | undefined {
    return this.#options.retransmission?.ssrc
  }

  sendFrame(frame: GeneratedFrame, options: { readonly marker: 'last' | 'none' }): void {
    this.counters.frames++
    if (frame.keyFrame) this.counters.keyFrames++
    this.#lastTimestamp = frame.timestamp
    this.#lastSentMs = wallClockMs()
    for (const [index, payload] of frame.payloads.entries()) {
      const packet: RtpPacket = {
        marker: options.marker === 'last' && index === frame.payloads.length - 1,
        payloadType: this.#options.payloadType,
        sequenceNumber: this.#sequenceNumber,
        timestamp: frame.timestamp,
        ssrc: this.#options.ssrc,
        csrcs: [],
        extensions: new Map(),
        payload,
        paddingLength: 0,
      }
      this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff
      const sealed = this.#options.send(packet, 'media')
      if (!sealed) continue
      this.counters.packets++
      this.#octets += payload.length
      this.#history.set(packet.sequenceNumber, { packet, sealed })
      if (this.#history.size > HISTORY) this.#history.delete((packet.sequenceNumber - HISTORY) & 0xffff)
    }
  }

  handleNack(sequenceNumbers: readonly number[]): void {
    for (const sequenceNumber of sequenceNumbers) {
      this.counters.nacked++
      const sent = this.#history.get(sequenceNumber)
      if (!sent) continue
      this.counters.retransmitted++
      const { retransmission } = this.#options
      if (!retransmission) {
        this.#options.resend(sent.sealed)
        continue
      }
      const stream = { ...retransmission, sequenceNumber: this.#retransmissionSequence }
      this.#retransmissionSequence = (this.#retransmissionSequence + 1) & 0xffff
      this.#options.send(wrapRetransmission(sent.packet, stream), 'retransmission')
    }
  }

  /** Undefined before the first packet. */
  senderReport(): SenderReport | undefined {
    if (this.counters.packets === 0) return undefined
    const now = wallClockMs()
    const elapsed = Math.round(((now - this.#lastSentMs) * this.#options.clockRate) / 1_000)
    return {
      type: 'sender-report',
      ssrc: this.#options.ssrc,
      ntp: toNtp(now),
      rtpTimestamp: (this.#lastTimestamp + elapsed) >>> 0,
      packetCount: this.counters.packets,
      octetCount: this.#octets,
      reports: [],
    }
  }
}
