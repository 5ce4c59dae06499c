import { createHmac, timingSafeEqual } from 'node:crypto'
import { ProtocolViolation } from '@parley/protocols/violation'

/** Claims of RFC 7519, section 4.1 that are read by name; every other claim stays as it came. Seconds since the epoch. */
export type JwtClaims = {
  iss?: unknown
  sub?: unknown
  exp?: unknown
  iat?: unknown
  nbf?: unknown
  [claim: string]: unknown
}

/** A token taken apart but not yet believed: `claims` say which secret to ask, `verifyJwt` says whether to trust them. */
export type SignedJwt = {
  readonly claims: JwtClaims
  readonly signingInput: string
  readonly signature: Buffer
}

const maxLength = 8192
const segment = /^[A-Za-z0-9_-]+$/
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Takes a JWS compact serialization (RFC 7515, section 3.1) apart. Only HS256 is taken: another `alg`, any `crit`,
 * a `typ` other than JWT, padding, non-canonical base64url or anything but JSON objects is a ProtocolViolation.
 * `kid` and other header parameters have no effect.
 */
export function parseJwt(token: string): SignedJwt {
  if (token.length > maxLength) throw violation(`longer than ${maxLength} characters`)
  const [header, payload, signature, ...rest] = token.split('.')
  if (header === undefined || payload === undefined || signature === undefined || rest.length > 0) {
    throw violation('not three segments')
  }
  checkHeader(parseObject(header, 'header'))
  const claims = parseObject(payload, 'payload')
  return { claims, signingInput: `${header}.${payload}`, signature: decode(signature, 'signature') }
}

/** True when the signature is HMAC-SHA256 of the signing input under the UTF-8 bytes of `secret`. Constant time. */
export function verifyJwt(jwt: SignedJwt, secret: string | Buffer): boolean {
  const expected = createHmac('sha256', secret).update(jwt.signingInput).digest()
  return jwt.signature.length === expected.length && timingSafeEqual(jwt.signature, expected)
}

/** Signs claims with HS256 under the UTF-8 bytes of `secret`. */
export function signJwt(claims: JwtClaims, secret: string | Buffer): string {
  const signingInput = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`
  return `${signingInput}.${createHmac('sha256', secret).update(signingInput).digest('base64url')}`
}

function checkHeader(header: Record<string, unknown>): void {
  if (header.alg !== 'HS256') throw violation('alg is not HS256')
  if ('crit' in header) throw violation('critical header parameters are not understood')
  if (header.typ !== undefined && (typeof header.typ !== 'string' || header.typ.toUpperCase() !== 'JWT')) {
    throw violation('typ is not JWT')
  }
}

function parseObject(text: string, part: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(decode(text, part)))
  } catch (cause) {
    if (cause instanceof ProtocolViolation) throw cause
    throw violation(`${part} is not JSON`, cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw violation(`${part} is not an object`)
  }
  return value as Record<string, unknown>
}

/** Refuses the other spellings of the same bytes (stray low bits), so that one token has one text. */
function decode(text: string, part: string): Buffer {
  if (!segment.test(text)) throw violation(`${part} is not base64url`)
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) throw violation(`${part} is not canonical base64url`)
  return bytes
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function violation(detail: string, cause?: unknown): ProtocolViolation {
  return new ProtocolViolation('jwt', detail, cause === undefined ? {} : { cause })
}
