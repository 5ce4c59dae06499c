import type { ByteWriter } from '../bytes.ts'
import { ProtocolViolation } from '../violation.ts'
import type { TransportFeedback } from './packet.ts'

/** Microseconds of one delta. */
export const TICK_US = 250
/** Microseconds of one unit of the reference time. */
export const REFERENCE_UNIT_US = 64_000

/** Base sequence, count, reference time and number of the feedback. */
const HEADER_BYTES = 8
const NOT_RECEIVED = 0
const SMALL_DELTA = 1
const LARGE_DELTA = 2

type FeedbackBody = Omit<TransportFeedback, 'type' | 'senderSsrc' | 'mediaSsrc'>

/**
 * Reads what follows the two SSRCs (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1), from `start` to
 * `end`; what is left after the deltas is padding. One list is made for all packets of it, as a server reads thousands
 * of these a second. @throws ProtocolViolation
 */
export function readTransportFeedback(bytes: Uint8Array, start: number, end: number): FeedbackBody {
  if (end - start < HEADER_BYTES) throw cut(start)
  const at = (offset: number): number => bytes[offset] ?? 0
  const baseSequence = (at(start) << 8) | at(start + 1)
  const count = (at(start + 2) << 8) | at(start + 3)
  const referenceTime = ((at(start + 4) << 24) >> 8) | (at(start + 5) << 8) | at(start + 6)
  const feedbackCount = at(start + 7)
  // First the statuses, then each of them becomes what it says.
  const deltas: (number | null)[] = []
  let offset = start + HEADER_BYTES
  while (deltas.length < count) {
    if (offset + 2 > end) throw cut(offset)
    const chunk = (at(offset) << 8) | at(offset + 1)
    const left = count - deltas.length
    if (!(chunk & 0x8000)) {
      const length = chunk & 0x1fff
      if (length === 0) throw new ProtocolViolation('rtcp', 'run of no packets', { offset })
      const symbol = chunk >> 13
      for (let index = Math.min(length, left); index > 0; index--) deltas.push(symbol)
    } else if (chunk & 0x4000) {
      for (let shift = 12, index = 0; shift >= 0 && index < left; shift -= 2, index++)
        deltas.push((chunk >> shift) & 3)
    } else {
      for (let shift = 13, index = 0; shift >= 0 && index < left; shift--, index++)
        deltas.push((chunk >> shift) & 1)
    }
    offset += 2
  }
  for (let index = 0; index < count; index++) {
    const symbol = deltas[index]
    if (symbol === NOT_RECEIVED) deltas[index] = null
    else if (symbol === SMALL_DELTA) {
      if (offset + 1 > end) throw cut(offset)
      deltas[index] = at(offset)
      offset += 1
    } else if (symbol === LARGE_DELTA) {
      if (offset + 2 > end) throw cut(offset)
      deltas[index] = ((at(offset) << 24) >> 16) | at(offset + 1)
      offset += 2
    } else throw new ProtocolViolation('rtcp', 'reserved packet status', { offset })
  }
  return { baseSequence, referenceTime, feedbackCount, deltas }
}

const cut = (offset: number): ProtocolViolation =>
  new ProtocolViolation('rtcp', 'feedback is cut off', { offset })

/** Writes what follows the two SSRCs, with runs where they are shorter than vectors. */
export function writeTransportFeedback(writer: ByteWriter, feedback: FeedbackBody): void {
  const { deltas } = feedback
  if (deltas.length > 0xffff) throw new ProtocolViolation('rtcp', `feedback on ${deltas.length} packets`)
  writer
    .u16(feedback.baseSequence)
    .u16(deltas.length)
    .u24(feedback.referenceTime & 0xffffff)
    .u8(feedback.feedbackCount)
  writeChunks(writer, deltas.map(symbolOf))
  for (const delta of deltas) {
    if (delta === null) continue
    if (symbolOf(delta) === SMALL_DELTA) writer.u8(delta)
    else writer.u16(delta & 0xffff)
  }
}

function symbolOf(delta: number | null): number {
  if (delta === null) return NOT_RECEIVED
  if (delta >= 0 && delta <= 0xff) return SMALL_DELTA
  if (delta >= -0x8000 && delta <= 0x7fff) return LARGE_DELTA
  throw new ProtocolViolation('rtcp', `delta of ${delta} ticks`)
}

function writeChunks(writer: ByteWriter, symbols: readonly number[]): void {
  for (let start = 0; start < symbols.length; ) {
    const remaining = symbols.length - start
    const run = runLength(symbols, start)
    const fitsOneBit = oneBitLength(symbols, start) >= Math.min(14, remaining)
    if (run >= Math.min(14, remaining) || (!fitsOneBit && run >= 7)) {
      writer.u16(((symbols[start] ?? 0) << 13) | run)
      start += run
    } else {
      const length = Math.min(fitsOneBit ? 14 : 7, remaining)
      writer.u16(vector(symbols, start, length, fitsOneBit ? 1 : 2))
      start += length
    }
  }
}

function runLength(symbols: readonly number[], start: number): number {
  let length = 1
  while (length < 0x1fff && symbols[start + length] === symbols[start]) length++
  return length
}

/** How many symbols from here, up to 14, fit one bit each. */
function oneBitLength(symbols: readonly number[], start: number): number {
  let length = 0
  while (length < 14 && (symbols[start + length] ?? LARGE_DELTA) < LARGE_DELTA) length++
  return length
}

function vector(symbols: readonly number[], start: number, length: number, symbolBits: 1 | 2): number {
  let chunk = symbolBits === 1 ? 0x8000 : 0xc000
  for (let index = 0; index < length; index++) {
    chunk |= (symbols[start + index] ?? 0) << (14 - symbolBits * (index + 1))
  }
  return chunk
}
