import { createHash } from 'node:crypto'
import {
  later,
  type Notification,
  type PushAdapter,
  type PushOutcome,
  type PushRequest,
  retryAfterMs,
} from '../adapter.ts'
import { fittedPayload } from '../fitting.ts'
import { type ApnsAnswer, ApnsConnection } from './apns-connection.ts'
import { type ApnsKey, ProviderTokens } from './provider-token.ts'

export interface ApnsCredentials extends ApnsKey {
  /** Bundle id of the app. */
  topic: string
  environment: 'production' | 'sandbox'
}

export interface ApnsAdapterOptions {
  timeoutMs: number
  /** Instead of Apple's. */
  origin?: string | undefined
  ca?: string
}

const origins = {
  production: 'https://api.push.apple.com',
  sandbox: 'https://api.sandbox.push.apple.com',
}
const maxPayloadBytes = 4096
/** One for each key: APNs ties a connection to the team of its first token. */
const maxConnections = 200

/** Reasons of 403 after which another token may be taken. */
const staleToken = new Set(['ExpiredProviderToken', 'MissingProviderToken'])

/** Speaks to APNs over HTTP/2 with provider tokens. It owns one connection for each key and environment. */
export class ApnsAdapter implements PushAdapter<ApnsCredentials> {
  readonly provider = 'apns'
  readonly #options: ApnsAdapterOptions
  readonly #tokens = new ProviderTokens()
  readonly #connections = new Map<string, ApnsConnection>()

  constructor(options: ApnsAdapterOptions) {
    this.#options = options
  }

  async send(credentials: ApnsCredentials, request: PushRequest, signal: AbortSignal): Promise<PushOutcome> {
    const payload = fittedPayload(request.notification, maxPayloadBytes, toPayload)
    if (payload === undefined) {
      return { kind: 'refused', reason: 'payload-too-large', detail: 'the data leaves no room' }
    }
    const { collapseId } = request.notification
    let token: string
    try {
      token = this.#tokens.get(credentials)
    } catch {
      return { kind: 'refused', reason: 'credentials', detail: 'the key cannot sign' }
    }
    const headers = {
      authorization: `bearer ${token}`,
      'apns-id': uuidOf(request.pushId),
      'apns-topic': credentials.topic,
      'apns-push-type': 'alert',
      'apns-priority': '10',
      'apns-expiration': String(Math.floor((Date.now() + request.ttlMs) / 1_000)),
      ...(collapseId !== undefined && { 'apns-collapse-id': collapseId }),
    }
    try {
      const path = `/3/device/${request.token.toLowerCase()}`
      const answer = await this.#connectionOf(credentials).post(path, headers, payload, signal)
      return this.#outcomeOf(answer, credentials, token)
    } catch (error) {
      return { kind: 'later', detail: error instanceof Error ? error.message : String(error) }
    }
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close()
    this.#connections.clear()
  }

  #connectionOf(credentials: ApnsCredentials): ApnsConnection {
    const origin = this.#options.origin ?? origins[credentials.environment]
    const name = JSON.stringify([origin, credentials.teamId, credentials.keyId])
    const known = this.#connections.get(name)
    if (known !== undefined) return known
    const { timeoutMs, ca } = this.#options
    const made = new ApnsConnection({ origin, timeoutMs, ...(ca !== undefined && { ca }) })
    this.#connections.set(name, made)
    if (this.#connections.size > maxConnections) {
      for (const [oldest, connection] of this.#connections) {
        connection.close()
        this.#connections.delete(oldest)
        break
      }
    }
    return made
  }

  #outcomeOf(
    { status, headers, body }: ApnsAnswer,
    credentials: ApnsCredentials,
    token: string,
  ): PushOutcome {
    if (status === 200) return { kind: 'sent', detail: '200' }
    const { reason = '', timestamp } = parseBody(body)
    const detail = `${status} ${reason}`.trim()
    if (status === 410) {
      const since = timestamp === undefined ? {} : { sinceMs: timestamp }
      return { kind: 'gone', reason: 'unregistered', detail, ...since }
    }
    if (reason === 'BadDeviceToken') return { kind: 'gone', reason: 'invalid-token', detail }
    if (status === 413) return { kind: 'refused', reason: 'payload-too-large', detail }
    if (status === 403) {
      if (!staleToken.has(reason)) return { kind: 'refused', reason: 'credentials', detail }
      this.#tokens.forget(credentials, token)
      return later(detail, 0)
    }
    if (status === 429 || status >= 500)
      return later(detail, retryAfterMs(headers['retry-after'], Date.now()))
    const wrongApp =
      reason === 'DeviceTokenNotForTopic' || reason === 'TopicDisallowed' || reason === 'BadTopic'
    return { kind: 'refused', reason: wrongApp ? 'credentials' : 'rejected', detail }
  }
}

function toPayload({ title, body, data, badge, collapseId }: Notification): string {
  return JSON.stringify({
    ...data,
    aps: {
      alert: { title, body },
      sound: 'default',
      ...(badge !== undefined && { badge }),
      ...(collapseId !== undefined && { 'thread-id': collapseId }),
    },
  })
}

function parseBody(body: string): { reason?: string; timestamp?: number } {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed !== 'object' || parsed === null) return {}
    const { reason, timestamp } = parsed as { reason?: unknown; timestamp?: unknown }
    return {
      ...(typeof reason === 'string' && { reason: reason.slice(0, 100) }),
      ...(typeof timestamp === 'number' && { timestamp }),
    }
  } catch {
    return {}
  }
}

/** The same for every attempt at a push, so that Apple's log and ours name the same thing. */
function uuidOf(pushId: string): string {
  const hex = createHash('sha256').update(pushId).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}
