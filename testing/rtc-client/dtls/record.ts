import { createCipheriv, createDecipheriv } from 'node:crypto'
import { ByteReader, ByteWriter } from '@parley/protocols/bytes'
import type { WriteKeys } from './key-schedule.ts'

export const CONTENT = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const

export const DTLS_1_0 = 0xfeff
export const DTLS_1_2 = 0xfefd

export type DtlsRecord = {
  readonly contentType: number
  readonly epoch: number
  readonly sequenceNumber: number
  readonly fragment: Uint8Array
}

const HEADER_LENGTH = 13
const EXPLICIT_NONCE_LENGTH = 8
const TAG_LENGTH = 16
/** What protection adds to a record. */
export const RECORD_OVERHEAD = HEADER_LENGTH + EXPLICIT_NONCE_LENGTH + TAG_LENGTH

/** Whether a datagram on a shared port is DTLS (RFC 7983). */
export function isDtls(datagram: Uint8Array): boolean {
  const first = datagram[0] ?? 0
  return datagram.length >= HEADER_LENGTH && first >= 20 && first <= 63
}

/** The records of one datagram (RFC 6347 section 4.1); throws ProtocolViolation. */
export function parseRecords(datagram: Uint8Array): DtlsRecord[] {
  const reader = new ByteReader('dtls', datagram)
  const records: DtlsRecord[] = []
  while (reader.remaining > 0) {
    const contentType = reader.u8()
    const version = reader.u16()
    if (version !== DTLS_1_2 && version !== DTLS_1_0)
      throw reader.violation(`version ${version.toString(16)}`)
    const epoch = reader.u16()
    const sequenceNumber = reader.u48()
    records.push({ contentType, epoch, sequenceNumber, fragment: reader.take(reader.u16()) })
  }
  return records
}

export function serializeRecord(record: DtlsRecord, version = DTLS_1_2): Uint8Array {
  return new ByteWriter(HEADER_LENGTH + record.fragment.length)
    .u8(record.contentType)
    .u16(version)
    .u16(record.epoch)
    .u48(record.sequenceNumber)
    .u16(record.fragment.length)
    .bytes(record.fragment)
    .finish()
}

/** The record with its fragment sealed by AES-128-GCM (RFC 5288, RFC 6347 section 4.1.2.1). */
export function protectRecord(record: DtlsRecord, keys: WriteKeys): DtlsRecord {
  const explicit = new ByteWriter(8).u16(record.epoch).u48(record.sequenceNumber).finish()
  const cipher = createCipheriv('aes-128-gcm', keys.key, Buffer.concat([keys.iv, explicit]))
  cipher.setAAD(additionalData(record, record.fragment.length))
  const sealed = Buffer.concat([
    explicit,
    cipher.update(record.fragment),
    cipher.final(),
    cipher.getAuthTag(),
  ])
  return { ...record, fragment: sealed }
}

/** The record with its fragment opened, or undefined when it is forged or damaged: such records are dropped. */
export function unprotectRecord(record: DtlsRecord, keys: WriteKeys): DtlsRecord | undefined {
  const { fragment } = record
  const length = fragment.length - EXPLICIT_NONCE_LENGTH - TAG_LENGTH
  if (length < 0) return undefined
  const nonce = Buffer.concat([keys.iv, fragment.subarray(0, EXPLICIT_NONCE_LENGTH)])
  const decipher = createDecipheriv('aes-128-gcm', keys.key, nonce)
  decipher.setAAD(additionalData(record, length))
  decipher.setAuthTag(fragment.subarray(fragment.length - TAG_LENGTH))
  const sealed = fragment.subarray(EXPLICIT_NONCE_LENGTH, EXPLICIT_NONCE_LENGTH + length)
  try {
    return { ...record, fragment: Buffer.concat([decipher.update(sealed), decipher.final()]) }
  } catch {
    return undefined
  }
}

function additionalData(record: DtlsRecord, length: number): Uint8Array {
  return new ByteWriter(13)
    .u16(record.epoch)
    .u48(record.sequenceNumber)
    .u8(record.contentType)
    .u16(DTLS_1_2)
    .u16(length)
    .finish()
}
