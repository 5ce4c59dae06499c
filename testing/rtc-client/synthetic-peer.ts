import { randomInt, randomUUID } from 'node:crypto'
import {
  parseRtcp,
  type ReportBlock,
  type RtcpPacket,
  roundTripMs,
  serializeRtcp,
  toNtp,
} from '@parley/protocols/rtcp'
import {
  type DtlsSetup,
  type MediaDescription,
  parseSdp,
  type SessionDescription,
  serializeSdp,
  type TransportDescription,
} from '@parley/protocols/sdp'
import { ProtocolViolation } from '@parley/protocols/violation'
import type { InboundStatistics } from './media/inbound-stream.ts'
import { wallClockMs } from './media/stamp.ts'
import { answerSection, offerSection } from './negotiation.ts'
import { PeerTransport, type PeerTransportOptions, type TransportCounters } from './peer-transport.ts'
import { Receiver } from './receiver.ts'
import {
  type AudioSending,
  type OutboundStatistics,
  Sender,
  type SendFeedback,
  type VideoSending,
} from './sender.ts'

export type SyntheticPeerOptions = Omit<PeerTransportOptions, 'onRtp' | 'onRtcp' | 'onSealed'> & {
  readonly send?: { readonly audio?: AudioSending | true; readonly video?: VideoSending | true }
  /** Receive-only sections of our offer; an answer receives whatever it is offered. */
  readonly receive?: { readonly audio?: number; readonly video?: number }
  /** Sees every incoming RTCP packet. */
  readonly onRtcp?: (packet: RtcpPacket) => void
  /** Sees every incoming RTP packet, as the server's encryption leaves it. */
  readonly onRtp?: (packet: Buffer) => void
}

export type SyntheticPeerStatistics = {
  readonly inbound: readonly InboundStatistics[]
  readonly outbound: readonly OutboundStatistics[]
  readonly feedback: SendFeedback
  readonly transport: TransportCounters
  readonly roundTripMs: number | undefined
  /** Packets that broke their protocol, and ones no section claims. */
  readonly violations: number
  readonly unassigned: number
}

const TICK_MS = 10
const REPAIR_INTERVAL_MS = 20
const FEEDBACK_INTERVAL_MS = 50
const REPORT_INTERVAL_MS = 1_000

/**
 * A WebRTC peer without a browser, for tests and load: it negotiates by SDP, sends generated Opus- and VP8-shaped
 * media, answers NACK, PLI and FIR, receives, repairs and measures. By default it is the full ICE agent that controls
 * an ICE-lite server; with `lite` it is such a server itself. One side of a pair must be lite.
 *
 * Publish: `acceptAnswer(answer to createOffer())`. Subscribe: send back `acceptOffer(offer)`. Both may be repeated to
 * renegotiate. The creator closes it; `close` is idempotent and frees sockets and timers.
 */
export class SyntheticPeer {
  /** ICE, DTLS and SRTP are through; rejects when they cannot be. */
  readonly connected: Promise<void>
  readonly transport: PeerTransport
  readonly #options: SyntheticPeerOptions
  readonly #sender: Sender
  readonly #receiver: Receiver
  readonly #localSsrc = randomInt(1, 2 ** 32 - 1)
  readonly #cname = randomUUID().slice(0, 16)
  readonly #sessionId = String(randomInt(1, 2 ** 47))
  #sessionVersion = 0
  #offered: readonly MediaDescription[] = []
  #timer: NodeJS.Timeout | undefined
  #nextRepairMs = 0
  #nextFeedbackMs = 0
  #nextReportMs = 0
  #remoteUfrag: string | undefined
  #mediaRoundTripMs: number | undefined
  #violations = 0
  #reducedSize = true
  readonly #lastReports = new Map<number, ReportBlock>()
  #closed = false

