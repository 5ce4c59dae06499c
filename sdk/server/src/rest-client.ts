import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorFromAnswer, ParleyError } from './error.ts'

export interface CallOptions {
  /** Aborts the call, its retries included. */
  signal?: AbortSignal
  /** One attempt. Milliseconds; default that of the client. */
  timeoutMs?: number
  /** Makes a POST happen once however often it is sent. Each call gets one of its own when absent. */
  idempotencyKey?: string
  /** Version that an update expects, such as the `version` of a conversation. */
  ifMatch?: string | number
}

export interface RestClientOptions {
  url: string
  authorization: string
  timeoutMs: number
  maxAttempts: number
}

export interface RestCall {
  method: string
  /** With `{name}` placeholders. */
  path: string
  input: Readonly<Record<string, unknown>>
  options: CallOptions
}

const firstBackoffMs = 200
const maxBackoffMs = 10_000

/**
 * Sends calls and retries what may be retried. This is the one layer of the client that retries: failures to reach the
 * server and answers that say `retryable`, with full-jitter backoff, not before Retry-After. A POST carries the same
 * Idempotency-Key each time.
 */
export class RestClient {
  readonly #options: RestClientOptions

  constructor(options: RestClientOptions) {
    this.#options = options
  }

  async call(call: RestCall): Promise<unknown> {
    const request = this.#build(call)
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#send(request, call.options)
      } catch (error) {
        if (!(error instanceof ParleyError) || !error.retryable || attempt >= this.#options.maxAttempts)
          throw error
        await pause(backoffMs(attempt, error.retryAfterMs), call.options.signal)
      }
    }
  }

  #build({ method, path, input, options }: RestCall): { url: URL; init: RequestInit } {
    const rest = { ...input }
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = rest[name]
      delete rest[name]
      return pathSegment(name, value)
    })
    const url = new URL(this.#options.url.replace(/\/+$/, '') + filled)
    const headers: Record<string, string> = {
      authorization: this.#options.authorization,
      accept: 'application/json, application/problem+json',
    }
    if (options.ifMatch !== undefined) headers['if-match'] = `"${options.ifMatch}"`
    if (method === 'GET' || method === 'DELETE') {
      for (const [name, value] of Object.entries(rest)) {
        if (value !== undefined) url.searchParams.set(name, String(value))
      }
      return { url, init: { method, headers } }
    }
    if (method === 'POST') headers['idempotency-key'] = options.idempotencyKey ?? randomUUID()
    headers['content-type'] = 'application/json'
    return { url, init: { method, headers, body: JSON.stringify(rest) } }
  }

  async #send({ url, init }: { url: URL; init: RequestInit }, options: CallOptions): Promise<unknown> {
    const timeout = AbortSignal.timeout(options.timeoutMs ?? this.#options.timeoutMs)
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
    try {
      const response = await fetch(url, { ...init, signal, redirect: 'error' })
      const body = parseBody(await response.text())
      if (!response.ok) throw errorFromAnswer(response.status, body)
      if (body === undefined && response.status !== 204) throw errorFromAnswer(response.status, body)
      return body
    } catch (cause) {
      if (cause instanceof ParleyError) throw cause
      if (options.signal?.aborted) throw new ParleyError('aborted', 'The call was aborted', { cause })
      if (timeout.aborted)
        throw new ParleyError('timeout', `No answer from ${url.origin}`, { retryable: true, cause })
      throw new ParleyError('network-error', `${url.origin} could not be reached`, { retryable: true, cause })
    }
  }
}

/** Undefined for what is not JSON. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function pathSegment(name: string, value: unknown): string {
  // "." and ".." would be folded away before they reach the server, and name another resource.
  if (typeof value !== 'string' || value === '' || value === '.' || value === '..') {
    throw new ParleyError('invalid-request', `${name} must be an id`)
  }
  try {
    return encodeURIComponent(value)
  } catch (cause) {
    throw new ParleyError('invalid-request', `${name} holds a lone surrogate`, { cause })
  }
}

/** Full jitter: anywhere between nothing and a ceiling that doubles, but not before the server is ready. */
function backoffMs(attempt: number, retryAfterMs = 0): number {
  const ceiling = Math.min(maxBackoffMs, firstBackoffMs * 2 ** (attempt - 1))
  return retryAfterMs + Math.random() * ceiling
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { ...(signal && { signal }) })
  } catch (cause) {
    throw new ParleyError('aborted', 'The call was aborted', { cause })
  }
}
