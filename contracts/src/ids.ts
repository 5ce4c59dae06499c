import { z } from 'zod'

/** A string that is known to be an id of one kind. Brands cost nothing at run time. */
export type Branded<Name extends string> = string & { readonly __brand?: Name }

export type ProjectId = Branded<'ProjectId'>
export type KeyId = Branded<'KeyId'>
export type UserId = Branded<'UserId'>
export type DeviceId = Branded<'DeviceId'>
export type SessionId = Branded<'SessionId'>
export type ConversationId = Branded<'ConversationId'>
export type MessageId = Branded<'MessageId'>
export type ObjectId = Branded<'ObjectId'>

/** Every prefix of an id that Parley makes. One prefix, one kind of thing. */
export const idPrefixes = {
  project: 'proj',
  key: 'key',
  session: 'sess',
  device: 'dev',
  conversation: 'conv',
  message: 'msg',
  chatRoom: 'croom',
  scheduledMessage: 'sched',
  joinRequest: 'jreq',
  notice: 'notice',
  invitation: 'inv',
  invitationLink: 'link',
  object: 'obj',
  job: 'job',
  event: 'evt',
  fact: 'fact',
  process: 'proc',
  request: 'req',
  room: 'room',
  participant: 'part',
  publication: 'pub',
  subscription: 'sub',
  webhook: 'hook',
  webhookDelivery: 'dlv',
  backup: 'bkp',
  auditEntry: 'aud',
  restriction: 'rstr',
  moderationCase: 'case',
  caseNote: 'note',
  push: 'push',
  pushBatch: 'pbat',
  friendRequest: 'freq',
  moment: 'moment',
  momentComment: 'comment',
  longOperation: 'op',
  webhookBot: 'wbot',
  cardClick: 'click',
  approval: 'appr',
} as const

export type IdKind = keyof typeof idPrefixes

const crockford = '0123456789abcdefghjkmnpqrstvwxyz'

let lastMs = 0
let counter = 0

/** Random bytes are asked for in bulk: one call of the system for many ids. */
const pool = new Uint8Array(4096)
let poolUsed = pool.length

function randomBytes(length: number): Uint8Array {
  if (poolUsed + length > pool.length) {
    crypto.getRandomValues(pool)
    poolUsed = 0
  }
  poolUsed += length
  return pool.slice(poolUsed - length, poolUsed)
}

/**
 * Makes a prefixed id that sorts by time of making: a UUIDv7 (RFC 9562, section 5.7) in 26 Crockford base32
 * characters behind the prefix of its kind. Ids of one process made in the same millisecond keep their order
 * by a 12-bit counter in rand_a.
 */
export function newId(kind: IdKind, nowMs: number = Date.now()): string {
  const bytes = randomBytes(16)
  if (nowMs > lastMs) {
    lastMs = nowMs
    counter = ((bytes[6] ?? 0) << 8) & 0x700
  } else if (++counter > 0xfff) {
    lastMs++
    counter = 0
  }
  writeTimestamp(bytes, lastMs)
  bytes[6] = 0x70 | (counter >> 8)
  bytes[7] = counter & 0xff
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return `${idPrefixes[kind]}_${base32(bytes)}`
}

function writeTimestamp(bytes: Uint8Array, ms: number): void {
  let rest = ms
  for (let index = 5; index >= 0; index--) {
    bytes[index] = rest % 256
    rest = Math.floor(rest / 256)
  }
}

function base32(bytes: Uint8Array): string {
  let text = ''
  let buffer = 0
  let bits = 2 // 128 bits are padded to 130 in front, so that the text sorts as the bytes do.
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += crockford[(buffer >> bits) & 31]
      buffer &= (1 << bits) - 1
    }
  }
  return text
}

/** True when PostgreSQL and UTF-8 can hold the text: no U+0000 and no lone surrogate. */
export function isStorableText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\u0000')
}

const controls = /\p{Cc}/u
const encoder = new TextEncoder()

/** True for an id that a customer may choose: 1-128 bytes of UTF-8, no controls, not `.` or `..`. */
export function isCustomId(id: string): boolean {
  if (id === '' || id === '.' || id === '..' || id.length > 128) return false
  return isStorableText(id) && !controls.test(id) && encoder.encode(id).length <= 128
}

/** Text that can be stored, with a limit in UTF-16 units. */
export const text = (maxLength: number) =>
  z.string().max(maxLength).refine(isStorableText, 'holds U+0000 or a lone surrogate')

/** An id chosen by the customer (users, rooms, groups). */
export const customId = z
  .string()
  .refine(isCustomId, 'must be 1-128 bytes of text without control characters, and not "." or ".."')

/** Any id as it arrives from outside: one that Parley made, or a customer's. Both obey the same limits. */
export const anyId = z.string().refine(isCustomId, 'is not an id')
