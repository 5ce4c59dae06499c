import type { Problem } from '@parley/contracts'
import { Backoff } from './connection/backoff.ts'
import { asParleyError, ParleyError } from './parley-error.ts'

const mostRepeats = 3

export interface RestOptions {
  url: string
  /** The token in use; empty before the first. */
  token: () => string
  renewToken: () => Promise<string>
}

export interface RestCall {
  query?: Record<string, string | number | undefined>
  body?: unknown
  signal?: AbortSignal
  /** Makes a POST safe to repeat; what may pass is then tried again a few times. */
  idempotencyKey?: string
}

/** Calls the REST API as the user. A refused token is renewed once. Errors are ParleyError by the problem's code. */
export class Rest {
  readonly #options: RestOptions

  constructor(options: RestOptions) {
    this.#options = options
  }

  async call<Answer>(method: string, path: string, call: RestCall = {}): Promise<Answer> {
    const backoff = new Backoff()
    for (;;) {
      try {
        return await this.#renewing<Answer>(method, path, call)
      } catch (error) {
        const passing = error instanceof ParleyError && error.retryable && !call.signal?.aborted
        if (!call.idempotencyKey || !passing || backoff.attempt >= mostRepeats) throw error
        const waitMs = backoff.nextMs(error.retryAfterMs)
        await new Promise((resolve) => setTimeout(resolve, waitMs))
      }
    }
  }

  async #renewing<Answer>(method: string, path: string, call: RestCall): Promise<Answer> {
    const token = this.#options.token() || (await this.#options.renewToken())
    try {
      return await this.#once<Answer>(method, path, call, token)
    } catch (error) {
      const renewable = error instanceof ParleyError && /^(token-expired|unauthenticated)$/.test(error.code)
      if (!renewable) throw error
      return this.#once<Answer>(method, path, call, await this.#options.renewToken())
    }
  }

  async #once<Answer>(method: string, path: string, call: RestCall, token: string): Promise<Answer> {
    const target = new URL(path, this.#options.url)
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) target.searchParams.set(name, String(value))
    }
    const headers: Record<string, string> = { authorization: `Bearer ${token}` }
    if (call.body !== undefined) headers['content-type'] = 'application/json'
    if (call.idempotencyKey) headers['idempotency-key'] = call.idempotencyKey
    let response: Response
    try {
      response = await fetch(target, {
        method,
        headers,
        ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
        ...(call.signal && { signal: call.signal }),
      })
    } catch (error) {
      if (call.signal?.aborted) throw new ParleyError('aborted', 'The call was given up', { cause: error })
      throw asParleyError(error, 'unreachable')
    }
    if (!response.ok) throw await refusal(response)
    if (response.status === 204) return undefined as Answer
    return (await response.json()) as Answer
  }
}

async function refusal(response: Response): Promise<ParleyError> {
  try {
    const problem = (await response.json()) as Problem
    if (problem.code) return ParleyError.from(problem)
  } catch {
    // A proxy in between answers what is no problem document; the status below says what there is to say.
  }
  const retryable = response.status >= 500 || response.status === 429
  return new ParleyError('unreachable', `The server answered ${response.status}`, { retryable })
}

/** Percent-encodes an id for a path. */
export function segment(id: string): string {
  return encodeURIComponent(id)
}
