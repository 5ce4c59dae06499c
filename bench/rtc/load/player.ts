import { serializeRtcp } from '@parley/protocols/rtcp'
import { isRtcp } from '@parley/protocols/rtp'
import { type MediaDescription, parseSdp, serializeSdp } from '@parley/protocols/sdp'
import { type DtlsCertificate, PeerTransport } from '@parley/testing/rtc-client'
import { answerSection, offerSection } from '../../../testing/rtc-client/negotiation.ts'
import { ArrivalFeedback } from './arrival-feedback.ts'
import type { Negotiation } from './door.ts'
import { readStamp } from './stamped-packet.ts'

export interface PlayerOptions {
  certificate: DtlsCertificate
  openEvery: number
  /** How often transport-wide feedback goes out; 0: never. */
  feedbackMs: number
  /** Delay of a packet that was opened, from sending to arrival. Milliseconds. */
  record: (kind: 'audio' | 'video', ms: number) => void
}

interface Inbound {
  highest: number
  markedHighest: number
  received: number
}

const audioPayloadType = 111
const retransmissionPayloadType = 97
const reportIntervalMs = 1_000

/**
 * One subscriber. It counts packets by their headers, which SRTP leaves readable, and opens one in `openEvery` to see
 * that they do open; all of them until the first key frame is whole.
 */
export class Player implements Negotiation {
  readonly #transport: PeerTransport
  readonly #record: PlayerOptions['record']
  readonly #openEvery: number
  readonly #streams = new Map<number, Inbound>()
  readonly #frames = new Map<number, Set<number>>()
  #timer: NodeJS.Timeout | undefined
  readonly #feedbackMs: number
  #feedback: ArrivalFeedback | undefined
  #feedbackTimer: NodeJS.Timeout | undefined
  #packets = 0
  #opened = 0
  #firstPacketMs = 0
  #firstFrameMs = 0
  #packetSeen: (() => void) | undefined
  #frameSeen: (() => void) | undefined
  readonly receiving: Promise<void>
  /** After the first whole key frame. */
  readonly playing: Promise<void>

  constructor(options: PlayerOptions) {
    this.#record = options.record
    this.#openEvery = options.openEvery
    this.#feedbackMs = options.feedbackMs
    this.#transport = new PeerTransport({
      address: '127.0.0.1',
      certificate: options.certificate,
      onSealed: (packet) => this.#count(packet),
      onRtp: (packet) => this.#read(packet),
    })
    this.receiving = new Promise((resolve) => {
      this.#packetSeen = resolve
    })
    this.playing = new Promise((resolve) => {
      this.#frameSeen = resolve
    })
    this.#transport.connected.then(
      () => {
        this.#timer = setInterval(() => this.#report(), reportIntervalMs)
        if (this.#feedback) this.#feedbackTimer = setInterval(() => this.#tellArrivals(), this.#feedbackMs)
      },
      () => undefined,
    )
  }

  get cipher(): string {
    return this.#transport.srtpProfile ?? 'none'
  }

  get connected(): Promise<void> {
    return this.#transport.connected
  }

  /** On the clock of `performance.now()`; 0 before. */
  get firstPacketMs(): number {
    return this.#firstPacketMs
  }

  get firstFrameMs(): number {
    return this.#firstFrameMs
  }

  get refused(): number {
    return this.#transport.counters.refusedPackets
  }

  get opened(): number {
    return this.#opened
  }

  async offer(): Promise<string> {
    const media = (['audio', 'video'] as const).map((kind, index) =>
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

  mark(): void {
    for (const stream of this.#streams.values()) {
      stream.markedHighest = stream.highest
      stream.received = 0
    }
  }

  /** Since the mark: packets that came, and that should have come by the numbers of those that did. */
  counted(): { received: number; expected: number } {
    let received = 0
    let expected = 0
    for (const stream of this.#streams.values()) {
      received += stream.received
      expected += stream.highest - stream.markedHighest
    }
    return { received, expected }
  }

  close(): void {
    clearInterval(this.#timer)
    clearInterval(this.#feedbackTimer)
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
    if (this.#feedbackMs > 0) this.#feedback = ArrivalFeedback.of(media)
  }

  #tellArrivals(): void {
    for (const feedback of this.#feedback?.take() ?? []) this.#transport.sendRtcp(feedback)
  }

  #count(packet: Buffer): boolean {
    if (isRtcp(packet)) return false
    this.#feedback?.note(packet, performance.now())
    const payloadType = (packet[1] ?? 0) & 0x7f
    if (payloadType === retransmissionPayloadType) return false
    if (this.#packets++ === 0) {
      this.#firstPacketMs = performance.now()
      this.#packetSeen?.()
    }
    const ssrc = packet.readUInt32BE(8)
    const sequence = packet.readUInt16BE(2)
    const stream = this.#streams.get(ssrc)
    if (stream === undefined) {
      this.#streams.set(ssrc, { highest: sequence, markedHighest: sequence - 1, received: 1 })
    } else {
      const ahead = ((sequence - stream.highest + 0x8000) & 0xffff) - 0x8000
      if (ahead > 0) stream.highest += ahead
      stream.received++
    }
    return this.#firstFrameMs === 0 || this.#packets % this.#openEvery === 0
  }

  #read(packet: Buffer): void {
    this.#opened++
    const stamp = readStamp(packet)
    if (stamp === undefined) return
    const kind = ((packet[1] ?? 0) & 0x7f) === audioPayloadType ? 'audio' : 'video'
    this.#record(kind, Number(process.hrtime.bigint() - stamp.sentNs) / 1e6)
    if (this.#firstFrameMs !== 0 || !stamp.keyFrame) return
    const timestamp = packet.readUInt32BE(4)
    const seen = this.#frames.get(timestamp) ?? new Set<number>()
    this.#frames.set(timestamp, seen.add(stamp.index))
    if (seen.size < stamp.count) return
    this.#firstFrameMs = performance.now()
    this.#frames.clear()
    this.#frameSeen?.()
  }

  #report(): void {
    const reports = [...this.#streams].map(([ssrc, { highest }]) => ({
      ...{ ssrc, fractionLost: 0, packetsLost: 0, highestSequence: highest >>> 0 },
      ...{ jitter: 0, lastSenderReport: 0, delaySinceLastSenderReport: 0 },
    }))
    this.#transport.sendRtcp(serializeRtcp([{ type: 'receiver-report', ssrc: 1, reports }]))
  }
}
