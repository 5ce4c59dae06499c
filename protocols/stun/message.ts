import { createHmac, timingSafeEqual } from 'node:crypto'
import { ByteReader, ByteWriter } from '../bytes.ts'
import { ProtocolViolation } from '../violation.ts'
import {
  attributeCode,
  FINGERPRINT,
  isComprehensionRequired,
  MAGIC_COOKIE,
  MESSAGE_INTEGRITY,
  readAttribute,
  type StunAttribute,
  writeAttributeValue,
} from './attribute.ts'
import { crc32 } from './crc32.ts'

export type StunClass = 'request' | 'indication' | 'success' | 'error'

const CLASSES: readonly StunClass[] = ['request', 'indication', 'success', 'error']

/** The Binding method, the only one ICE uses. */
export const BINDING = 0x001

export type StunMessage = {
  readonly class: StunClass
  /** Twelve bits; `BINDING` for ICE. */
  readonly method: number
  /** Twelve bytes, unpredictable in a request, copied into its response. */
  readonly transactionId: Uint8Array
  readonly attributes: readonly StunAttribute[]
}

export type ReceivedStunMessage = StunMessage & {
  /** The datagram it was read from; `verifyIntegrity` needs it unchanged. */
  readonly bytes: Uint8Array
  /** Where MESSAGE-INTEGRITY starts, when the message has one. */
  readonly integrityOffset?: number
  /** Whether a FINGERPRINT was there; a wrong one never gets this far. */
  readonly hasFingerprint: boolean
}

export type StunSeal = {
  /** The short-term password; with it MESSAGE-INTEGRITY (HMAC-SHA1) is added. */
  readonly password?: string
  /** FINGERPRINT is added unless this is false: ICE requires it. */
  readonly fingerprint?: boolean
}

const HEADER_LENGTH = 20
const FINGERPRINT_MASK = 0x5354554e

/** Whether a datagram on a shared port is STUN (RFC 7983: first byte 0-3, then the magic cookie). */
export function isStun(bytes: Uint8Array): boolean {
  return (
    bytes.length >= HEADER_LENGTH &&
    (bytes[0] ?? 255) < 4 &&
    bytes[4] === 0x21 &&
    bytes[5] === 0x12 &&
    bytes[6] === 0xa4 &&
    bytes[7] === 0x42
  )
}

/**
 * Reads one STUN message (RFC 8489). Attributes after MESSAGE-INTEGRITY are ignored, except FINGERPRINT, which
 * must be last and right. Whether the sender knows the password is a question for `verifyIntegrity`.
 */
export function parseStun(bytes: Uint8Array): ReceivedStunMessage {
  const reader = new ByteReader('stun', bytes)
  const typeField = reader.u16()
  const length = reader.u16()
  if (typeField > 0x3fff) throw new ProtocolViolation('stun', 'leading bits are not zero', { offset: 0 })
  if (reader.u32() !== MAGIC_COOKIE) throw new ProtocolViolation('stun', 'no magic cookie', { offset: 4 })
  if (length !== bytes.length - HEADER_LENGTH || length % 4 !== 0) {
    throw new ProtocolViolation('stun', `length field ${length} in ${bytes.length} bytes`, { offset: 2 })
  }
  const transactionId = reader.take(12)
  const attributes: StunAttribute[] = []
  let integrityOffset: number | undefined
  let hasFingerprint = false
  while (reader.remaining > 0) {
    const start = reader.offset
    if (hasFingerprint) throw reader.violation('attribute after FINGERPRINT')
    const code = reader.u16()
    const valueLength = reader.u16()
    const value = reader.take(valueLength)
    reader.skip((4 - (valueLength % 4)) % 4)
    if (code === FINGERPRINT) {
      const expected = (crc32(bytes.subarray(0, start)) ^ FINGERPRINT_MASK) >>> 0
      if (valueLength !== 4 || new ByteReader('stun', value).u32() !== expected) {
        throw new ProtocolViolation('stun', 'wrong FINGERPRINT', { offset: start })
      }
      hasFingerprint = true
    } else if (integrityOffset !== undefined) {
    } else if (code === MESSAGE_INTEGRITY) {
      if (valueLength !== 20)
        throw new ProtocolViolation('stun', 'short MESSAGE-INTEGRITY', { offset: start })
      integrityOffset = start
    } else {
      attributes.push(readAttribute(code, value, transactionId))
    }
  }
  const message = {
    class: CLASSES[((typeField >> 7) & 2) | ((typeField >> 4) & 1)] ?? 'request',
    method: (typeField & 0x000f) | ((typeField >> 1) & 0x0070) | ((typeField >> 2) & 0x0f80),
    transactionId,
    attributes,
    bytes,
    hasFingerprint,
  }
  return integrityOffset === undefined ? message : { ...message, integrityOffset }
}

