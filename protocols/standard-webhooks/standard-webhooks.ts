import { createHmac, timingSafeEqual } from 'node:crypto'
import { ProtocolViolation } from '@parley/protocols/violation'

/** Header fields of a delivery, names in lower case. */
export type WebhookHeaders = {
  readonly 'webhook-id': string
  readonly 'webhook-timestamp': string
  /** Space separated `v1,<base64>`: one for each live secret. */
  readonly 'webhook-signature': string
}

export type WebhookVerification = {
  /** Each live secret, `whsec_` and base64. One that fits is enough, so that secrets can be rotated. */
  readonly secrets: readonly string[]
  /** Now, in milliseconds since the epoch. */
  readonly nowMs: number
  /** How far the timestamp may be from now, in both directions. Milliseconds; default five minutes. */
  readonly toleranceMs?: number
}

const prefix = 'whsec_'
const defaultToleranceMs = 5 * 60_000
const base64 = /^[A-Za-z0-9+/]+={0,2}$/

/** Signs a delivery as Standard Webhooks 1.0 does: HMAC-SHA256 of `id.timestamp.body`, one signature a secret. */
export function signWebhook(
  body: string | Uint8Array,
  options: { id: string; nowMs: number; secrets: readonly string[] },
): WebhookHeaders {
  if (options.id.includes('.')) throw new RangeError('a webhook id holds no full stop')
  const timestamp = String(Math.floor(options.nowMs / 1000))
  const signatures = options.secrets.map((secret) => {
    return `v1,${signature(parseWebhookSecret(secret), options.id, timestamp, body).toString('base64')}`
  })
  return {
    'webhook-id': options.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  }
}

/**
 * Checks a delivery over the bytes of its body as they came. Throws ProtocolViolation when a header is missing or
 * malformed, the time is off, or no signature fits. Signatures of other versions than `v1` are passed over.
 */
export function verifyWebhook(
  body: string | Uint8Array,
  headers: Readonly<Record<string, string | undefined>>,
  options: WebhookVerification,
): void {
  const id = header(headers, 'webhook-id')
  const timestamp = header(headers, 'webhook-timestamp')
  const signatures = header(headers, 'webhook-signature')
  if (!/^\d{1,12}$/.test(timestamp)) throw violation('webhook-timestamp is not seconds since the epoch')
  const tolerance = options.toleranceMs ?? defaultToleranceMs
  if (Math.abs(Number(timestamp) * 1000 - options.nowMs) > tolerance)
    throw violation('the timestamp is too far from now')
  const given = readSignatures(signatures)
  const fits = options.secrets.some((secret) => {
    const expected = signature(parseWebhookSecret(secret), id, timestamp, body)
    return given.some((one) => one.length === expected.length && timingSafeEqual(one, expected))
  })
  if (!fits) throw violation('no signature fits')
}

/** The key bytes behind `whsec_`. Throws RangeError: a malformed secret is a mistake of the program, not of the wire. */
export function parseWebhookSecret(secret: string): Buffer {
  const encoded = secret.startsWith(prefix) ? secret.slice(prefix.length) : ''
  const bytes = Buffer.from(encoded, 'base64')
  if (!base64.test(encoded) || bytes.length < 24 || bytes.length > 64) {
    throw new RangeError('a webhook secret is whsec_ and the base64 of 24 to 64 bytes')
  }
  return bytes
}

function readSignatures(text: string): Buffer[] {
  const given = text.split(' ').flatMap((part) => {
    const [version, encoded, ...rest] = part.split(',')
    const usable = version === 'v1' && encoded !== undefined && rest.length === 0 && base64.test(encoded)
    return usable ? [Buffer.from(encoded, 'base64')] : []
  })
  if (given.length === 0) throw violation('webhook-signature holds no v1 signature')
  return given
}

function signature(key: Buffer, id: string, timestamp: string, body: string | Uint8Array): Buffer {
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest()
}

function header(headers: Readonly<Record<string, string | undefined>>, name: string): string {
  const value = headers[name]
  if (value === undefined || value === '') throw violation(`${name} is missing`)
  return value
}

function violation(detail: string): ProtocolViolation {
  return new ProtocolViolation('standard-webhooks', detail)
}
