import { ByteReader, ByteWriter } from '../bytes.ts'
import { ProtocolViolation } from '../violation.ts'
import { formatAddress, parseAddress, type TransportAddress } from './address.ts'

/** RFC 8489 section 5: the fixed cookie that tells STUN from everything else on the port. */
export const MAGIC_COOKIE = 0x2112a442

export type StunAttribute =
  | ({ readonly type: 'mapped-address' } & TransportAddress)
  | ({ readonly type: 'xor-mapped-address' } & TransportAddress)
  | { readonly type: 'username' | 'realm' | 'nonce' | 'software'; readonly value: string }
  | { readonly type: 'error-code'; readonly code: number; readonly reason: string }
  | { readonly type: 'unknown-attributes'; readonly codes: readonly number[] }
  | { readonly type: 'priority'; readonly value: number }
  | { readonly type: 'use-candidate' }
  | { readonly type: 'ice-controlled' | 'ice-controlling'; readonly tieBreaker: bigint }
  | { readonly type: 'unknown'; readonly code: number; readonly value: Uint8Array }

type KnownType = Exclude<StunAttribute['type'], 'unknown'>

const CODE_OF: Readonly<Record<KnownType, number>> = {
  'mapped-address': 0x0001,
  username: 0x0006,
  'error-code': 0x0009,
  'unknown-attributes': 0x000a,
  realm: 0x0014,
  nonce: 0x0015,
  'xor-mapped-address': 0x0020,
  priority: 0x0024,
  'use-candidate': 0x0025,
  software: 0x8022,
  'ice-controlled': 0x8029,
  'ice-controlling': 0x802a,
}

/** MESSAGE-INTEGRITY and FINGERPRINT seal a message; they are not part of its attribute list. */
export const MESSAGE_INTEGRITY = 0x0008
export const FINGERPRINT = 0x8028

const TYPE_OF = new Map(Object.entries(CODE_OF).map(([type, code]) => [code, type as KnownType]))

const text = new TextDecoder()
const utf8 = new TextEncoder()

/** RFC 8489 section 14: codes below 0x8000 must be understood or the request refused with 420. */
export function isComprehensionRequired(code: number): boolean {
  return code < 0x8000
}

export function attributeCode(attribute: StunAttribute): number {
  return attribute.type === 'unknown' ? attribute.code : CODE_OF[attribute.type]
}

export function readAttribute(code: number, value: Uint8Array, transactionId: Uint8Array): StunAttribute {
  const type = TYPE_OF.get(code)
  if (!type) return { type: 'unknown', code, value }
  const reader = new ByteReader('stun', value)
  switch (type) {
    case 'mapped-address':
      return { type, ...readTransportAddress(reader, undefined) }
    case 'xor-mapped-address':
      return { type, ...readTransportAddress(reader, addressMask(transactionId)) }
    case 'username':
    case 'realm':
    case 'nonce':
    case 'software':
      if (value.length > 763) throw new ProtocolViolation('stun', `${type} of ${value.length} bytes`)
      return { type, value: text.decode(value) }
    case 'error-code': {
      reader.skip(2)
      const hundreds = reader.u8() & 0x07
      const units = reader.u8()
      if (hundreds < 3 || hundreds > 6 || units > 99) throw reader.violation('error code out of range')
      return { type, code: hundreds * 100 + units, reason: text.decode(reader.take()) }
    }
    case 'unknown-attributes': {
      const codes: number[] = []
      while (reader.remaining > 0) codes.push(reader.u16())
      return { type, codes }
    }
    case 'priority':
      return { type, value: exactly(reader, 4).u32() }
    case 'use-candidate':
      exactly(reader, 0)
      return { type }
    case 'ice-controlled':
    case 'ice-controlling':
      return { type, tieBreaker: exactly(reader, 8).u64() }
  }
}

export function writeAttributeValue(attribute: StunAttribute, transactionId: Uint8Array): Uint8Array {
  const writer = new ByteWriter(32)
  switch (attribute.type) {
    case 'mapped-address':
      writeTransportAddress(writer, attribute, undefined)
      break
    case 'xor-mapped-address':
      writeTransportAddress(writer, attribute, addressMask(transactionId))
      break
    case 'username':
    case 'realm':
    case 'nonce':
    case 'software':
      return utf8.encode(attribute.value)
    case 'error-code':
      writer
        .u16(0)
        .u8(Math.floor(attribute.code / 100))
        .u8(attribute.code % 100)
      writer.bytes(utf8.encode(attribute.reason))
      break
    case 'unknown-attributes':
      for (const code of attribute.codes) writer.u16(code)
      break
    case 'priority':
      writer.u32(attribute.value)
      break
    case 'use-candidate':
      break
    case 'ice-controlled':
    case 'ice-controlling':
      writer.u64(attribute.tieBreaker)
      break
    case 'unknown':
      return attribute.value
  }
  return writer.finish()
}

function exactly(reader: ByteReader, length: number): ByteReader {
  if (reader.remaining !== length)
    throw reader.violation(`attribute of ${reader.remaining} bytes, not ${length}`)
  return reader
}

/** RFC 8489 section 14.2: the cookie, then (for IPv6) the transaction id. */
function addressMask(transactionId: Uint8Array): Uint8Array {
  return new ByteWriter(16).u32(MAGIC_COOKIE).bytes(transactionId).finish()
}

function readTransportAddress(reader: ByteReader, mask: Uint8Array | undefined): TransportAddress {
  reader.skip(1)
  const familyCode = reader.u8()
  if (familyCode !== 1 && familyCode !== 2) throw reader.violation(`address family ${familyCode}`)
  const port = reader.u16() ^ (mask ? MAGIC_COOKIE >>> 16 : 0)
  const family = familyCode === 1 ? 4 : 6
  const bytes = exactly(reader, family === 4 ? 4 : 16).take()
  return { family, address: formatAddress(masked(bytes, mask)), port }
}

function writeTransportAddress(
  writer: ByteWriter,
  value: TransportAddress,
  mask: Uint8Array | undefined,
): void {
  const bytes = parseAddress(value.address)
  writer
    .u8(0)
    .u8(bytes.length === 4 ? 1 : 2)
    .u16(value.port ^ (mask ? MAGIC_COOKIE >>> 16 : 0))
    .bytes(masked(bytes, mask))
}

function masked(bytes: Uint8Array, mask: Uint8Array | undefined): Uint8Array {
  return mask ? bytes.map((byte, index) => byte ^ (mask[index] ?? 0)) : bytes
}
