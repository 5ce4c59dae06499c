import type { Grants } from '@parley/contracts'

/** A server with an API key. */
export interface KeyCaller {
  kind: 'key'
  projectId: string
  keyId: string
}

/** A client with a user token. Absent grants mean all ordinary rights of a user. */
export interface UserCaller {
  kind: 'user'
  projectId: string
  userId: string
  /** The key that signed the token; revoking it ends the token. */
  keyId: string
  grants?: Grants
  /** As the token says, in seconds precision. Milliseconds since the epoch. */
  issuedAtMs: number
  expiresAtMs: number
}

/** Whoever holds the master key: the CLI on the machine itself. */
export interface OperatorCaller {
  kind: 'operator'
}

export interface AnonymousCaller {
  kind: 'none'
}

export type Caller = KeyCaller | UserCaller | OperatorCaller | AnonymousCaller

/**
 * Turns credentials into a caller. `core` declares it, `identity` implements it. Every method throws an AppError
 * with `unauthenticated`, `token-expired`, `token-revoked` or `key-revoked`.
 */
export interface Authenticator {
  authenticateKey(keyId: string, secret: string): Promise<KeyCaller>
  authenticateToken(token: string): Promise<UserCaller>
  authenticateOperator(token: string): Promise<OperatorCaller>
}
