import { createSocket } from 'node:dgram'
import { parseRtcp, serializeRtcp, toNtp } from '@parley/protocols/rtcp'
import { audioLevel, mid, serializeRtp } from '@parley/protocols/rtp'
import { parseSdp, serializeSdp } from '@parley/protocols/sdp'
import { PeerTransport } from '@parley/testing/rtc-client'
import { offerSection } from '../../../testing/rtc-client/negotiation.ts'
import type { Negotiation } from './door.ts'
import { audioPayload, type FramePlace, videoPayload, writeStamp } from './stamped-packet.ts'

const framesPerSecond = 30
const audioIntervalMs = 20
/** 4.5 packets of 1,100 bytes 30 times a second are 1.19 Mbps. */
const packetsOfFrame = (number: number): number => 4 + (number % 2)
const keyFramePackets = 18
const keyFrameEveryFrames = 300
const quietEvery = 6
/** As browsers: requests that come sooner are answered by one key frame. */
const keyFrameSpacingMs = 300
/** Mid goes along until the server has surely learned the SSRC. */
const identifiedPackets = 100

interface Track {
  kind: 'audio' | 'video'
  ssrc: number
  payloadType: number
  mid: string
  midId: number | undefined
  levelId: number | undefined
  sequence: number
  sent: number
  octets: number
  timestamp: number
}

/** A socket of this machine that gets a plain copy of every packet, to know the delay without a server. */
export interface FloorAddress {
  address: string
  port: number
}

