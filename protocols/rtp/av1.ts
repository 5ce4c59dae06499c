import { ByteReader } from '../bytes.ts'

export type Av1Payload = {
  /** The first OBU element continues one of the previous packet. */
  readonly continuesPrevious: boolean
  /** The last OBU element goes on in the next packet. */
  readonly continuesInNext: boolean
  /** The packet is the first of a coded video sequence: a key frame starts here. */
  readonly startsCodedVideoSequence: boolean
  readonly obuElements: readonly Uint8Array[]
}

/** Reads the aggregation header and the OBU elements (AV1 RTP specification section 4.4). */
export function parseAv1(payload: Uint8Array): Av1Payload {
  const reader = new ByteReader('av1', payload)
  const header = reader.u8()
  const count = (header >> 4) & 0x03
  const continuesPrevious = (header & 0x80) !== 0
  const startsCodedVideoSequence = (header & 0x08) !== 0
  if (continuesPrevious && startsCodedVideoSequence) {
    throw reader.violation('a coded video sequence cannot start with a continuation')
  }
  const obuElements: Uint8Array[] = []
  while (reader.remaining > 0) {
    const last = count > 0 && obuElements.length === count - 1
    obuElements.push(reader.take(last ? reader.remaining : readLeb128(reader)))
  }
  if (count > 0 && obuElements.length !== count) throw reader.violation(`${count} OBU elements announced`)
  return {
    continuesPrevious,
    continuesInNext: (header & 0x40) !== 0,
    startsCodedVideoSequence,
    obuElements,
  }
}

function readLeb128(reader: ByteReader): number {
  let value = 0
  for (let index = 0; index < 8; index++) {
    const byte = reader.u8()
    value += (byte & 0x7f) * 2 ** (7 * index)
    if (!(byte & 0x80)) return value
  }
  throw reader.violation('leb128 of more than eight bytes')
}
