import { serializeRtcp } from '@parley/protocols/rtcp'
import { isRtcp, parseRtp } from '@parley/protocols/rtp'
import { parseSdp, serializeSdp } from '@parley/protocols/sdp'
import { type DtlsCertificate, PeerTransport } from '@parley/testing/rtc-client'
import { answerSection, offerSection } from '../../../testing/rtc-client/negotiation.ts'
import type { Negotiation } from '../load/door.ts'
import { type Clocks, memberOf, stampOfSound } from './identity.ts'
import type { Samples } from './samples.ts'

export interface ListenerOptions {
  certificate: DtlsCertificate
  /** Speakers that there are, so many sections. */
  speakers: number
  /** One packet in so many is opened, and all until the first of a stream is known. */
  openEvery: number
  clocks: Clocks
  delays: Samples
}

interface Heard {
  identity: number | undefined
  /** What the offer said, where one did. */
  announced: number | undefined
  highest: number
  markedHighest: number
  received: number
}

export interface ListenerCounts {
  received: number
  expected: number
  checked: number
  /** Sound of another than the one announced, or than what its SSRC carried before. */
  wrong: number
  /** Packets of each member, since the mark. */
  byMember: Record<number, number>
}

const reportIntervalMs = 5_000

/** Somebody who only listens. It counts by the readable headers and opens few packets. */
export class Listener implements Negotiation {
  readonly #options: ListenerOptions
  readonly #transport: PeerTransport
  readonly #streams = new Map<number, Heard>()
  readonly #announced = new Map<number, number>()
  readonly receiving: Promise<void>
  #seen: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #packets = 0
  #checked = 0
  #wrong = 0

  constructor(options: ListenerOptions) {
    this.#options = options
    this.receiving = new Promise((resolve) => {
      this.#seen = resolve
    })
    this.#transport = new PeerTransport({
      address: '127.0.0.1',
      certificate: options.certificate,
      onSealed: (packet) => this.#count(packet),
      onRtp: (packet) => this.#read(packet),
    })
    this.#transport.connected.then(
      () => {
        this.#timer = setInterval(() => this.#report(), reportIntervalMs)
      },
      () => undefined,
    )
  }

  get connected(): Promise<void> {
    return this.#transport.connected
  }

  /** What an offer said of an SSRC. */
  announce(ssrc: number, identity: number): void {
    this.#announced.set(ssrc, identity)
  }

  async offer(): Promise<string> {
    const media = Array.from({ length: this.#options.speakers }, (_, index) =>
      offerSection({
        ...{ mid: String(index), kind: 'audio', direction: 'recvonly', encodings: [], cname: 'bench' },
      }),
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

  mark(): void {
    this.#checked = 0
    this.#wrong = 0
    for (const stream of this.#streams.values()) {
      stream.markedHighest = stream.highest
      stream.received = 0
    }
  }

  counts(): ListenerCounts {
    let received = 0
    let expected = 0
    const byMember: Record<number, number> = {}
    for (const stream of this.#streams.values()) {
      received += stream.received
      expected += stream.highest - stream.markedHighest
      const member = memberOf(stream.identity ?? -1)
      byMember[member] = (byMember[member] ?? 0) + stream.received
    }
    return { received, expected, checked: this.#checked, wrong: this.#wrong, byMember }
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

  #count(packet: Buffer): boolean {
    if (isRtcp(packet)) return false
    const ssrc = packet.readUInt32BE(8)
    const sequence = packet.readUInt16BE(2)
    this.#packets++
    const stream = this.#streams.get(ssrc)
    if (stream === undefined) {
      const fresh = { highest: sequence, markedHighest: sequence - 1, received: 1 }
      this.#streams.set(ssrc, { identity: undefined, announced: this.#announced.get(ssrc), ...fresh })
      this.#seen?.()
      return true
    }
    const ahead = ((sequence - stream.highest + 0x8000) & 0xffff) - 0x8000
    if (ahead > 0) stream.highest += ahead
    stream.received++
    return stream.identity === undefined || this.#packets % this.#options.openEvery === 0
  }

  #read(bytes: Buffer): void {
    const { ssrc, payload, payloadType } = parseRtp(bytes)
    const stream = this.#streams.get(ssrc)
    const stamp = payload.length === 0 ? undefined : stampOfSound(payload, payloadType === 63)
    if (stream === undefined || stamp === undefined) return
    stream.identity ??= stream.announced ?? stamp.identity
    this.#checked++
    if (stamp.identity !== stream.identity) this.#wrong++
    this.#options.delays.record(this.#options.clocks.delayMs(stamp))
  }

  #report(): void {
    const reports = [...this.#streams].map(([ssrc, { highest }]) => ({
      ...{ ssrc, fractionLost: 0, packetsLost: 0, highestSequence: highest >>> 0 },
      ...{ jitter: 0, lastSenderReport: 0, delaySinceLastSenderReport: 0 },
    }))
    this.#transport.sendRtcp(serializeRtcp([{ type: 'receiver-report', ssrc: 1, reports }]))
  }
}
