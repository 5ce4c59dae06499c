import {
  createDecipheriv,
  createECDH,
  createPublicKey,
  type ECDH,
  hkdfSync,
  randomBytes,
  verify,
} from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** A browser's side of a subscription. */
export interface Subscriber {
  ecdh: ECDH
  authSecret: Buffer
  keys: { p256dh: string; auth: string }
}

export function newSubscriber(): Subscriber {
  const ecdh = createECDH('prime256v1')
  const p256dh = ecdh.generateKeys().toString('base64url')
  const authSecret = randomBytes(16)
  return { ecdh, authSecret, keys: { p256dh, auth: authSecret.toString('base64url') } }
}

/** RFC 8291 from the subscriber's side. Throws when anything about the record is off. */
export function decryptWebPush(body: Buffer, ecdh: ECDH, authSecret: Buffer): Buffer {
  if (body.length > 4096) throw new Error('more than 4096 bytes')
  const salt = body.subarray(0, 16)
  if (body.readUInt32BE(16) !== 4096) throw new Error('another record size')
  const idLength = body.readUInt8(20)
  const sender = body.subarray(21, 21 + idLength)
  const record = body.subarray(21 + idLength)
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), ecdh.getPublicKey(), sender])
  const ikm = Buffer.from(hkdfSync('sha256', ecdh.computeSecret(sender), authSecret, info, 32))
  const key = Buffer.from(hkdfSync('sha256', ikm, salt, 'Content-Encoding: aes128gcm\0', 16))
  const nonce = Buffer.from(hkdfSync('sha256', ikm, salt, 'Content-Encoding: nonce\0', 12))
  const decipher = createDecipheriv('aes-128-gcm', key, nonce)
  decipher.setAuthTag(record.subarray(-16))
  const padded = Buffer.concat([decipher.update(record.subarray(0, -16)), decipher.final()])
  const end = padded.findLastIndex((byte) => byte !== 0)
  if (padded[end] !== 2) throw new Error('the delimiter of the last record is missing')
  return padded.subarray(0, end)
}

/** RFC 8292 and RFC 8030 as a strict push service reads them. Answers what is wrong, or undefined. */
export function wrongWithRequest(headers: IncomingHttpHeaders, origin: string): string | undefined {
  const match = /^vapid t=([^,\s]+), k=([A-Za-z0-9_-]{87})$/.exec(headers.authorization ?? '')
  if (match === null) return 'authorization'
  const [head = '', claims = '', signature = ''] = (match[1] ?? '').split('.')
  const point = Buffer.from(match[2] ?? '', 'base64url')
  const key = createPublicKey({
    format: 'jwk',
    key: {
      ...{ kty: 'EC', crv: 'P-256' },
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
  })
  const signed = Buffer.from(`${head}.${claims}`)
  const how = { key, dsaEncoding: 'ieee-p1363' as const }
  if (!verify('sha256', signed, how, Buffer.from(signature, 'base64url'))) return 'signature'
  const { alg } = JSON.parse(Buffer.from(head, 'base64url').toString()) as { alg: string }
  const { aud, exp, sub } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
  if (alg !== 'ES256' || aud !== origin || typeof sub !== 'string') return 'claims'
  const leftSeconds = Number(exp) - Date.now() / 1_000
  if (!(leftSeconds > 0 && leftSeconds <= 86_400)) return 'exp'
  if (headers['content-encoding'] !== 'aes128gcm') return 'content-encoding'
  if (!/^\d+$/.test(String(headers.ttl))) return 'ttl'
  if (!['very-low', 'low', 'normal', 'high'].includes(String(headers.urgency))) return 'urgency'
  const { topic } = headers
  if (topic !== undefined && !/^[A-Za-z0-9_-]{1,32}$/.test(String(topic))) return 'topic'
  return undefined
}
