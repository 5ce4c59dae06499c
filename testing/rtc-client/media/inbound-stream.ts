import { type AudioLevel, parseRedundancy, parseVp8, type RtpPacket } from '@parley/protocols/rtp'
import type { MediaKind } from '@parley/protocols/sdp'
import { FrameAssembler } from './frame-assembler.ts'
import { OPUS_STAMP_OFFSET } from './frame-source.ts'
import { LossTracker } from './loss-tracker.ts'
import { type FrameStamp, readStamp, wallClockMs } from './stamp.ts'

export type InboundOptions = {
  readonly ssrc: number
  readonly mid: string
  readonly rid?: string
  readonly kind: MediaKind
  readonly clockRate: number
  /** Codec name in lower case by payload type. */
  readonly codecs: ReadonlyMap<number, string>
}

export type DelayStatistics = {
  readonly meanMs: number
  readonly p95Ms: number
  readonly maxMs: number
  /** The frames these say it of, in the order of their arrival until there are 2,000. */
  readonly recentMs: readonly number[]
}

export type InboundStatistics = {
  readonly ssrc: number
  readonly mid: string
  readonly rid?: string
  readonly kind: MediaKind
  readonly packets: number
  readonly bytes: number
  /** Sequence numbers that are missing now, and those given up. */
  readonly missing: number
  readonly abandoned: number
  /** Came by retransmission. */
  readonly recovered: number
  readonly duplicates: number
  /** Video: decodable frames. Audio: packets of sound, those recovered from redundancy included. */
  readonly frames: number
  readonly keyFrames: number
  /** Packets of a media format that could not be read. */
  readonly unreadable: number
  readonly width?: number
  readonly height?: number
  readonly audioLevel?: AudioLevel
  readonly nacksSent: number
  readonly keyFramesRequested: number
  /** Whose frames came on it, as synthetic senders say. */
  readonly identities: readonly number[]
  /** From the making of a frame to its last packet, over the last frames of a synthetic sender. */
  readonly delay?: DelayStatistics
}

const DELAY_SAMPLES = 2_000
const RECENT_TIMESTAMPS = 100

/** One SSRC that is received: loss, frames, delay. It sends nothing itself; the peer asks it what is due. */
export class InboundStream {
  readonly loss: LossTracker
  readonly #options: InboundOptions
  readonly #assembler = new FrameAssembler()
  readonly #delays: number[] = []
  readonly #heard = new Set<number>()
  readonly #identities = new Set<number>()
  #delayIndex = 0
  #packets = 0
  #bytes = 0
  #frames = 0
  #keyFrames = 0
  #unreadable = 0
  #width: number | undefined
  #height: number | undefined
  #blockedSinceMs: number | undefined
  audioLevel: AudioLevel | undefined
  nacksSent = 0
  keyFramesRequested = 0

  constructor(options: InboundOptions) {
    this.#options = options
    this.loss = new LossTracker(options)
  }

  get ssrc(): number {
    return this.#options.ssrc
  }

  get kind(): MediaKind {
    return this.#options.kind
  }

  get mid(): string {
    return this.#options.mid
  }

  get rid(): string | undefined {
    return this.#options.rid
  }

  handle(packet: RtpPacket, arrivalMs: number, retransmitted: boolean): void {
    const sequence = this.loss.take(packet, arrivalMs, retransmitted)
    if (sequence === undefined) return
    this.#packets++
    this.#bytes += packet.payload.length
    const codec = this.#options.codecs.get(packet.payloadType)
    const framesBefore = this.#frames
    try {
      if (this.#options.kind === 'audio') this.#hear(packet, codec)
      else if (codec === 'vp8') this.#see(packet, sequence)
      else if (packet.marker) this.#frames++
    } catch {
      this.#unreadable++
    }
    // Gaps may overlap without end on a lossy path: what counts is whether frames still come.
    if (!this.#assembler.blocked) this.#blockedSinceMs = undefined
    else if (this.#frames > framesBefore) this.#blockedSinceMs = arrivalMs
    else this.#blockedSinceMs ??= arrivalMs
  }

  /** How long no frame could be decoded though packets came; 0 when all is well. */
  blockedMs(nowMs: number): number {
    return this.#blockedSinceMs === undefined ? 0 : nowMs - this.#blockedSinceMs
  }

  /** Nothing was decodable yet. */
  get waitsForFirstKeyFrame(): boolean {
    return this.#options.kind === 'video' && this.#blockedSinceMs !== undefined && this.#keyFrames === 0
  }

  statistics(): InboundStatistics {
    const { ssrc, mid, rid, kind } = this.#options
    return {
      ssrc,
      mid,
      ...(rid !== undefined && { rid }),
      kind,
      packets: this.#packets,
      bytes: this.#bytes,
      missing: this.loss.missing,
      abandoned: this.loss.abandoned,
      recovered: this.loss.recovered,
      duplicates: this.loss.duplicates,
      frames: this.#frames,
      keyFrames: this.#keyFrames,
      unreadable: this.#unreadable,
      ...(this.#width !== undefined && { width: this.#width }),
      ...(this.#height !== undefined && { height: this.#height }),
      ...(this.audioLevel && { audioLevel: this.audioLevel }),
      nacksSent: this.nacksSent,
      keyFramesRequested: this.keyFramesRequested,
      identities: [...this.#identities],
      ...(this.#delays.length > 0 && { delay: summarize(this.#delays) }),
    }
  }

  #hear(packet: RtpPacket, codec: string | undefined): void {
    const blocks =
      codec === 'red' ? parseRedundancy(packet.payload) : [{ timestampOffset: 0, payload: packet.payload }]
    for (const { timestampOffset, payload } of blocks) {
      const timestamp = (packet.timestamp - timestampOffset) >>> 0
      if (payload.length === 0 || this.#heard.has(timestamp)) continue
      this.#heard.add(timestamp)
      if (this.#heard.size > RECENT_TIMESTAMPS) {
        const [oldest] = this.#heard
        if (oldest !== undefined) this.#heard.delete(oldest)
      }
      this.#frames++
      const stamp = readStamp(payload, OPUS_STAMP_OFFSET)
      if (stamp) this.#note(stamp)
    }
  }

  #see(packet: RtpPacket, sequence: number): void {
    if (packet.payload.length > 0) parseVp8(packet.payload)
    for (const frame of this.#assembler.add(packet, sequence)) {
      this.#frames++
      if (frame.keyFrame) this.#keyFrames++
      if (frame.dimensions) {
        this.#width = frame.dimensions.width
        this.#height = frame.dimensions.height
      }
      if (frame.stamp) this.#note(frame.stamp)
    }
  }

  #note({ madeMs, identity }: FrameStamp): void {
    this.#identities.add(identity)
    this.#delays[this.#delayIndex++ % DELAY_SAMPLES] = wallClockMs() - madeMs
  }
}

function summarize(delays: readonly number[]): DelayStatistics {
  const sorted = [...delays].sort((a, b) => a - b)
  return {
    meanMs: sorted.reduce((sum, delay) => sum + delay, 0) / sorted.length,
    p95Ms: sorted[Math.floor(sorted.length * 0.95)] ?? 0,
    maxMs: sorted.at(-1) ?? 0,
    recentMs: [...delays],
  }
}
