import { parseRedundancy, parseVp8 } from '@parley/protocols/rtp'
import { monotonicMs, toMonotonicMs } from '@parley/testing/packet-sink'
import { OPUS_STAMP_OFFSET, vp8StampOffset } from '../../../testing/rtc-client/media/frame-source.ts'
import { type FrameStamp, readStamp, wallClockMs } from '../../../testing/rtc-client/media/stamp.ts'

export type Kind = 'audio' | 'video'

/** Whose frames: what the media of a member carries, so that whoever gets it can tell. */
export const identityOf = (member: number, kind: Kind): number => member * 2 + (kind === 'audio' ? 1 : 2)

export const memberOf = (identity: number): number => (identity - 1) >> 1

export const userOf = (member: number): string => `member-${member}`

export const memberOfUser = (userId: string): number => Number(userId.replace('member-', ''))

/**
 * What the stamps of this process lack to the monotonic clock that all processes share. Milliseconds; constant while
 * the process lives.
 */
export const clockOffsetMs: number = monotonicMs() - wallClockMs()

/** Delays of frames by the monotonic clock, whatever the wall clocks of the processes began with. */
export class Clocks {
  #byMember: readonly number[] = []

  /** The offset of the process of each member. */
  learn(byMember: readonly number[]): void {
    this.#byMember = byMember
  }

  /** `arrivalMs`: on the clock of `performance.now()`. */
  delayMs({ madeMs, identity }: FrameStamp, arrivalMs = performance.now()): number {
    const sender = this.#byMember[memberOf(identity)] ?? clockOffsetMs
    return toMonotonicMs(arrivalMs) - (madeMs + sender)
  }
}

/** The newest stamp in a packet of sound. */
export function stampOfSound(payload: Uint8Array, redundant: boolean): FrameStamp | undefined {
  const newest = redundant ? parseRedundancy(payload).at(-1)?.payload : payload
  return newest && readStamp(newest, OPUS_STAMP_OFFSET)
}

/** The stamp of a frame, which its first packet has, and whether it is a key frame. */
export function stampOfPicture(payload: Uint8Array): { stamp: FrameStamp; keyFrame: boolean } | undefined {
  const { startOfFrame, keyFrame, data } = parseVp8(payload)
  const stamp = startOfFrame ? readStamp(data, vp8StampOffset(keyFrame)) : undefined
  return stamp && { stamp, keyFrame }
}
