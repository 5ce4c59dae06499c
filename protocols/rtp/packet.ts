import { ByteReader, ByteWriter } from '../bytes.ts'
import { ProtocolViolation } from '../violation.ts'

export type RtpPacket = {
  readonly marker: boolean
  /** Seven bits. */
  readonly payloadType: number
  /** Sixteen bits; wraps. */
  readonly sequenceNumber: number
  /** Thirty-two bits in units of the codec's clock; wraps. */
  readonly timestamp: number
  readonly ssrc: number
  readonly csrcs: readonly number[]
  /** RFC 8285 elements by local id, undecoded. Views into the packet they were parsed from. */
  readonly extensions: ReadonlyMap<number, Uint8Array>
  /** Without padding. A view into the packet it was parsed from. */
  readonly payload: Uint8Array
  /** Bytes of RTP padding after the payload, the count byte included; 0 for none. */
  readonly paddingLength: number
}

const FIXED_HEADER_LENGTH = 12
const ONE_BYTE_PROFILE = 0xbede
const TWO_BYTE_PROFILE = 0x1000

/** Whether a datagram with first byte 128-191 is RTCP rather than RTP (RFC 5761 section 4). */
export function isRtcp(bytes: Uint8Array): boolean {
  const second = bytes[1] ?? 0
  return second >= 192 && second <= 223
}

/**
 * Reads an RTP packet (RFC 3550 section 5.1) with one-byte or two-byte header extensions (RFC 8285). Extensions
 * of another profile are skipped. Throws ProtocolViolation.
 */
export function parseRtp(bytes: Uint8Array): RtpPacket {
  const reader = new ByteReader('rtp', bytes)
  const first = reader.u8()
  if (first >> 6 !== 2) throw new ProtocolViolation('rtp', `version ${first >> 6}`, { offset: 0 })
  const second = reader.u8()
  const sequenceNumber = reader.u16()
  const timestamp = reader.u32()
  const ssrc = reader.u32()
  const csrcs: number[] = []
  for (let index = 0; index < (first & 0x0f); index++) csrcs.push(reader.u32())
  let extensions: ReadonlyMap<number, Uint8Array> = NO_EXTENSIONS
  if (first & 0x10) {
    const profile = reader.u16()
    const start = reader.offset + 2
    const length = reader.u16() * 4
    reader.skip(length)
    extensions = parseExtensions(profile, new ByteReader('rtp', bytes, start, start + length))
  }
  let paddingLength = 0
  if (first & 0x20) {
    paddingLength = bytes[bytes.length - 1] ?? 0
    if (paddingLength === 0 || paddingLength > reader.remaining) {
      throw new ProtocolViolation('rtp', `padding of ${paddingLength} bytes`, { offset: bytes.length - 1 })
    }
  }
  return {
    marker: (second & 0x80) !== 0,
    payloadType: second & 0x7f,
    sequenceNumber,
    timestamp,
    ssrc,
    csrcs,
    extensions,
    payload: reader.take(reader.remaining - paddingLength),
    paddingLength,
  }
}

const NO_EXTENSIONS: ReadonlyMap<number, Uint8Array> = new Map()

function parseExtensions(profile: number, reader: ByteReader): ReadonlyMap<number, Uint8Array> {
  const twoByte = (profile & 0xfff0) === TWO_BYTE_PROFILE
  if (!twoByte && profile !== ONE_BYTE_PROFILE) return NO_EXTENSIONS
  const extensions = new Map<number, Uint8Array>()
  while (reader.remaining > 0) {
    const first = reader.u8()
    if (first === 0) continue
    const id = twoByte ? first : first >> 4
    if (!twoByte && id === 15) break
    const length = twoByte ? reader.u8() : (first & 0x0f) + 1
    // RFC 8285 section 4.2: in the one-byte form id 0 is padding whatever its length nibble says.
    if (id === 0) continue
    extensions.set(id, reader.take(length))
  }
  return extensions
}

/**
 * Writes an RTP packet. The one-byte extension form is used when every id and length fits it, else the two-byte
 * form. Throws ProtocolViolation for values that do not fit their field.
 */
export function serializeRtp(packet: RtpPacket): Uint8Array {
  const { csrcs, extensions, payload, paddingLength } = packet
  if (csrcs.length > 15) throw new ProtocolViolation('rtp', `${csrcs.length} contributing sources`)
  if (paddingLength < 0 || paddingLength > 255)
    throw new ProtocolViolation('rtp', `padding of ${paddingLength}`)
  if (packet.payloadType > 127) throw new ProtocolViolation('rtp', `payload type ${packet.payloadType}`)
  const writer = new ByteWriter(FIXED_HEADER_LENGTH + 64 + payload.length + paddingLength)
  writer
    .u8(0x80 | (paddingLength > 0 ? 0x20 : 0) | (extensions.size > 0 ? 0x10 : 0) | csrcs.length)
    .u8((packet.marker ? 0x80 : 0) | packet.payloadType)
    .u16(packet.sequenceNumber)
    .u32(packet.timestamp)
    .u32(packet.ssrc)
  for (const csrc of csrcs) writer.u32(csrc)
  if (extensions.size > 0) writeExtensions(writer, extensions)
  writer.bytes(payload)
  if (paddingLength > 0) writer.zeros(paddingLength - 1).u8(paddingLength)
  return writer.finish()
}

function writeExtensions(writer: ByteWriter, extensions: ReadonlyMap<number, Uint8Array>): void {
  let twoByte = false
  for (const [id, value] of extensions) {
    if (id < 1 || id > 255 || value.length > 255) {
      throw new ProtocolViolation('rtp', `extension ${id} of ${value.length} bytes`)
    }
    if (id > 14 || value.length < 1 || value.length > 16) twoByte = true
  }
  const start = writer.length
  writer.u16(twoByte ? TWO_BYTE_PROFILE : ONE_BYTE_PROFILE).u16(0)
  for (const [id, value] of extensions) {
    if (twoByte) writer.u8(id).u8(value.length)
    else writer.u8((id << 4) | (value.length - 1))
    writer.bytes(value)
  }
  writer.zeros((4 - ((writer.length - start) % 4)) % 4)
  writer.patchU16(start + 2, (writer.length - start - 4) / 4)
}
