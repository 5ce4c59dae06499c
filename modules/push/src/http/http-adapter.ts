import type { OutgoingCalls } from '@parley/core/webhooks'
import { signWebhook } from '@parley/protocols/standard-webhooks'
import {
  later,
  type PushAdapter,
  type PushOutcome,
  type PushRequest,
  retryAfterMs,
  unanswered,
} from '../adapter.ts'
import { fittedPayload } from '../fitting.ts'

export interface HttpPushCredentials {
  url: string
  /** `whsec_` and base64. */
  secret: string
}

const maxPayloadBytes = 8_192

/** Hands pushes to the customer's own gateway as JSON, signed as Standard Webhooks says. */
export class HttpPushAdapter implements PushAdapter<HttpPushCredentials> {
  readonly provider = 'http'
  readonly #calls: OutgoingCalls
  readonly #timeoutMs: number

  constructor(options: { calls: OutgoingCalls; timeoutMs: number }) {
    this.#calls = options.calls
    this.#timeoutMs = options.timeoutMs
  }

  async send(
    { url, secret }: HttpPushCredentials,
    request: PushRequest,
    signal: AbortSignal,
  ): Promise<PushOutcome> {
    const { pushId, token, ttlMs } = request
    const payload = fittedPayload(request.notification, maxPayloadBytes, (notification) =>
      JSON.stringify({ type: 'push', pushId, token, ttlMs, ...notification }),
    )
    if (payload === undefined) {
      return { kind: 'refused', reason: 'payload-too-large', detail: 'the data leaves no room' }
    }
    try {
      const { status, headers, body } = await this.#calls.post({
        url,
        headers: {
          ...signWebhook(payload, { id: pushId, nowMs: Date.now(), secrets: [secret] }),
          'content-type': 'application/json',
        },
        body: payload,
        timeoutMs: this.#timeoutMs,
        maxAnswerBytes: 500,
        signal,
      })
      const detail = `${status} ${body.toString().slice(0, 200)}`.trim()
      if (status >= 200 && status < 300) return { kind: 'sent', detail: String(status) }
      if (status === 410) return { kind: 'gone', reason: 'unregistered', detail }
      if (status === 413) return { kind: 'refused', reason: 'payload-too-large', detail }
      if (status === 408 || status === 429 || status >= 500) {
        return later(detail, retryAfterMs(headers['retry-after'], Date.now()))
      }
      return { kind: 'refused', reason: 'rejected', detail }
    } catch (error) {
      return unanswered(error)
    }
  }

  close(): void {}
}
