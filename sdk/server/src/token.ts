import type { Grants } from '@parley/contracts'
import { parseJwt, type SignedJwt, signJwt, verifyJwt } from '@parley/protocols/jwt'
import { ParleyError } from './error.ts'

export interface ApiKeyCredentials {
  keyId: string
  keySecret: string
}

export interface MintTokenOptions {
  userId: string
  /** How long the token lives, in milliseconds; default one hour. The project sets a ceiling. */
  ttlMs?: number
  /** Exhaustive when given; absent means all ordinary rights of a user. */
  grants?: Grants
}

/** What a verified token says. */
export interface UserTokenFacts {
  userId: string
  keyId: string
  issuedAt: Date
  expiresAt: Date
  grants?: Grants
}

const defaultTtlMs = 3_600_000
const clockSkewMs = 30_000

/** Signs a user token on this machine, without a call: a JWT (RFC 7519) with HS256 under the secret of the key. */
export function mintToken(credentials: ApiKeyCredentials, options: MintTokenOptions): string {
  const issuedAtMs = Date.now()
  const claims = {
    iss: credentials.keyId,
    sub: options.userId,
    iat: issuedAtMs / 1000,
    exp: (issuedAtMs + (options.ttlMs ?? defaultTtlMs)) / 1000,
    ...(options.grants && { grants: options.grants }),
  }
  return signJwt(claims, credentials.keySecret)
}

/**
 * Verifies a user token on this machine: form, signature by this key, times. Whether it was revoked since only the
 * server knows. Throws a ParleyError with `unauthenticated` or `token-expired`.
 */
export function verifyToken(credentials: ApiKeyCredentials, token: string): UserTokenFacts {
  const jwt = parse(token)
  const { iss, sub, iat, exp, nbf, grants } = jwt.claims
  if (iss !== credentials.keyId || !verifyJwt(jwt, credentials.keySecret))
    throw refused('it was not signed by this key')
  if (typeof sub !== 'string' || sub === '') throw refused('it names no user')
  const nowMs = Date.now()
  const issuedAtMs = toMs(iat, 'iat')
  const expiresAtMs = toMs(exp, 'exp')
  if (expiresAtMs <= nowMs) throw new ParleyError('token-expired', 'The user token has expired')
  const startsAtMs = Math.max(issuedAtMs, nbf === undefined ? 0 : toMs(nbf, 'nbf'))
  if (startsAtMs > nowMs + clockSkewMs) throw refused('its time has not come')
  return {
    userId: sub,
    keyId: credentials.keyId,
    issuedAt: new Date(issuedAtMs),
    expiresAt: new Date(expiresAtMs),
    ...(grants !== undefined && { grants: grants as Grants }),
  }
}

function parse(token: string): SignedJwt {
  try {
    return parseJwt(token)
  } catch (cause) {
    throw new ParleyError('unauthenticated', 'The user token is not an HS256 JWT', { cause })
  }
}

function toMs(seconds: unknown, claim: string): number {
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 0 || seconds > 1e11) {
    throw refused(`${claim} is not a time`)
  }
  return Math.round(seconds * 1000)
}

function refused(why: string): ParleyError {
  return new ParleyError('unauthenticated', `The user token is refused: ${why}`)
}
