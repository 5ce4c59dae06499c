import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { AppError } from '@parley/contracts'
import type { Authenticator, KeyCaller, OperatorCaller, UserCaller } from '@parley/core/auth'
import { type ConfigSource, configSource, type Logger, readSettings, type Scope } from '@parley/core/kernel'
import type { Outbox } from '@parley/core/outbox'
import type { MasterKey } from '@parley/core/secrets'
import type { Database } from '@parley/core/store'
import { verifyJwt } from '@parley/protocols/jwt'
import { type IdentitySettings, identitySettings } from './config.ts'
import { KeyRing, type KnownKey } from './key/key-ring.ts'
import { type Credential, RecentRevocations, type Revocation } from './token/revocations.ts'
import { checkTimes, readUserToken, type UserTokenClaims } from './token/user-token.ts'
import { type KnownUser, UserDirectory } from './user/user-directory.ts'

export interface AuthenticatorOptions {
  database: Database
  masterKey: MasterKey
  outbox: Pick<Outbox, 'append' | 'tail'>
  logger: Logger
  scope: Scope
  /** Where settings are read from; defaults without it. */
  source?: ConfigSource
  settings?: Partial<IdentitySettings>
}

/** The authenticator of `core/auth`, and what identity itself needs of its caches. */
export interface IdentityAuthenticator extends Authenticator {
  readonly keys: KeyRing
  readonly users: UserDirectory
  /** Follows revocations once it resolves. Until then what was read counts for `PARLEY_AUTH_CACHE_MS`. */
  start(): Promise<void>
  /** Called on every process within a second of a revocation, after the caches forgot what it ends. */
  onRevocation(listener: (revocation: Revocation) => void): void
  /** Asks about each good user token; what the check throws is the answer. */
  onToken(check: (projectId: string, userId: string) => Promise<void>): void
  /** The revocation, seen lately, that ends this credential. */
  revocationOf(credential: Credential): Revocation | undefined
}

const keyUseFlushMs = 30_000

export function createAuthenticator(options: AuthenticatorOptions): IdentityAuthenticator {
  return new CachingAuthenticator(options)
}

/** The operator token of an installation, as `parley` derives it from the master key. Hex. */
export function operatorToken(masterKey: MasterKey): string {
  return masterKey.derive('operator').toString('hex')
}

class CachingAuthenticator implements IdentityAuthenticator {
  readonly keys: KeyRing
  readonly users: UserDirectory
  readonly #options: AuthenticatorOptions
  readonly #recent = new RecentRevocations()
  readonly #tokenChecks: ((projectId: string, userId: string) => Promise<void>)[] = []
  readonly #listeners: ((revocation: Revocation) => void)[] = []

  constructor(options: AuthenticatorOptions) {
    this.#options = options
    const { database, masterKey, outbox, logger, source = configSource({}) } = options
    const settings = { ...readSettings(identitySettings, source), ...options.settings }
    const freshMs = settings.authCacheMs
    const capacity = settings.authCacheUsers
    this.keys = new KeyRing({ database, masterKey, logger, freshMs })
    this.users = new UserDirectory({ database, outbox, masterKey, capacity, freshMs })
  }

  async start(): Promise<void> {
    const { outbox, scope } = this.#options
    const stop = await outbox.tail({
      types: ['key.revoked', 'user.tokens-revoked'],
      handle: async (events) => {
        for (const { projectId, type, data } of events) {
          if (type === 'key.revoked' && 'keyId' in data) this.#keyRevoked(projectId, data.keyId)
          else if ('userId' in data) await this.#tokensRevoked(projectId, data.userId)
        }
      },
    })
    scope.onClose('revocation tail', () => stop())
    scope.every('key use', keyUseFlushMs, () => this.keys.flushUse())
  }

  onRevocation(listener: (revocation: Revocation) => void): void {
    this.#listeners.push(listener)
  }

  onToken(check: (projectId: string, userId: string) => Promise<void>): void {
    this.#tokenChecks.push(check)
  }

  revocationOf(credential: Credential): Revocation | undefined {
    return this.#recent.find(credential)
  }

  async authenticateKey(keyId: string, secret: string): Promise<KeyCaller> {
    const key = await this.keys.find(keyId)
    // The comparison is made for unknown keys too, so that time tells nothing.
    const right = timingSafeEqual(digest(secret), digest(key?.secret ?? unknownSecret))
    if (!key || !right)
      throw new AppError('unauthenticated', 'There is no such API key, or its secret is another')
    if (key.revoked) throw new AppError('key-revoked')
    this.keys.noteUse(key)
    return { kind: 'key', projectId: key.projectId, keyId }
  }

  async authenticateToken(token: string): Promise<UserCaller> {
    const { jwt, claims } = readUserToken(token)
    const key = await this.keys.find(claims.keyId)
    if (!key || !verifyJwt(jwt, key.secret)) {
      throw new AppError(
        'unauthenticated',
        'The user token was not signed by an API key of this installation',
      )
    }
    if (key.revoked) throw new AppError('key-revoked')
    checkTimes(claims, key.settings.tokenTtlCeilingMs, Date.now())
    const user = await this.#userOf(key, claims)
    if (claims.issuedAtMs < user.notBeforeMs) throw new AppError('token-revoked')
    for (const check of this.#tokenChecks) await check(key.projectId, claims.userId)
    this.keys.noteUse(key)
    return {
      kind: 'user',
      projectId: key.projectId,
      userId: claims.userId,
      keyId: key.keyId,
      issuedAtMs: claims.issuedAtMs,
      expiresAtMs: claims.expiresAtMs,
      ...(claims.grants && { grants: claims.grants }),
    }
  }

  async authenticateOperator(token: string): Promise<OperatorCaller> {
    // While the master key is rotated, the token of each key that is still kept is good.
    const good = this.#options.masterKey.deriveAll('operator').map((key) => digest(key.toString('hex')))
    if (!good.some((known) => timingSafeEqual(digest(token), known))) {
      throw new AppError('unauthenticated', 'This takes the operator token of the installation')
    }
    return { kind: 'operator' }
  }

  async #userOf(key: KnownKey, claims: UserTokenClaims): Promise<KnownUser> {
    const user = await this.users.find(key.projectId, claims.userId)
    if (user) return user
    if (!key.settings.createUsersOnFirstToken) {
      throw new AppError('unauthenticated', 'The user token names a user who does not exist')
    }
    return this.users.make(key.projectId, claims.userId)
  }

  #keyRevoked(projectId: string, keyId: string): void {
    this.keys.forget(keyId)
    this.#tell({ kind: 'key', projectId, keyId })
  }

  async #tokensRevoked(projectId: string, userId: string): Promise<void> {
    this.users.forget(projectId, userId)
    const user = await this.users.find(projectId, userId)
    if (user) this.#tell({ kind: 'user', projectId, userId, notBeforeMs: user.notBeforeMs })
  }

  #tell(revocation: Revocation): void {
    this.#recent.add(revocation, Date.now())
    for (const listener of this.#listeners) listener(revocation)
  }
}

const unknownSecret = randomBytes(32)

/** Equal lengths for the constant-time comparison. */
function digest(value: string | Buffer): Buffer {
  return createHash('sha256').update(value).digest()
}
