import { parseRtcp, serializeRtcp } from '@parley/protocols/rtcp'
import { isRtcp } from '@parley/protocols/rtp'
import { type MediaDescription, parseSdp, serializeSdp } from '@parley/protocols/sdp'
import { answerSection } from './negotiation.ts'
import { PeerTransport, type PeerTransportOptions } from './peer-transport.ts'

export type RtpSinkOptions = Omit<PeerTransportOptions, 'onRtp' | 'onRtcp' | 'onSealed' | 'lite'> & {
  /** Open one packet in so many, to see that they do open; default 1. Load tests open few: it is most of the cost. */
  readonly openEvery?: number
}

export type RtpSinkCounters = {
  packets: number
  bytes: number
  opened: number
  refused: number
  goodbyes: number
}

const REPORT_INTERVAL_MS = 1_000

/**
 * A subscriber for load: it connects like a peer, then only counts what comes in. It repairs nothing and asks for one
 * key frame a stream, so that hundreds fit in a process.
 */
export class RtpSink {
  readonly connected: Promise<void>
  readonly counters: RtpSinkCounters = { packets: 0, bytes: 0, opened: 0, refused: 0, goodbyes: 0 }
  /** Packets by SSRC. */
  readonly streams = new Map<number, number>()
  readonly #transport: PeerTransport
  readonly #openEvery: number
  #timer: NodeJS.Timeout | undefined
  #version = 0
  #media: readonly MediaDescription[] = []

  constructor(options: RtpSinkOptions = {}) {
    const { openEvery, ...transport } = options
    this.#openEvery = openEvery ?? 1
    this.#transport = new PeerTransport({
      ...transport,
      onSealed: (packet) => this.#count(packet),
      onRtp: () => {
        this.counters.opened++
      },
      onRtcp: (packet) => {
        this.counters.goodbyes += parseRtcp(packet).filter(({ type }) => type === 'goodbye').length
      },
    })
    this.connected = this.#transport.connected
    this.#transport.connected.then(
      () => {
        this.#timer = setInterval(() => this.#report(), REPORT_INTERVAL_MS)
      },
      () => {},
    )
  }

  /** Receives everything offered; repeat it to renegotiate. */
  async acceptOffer(sdp: string): Promise<string> {
    const offer = parseSdp(sdp)
    this.#media = offer.media
    const active = offer.transport.setup !== 'active'
    const media = offer.media.map((section) => answerSection(section, [], ''))
    const transport = await this.#transport.local(active ? 'active' : 'passive')
    this.#transport.connect(offer.transport, active ? 'client' : 'server')
    return serializeSdp({
      sessionId: '1',
      sessionVersion: ++this.#version,
      iceLite: false,
      bundle: media.filter(({ rejected }) => !rejected).map(({ mid }) => mid),
      transport,
      media,
    })
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#transport.close()
  }

  #count(packet: Buffer): boolean {
    if (isRtcp(packet)) return true
    this.counters.packets++
    this.counters.bytes += packet.length
    this.counters.refused = this.#transport.counters.refusedPackets
    const ssrc = packet.readUInt32BE(8)
    const before = this.streams.get(ssrc) ?? 0
    this.streams.set(ssrc, before + 1)
    if (before === 0) this.#askForKeyFrame(ssrc)
    return this.counters.packets % this.#openEvery === 0
  }

  #askForKeyFrame(mediaSsrc: number): void {
    if (!this.#media.some(({ kind }) => kind === 'video')) return
    this.#transport.sendRtcp(serializeRtcp([{ type: 'picture-loss', senderSsrc: 1, mediaSsrc }]))
  }

  /** Empty reports keep the server from thinking nobody listens. */
  #report(): void {
    this.#transport.sendRtcp(serializeRtcp([{ type: 'receiver-report', ssrc: 1, reports: [] }]))
  }
}
