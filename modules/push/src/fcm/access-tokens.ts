import { createPrivateKey } from 'node:crypto'
import type { OutgoingCalls } from '@parley/core/webhooks'
import { z } from 'zod'
import { retryAfterMs } from '../adapter.ts'
import { BoundedCache } from '../bounded-cache.ts'
import { signJwt } from '../signed-jwt.ts'

/** What the JSON file of a service account says. */
export interface ServiceAccount {
  project_id: string
  client_email: string
  private_key: string
  private_key_id?: string | undefined
  token_uri?: string | undefined
}

/** Why there is no token: for good when the account itself is refused. */
export class TokenRefusedError extends Error {
  override readonly name = 'TokenRefusedError'
  readonly forGood: boolean
  readonly retryAfterMs: number | undefined

  constructor(message: string, forGood: boolean, pauseMs?: number) {
    super(message)
    this.forGood = forGood
    this.retryAfterMs = pauseMs
  }
}

const scope = 'https://www.googleapis.com/auth/firebase.messaging'
const defaultTokenUri = 'https://oauth2.googleapis.com/token'
const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const assertionSeconds = 3_600
/** A token is renewed before it ends. */
const marginMs = 60_000

const answerSchema = z.object({
  access_token: z.string().min(1).max(8_192),
  expires_in: z.number().positive(),
})

/** Access tokens of service accounts by the JWT bearer grant (RFC 7523), asked for once at a time. */
export class AccessTokens {
  readonly #calls: OutgoingCalls
  readonly #timeoutMs: number
  readonly #tokens = new BoundedCache<string>(1_000)
  readonly #asking = new Map<string, Promise<string>>()

  constructor(options: { calls: OutgoingCalls; timeoutMs: number }) {
    this.#calls = options.calls
    this.#timeoutMs = options.timeoutMs
  }

  /** Throws TokenRefusedError, or what the network says. */
  get(account: ServiceAccount): Promise<string> {
    const key = cacheKeyOf(account)
    const kept = this.#tokens.get(key)
    if (kept !== undefined) return Promise.resolve(kept)
    const asked = this.#asking.get(key)
    if (asked !== undefined) return asked
    const asking = this.#ask(account, key).finally(() => this.#asking.delete(key))
    this.#asking.set(key, asking)
    return asking
  }

  forget(account: ServiceAccount, token: string): void {
    const key = cacheKeyOf(account)
    if (this.#tokens.get(key) === token) this.#tokens.delete(key)
  }

  async #ask(account: ServiceAccount, key: string): Promise<string> {
    const url = account.token_uri ?? defaultTokenUri
    const answer = await this.#calls.post({
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ grant_type: grantType, assertion: assertionOf(account, url) }).toString(),
      timeoutMs: this.#timeoutMs,
      maxAnswerBytes: 16_384,
    })
    if (answer.status !== 200) {
      const forGood = answer.status === 400 || answer.status === 401 || answer.status === 403
      const pauseMs = retryAfterMs(answer.headers['retry-after'], Date.now())
      throw new TokenRefusedError(`the token endpoint answered ${answer.status}`, forGood, pauseMs)
    }
    const parsed = answerSchema.safeParse(readJson(answer.body))
    if (!parsed.success) throw new TokenRefusedError('the token endpoint answered something else', false)
    const { access_token: token, expires_in: seconds } = parsed.data
    this.#tokens.set(key, token, Date.now() + Math.max(0, seconds * 1_000 - marginMs))
    return token
  }
}

function assertionOf(account: ServiceAccount, audience: string): string {
  const iat = Math.floor(Date.now() / 1_000)
  const claims = { iss: account.client_email, scope, aud: audience, iat, exp: iat + assertionSeconds }
  const kid = account.private_key_id
  try {
    return signJwt('RS256', createPrivateKey(account.private_key), claims, {
      ...(kid !== undefined && { kid }),
    })
  } catch {
    throw new TokenRefusedError('the private key cannot sign', true)
  }
}

function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

const cacheKeyOf = (account: ServiceAccount): string =>
  JSON.stringify([account.token_uri, account.client_email, account.private_key])
