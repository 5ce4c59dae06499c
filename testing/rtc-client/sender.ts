import { randomInt } from 'node:crypto'
import type { RtcpPacket, TransportFeedback } from '@parley/protocols/rtcp'
import {
  absoluteSendTime,
  audioLevel,
  mid as midExtension,
  type RtpPacket,
  repairedRtpStreamId,
  rtpStreamId,
  serializeRtp,
  toAbsoluteSendTime,
  transportSequence,
} from '@parley/protocols/rtp'
import type { MediaDescription } from '@parley/protocols/sdp'
import { OpusSource, VIDEO_CLOCK_RATE, Vp8Source } from './media/frame-source.ts'
import { type OutboundCounters, OutboundStream } from './media/outbound-stream.ts'
import { type Encoding, extensionId } from './negotiation.ts'
import type { PeerTransport } from './peer-transport.ts'

export type AudioSending = {
  /** Default 32. */
  readonly bitrateKbps?: number
  /** Level told in the header, in -dBov (0 loudest, 127 silent). Default 30. */
  readonly level?: number
  /** Goes along in each frame, so that receivers know whose it is. */
  readonly identity?: number
}

export type VideoLayer = {
  /** Needed as soon as there is more than one. */
  readonly rid?: string
  readonly bitrateKbps: number
  readonly width: number
  readonly height: number
}

export type VideoSending = {
  /** Default: one of 500 kbps, 640 x 360. */
  readonly layers?: readonly VideoLayer[]
  /** Default 30. */
  readonly framesPerSecond?: number
  readonly temporalLayers?: 1 | 2 | 3
  readonly keyFrameIntervalMs?: number
  readonly identity?: number
}

export type OutboundStatistics = OutboundCounters & {
  readonly ssrc: number
  readonly kind: 'audio' | 'video'
  readonly rid?: string
}

/** What the peer told us about our packets. */
export type SendFeedback = {
  transportPackets: number
  transportArrived: number
  transportLost: number
  /** Last receiver estimate (REMB), bits a second. */
  estimatedBitrate?: number
}

type Track = {
  readonly kind: 'audio' | 'video'
  readonly encoding: Encoding
  readonly intervalMs: number
  readonly produce: (stream: OutboundStream) => void
  readonly requestKeyFrame: () => void
  stream?: OutboundStream
  section?: MediaDescription
  paused: boolean
  level: number
  nextMs: number
  /** RFC 8852: mid and rid go along until the peer has surely learned the SSRC. */
  identified: number
}

const AUDIO_INTERVAL_MS = 20
/** A process that stalled skips what is this old instead of sending it in a burst. */
const MAX_CATCH_UP_MS = 500
const IDENTIFIED_PACKETS = 100

/** The sending half of a peer: sources, streams, and the answers to feedback. The peer drives it. */
export class Sender {
  readonly feedback: SendFeedback = { transportPackets: 0, transportArrived: 0, transportLost: 0 }
  readonly #transport: PeerTransport
  readonly #tracks: Track[] = []
  readonly #started = performance.now()
  #transportSequence = 0

  constructor(
    transport: PeerTransport,
    media: { readonly audio?: AudioSending | undefined; readonly video?: VideoSending | undefined },
  ) {
    this.#transport = transport
    if (media.audio) this.#addAudio(media.audio)
    if (media.video) this.#addVideo(media.video)
  }

  encodings(kind: 'audio' | 'video'): readonly Encoding[] {
    return this.#tracks.filter((track) => track.kind === kind).map(({ encoding }) => encoding)
  }

  /** Binds the tracks of a kind to the section they are sent on, as both sides agreed. */
  bind(section: MediaDescription): void {
    const [codec] = section.codecs
    if (!codec) return
    for (const track of this.#tracks) {
      if (track.kind !== section.kind) continue
      track.section = section
      const { ssrc, retransmissionSsrc } = track.encoding
      const payloadType = codec.retransmissionPayloadType
      track.stream ??= new OutboundStream({
        ssrc,
        payloadType: codec.payloadType,
        clockRate: codec.clockRate,
        ...(retransmissionSsrc !== undefined &&
          payloadType !== undefined && { retransmission: { ssrc: retransmissionSsrc, payloadType } }),
        send: (packet, kind) => this.#send(track, packet, kind),
        resend: (sealed) => this.#transport.sendSealed(sealed),
      })
    }
  }

