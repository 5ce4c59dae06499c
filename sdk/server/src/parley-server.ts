import type { Api } from './api.ts'
import { endpointTable } from './endpoint-table.ts'
import { ParleyError } from './error.ts'
import { type CallOptions, RestClient } from './rest-client.ts'
import { type MintTokenOptions, mintToken, type UserTokenFacts, verifyToken } from './token.ts'
import { webhooks } from './webhooks.ts'

export interface ParleyServerOptions {
  /** Where Parley answers, such as `http://localhost:7700`. */
  url: string
  keyId: string
  /** Stays on your server: whoever has it can sign tokens for every user of the project. */
  keySecret: string
  /** One attempt of a call. Milliseconds; default 10,000. */
  timeoutMs?: number
  /** Attempts of a call in all; default 4. */
  maxAttempts?: number
}

/** The project of an API key: one method for each endpoint, and tokens signed on this machine. */
export type ParleyServer = Api & ServerTools

interface ServerTools {
  /** Signs a user token without a call. */
  mintToken(options: MintTokenOptions): string
  /** Verifies a token that this key signed, without a call; revocation is not seen. */
  verifyToken(token: string): UserTokenFacts
  readonly webhooks: typeof webhooks
}

class ServerClient implements ServerTools {
  readonly webhooks = webhooks
  readonly #options: ParleyServerOptions

  constructor(options: ParleyServerOptions) {
    checkOptions(options)
    this.#options = options
    const rest = new RestClient({
      url: options.url,
      authorization: `Basic ${Buffer.from(`${options.keyId}:${options.keySecret}`).toString('base64')}`,
      timeoutMs: options.timeoutMs ?? 10_000,
      maxAttempts: options.maxAttempts ?? 4,
    })
    for (const [name, [method, path]] of Object.entries(endpointTable)) {
      Object.defineProperty(this, name, {
        value: (input: Record<string, unknown> = {}, callOptions: CallOptions = {}) =>
          rest.call({ method, path, input, options: callOptions }),
      })
    }
  }

  mintToken(options: MintTokenOptions): string {
    return mintToken(this.#options, options)
  }

  verifyToken(token: string): UserTokenFacts {
    return verifyToken(this.#options, token)
  }
}

/** The methods of `Api` are made from the endpoint table, which a test holds to the contracts. */
export const ParleyServer = ServerClient as unknown as new (options: ParleyServerOptions) => ParleyServer

function checkOptions({ url, keyId, keySecret }: ParleyServerOptions): void {
  if (!URL.canParse(url) || !/^https?:/.test(url))
    throw new ParleyError('invalid-request', 'url must be http(s)://...')
  if (!keyId || !keySecret) throw new ParleyError('invalid-request', 'keyId and keySecret are needed')
}
