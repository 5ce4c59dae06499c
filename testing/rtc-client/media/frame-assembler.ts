import { parseVp8, type RtpPacket } from '@parley/protocols/rtp'
import { vp8StampOffset } from './frame-source.ts'
import { type FrameStamp, readStamp } from './stamp.ts'

export type AssembledFrame = {
  readonly keyFrame: boolean
  readonly timestamp: number
  readonly bytes: number
  readonly dimensions?: { readonly width: number; readonly height: number }
  /** Of frames a synthetic peer made. */
  readonly stamp?: FrameStamp
}

const MAX_WAITING_PACKETS = 2_000

/**
 * Puts VP8 frames together in sequence order, as a decoder needs them: a frame counts when it and all before it since
 * a key frame are whole. A gap stops it until the gap is filled or a later key frame is whole.
 */
export class FrameAssembler {
  readonly #packets = new Map<number, RtpPacket>()
  #next: number | undefined
  #frameStart: number | undefined
  #newest = -1

  /** Packets wait behind a gap, or no key frame has come yet. */
  get blocked(): boolean {
    return this.#next === undefined ? this.#newest >= 0 : this.#newest > this.#next
  }

  /** Frames that this packet made whole, in order. `sequence` is unwrapped. */
  add(packet: RtpPacket, sequence: number): AssembledFrame[] {
    if (this.#next !== undefined && sequence < this.#next) return []
    this.#packets.set(sequence, packet)
    this.#newest = Math.max(this.#newest, sequence)
    if (this.#packets.size > MAX_WAITING_PACKETS) this.#dropOldest()
    if (this.#next === undefined || !this.#packets.has(this.#next)) this.#jumpToKeyFrame()
    return this.#advance()
  }

  #advance(): AssembledFrame[] {
    const frames: AssembledFrame[] = []
    while (this.#next !== undefined) {
      const packet = this.#packets.get(this.#next)
      if (!packet) break
      if (packet.payload.length === 0) {
        if (this.#frameStart === undefined) this.#packets.delete(this.#next)
        this.#next++
        continue
      }
      this.#frameStart ??= this.#next
      if (packet.marker) {
        frames.push(this.#finish(this.#frameStart, this.#next))
        this.#frameStart = undefined
      }
      this.#next++
    }
    return frames
  }

  #finish(from: number, to: number): AssembledFrame {
    const first = this.#packets.get(from)
    let bytes = 0
    for (let sequence = from; sequence <= to; sequence++) {
      bytes += this.#packets.get(sequence)?.payload.length ?? 0
      this.#packets.delete(sequence)
    }
    if (!first) return { keyFrame: false, timestamp: 0, bytes }
    const { keyFrame, dimensions, data } = parseVp8(first.payload)
    const stamp = readStamp(data, vp8StampOffset(keyFrame))
    return {
      keyFrame,
      timestamp: first.timestamp,
      bytes,
      ...(dimensions && { dimensions }),
      ...(stamp && { stamp }),
    }
  }

  /** Goes on at the newest key frame that is whole, if there is one behind the gap. */
  #jumpToKeyFrame(): void {
    for (const start of [...this.#packets.keys()].sort((a, b) => b - a)) {
      const packet = this.#packets.get(start)
      if (!packet || packet.payload.length === 0 || !isKeyFrameStart(packet) || !this.#isWhole(start))
        continue
      for (const sequence of this.#packets.keys()) if (sequence < start) this.#packets.delete(sequence)
      this.#next = start
      this.#frameStart = undefined
      return
    }
  }

  #isWhole(start: number): boolean {
    for (let sequence = start; ; sequence++) {
      const packet = this.#packets.get(sequence)
      if (!packet) return false
      if (packet.marker) return true
    }
  }

  #dropOldest(): void {
    const [oldest] = [...this.#packets.keys()].sort((a, b) => a - b)
    if (oldest !== undefined) this.#packets.delete(oldest)
  }
}

function isKeyFrameStart(packet: RtpPacket): boolean {
  try {
    return parseVp8(packet.payload).keyFrame
  } catch {
    return false
  }
}
