import { AppError, type EndpointAuth } from '@parley/contracts'
import type { Authenticator, Caller } from '@parley/core/auth'
import { TokenBuckets } from '@parley/core/limits'
import { addressGroup } from './remote-address.ts'
import type { HttpSettings } from './settings.ts'

const maxTokenLength = 8_192
const maxKeys = 50_000

type Credentials = { kind: 'basic'; keyId: string; secret: string } | { kind: 'bearer'; token: string }

export interface Allowance {
  limit: number
  remaining: number
  /** Until the whole limit is there again. Milliseconds. */
  resetMs: number
}

/** Who calls, and whether they may call now. One door for all endpoints. */
export class Door {
  readonly #authenticator: Authenticator
  readonly #keys: TokenBuckets
  readonly #users: TokenBuckets
  readonly #addresses: TokenBuckets
  readonly #failures: TokenBuckets

  constructor(authenticator: Authenticator, settings: HttpSettings) {
    this.#authenticator = authenticator
    this.#keys = buckets(settings.keyBurst, settings.keyPerSecond)
    this.#users = buckets(settings.userBurst, settings.userPerSecond)
    this.#addresses = buckets(settings.addressBurst, settings.addressPerSecond)
    this.#failures = buckets(settings.failureBurst, settings.failurePerSecond)
  }

  /** Throws an AppError of status 401, or `rate-limited` for an address that guesses. */
  async authenticate(auth: EndpointAuth, header: string | undefined, address: string): Promise<Caller> {
    if (auth === 'none') return { kind: 'none' }
    const credentials = parseCredentials(header)
    const group = addressGroup(address)
    const guess = this.#failures.peek(group)
    if (!guess.ok) {
      throw new AppError('rate-limited', 'Too many wrong credentials from this address', guess)
    }
    try {
      return await this.#callerOf(auth, credentials)
    } catch (error) {
      if (error instanceof AppError && guesses.has(error.code)) this.#failures.take(group)
      throw error
    }
  }

  /** Counts a call against the limit of its caller and tells what is left. Throws `rate-limited`. */
  admit(caller: Caller, address: string, tell: (allowance: Allowance) => void): void {
    const [limit, key] = this.#limitOf(caller, address)
    const taken = limit.take(key)
    const remaining = taken.ok ? taken.remaining : 0
    tell({
      limit: limit.capacity,
      remaining: Math.floor(remaining),
      resetMs: limit.fullAfterMs(remaining),
    })
    if (!taken.ok) throw new AppError('rate-limited', undefined, taken)
  }

  #limitOf(caller: Caller, address: string): [TokenBuckets, string] {
    switch (caller.kind) {
      case 'key':
        return [this.#keys, caller.keyId]
      case 'operator':
        return [this.#keys, 'operator']
      case 'user':
        return [this.#users, `${caller.projectId}/${caller.userId}`]
      case 'none':
        return [this.#addresses, addressGroup(address)]
    }
  }

  #callerOf(auth: Exclude<EndpointAuth, 'none'>, credentials: Credentials): Promise<Caller> {
    if (credentials.kind === 'basic') {
      if (auth !== 'key' && auth !== 'key-or-user') throw wrongKind(auth)
      return this.#authenticator.authenticateKey(credentials.keyId, credentials.secret)
    }
    if (auth === 'key') throw wrongKind(auth)
    if (auth === 'operator') return this.#authenticator.authenticateOperator(credentials.token)
    return this.#authenticator.authenticateToken(credentials.token)
  }
}

/** An expired or revoked token is the everyday of an honest client, so it is not counted as guessing. */
const guesses = new Set(['unauthenticated', 'key-revoked'])

function buckets(capacity: number, refillPerSecond: number): TokenBuckets {
  return new TokenBuckets({ capacity, refillPerSecond, maxKeys })
}

function wrongKind(auth: EndpointAuth): AppError {
  const wanted = auth === 'key' ? 'an API key (HTTP Basic)' : 'a token (Bearer)'
  return new AppError('unauthenticated', `This endpoint takes ${wanted}`)
}

const missing = 'Give an API key as HTTP Basic `key:secret`, or a user token as Bearer'

function parseCredentials(header: string | undefined): Credentials {
  const match = /^(basic|bearer) +(\S+)$/i.exec(header ?? '')
  const value = match?.[2]
  if (match === null || value === undefined || value.length > maxTokenLength) {
    throw new AppError('unauthenticated', missing)
  }
  if (match[1]?.toLowerCase() === 'bearer') return { kind: 'bearer', token: value }
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(value)) throw new AppError('unauthenticated', missing)
  const plain = Buffer.from(value, 'base64').toString('utf8')
  const colon = plain.indexOf(':')
  if (colon < 1 || plain.includes('\u0000')) throw new AppError('unauthenticated', missing)
  return { kind: 'basic', keyId: plain.slice(0, colon), secret: plain.slice(colon + 1) }
}
