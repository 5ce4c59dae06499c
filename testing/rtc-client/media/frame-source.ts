import { serializeVp8Descriptor } from '@parley/protocols/rtp'
import { STAMP_LENGTH, writeStamp } from './stamp.ts'

/** Payloads of one frame, in packet order, and what their headers need. */
export type GeneratedFrame = {
  readonly payloads: readonly Uint8Array[]
  readonly timestamp: number
  readonly keyFrame: boolean
}

const MAX_PAYLOAD_BYTES = 1_100
/** Opus, 20 ms, CELT fullband, mono: a valid first byte for a packet nobody decodes. */
const OPUS_TOC = 0xf8
export const OPUS_STAMP_OFFSET = 1
export const OPUS_CLOCK_RATE = 48_000
export const VIDEO_CLOCK_RATE = 90_000

/** Opus-shaped packets of 20 ms. */
export class OpusSource {
  readonly #bytes: number
  readonly #identity: number
  #number = 0
  #timestamp: number

  constructor(options: {
    readonly bitrateKbps: number
    readonly firstTimestamp?: number
    readonly identity?: number
  }) {
    this.#identity = options.identity ?? 0
    this.#bytes = Math.max(OPUS_STAMP_OFFSET + STAMP_LENGTH, Math.round((options.bitrateKbps * 20) / 8))
    this.#timestamp = options.firstTimestamp ?? 0
  }

  next(): GeneratedFrame {
    const payload = new Uint8Array(this.#bytes)
    payload[0] = OPUS_TOC
    writeStamp(payload, OPUS_STAMP_OFFSET, this.#number++, this.#identity)
    const timestamp = this.#timestamp
    this.#timestamp = (timestamp + OPUS_CLOCK_RATE / 50) >>> 0
    return { payloads: [payload], timestamp, keyFrame: false }
  }
}

export type Vp8SourceOptions = {
  readonly bitrateKbps: number
  readonly framesPerSecond: number
  readonly width: number
  readonly height: number
  /** Default 1. */
  readonly temporalLayers?: 1 | 2 | 3
  /** A key frame at least so often; default 10 s. */
  readonly keyFrameIntervalMs?: number
  /** Whose frames these are; default 0. */
  readonly identity?: number
}

/** Which temporal layer frame after frame belongs to, and whether others refer to it. */
const TEMPORAL_PATTERNS = { 1: [0], 2: [0, 1], 3: [0, 2, 1, 2] } as const
const KEY_FRAME_SIZE_FACTOR = 4
const FRAME_TAG_LENGTH = 3
const KEY_FRAME_HEADER_LENGTH = 10

/** VP8-shaped frames: valid descriptors and frame headers around stamped filling. */
export class Vp8Source {
  readonly #options: Vp8SourceOptions
  #number = 0
  #pictureId: number
  #tl0PicIdx = 0
  #patternIndex = 0
  #keyFrameWanted = true
  #framesSinceKey = 0

  constructor(options: Vp8SourceOptions) {
    this.#options = options
    this.#pictureId = Math.floor(Math.random() * 0x8000)
  }

  /** The next frame will be a key frame. */
  requestKeyFrame(): void {
    this.#keyFrameWanted = true
  }

  next(timestamp: number): GeneratedFrame {
    const { bitrateKbps, framesPerSecond, keyFrameIntervalMs = 10_000, temporalLayers = 1 } = this.#options
    const keyFrame =
      this.#keyFrameWanted || this.#framesSinceKey * 1_000 >= keyFrameIntervalMs * framesPerSecond
    this.#keyFrameWanted = false
    this.#framesSinceKey = keyFrame ? 1 : this.#framesSinceKey + 1
    const pattern = TEMPORAL_PATTERNS[temporalLayers]
    if (keyFrame) this.#patternIndex = 0
    const temporalId = pattern[this.#patternIndex++ % pattern.length] ?? 0
    if (temporalId === 0) this.#tl0PicIdx = (this.#tl0PicIdx + 1) & 0xff
    this.#pictureId = (this.#pictureId + 1) & 0x7fff

    const meanBytes = Math.round((bitrateKbps * 125) / framesPerSecond)
    const frame = this.#frame(keyFrame, keyFrame ? meanBytes * KEY_FRAME_SIZE_FACTOR : meanBytes)
    const payloads: Uint8Array[] = []
    for (let start = 0; start < frame.length; start += MAX_PAYLOAD_BYTES) {
      const descriptor = serializeVp8Descriptor({
        nonReference: temporalLayers > 1 && temporalId === temporalLayers - 1,
        startOfPartition: start === 0,
        partitionId: 0,
        pictureId: { value: this.#pictureId, bits: 15 },
        tl0PicIdx: this.#tl0PicIdx,
        temporal: { id: temporalId, layerSync: false },
      })
      payloads.push(Buffer.concat([descriptor, frame.subarray(start, start + MAX_PAYLOAD_BYTES)]))
    }
    return { payloads, timestamp, keyFrame }
  }

  #frame(keyFrame: boolean, wantedBytes: number): Uint8Array {
    const stampAt = vp8StampOffset(keyFrame)
    const frame = new Uint8Array(Math.max(wantedBytes, stampAt + STAMP_LENGTH))
    // RFC 6386 section 9.1: bit 0 clear on a key frame, show_frame in bit 4.
    frame[0] = (keyFrame ? 0 : 1) | 0x10
    if (keyFrame) {
      frame.set([0x9d, 0x01, 0x2a], FRAME_TAG_LENGTH)
      const view = new DataView(frame.buffer)
      view.setUint16(6, this.#options.width, true)
      view.setUint16(8, this.#options.height, true)
    }
    writeStamp(frame, stampAt, this.#number++, this.#options.identity)
    return frame
  }
}

/** Where the stamp stands in a generated VP8 frame. */
export function vp8StampOffset(keyFrame: boolean): number {
  return keyFrame ? KEY_FRAME_HEADER_LENGTH : FRAME_TAG_LENGTH
}
