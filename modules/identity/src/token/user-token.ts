import { isDeepStrictEqual } from 'node:util'
import { AppError, type Grants, grants, isCustomId } from '@parley/contracts'
import { type JwtClaims, parseJwt, type SignedJwt, signJwt } from '@parley/protocols/jwt'
import { ProtocolViolation } from '@parley/protocols/violation'
import { clockSkewMs } from '../config.ts'

/** What a user token says once its form is right. Not yet believed: the signature is checked by who has the key. */
export interface UserTokenClaims {
  keyId: string
  userId: string
  issuedAtMs: number
  expiresAtMs: number
  notBeforeMs?: number
  grants?: Grants
}

export interface ReadUserToken {
  jwt: SignedJwt
  claims: UserTokenClaims
}

/** Reads the form of a token. Throws `unauthenticated` for anything that is not exactly a user token. */
export function readUserToken(token: string): ReadUserToken {
  const jwt = parse(token)
  return { jwt, claims: readClaims(jwt.claims) }
}

/** Checks the times of a believed token. Throws `token-expired` or `unauthenticated`. */
export function checkTimes(claims: UserTokenClaims, ttlCeilingMs: number, nowMs: number): void {
  if (claims.expiresAtMs <= nowMs) throw new AppError('token-expired')
  if (claims.issuedAtMs > nowMs + clockSkewMs) throw refused('iat lies in the future')
  if (claims.notBeforeMs !== undefined && claims.notBeforeMs > nowMs + clockSkewMs) {
    throw refused('nbf lies in the future')
  }
  if (claims.expiresAtMs - claims.issuedAtMs > ttlCeilingMs) {
    throw refused('the token lives longer than the project allows (tokenTtlCeilingMs)')
  }
}

export interface MintOptions {
  keyId: string
  secret: Buffer | string
  userId: string
  ttlMs: number
  grants?: Grants | undefined
  nowMs?: number
}

/** Signs a user token. Times keep their milliseconds (RFC 7519 allows fractions), so that revocation can be exact. */
export function mintUserToken(options: MintOptions): { token: string; expiresAtMs: number } {
  const issuedAtMs = options.nowMs ?? Date.now()
  const expiresAtMs = issuedAtMs + options.ttlMs
  const claims: JwtClaims = {
    iss: options.keyId,
    sub: options.userId,
    iat: issuedAtMs / 1000,
    exp: expiresAtMs / 1000,
    ...(options.grants && { grants: options.grants }),
  }
  return { token: signJwt(claims, options.secret), expiresAtMs }
}

function parse(token: string): SignedJwt {
  try {
    return parseJwt(token)
  } catch (cause) {
    if (cause instanceof ProtocolViolation) throw new AppError('unauthenticated', cause.message, { cause })
    throw cause
  }
}

function readClaims(claims: JwtClaims): UserTokenClaims {
  const { iss, sub } = claims
  if (typeof iss !== 'string') throw refused('iss must be an API key id')
  if (typeof sub !== 'string' || !isCustomId(sub)) throw refused('sub must be a user id')
  return {
    keyId: iss,
    userId: sub,
    issuedAtMs: readTime(claims.iat, 'iat'),
    expiresAtMs: readTime(claims.exp, 'exp'),
    ...(claims.nbf !== undefined && { notBeforeMs: readTime(claims.nbf, 'nbf') }),
    ...(claims.grants !== undefined && { grants: readGrants(claims.grants) }),
  }
}

/** Seconds since the epoch, as RFC 7519 has them, to milliseconds. Bounded so that every later sum is exact. */
function readTime(value: unknown, claim: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || value > 1e11) {
    throw refused(`${claim} must be seconds since the epoch`)
  }
  return Math.round(value * 1000)
}

/** Grants are exhaustive, so a word we do not know may not be passed over: it could be a limit. */
function readGrants(value: unknown): Grants {
  const parsed = grants.safeParse(value)
  if (!parsed.success || !isDeepStrictEqual(parsed.data, value)) {
    throw refused('grants hold something this installation does not know')
  }
  return parsed.data
}

function refused(detail: string): AppError {
  return new AppError('unauthenticated', `The user token is refused: ${detail}`)
}
