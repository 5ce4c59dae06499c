import type { KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { sleep } from '@parley/core/kernel'
import type { z } from 'zod'
import { authorization, type Directory, directory, type Order, order, problem } from './acme-messages.ts'
import { bindAccount, publicJwk, signJws, thumbprint } from './jws.ts'

export interface AcmeClientOptions {
  directoryUrl: string
  accountKey: KeyObject
  /** Known from before; else `register` asks for it. */
  accountUrl?: string | undefined
  signal: AbortSignal
}

/** What a certificate authority said no to. */
export class AcmeError extends Error {
  override readonly name = 'AcmeError'
  /** Of RFC 8555, section 6.7, without its prefix: `badNonce`, `rateLimited` ... */
  readonly type: string
  readonly retryAfterMs: number | undefined

  constructor(
    message: string,
    options: { type?: string; retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.type = options.type ?? 'unknown'
    this.retryAfterMs = options.retryAfterMs
  }
}

/** Shows and takes back what the authority comes to look for (RFC 8555, section 8.3). */
export interface ChallengeBoard {
  show(token: string, keyAuthorization: string): Promise<void>
  takeBack(token: string): Promise<void>
}

interface Answer {
  status: number
  headers: Headers
  text: string
}

const callTimeoutMs = 30_000
const maxAnswerBytes = 1_048_576
const nonceTries = 4
const pollMs = 1_000
const maxPollMs = 15_000
const errorPrefix = 'urn:ietf:params:acme:error:'

/** The client's side of ACME (RFC 8555) with http-01, for one attempt to get a certificate. */
export class AcmeClient {
  readonly #options: AcmeClientOptions
  #directory: Directory | undefined
  #nonce: string | undefined
  #accountUrl: string | undefined

  constructor(options: AcmeClientOptions) {
    this.#options = options
    this.#accountUrl = options.accountUrl
    requireSecure(options.directoryUrl)
  }

  /** Section 7.3. Makes the account, or finds it when the authority knows the key. Answers its address. */
  async register(account: {
    email?: string | undefined
    binding?: { keyId: string; hmacKey: Buffer } | undefined
  }): Promise<string> {
    const { newAccount, meta } = await this.#find()
    const { email, binding } = account
    if (binding === undefined && meta?.externalAccountRequired === true) {
      throw new AcmeError('the certificate authority wants PARLEY_ACME_EAB_KEY_ID and PARLEY_ACME_EAB_KEY')
    }
    const { accountKey } = this.#options
    const payload = {
      termsOfServiceAgreed: true,
      ...(email !== undefined && { contact: [`mailto:${email}`] }),
      ...(binding && { externalAccountBinding: bindAccount(accountKey, { ...binding, url: newAccount }) }),
    }
    const answer = await this.#post(newAccount, payload, { jwk: publicJwk(accountKey) })
    const url = answer.headers.get('location')
    if (url === null) throw new AcmeError('the certificate authority made an account without an address')
    this.#accountUrl = url
    return url
  }

  /** Section 7.4: order, prove each name, send the request for the certificate, fetch it. PEM with its chain. */
  async obtain(domains: readonly string[], request: Buffer, board: ChallengeBoard): Promise<string> {
    const { newOrder } = await this.#find()
    const made = await this.#post(newOrder, {
      identifiers: domains.map((value) => ({ type: 'dns', value })),
    })
    const orderUrl = made.headers.get('location')
    if (orderUrl === null) throw new AcmeError('the certificate authority made an order without an address')
    const { authorizations, finalize } = parse(order, made)
    for (const url of authorizations) await this.#prove(url, board)
    await this.#poll(orderUrl, order, ({ status }) => status === 'ready' || status === 'valid')
    await this.#post(finalize, { csr: request.toString('base64url') })
    const done = await this.#poll(orderUrl, order, ({ status }) => status === 'valid')
    if (done.certificate === undefined) throw new AcmeError('the order is valid and holds no certificate')
    const { text } = await this.#post(done.certificate, undefined)
    return text
  }

  /** Section 7.5. */
  async #prove(url: string, board: ChallengeBoard): Promise<void> {
    const { status, identifier, challenges } = parse(authorization, await this.#post(url, undefined))
    if (status === 'valid') return
    const challenge = challenges.find(({ type }) => type === 'http-01')
    if (challenge?.token === undefined) {
      throw new AcmeError(`${identifier.value} cannot be proved by http-01`)
    }
    const { token } = challenge
    await board.show(token, `${token}.${thumbprint(this.#options.accountKey)}`)
    try {
      await this.#post(challenge.url, {})
      await this.#poll(url, authorization, (found) => {
        if (found.status === 'pending') return false
        if (found.status === 'valid') return true
        const why = found.challenges.find(({ error }) => error !== undefined)?.error?.detail
        throw new AcmeError(`${identifier.value} was not proved: ${why ?? found.status}`)
      })
    } finally {
      await board.takeBack(token)
    }
  }

  async #poll<T extends { status: string; error?: Order['error'] }>(
    url: string,
    schema: z.ZodType<T>,
    done: (value: T) => boolean,
  ): Promise<T> {
    for (let waitMs = pollMs; ; waitMs = Math.min(maxPollMs, waitMs * 1.5)) {
      const answer = await this.#post(url, undefined)
      const value = parse(schema, answer)
      if (done(value)) return value
      if (value.status === 'invalid') {
        throw new AcmeError(`the order failed: ${value.error?.detail ?? 'no reason was given'}`)
      }
      await sleep(Math.min(maxPollMs, retryAfter(answer.headers) ?? waitMs), this.#options.signal)
      this.#options.signal.throwIfAborted()
    }
  }

  async #find(): Promise<Directory> {
    this.#directory ??= parse(directory, await this.#call(this.#options.directoryUrl, { method: 'GET' }))
    return this.#directory
  }

  /** A signed request; a nonce that was refused is replaced (section 6.5). */
  async #post(url: string, payload: unknown, identity?: { jwk: unknown }): Promise<Answer> {
    const who = identity ?? { kid: this.#accountUrl }
    for (let tries = 1; ; tries++) {
      const nonce = this.#nonce ?? (await this.#newNonce())
      this.#nonce = undefined
      const body = signJws(this.#options.accountKey, { ...who, nonce, url }, payload)
      try {
        return await this.#call(url, {
          method: 'POST',
          headers: { 'content-type': 'application/jose+json' },
          body: JSON.stringify(body),
        })
      } catch (error) {
        const again = error instanceof AcmeError && error.type === 'badNonce' && tries < nonceTries
        if (!again) throw error
      }
    }
  }

  async #newNonce(): Promise<string> {
    const { newNonce } = await this.#find()
    await this.#call(newNonce, { method: 'HEAD' })
    if (this.#nonce === undefined) throw new AcmeError('the certificate authority gave no nonce')
    return this.#nonce
  }

  async #call(url: string, init: RequestInit): Promise<Answer> {
    requireSecure(url)
    const signal = AbortSignal.any([this.#options.signal, AbortSignal.timeout(callTimeoutMs)])
    const response = await fetch(url, {
      ...init,
      signal,
      headers: { 'user-agent': 'Parley', accept: '*/*', ...init.headers },
    })
    this.#nonce = response.headers.get('replay-nonce') ?? this.#nonce
    const text = await readText(response)
    const answer = { status: response.status, headers: response.headers, text }
    if (!response.ok) throw refusal(answer)
    return answer
  }
}