/** One camera and one microphone, made to be measured: every packet says when it was sent. It stays until its process ends. */
export class Publisher implements Negotiation {
  readonly #transport: PeerTransport
  readonly #tracks: Track[] = [
    { kind: 'audio', ssrc: 0x11110000, payloadType: 111, ...fresh() },
    { kind: 'video', ssrc: 0x22220000, payloadType: 96, ...fresh() },
  ]
  readonly #floor: FloorAddress
  readonly #floorSocket = createSocket('udp4')
  #keyFrameWanted = true
  #quiet = false
  #lastKeyFrameMs = -Infinity
  #frame = 0
  #nextFrameMs = 0
  #nextAudioMs = 0
  #nextReportMs = 0

  constructor(floor: FloorAddress) {
    this.#floor = floor
    // On any address of the machine: janus answers on those of its own interface alone.
    this.#transport = new PeerTransport({
      onRtcp: (packet) => {
        for (const { type } of parseRtcp(packet)) {
          if (type === 'picture-loss' || type === 'full-intra-request') this.#keyFrameWanted = true
        }
      },
    })
  }

  get connected(): Promise<void> {
    return this.#transport.connected
  }

  get sent(): number {
    return this.#tracks.reduce((total, { sent }) => total + sent, 0)
  }

  get cipher(): string {
    return this.#transport.srtpProfile ?? 'none'
  }

  async offer(): Promise<string> {
    const media = this.#tracks.map(({ kind, ssrc }, index) =>
      offerSection({
        mid: String(index),
        kind,
        direction: 'sendonly',
        encodings: [{ ssrc, ...(kind === 'video' && { retransmissionSsrc: ssrc + 1 }) }],
        cname: 'bench',
      }),
    )
    return serializeSdp({
      ...{ sessionId: '1', sessionVersion: 1, iceLite: false, media },
      bundle: media.map((section) => section.mid),
      transport: await this.#transport.local('actpass'),
    })
  }

  accept(text: string): void {
    const answer = parseSdp(text)
    for (const section of answer.media) {
      const track = this.#tracks.find(({ kind }) => kind === section.kind)
      if (track === undefined) continue
      const idOf = (uri: string): number | undefined =>
        section.headerExtensions.find((extension) => extension.uri === uri)?.id
      track.mid = section.mid
      track.midId = idOf(mid.uri)
      track.levelId = idOf(audioLevel.uri)
    }
    this.#transport.connect(answer.transport, answer.transport.setup === 'active' ? 'server' : 'client')
  }

  answer(): Promise<string> {
    throw new Error('a publisher offers')
  }

  start(): void {
    this.#nextFrameMs = performance.now()
    this.#nextAudioMs = this.#nextFrameMs
    setInterval(() => this.#tick(performance.now()), 1)
  }

  /** Quiet is one packet in every sixth frame, for joins that are no measurement of forwarding. */
  setQuiet(quiet: boolean): void {
    this.#quiet = quiet
  }

  #tick(now: number): void {
    const [audio, video] = this.#tracks
    if (audio === undefined || video === undefined) return
    for (; this.#nextAudioMs <= now; this.#nextAudioMs += audioIntervalMs) {
      audio.timestamp = (audio.timestamp + 48 * audioIntervalMs) >>> 0
      this.#send(audio, audioPayload(), { keyFrame: false, index: 0, count: 1 }, false)
    }
    for (; this.#nextFrameMs <= now; this.#nextFrameMs += 1_000 / framesPerSecond) this.#sendFrame(video, now)
    if (this.#nextReportMs > now) return
    this.#nextReportMs = now + 1_000
    this.#report()
  }

  #sendFrame(track: Track, now: number): void {
    this.#frame++
    if (this.#quiet && this.#frame % quietEvery !== 0) return
    const due = this.#keyFrameWanted && now - this.#lastKeyFrameMs > keyFrameSpacingMs
    const keyFrame = due || this.#frame % keyFrameEveryFrames === 0
    if (keyFrame) {
      this.#keyFrameWanted = false
      this.#lastKeyFrameMs = now
    }
    track.timestamp = (this.#frame * (90_000 / framesPerSecond)) >>> 0
    const count = this.#quiet ? 1 : keyFrame ? keyFramePackets : packetsOfFrame(this.#frame)
    for (let index = 0; index < count; index++) {
      const place = { keyFrame, index, count }
      this.#send(track, videoPayload(place, this.#frame), place, index === count - 1)
    }
  }

  #send(track: Track, payload: Buffer, place: FramePlace, marker: boolean): void {
    const extensions = new Map<number, Uint8Array>()
    if (track.midId !== undefined && track.sent < identifiedPackets) {
      extensions.set(track.midId, mid.serialize(track.mid))
    }
    if (track.kind === 'audio' && track.levelId !== undefined) {
      extensions.set(track.levelId, audioLevel.serialize({ voice: true, level: 20 }))
    }
    writeStamp(payload, place)
    this.#transport.sendRtp(
      serializeRtp({
        ...{ marker, payloadType: track.payloadType, sequenceNumber: track.sequence },
        ...{ timestamp: track.timestamp, ssrc: track.ssrc, csrcs: [], extensions, payload, paddingLength: 0 },
      }),
    )
    track.sequence = (track.sequence + 1) & 0xffff
    track.sent++
    track.octets += payload.length
    const copy = Buffer.concat([Buffer.alloc(12), payload])
    copy.writeBigUInt64BE(process.hrtime.bigint(), 12 + 24)
    this.#floorSocket.send(copy, this.#floor.port, this.#floor.address)
  }

  #report(): void {
    const ntp = toNtp(performance.timeOrigin + performance.now())
    for (const { ssrc, timestamp, sent, octets } of this.#tracks) {
      const report = {
        ssrc,
        ntp,
        rtpTimestamp: timestamp,
        packetCount: sent,
        octetCount: octets,
        reports: [],
      }
      this.#transport.sendRtcp(
        serializeRtcp([
          { type: 'sender-report', ...report },
          { type: 'source-description', chunks: [{ ssrc, items: [{ code: 1, value: 'bench' }] }] },
        ]),
      )
    }
  }
}

function fresh() {
  return { mid: '', midId: undefined, levelId: undefined, sequence: 1, sent: 0, octets: 0, timestamp: 0 }
}
