import { serializeRtcp } from '@parley/protocols/rtcp'
import { isRtcp } from '@parley/protocols/rtp'
import { parseSdp, serializeSdp } from '@parley/protocols/sdp'
import type { SinkPlace, SinkStream } from '@parley/testing/packet-sink'
import { type DtlsCertificate, PeerTransport } from '@parley/testing/rtc-client'
import { answerSection, offerSection } from '../../../testing/rtc-client/negotiation.ts'
import type { Negotiation } from './door.ts'

export interface SubscriberOptions {
  certificate: DtlsCertificate
  /** Closed with the subscriber. */
  place: SinkPlace
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
  readonly #timer: NodeJS.Timeout
  #firstPacketMs = 0
  #packetSeen: () => void = () => undefined
  /** After the first packet of media. */
  readonly receiving: Promise<void>

  constructor(options: SubscriberOptions) {
    this.#options = options
    this.receiving = new Promise((resolve) => {
      this.#packetSeen = resolve
    })
    this.#transport = new PeerTransport({
      port: options.place,
      certificate: options.certificate,
      onSealed: (packet, arrivalMs) => this.#isWanted(packet, arrivalMs),
      onRtp: (packet, arrivalMs) => this.read(packet, arrivalMs),
    })
    this.#timer = setInterval(() => this.#report(), options.reportEveryMs)
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
    const { transport } = parseSdp(text)
    this.#transport.connect(transport, transport.setup === 'active' ? 'server' : 'client')
  }

  async answer(text: string): Promise<string> {
    const offer = parseSdp(text)
    const media = offer.media.map((section) => answerSection(section, [], 'bench'))
    const answer = await this.#describe(media, 'active')
    this.#transport.connect(offer.transport, 'client')
    return answer
  }

  /** A packet that was opened, with its arrival on the clock of `performance.now()`. */
  protected abstract read(packet: Buffer, arrivalMs: number): void

  /** Enough was seen of this stream: few of its packets are opened from now on. */
  protected know(ssrc: number): void {
    this.#options.place.know(ssrc)
  }

  /** In the span that its sink measures. */
  streams(): SinkStream[] {
    return this.#options.place
      .streams()
      .filter(({ payloadType }) => payloadType !== retransmissionPayloadType)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#transport.close()
  }

  async #describe(media: ReturnType<typeof offerSection>[], setup: 'actpass' | 'active'): Promise<string> {
    return serializeSdp({
      ...{ sessionId: '1', sessionVersion: 1, iceLite: false, media },
      bundle: media.filter(({ rejected }) => !rejected).map(({ mid }) => mid),
      transport: await this.#transport.local(setup),
    })
  }

  #isWanted(packet: Buffer, arrivalMs: number): boolean {
    if (isRtcp(packet)) return false
    if (((packet[1] ?? 0) & 0x7f) === retransmissionPayloadType) {
      this.know(packet.readUInt32BE(8))
      return false
    }
    if (this.#firstPacketMs === 0) {
      this.#firstPacketMs = arrivalMs
      this.#packetSeen()
    }
    return true
  }

  #report(): void {
    const reports = this.streams().map(({ ssrc, highest }) => ({
      ...{ ssrc, fractionLost: 0, packetsLost: 0, highestSequence: highest >>> 0 },
      ...{ jitter: 0, lastSenderReport: 0, delaySinceLastSenderReport: 0 },
    }))
    this.#transport.sendRtcp(serializeRtcp([{ type: 'receiver-report', ssrc: 1, reports }]))
  }
}
