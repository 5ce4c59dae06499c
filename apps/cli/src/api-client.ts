import { randomUUID } from 'node:crypto'
import type { Endpoint, EndpointAnswer, EndpointRequest } from '@parley/contracts'
import { CliError, exitCodes } from './cli-error.ts'
import type { Installation } from './installation.ts'

export type Credentials = 'key' | 'operator' | { keyId: string; keySecret: string }

const timeoutMs = 15_000

/** Calls endpoints of the contracts on the server of the installation, once: whoever types repeats. */
export class ApiClient {
  readonly #installation: Installation

  constructor(installation: Installation) {
    this.#installation = installation
  }

  /** Throws a CliError with the API's own words. */
  async call<E extends Endpoint>(
    endpoint: E,
    credentials: Credentials,
    request: Partial<EndpointRequest<E>>,
  ): Promise<EndpointAnswer<E>> {
    const url = this.#urlOf(endpoint, request)
    const headers: Record<string, string> = { authorization: this.#authorization(credentials) }
    if (endpoint.method === 'POST' && endpoint.idempotencyKey !== false)
      headers['idempotency-key'] = randomUUID()
    if (request.body !== undefined) headers['content-type'] = 'application/json'
    const response = await this.#fetch(url, {
      method: endpoint.method,
      headers,
      ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
    })
    const answer: unknown = await response.json().catch(() => undefined)
    if (!response.ok) throw refusal(response.status, answer)
    return answer as EndpointAnswer<E>
  }

  #urlOf(endpoint: Endpoint, request: { params?: unknown; query?: unknown }): URL {
    const params = (request.params ?? {}) as Record<string, string>
    const path = endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(params[name] ?? ''),
    )
    const url = new URL(this.#installation.url().replace(/\/+$/, '') + path)
    for (const [name, value] of Object.entries((request.query ?? {}) as Record<string, unknown>)) {
      if (value !== undefined) url.searchParams.set(name, String(value))
    }
    return url
  }

  #authorization(credentials: Credentials): string {
    if (credentials === 'operator') return `Bearer ${this.#installation.operatorToken()}`
    const { keyId, keySecret } = credentials === 'key' ? this.#installation.keyCredentials() : credentials
    return `Basic ${Buffer.from(`${keyId}:${keySecret}`).toString('base64')}`
  }

  async #fetch(url: URL, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs), redirect: 'error' })
    } catch (cause) {
      throw new CliError(`No server answers at ${url.origin}`, {
        exitCode: exitCodes.unreachable,
        hint: 'Start it with `npm start`, or set PARLEY_URL; `parley doctor` looks for the reason',
        cause,
      })
    }
  }
}

function refusal(status: number, answer: unknown): CliError {
  const { code, detail, issues } = (answer ?? {}) as Record<string, unknown>
  if (typeof code !== 'string') return new CliError(`The server answered HTTP ${status}; is it Parley?`)
  const fields = Array.isArray(issues)
    ? issues.map(({ path, message }) => `\n  ${path}: ${message}`).join('')
    : ''
  return new CliError(`${String(detail)}${fields}`, { code })
}
