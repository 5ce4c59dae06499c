import { createPrivateKey } from 'node:crypto'
import { BoundedCache } from '../bounded-cache.ts'
import { signJwt } from '../signed-jwt.ts'

export interface ApnsKey {
  /** PKCS #8 in PEM, P-256. */
  key: string
  keyId: string
  teamId: string
}

/** Apple refuses tokens older than an hour, and new ones more often than each 20 minutes. */
const useForMs = 40 * 60_000

/** Provider tokens of APNs, one at a time for each key. */
export class ProviderTokens {
  readonly #tokens = new BoundedCache<string>(1_000)

  get(apnsKey: ApnsKey, nowMs = Date.now()): string {
    const { key, keyId, teamId } = apnsKey
    const cacheKey = cacheKeyOf(apnsKey)
    const kept = this.#tokens.get(cacheKey, nowMs)
    if (kept !== undefined) return kept
    const claims = { iss: teamId, iat: Math.floor(nowMs / 1_000) }
    const token = signJwt('ES256', createPrivateKey(key), claims, { kid: keyId })
    this.#tokens.set(cacheKey, token, nowMs + useForMs)
    return token
  }

  /** The service says that this token has expired; a newer one stays. */
  forget(apnsKey: ApnsKey, token: string): void {
    const cacheKey = cacheKeyOf(apnsKey)
    if (this.#tokens.get(cacheKey) === token) this.#tokens.delete(cacheKey)
  }
}

const cacheKeyOf = ({ key, keyId, teamId }: ApnsKey): string => JSON.stringify([teamId, keyId, key])