  constructor(options: SyntheticPeerOptions = {}) {
    this.#options = options
    const { send, receive: _receive, onRtcp: _onRtcp, onRtp: _onRtp, ...transport } = options
    this.transport = new PeerTransport({
      ...transport,
      onRtp: (packet, arrivalMs) =>
        this.#guard(() => {
          this.#options.onRtp?.(packet)
          this.#receiver.handle(packet, arrivalMs)
        }),
      onRtcp: (packet, arrivalMs) => this.#guard(() => this.#handleRtcp(packet, arrivalMs)),
    })
    this.connected = this.transport.connected
    this.#receiver = new Receiver({ localSsrc: this.#localSsrc })
    this.#sender = new Sender(this.transport, {
      audio: send?.audio === true ? {} : send?.audio,
      video: send?.video === true ? {} : send?.video,
    })
  }

  /** An offer of all this peer sends and wants to receive; again with new ICE credentials to restart ICE. */
  async createOffer(options: { readonly iceRestart?: boolean } = {}): Promise<string> {
    if (options.iceRestart) this.transport.restartIce()
    const media: MediaDescription[] = []
    const add = (kind: 'audio' | 'video', direction: 'sendonly' | 'recvonly') => {
      const encodings = direction === 'sendonly' ? this.#sender.encodings(kind) : []
      media.push(offerSection({ mid: String(media.length), kind, direction, encodings, cname: this.#cname }))
    }
    for (const kind of ['audio', 'video'] as const)
      if (this.#sender.encodings(kind).length > 0) add(kind, 'sendonly')
    for (const kind of ['audio', 'video'] as const) {
      for (let count = this.#options.receive?.[kind] ?? 0; count > 0; count--) add(kind, 'recvonly')
    }
    this.#offered = media
    return serializeSdp(await this.#describe(media, this.transport.lite ? 'passive' : 'actpass'))
  }

  /** Takes the answer to the last offer and starts, or goes on with the new sections. */
  acceptAnswer(sdp: string): void {
    const answer = parseSdp(sdp)
    this.#reducedSize = takesReducedSize(sdp)
    const { setup } = answer.transport
    if (setup === 'actpass') throw new ProtocolViolation('sdp', 'an answer must choose its DTLS role')
    for (const section of answer.media) {
      if (section.rejected || !(section.direction === 'recvonly' || section.direction === 'sendrecv'))
        continue
      if (this.#offered.some(({ mid, direction }) => mid === section.mid && direction === 'sendonly')) {
        this.#sender.bind(section)
      }
    }
    this.#receiver.setRemote(answer.media)
    this.#connect(answer.transport, setup === 'active' ? 'server' : 'client')
  }

  /** Takes an offer and gives the answer: receives all it can, sends where the offer wants to receive. */
  async acceptOffer(sdp: string): Promise<string> {
    const offer = parseSdp(sdp)
    this.#reducedSize = takesReducedSize(sdp)
    // RFC 8839 section 4.4.1.1.1: new credentials in an offer are an ICE restart, and the answer has new ones too.
    if (this.#remoteUfrag !== undefined && this.#remoteUfrag !== offer.transport.iceUfrag)
      this.transport.restartIce()
    const active =
      offer.transport.setup === 'passive' || (offer.transport.setup === 'actpass' && !this.transport.lite)
    const unsent = new Set<'audio' | 'video'>(['audio', 'video'])
    const media = offer.media.map((offered) => {
      const { kind } = offered
      const wanted = offered.direction === 'recvonly' || offered.direction === 'sendrecv'
      const sends = kind !== 'application' && wanted && unsent.delete(kind)
      const section = answerSection(offered, sends ? this.#sender.encodings(kind) : [], this.#cname)
      if (section.direction === 'sendonly' || section.direction === 'sendrecv') this.#sender.bind(section)
      return section
    })
    this.#receiver.setRemote(offer.media)
    const description = await this.#describe(media, active ? 'active' : 'passive')
    this.#connect(offer.transport, active ? 'client' : 'server')
    const answer = serializeSdp(description)
    return this.#reducedSize ? answer : answer.replaceAll('a=rtcp-rsize\r\n', '')
  }

  /**
   * Starts without SDP towards a known transport. What is sent keeps the numbers of the last offer, and what comes in
   * is taken by its payload types and mids.
   */
  connectTransport(remote: TransportDescription): void {
    for (const section of this.#offered) {
      if (section.direction === 'sendonly') this.#sender.bind(section)
    }
    this.#receiver.setRemote(this.#offered.map((section) => ({ ...section, sources: [], sourceGroups: [] })))
    this.#connect(remote, remote.setup === 'active' ? 'server' : 'client')
  }

  /** Stops or resumes sending, as muting does. */
  setPaused(kind: 'audio' | 'video', paused: boolean): void {
    this.#sender.setPaused(kind, paused)
  }

  /** The level told in the header of audio from now on, in -dBov. */
  setAudioLevel(level: number): void {
    this.#sender.setAudioLevel(level)
  }

  statistics(): SyntheticPeerStatistics {
    return {
      inbound: [...this.#receiver.streams.values()].map((stream) => stream.statistics()),
      outbound: this.#sender.statistics(),
      feedback: { ...this.#sender.feedback },
      transport: { ...this.transport.counters },
      roundTripMs: this.#mediaRoundTripMs ?? this.transport.roundTripMs,
      violations: this.#violations,
      unassigned: this.#receiver.unassigned,
    }
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.#timer = undefined
    this.transport.close()
  }

  /** Ends without a word to the peer. */
  vanish(): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.#timer = undefined
    this.transport.vanish()
  }

  async #describe(media: readonly MediaDescription[], setup: DtlsSetup): Promise<SessionDescription> {
    return {
      sessionId: this.#sessionId,
      sessionVersion: ++this.#sessionVersion,
      iceLite: this.transport.lite,
      bundle: media.filter(({ rejected }) => !rejected).map(({ mid }) => mid),
      transport: await this.transport.local(setup),
      media,
    }
  }

  #connect(remote: TransportDescription, role: 'client' | 'server'): void {
    this.#remoteUfrag = remote.iceUfrag
    this.transport.connect(remote, role)
    this.transport.connected.then(
      () => {
        if (!this.#closed) this.#timer ??= setInterval(() => this.#tick(), TICK_MS)
      },
      () => {},
    )
  }

  #tick(): void {
    const now = performance.now()
    this.#sender.tick(now)
    if (now >= this.#nextRepairMs) {
      this.#nextRepairMs = now + REPAIR_INTERVAL_MS
      this.#sendRtcp(this.#receiver.dueRepairs(now, this.transport.roundTripMs ?? 50))
    }
    if (now >= this.#nextFeedbackMs) {
      this.#nextFeedbackMs = now + FEEDBACK_INTERVAL_MS
      this.#sendRtcp(this.#receiver.dueFeedback())
    }
    if (now >= this.#nextReportMs) {
      this.#nextReportMs = now + REPORT_INTERVAL_MS
      this.#sendReports(now)
    }
  }

  #sendReports(now: number): void {
    this.#sendRtcp(this.#sender.reports(this.#cname))
    const blocks = [...this.#receiver.streams.values()].map((stream) => stream.loss.reportBlock(now))
    for (const block of blocks) this.#lastReports.set(block.ssrc, block)
    for (let start = 0; start < blocks.length; start += 31) {
      const reports = blocks.slice(start, start + 31)
      this.#sendRtcp([{ type: 'receiver-report', ssrc: this.#localSsrc, reports }])
    }
  }

  #sendRtcp(packets: readonly RtcpPacket[]): void {
    for (const packet of packets) {
      this.transport.sendRtcp(
        serializeRtcp(this.#reducedSize ? [packet] : [...this.#reportBefore(packet), packet]),
      )
    }
  }

  /** Feedback stands behind a report of its stream, unless both sides take it alone (RFC 5506). */
  #reportBefore(packet: RtcpPacket): RtcpPacket[] {
    if (packet.type === 'sender-report' || packet.type === 'receiver-report') return []
    const last = 'mediaSsrc' in packet ? this.#lastReports.get(packet.mediaSsrc) : undefined
    return [{ type: 'receiver-report', ssrc: this.#localSsrc, reports: last === undefined ? [] : [last] }]
  }

  #handleRtcp(bytes: Buffer, arrivalMs: number): void {
    for (const packet of parseRtcp(bytes)) {
      this.#options.onRtcp?.(packet)
      this.#sender.handleFeedback(packet)
      if (packet.type === 'sender-report') {
        this.#receiver.streams.get(packet.ssrc)?.loss.handleSenderReport(packet, arrivalMs)
      }
      if (packet.type === 'sender-report' || packet.type === 'receiver-report') {
        for (const block of packet.reports) {
          this.#mediaRoundTripMs = roundTripMs(block, toNtp(wallClockMs())) ?? this.#mediaRoundTripMs
        }
      }
    }
  }

  /** A peer under test may send anything: what breaks its protocol is counted, not thrown into a socket callback. */
  #guard(handle: () => void): void {
    try {
      handle()
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error
      this.#violations++
    }
  }
}

function takesReducedSize(sdp: string): boolean {
  return /^a=rtcp-rsize/m.test(sdp)
}
