import { serializeRtcp } from '@parley/protocols/rtcp'
import { isRtcp } from '@parley/protocols/rtp'
import { type MediaDescription, parseSdp, serializeSdp } from '@parley/protocols/sdp'
import type { PacketSink, SinkPlace, SinkStream } from '@parley/testing/packet-sink'
import { type DtlsCertificate, PeerTransport } from '@parley/testing/rtc-client'
import { answerSection, offerSection } from '../../../testing/rtc-client/negotiation.ts'
import { ArrivalFeedback } from './arrival-feedback.ts'
import type { Negotiation } from './door.ts'

export interface SubscriberOptions {
  certificate: DtlsCertificate
  /** Where it gets a place of its own. */
  sink: PacketSink
  /** Of a stream that it knows it opens one packet in so many. */
  openEvery: number
  /** How often transport-wide feedback goes out, for which all packets come to JavaScript; 0: never. */
  feedbackMs: number
  /** What it offers to receive. */
  sections: readonly ('audio' | 'video')[]
  reportEveryMs: number
}

const retransmissionPayloadType = 97

/**
 * Somebody who only receives: ICE, DTLS and reports are its own, packets are counted by their headers where they arrive,
 * and few are opened. Retransmission is left aside.
 */
export abstract class Subscriber implements Negotiation {
  readonly #options: SubscriberOptions
  readonly #transport: PeerTransport
  readonly #place: SinkPlace
  readonly #known = new Set<number>()
  readonly #timers: NodeJS.Timeout[]
  #feedback: ArrivalFeedback | undefined
  #packets = 0
  #firstPacketMs = 0
  #packetSeen: () => void = () => undefined
  /** After the first packet of media. */
  readonly receiving: Promise<void>

  constructor(options: SubscriberOptions) {
    this.#options = options
    const { sink, openEvery, feedbackMs, certificate, reportEveryMs } = options
    this.#place = sink.place(feedbackMs > 0 ? 1 : openEvery)
    this.receiving = new Promise((resolve) => {
      this.#packetSeen = resolve
    })
    this.#transport = new PeerTransport({
      port: this.#place,
      certificate,
      onSealed: (packet, arrivalMs) => this.#isWanted(packet, arrivalMs),
      onRtp: (packet, arrivalMs) => this.read(packet, arrivalMs),
    })
    this.#timers = [setInterval(() => this.#report(), reportEveryMs)]
    if (feedbackMs > 0) this.#timers.push(setInterval(() => this.#tellArrivals(), feedbackMs))
  }

  get connected(): Promise<void> {
    return this.#transport.connected
  }

  get cipher(): string {
    return this.#transport.srtpProfile ?? 'none'
  }

  /** Packets that did not open. */
  get refused(): number {
    return this.#transport.counters.refusedPackets
  }

  /** On the clock of `performance.now()`; 0 before. */
  get firstPacketMs(): number {
    return this.#firstPacketMs
  }

  async offer(): Promise<string> {
    const media = this.#options.sections.map((kind, index) =>
      offerSection({ mid: String(index), kind, direction: 'recvonly', encodings: [], cname: 'bench' }),
    )
    return this.#describe(media, 'actpass')
  }

  accept(text: string): void {
    const { transport, media } = parseSdp(text)
    this.#agree(media)
    this.#transport.connect(transport, transport.setup === 'active' ? 'server' : 'client')
  }

  async answer(text: string): Promise<string> {
    const offer = parseSdp(text)
    const media = offer.media.map((section) => answerSection(section, [], 'bench'))
    this.#agree(media)
    const answer = await this.#describe(media, 'active')
    this.#transport.connect(offer.transport, 'client')
    return answer
  }

  /** A packet that was opened, with its arrival on the clock of `performance.now()`. */
  protected abstract read(packet: Buffer, arrivalMs: number): void

  /** Enough was seen of this stream: few of its packets are opened from now on. */
  protected know(ssrc: number): void {
    this.#known.add(ssrc)
    this.#place.know(ssrc)
  }

  /** In the span that its sink measures. */
  streams(): SinkStream[] {
    return this.#place.streams().filter(({ payloadType }) => payloadType !== retransmissionPayloadType)
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#transport.close()
  }

  async #describe(media: ReturnType<typeof offerSection>[], setup: 'actpass' | 'active'): Promise<string> {
    return serializeSdp({
      ...{ sessionId: '1', sessionVersion: 1, iceLite: false, media },
      bundle: media.filter(({ rejected }) => !rejected).map(({ mid }) => mid),
      transport: await this.#transport.local(setup),
    })
  }

  #agree(media: readonly MediaDescription[]): void {
    if (this.#options.feedbackMs > 0) this.#feedback = ArrivalFeedback.of(media)
  }

  #tellArrivals(): void {
    for (const feedback of this.#feedback?.take() ?? []) this.#transport.sendRtcp(feedback)
  }

  #isWanted(packet: Buffer, arrivalMs: number): boolean {
    if (isRtcp(packet)) return false
    this.#feedback?.note(packet, arrivalMs)
    const ssrc = packet.readUInt32BE(8)
    if (((packet[1] ?? 0) & 0x7f) === retransmissionPayloadType) {
      this.know(ssrc)
      return false
    }
    if (this.#firstPacketMs === 0) {
      this.#firstPacketMs = arrivalMs
      this.#packetSeen()
    }
    // Without feedback the place has chosen already.
    const chosen = this.#feedback === undefined || this.#packets++ % this.#options.openEvery === 0
    return chosen || !this.#known.has(ssrc)
  }

  #report(): void {
    const reports = this.streams().map(({ ssrc, highest }) => ({
      ...{ ssrc, fractionLost: 0, packetsLost: 0, highestSequence: highest >>> 0 },
      ...{ jitter: 0, lastSenderReport: 0, delaySinceLastSenderReport: 0 },
    }))
    this.#transport.sendRtcp(serializeRtcp([{ type: 'receiver-report', ssrc: 1, reports }]))
  }
}
