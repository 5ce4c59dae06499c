import { createHash } from 'node:crypto'
import { webPushSubscription } from '@parley/contracts'
import type { OutgoingAnswer, OutgoingCalls } from '@parley/core/webhooks'
import { ProtocolViolation } from '@parley/protocols/violation'
import {
  later,
  type Notification,
  type PushAdapter,
  type PushOutcome,
  type PushRequest,
  retryAfterMs,
  unanswered,
} from '../adapter.ts'
import { fittedPayload } from '../fitting.ts'
import { encryptWebPush, maxPlainBytes } from './encryption.ts'
import { type VapidKeys, VapidSigner } from './vapid.ts'

export interface WebPushCredentials extends VapidKeys {
  /** `mailto:` or `https:` address of whoever runs the application. */
  subject: string
}

/** Speaks to the push services of browsers (RFC 8030) at the addresses that subscriptions name. */
export class WebPushAdapter implements PushAdapter<WebPushCredentials> {
  readonly provider = 'web-push'
  readonly #calls: OutgoingCalls
  readonly #timeoutMs: number
  readonly #signer = new VapidSigner()

  constructor(options: { calls: OutgoingCalls; timeoutMs: number }) {
    this.#calls = options.calls
    this.#timeoutMs = options.timeoutMs
  }

  async send(
    credentials: WebPushCredentials,
    request: PushRequest,
    signal: AbortSignal,
  ): Promise<PushOutcome> {
    const subscription = webPushSubscription.parse(JSON.parse(request.token))
    const payload = fittedPayload(request.notification, maxPlainBytes, toPayload)
    if (payload === undefined) {
      return { kind: 'refused', reason: 'payload-too-large', detail: 'the data leaves no room' }
    }
    let body: Buffer
    try {
      body = encryptWebPush(Buffer.from(payload), {
        publicKey: Buffer.from(subscription.keys.p256dh, 'base64url'),
        authSecret: Buffer.from(subscription.keys.auth, 'base64url'),
      })
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error
      return { kind: 'gone', reason: 'invalid-token', detail: error.message }
    }
    const { collapseId } = request.notification
    const audience = new URL(subscription.endpoint).origin
    try {
      const answer = await this.#calls.post({
        url: subscription.endpoint,
        headers: {
          authorization: this.#signer.authorization(credentials, credentials.subject, audience),
          'content-encoding': 'aes128gcm',
          'content-type': 'application/octet-stream',
          ttl: String(Math.floor(request.ttlMs / 1_000)),
          urgency: 'high',
          ...(collapseId !== undefined && { topic: topicOf(collapseId) }),
        },
        body,
        timeoutMs: this.#timeoutMs,
        maxAnswerBytes: 500,
        signal,
      })
      return outcomeOf(answer)
    } catch (error) {
      return unanswered(error)
    }
  }

  close(): void {}
}

/** What the service worker finds in the push event. */
function toPayload({ title, body, data, collapseId, badge }: Notification): string {
  return JSON.stringify({
    ...{ title, body, data },
    ...(collapseId !== undefined && { tag: collapseId }),
    ...(badge !== undefined && { badge }),
  })
}

/** At most 32 characters of base64url (RFC 8030, section 5.4). */
function topicOf(collapseId: string): string {
  return createHash('sha256').update(collapseId).digest('base64url').slice(0, 32)
}

function outcomeOf({ status, headers, body }: OutgoingAnswer): PushOutcome {
  const detail = `${status} ${body.toString().slice(0, 200)}`.trim()
  if (status >= 200 && status < 300) return { kind: 'sent', detail: String(status) }
  if (status === 404 || status === 410) return { kind: 'gone', reason: 'unregistered', detail }
  if (status === 413) return { kind: 'refused', reason: 'payload-too-large', detail }
  if (status === 401 || status === 403) return { kind: 'refused', reason: 'credentials', detail }
  if (status === 408 || status === 429 || status >= 500) {
    return later(detail, retryAfterMs(headers['retry-after'], Date.now()))
  }
  return { kind: 'refused', reason: 'rejected', detail }
}