/** The message as a datagram, sealed as asked. */
export function serializeStun(message: StunMessage, seal: StunSeal = {}): Uint8Array {
  if (message.transactionId.length !== 12)
    throw new ProtocolViolation('stun', 'transaction id is not 12 bytes')
  const writer = new ByteWriter(128)
  writer.u16(typeField(message)).u16(0).u32(MAGIC_COOKIE).bytes(message.transactionId)
  for (const attribute of message.attributes) {
    const value = writeAttributeValue(attribute, message.transactionId)
    writer
      .u16(attributeCode(attribute))
      .u16(value.length)
      .bytes(value)
      .zeros((4 - (value.length % 4)) % 4)
  }
  if (seal.password !== undefined) {
    writer.patchU16(2, writer.length - HEADER_LENGTH + 24)
    const mac = createHmac('sha1', seal.password).update(writer.finish()).digest()
    writer.u16(MESSAGE_INTEGRITY).u16(20).bytes(mac)
  }
  if (seal.fingerprint !== false) {
    writer.patchU16(2, writer.length - HEADER_LENGTH + 8)
    const sum = (crc32(writer.finish()) ^ FINGERPRINT_MASK) >>> 0
    writer.u16(FINGERPRINT).u16(4).u32(sum)
  }
  writer.patchU16(2, writer.length - HEADER_LENGTH)
  return writer.finish()
}

/** Whether the message carries MESSAGE-INTEGRITY made with this short-term password (RFC 8489 section 14.5). */
export function verifyIntegrity(message: ReceivedStunMessage, password: string): boolean {
  const offset = message.integrityOffset
  if (offset === undefined) return false
  const covered = Uint8Array.from(message.bytes.subarray(0, offset))
  new DataView(covered.buffer).setUint16(2, offset + 24 - HEADER_LENGTH)
  const expected = createHmac('sha1', password).update(covered).digest()
  return timingSafeEqual(expected, message.bytes.subarray(offset + 4, offset + 24))
}

/** The first attribute of that type, if any; repeats are ignored as RFC 8489 section 14 asks. */
export function findAttribute<T extends StunAttribute['type']>(
  message: StunMessage,
  type: T,
): (StunAttribute & { readonly type: T }) | undefined {
  for (const attribute of message.attributes) {
    if (attribute.type === type) return attribute as StunAttribute & { readonly type: T }
  }
  return undefined
}

/** Codes a request needs us to understand and we do not: answer 420 with UNKNOWN-ATTRIBUTES. */
export function unknownRequiredAttributes(message: StunMessage): number[] {
  return message.attributes
    .filter((attribute) => attribute.type === 'unknown')
    .map((attribute) => attribute.code)
    .filter(isComprehensionRequired)
}

function typeField(message: StunMessage): number {
  const { method } = message
  if (method < 0 || method > 0xfff) throw new ProtocolViolation('stun', `method ${method}`)
  const kind = CLASSES.indexOf(message.class)
  return (
    (method & 0x000f) |
    ((method & 0x0070) << 1) |
    ((method & 0x0f80) << 2) |
    ((kind & 1) << 4) |
    ((kind & 2) << 7)
  )
}