/** ACME is spoken over https (section 6.1); a directory on this machine may do without. */
function requireSecure(url: string): void {
  const { protocol, hostname } = new URL(url)
  const here =
    hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
  if (protocol === 'https:' || (protocol === 'http:' && here)) return
  throw new AcmeError(`${url} is not https`)
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = response.body?.getReader()
  for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
    length += part.value.length
    if (length > maxAnswerBytes) throw new AcmeError('the certificate authority answered too much')
    chunks.push(part.value)
  }
  return Buffer.concat(chunks).toString()
}

function parse<T>(schema: z.ZodType<T>, { text }: Answer): T {
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new AcmeError('the certificate authority answered what is not ACME', { cause })
  }
}

function refusal({ status, headers, text }: Answer): AcmeError {
  const retryAfterMs = retryAfter(headers)
  try {
    const { type, detail } = problem.parse(JSON.parse(text))
    const short = type.startsWith(errorPrefix) ? type.slice(errorPrefix.length) : type
    return new AcmeError(`${short}: ${detail}`, { type: short, retryAfterMs })
  } catch {
    return new AcmeError(`the certificate authority answered ${status}`, { retryAfterMs })
  }
}

/** RFC 9110, section 10.2.3: seconds or a date. Milliseconds. */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after')
  if (value === null) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now())
}
