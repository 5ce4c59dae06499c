import { ByteReader, ByteWriter } from '../bytes.ts'
import { ProtocolViolation } from '../violation.ts'

export type RedundantBlock = {
  readonly payloadType: number
  /** How much older than the packet's timestamp, in clock units; 14 bits, 0 for the primary. */
  readonly timestampOffset: number
  /** At most 1,023 bytes, except the primary. */
  readonly payload: Uint8Array
}

/** Reads a RED payload (RFC 2198): blocks from oldest to newest, the last is the primary. */
export function parseRedundancy(payload: Uint8Array): RedundantBlock[] {
  const reader = new ByteReader('red', payload)
  const headers: { payloadType: number; timestampOffset: number; length: number }[] = []
  for (;;) {
    const first = reader.u8()
    const payloadType = first & 0x7f
    if (!(first & 0x80)) {
      headers.push({ payloadType, timestampOffset: 0, length: -1 })
      break
    }
    const rest = reader.u24()
    headers.push({ payloadType, timestampOffset: rest >> 10, length: rest & 0x3ff })
  }
  return headers.map(({ payloadType, timestampOffset, length }) => {
    return { payloadType, timestampOffset, payload: reader.take(length < 0 ? reader.remaining : length) }
  })
}

/** Writes a RED payload; the last block is the primary. Throws ProtocolViolation for what does not fit. */
export function serializeRedundancy(blocks: readonly RedundantBlock[]): Uint8Array {
  const primary = blocks.at(-1)
  if (!primary) throw new ProtocolViolation('red', 'no primary block')
  const writer = new ByteWriter(blocks.reduce((total, { payload }) => total + payload.length + 4, 0))
  for (const { payloadType, timestampOffset, payload } of blocks.slice(0, -1)) {
    if (timestampOffset < 0 || timestampOffset > 0x3fff || payload.length > 0x3ff) {
      throw new ProtocolViolation('red', `block of ${payload.length} bytes, ${timestampOffset} units old`)
    }
    writer.u8(0x80 | payloadType).u24((timestampOffset << 10) | payload.length)
  }
  writer.u8(primary.payloadType)
  for (const { payload } of blocks) writer.bytes(payload)
  return writer.finish()
}
