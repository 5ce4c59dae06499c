import type { ByteReader, ByteWriter } from '../bytes.ts'
import { ProtocolViolation } from '../violation.ts'
import type { TransportFeedback } from './packet.ts'

/** Microseconds of one delta. */
export const TICK_US = 250
/** Microseconds of one unit of the reference time. */
export const REFERENCE_UNIT_US = 64_000

const NOT_RECEIVED = 0
const SMALL_DELTA = 1
const LARGE_DELTA = 2

type FeedbackBody = Omit<TransportFeedback, 'type' | 'senderSsrc' | 'mediaSsrc'>

/** Reads what follows the two SSRCs (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1). */
export function readTransportFeedback(reader: ByteReader): FeedbackBody {
  const baseSequence = reader.u16()
  const count = reader.u16()
  const referenceTime = (reader.u24() << 8) >> 8
  const feedbackCount = reader.u8()
  const symbols: number[] = []
  while (symbols.length < count) readChunk(reader, symbols, count)
  const deltas = symbols.map((symbol) => {
    if (symbol === NOT_RECEIVED) return null
    if (symbol === SMALL_DELTA) return reader.u8()
    if (symbol === LARGE_DELTA) return reader.i16()
    throw reader.violation('reserved packet status')
  })
  return { baseSequence, referenceTime, feedbackCount, deltas }
}

function readChunk(reader: ByteReader, symbols: number[], count: number): void {
  const chunk = reader.u16()
  if (!(chunk & 0x8000)) {
    const length = chunk & 0x1fff
    if (length === 0) throw reader.violation('run of no packets')
    const take = Math.min(length, count - symbols.length)
    for (let index = 0; index < take; index++) symbols.push((chunk >> 13) & 0x03)
    return
  }
  const [symbolBits, symbolCount] = chunk & 0x4000 ? [2, 7] : [1, 14]
  for (let index = 0; index < symbolCount && symbols.length < count; index++) {
    symbols.push((chunk >> (14 - symbolBits * (index + 1))) & (2 ** symbolBits - 1))
  }
}

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
