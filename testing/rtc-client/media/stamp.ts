/**
 * What generated frames carry instead of content: a mark, the moment they were made, their number, and whose they are.
 * Every process of one machine reads the same clock, so the receiver learns the delay of each frame.
 */
export const STAMP_LENGTH = 20

const MARK = 0x50524c59

export type FrameStamp = { readonly madeMs: number; readonly number: number; readonly identity: number }

/** Milliseconds since 1970, finer than `Date.now()`. */
export function wallClockMs(): number {
  return performance.timeOrigin + performance.now()
}

export function writeStamp(into: Uint8Array, offset: number, number: number, identity = 0): void {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength)
  view.setUint32(offset, MARK)
  view.setFloat64(offset + 4, wallClockMs())
  view.setUint32(offset + 12, number)
  view.setUint32(offset + 16, identity)
}

export function readStamp(from: Uint8Array, offset: number): FrameStamp | undefined {
  if (from.length < offset + STAMP_LENGTH) return undefined
  const view = new DataView(from.buffer, from.byteOffset, from.byteLength)
  if (view.getUint32(offset) !== MARK) return undefined
  return {
    madeMs: view.getFloat64(offset + 4),
    number: view.getUint32(offset + 12),
    identity: view.getUint32(offset + 16),
  }
}