  setPaused(kind: 'audio' | 'video', paused: boolean): void {
    for (const track of this.#tracks) if (track.kind === kind) track.paused = paused
  }

  setAudioLevel(level: number): void {
    for (const track of this.#tracks) if (track.kind === 'audio') track.level = level
  }

  /** Sends the frames that are due. */
  tick(nowMs: number): void {
    for (const track of this.#tracks) {
      if (!track.stream) continue
      track.nextMs = Math.max(track.nextMs, nowMs - MAX_CATCH_UP_MS)
      for (; track.nextMs <= nowMs; track.nextMs += track.intervalMs) {
        if (!track.paused) track.produce(track.stream)
      }
    }
  }

  handleFeedback(packet: RtcpPacket): void {
    switch (packet.type) {
      case 'nack':
        for (const { stream } of this.#tracks) {
          if (stream?.ssrc === packet.mediaSsrc) stream.handleNack(packet.sequenceNumbers)
        }
        return
      case 'picture-loss':
        this.#requestKeyFrame(packet.mediaSsrc)
        return
      case 'full-intra-request':
        for (const { ssrc } of packet.entries) this.#requestKeyFrame(ssrc)
        return
      case 'transport-feedback':
        this.#countFeedback(packet)
        return
      case 'receiver-estimate':
        this.feedback.estimatedBitrate = packet.bitrate
        return
      default:
        return
    }
  }

  reports(cname: string): RtcpPacket[] {
    const reports: RtcpPacket[] = []
    for (const { stream } of this.#tracks) {
      const report = stream?.senderReport()
      if (!report) continue
      const chunk = { ssrc: report.ssrc, items: [{ code: 1, value: cname }] }
      reports.push(report, { type: 'source-description', chunks: [chunk] })
    }
    return reports
  }

  statistics(): OutboundStatistics[] {
    return this.#tracks.flatMap(({ stream, kind, encoding: { ssrc, rid } }) => {
      return stream ? [{ ssrc, kind, ...(rid !== undefined && { rid }), ...stream.counters }] : []
    })
  }

  #addAudio(sending: AudioSending): void {
    const source = new OpusSource({
      bitrateKbps: sending.bitrateKbps ?? 32,
      firstTimestamp: randomInt(2 ** 31),
      identity: sending.identity ?? 0,
    })
    let first = true
    this.#tracks.push({
      kind: 'audio',
      encoding: { ssrc: newSsrc() },
      intervalMs: AUDIO_INTERVAL_MS,
      produce: (stream) => {
        // RFC 3551: the marker of audio tells the start of a talk spurt.
        stream.sendFrame(source.next(), { marker: first ? 'last' : 'none' })
        first = false
      },
      requestKeyFrame: () => {},
      paused: false,
      level: sending.level ?? 30,
      nextMs: performance.now(),
      identified: 0,
    })
  }

  #addVideo(sending: VideoSending): void {
    const { framesPerSecond = 30, temporalLayers = 1, keyFrameIntervalMs = 10_000, identity = 0 } = sending
    const layers = sending.layers ?? [{ bitrateKbps: 500, width: 640, height: 360 }]
    const firstTimestamp = randomInt(2 ** 31)
    for (const { rid, ...layer } of layers) {
      const source = new Vp8Source({
        ...layer,
        framesPerSecond,
        temporalLayers,
        keyFrameIntervalMs,
        identity,
      })
      const ticks = VIDEO_CLOCK_RATE / 1_000
      const track: Track = {
        kind: 'video',
        encoding: { ssrc: newSsrc(), retransmissionSsrc: newSsrc(), ...(rid !== undefined && { rid }) },
        intervalMs: 1_000 / framesPerSecond,
        produce: (stream) => {
          const timestamp = (firstTimestamp + Math.round((track.nextMs - this.#started) * ticks)) >>> 0
          stream.sendFrame(source.next(timestamp), { marker: 'last' })
        },
        requestKeyFrame: () => source.requestKeyFrame(),
        paused: false,
        level: 127,
        nextMs: performance.now(),
        identified: 0,
      }
      this.#tracks.push(track)
    }
  }

  #requestKeyFrame(ssrc: number): void {
    for (const { stream, requestKeyFrame } of this.#tracks) {
      if (stream?.ssrc !== ssrc) continue
      stream.counters.keyFrameRequests++
      requestKeyFrame()
    }
  }

  #countFeedback(feedback: TransportFeedback): void {
    this.feedback.transportPackets++
    for (const delta of feedback.deltas) {
      if (delta === null) this.feedback.transportLost++
      else this.feedback.transportArrived++
    }
  }

  #send(track: Track, packet: RtpPacket, kind: 'media' | 'retransmission'): Buffer | undefined {
    const { section } = track
    if (!section) return undefined
    const extensions = new Map<number, Uint8Array>()
    const add = (uri: string, value: () => Uint8Array) => {
      const id = extensionId(section, uri)
      if (id !== undefined) extensions.set(id, value())
    }
    const { rid } = track.encoding
    if (track.identified < IDENTIFIED_PACKETS || kind === 'retransmission') {
      track.identified++
      add(midExtension.uri, () => midExtension.serialize(section.mid))
      const naming = kind === 'media' ? rtpStreamId : repairedRtpStreamId
      if (rid !== undefined) add(naming.uri, () => naming.serialize(rid))
    }
    if (track.kind === 'audio') {
      add(audioLevel.uri, () => audioLevel.serialize({ voice: track.level < 60, level: track.level }))
    }
    add(absoluteSendTime.uri, () => absoluteSendTime.serialize(toAbsoluteSendTime(performance.now())))
    add(transportSequence.uri, () => {
      this.#transportSequence = (this.#transportSequence + 1) & 0xffff
      return transportSequence.serialize(this.#transportSequence)
    })
    return this.#transport.sendRtp(serializeRtp({ ...packet, extensions }))
  }
}

/** Clear of 0 and of the highest values, which some peers treat specially. */
function newSsrc(): number {
  return randomInt(1, 2 ** 32 - 1)
}
