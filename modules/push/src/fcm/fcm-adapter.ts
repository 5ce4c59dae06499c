import type { OutgoingAnswer, OutgoingCalls } from '@parley/core/webhooks'
import { z } from 'zod'
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
import { AccessTokens, type ServiceAccount, TokenRefusedError } from './access-tokens.ts'

export interface FcmCredentials {
  serviceAccount: ServiceAccount
}

export interface FcmAdapterOptions {
  calls: OutgoingCalls
  timeoutMs: number
  origin?: string | undefined
}

const googleOrigin = 'https://fcm.googleapis.com'
/** FCM takes 4096 bytes of notification and data; what we count includes the frame around them. */
const maxPayloadBytes = 4096
/** What FCM asks for when it names no time. */
const quotaPauseMs = 60_000

const errorSchema = z.object({
  error: z.object({
    status: z.string().optional(),
    message: z.string().optional(),
    details: z
      .array(
        z.looseObject({
          errorCode: z.string().optional(),
          fieldViolations: z.array(z.looseObject({ field: z.string().optional() })).optional(),
        }),
      )
      .optional(),
  }),
})

/** Speaks to Firebase Cloud Messaging, HTTP v1, as a service account. */
export class FcmAdapter implements PushAdapter<FcmCredentials> {
  readonly provider = 'fcm'
  readonly #options: FcmAdapterOptions
  readonly #tokens: AccessTokens

  constructor(options: FcmAdapterOptions) {
    this.#options = options
    this.#tokens = new AccessTokens(options)
  }

  async send(
    { serviceAccount }: FcmCredentials,
    request: PushRequest,
    signal: AbortSignal,
  ): Promise<PushOutcome> {
    const payload = fittedPayload(request.notification, maxPayloadBytes, (notification) =>
      toPayload(notification, request),
    )
    if (payload === undefined) {
      return { kind: 'refused', reason: 'payload-too-large', detail: 'the data leaves no room' }
    }
    try {
      const token = await this.#tokens.get(serviceAccount)
      const answer = await this.#options.calls.post({
        url: `${this.#options.origin ?? googleOrigin}/v1/projects/${serviceAccount.project_id}/messages:send`,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: payload,
        timeoutMs: this.#options.timeoutMs,
        maxAnswerBytes: 8_192,
        signal,
      })
      if (answer.status === 401) this.#tokens.forget(serviceAccount, token)
      return outcomeOf(answer)
    } catch (error) {
      if (!(error instanceof TokenRefusedError)) return unanswered(error)
      if (error.forGood) return { kind: 'refused', reason: 'credentials', detail: error.message }
      return later(error.message, error.retryAfterMs)
    }
  }

  close(): void {}
}

function toPayload({ title, body, data, collapseId, badge }: Notification, request: PushRequest): string {
  return JSON.stringify({
    message: {
      token: request.token,
      notification: { title, body },
      data,
      android: {
        priority: 'HIGH',
        ttl: `${Math.floor(request.ttlMs / 1_000)}s`,
        ...(collapseId !== undefined && { collapse_key: collapseId }),
        notification: {
          ...(collapseId !== undefined && { tag: collapseId }),
          ...(badge !== undefined && { notification_count: badge }),
        },
      },
    },
  })
}

function outcomeOf({ status, headers, body }: OutgoingAnswer): PushOutcome {
  if (status === 200) return { kind: 'sent', detail: '200' }
  const { code, tokenIsWrong, message } = readError(body)
  const detail = `${status} ${code} ${message}`.trim().slice(0, 300)
  const pauseMs = retryAfterMs(headers['retry-after'], Date.now())
  if (code === 'UNREGISTERED') return { kind: 'gone', reason: 'unregistered', detail }
  if (tokenIsWrong) return { kind: 'gone', reason: 'invalid-token', detail }
  if (status === 429) return later(detail, pauseMs ?? quotaPauseMs)
  if (status === 401) return later(detail, pauseMs)
  if (status === 408 || status >= 500) return later(detail, pauseMs)
  if (status === 403 || code === 'SENDER_ID_MISMATCH')
    return { kind: 'refused', reason: 'credentials', detail }
  return { kind: 'refused', reason: 'rejected', detail }
}

function readError(body: Buffer): { code: string; message: string; tokenIsWrong: boolean } {
  let json: unknown
  try {
    json = JSON.parse(body.toString())
  } catch {
    json = undefined
  }
  const parsed = errorSchema.safeParse(json)
  if (!parsed.success) return { code: '', message: '', tokenIsWrong: false }
  const { status = '', message = '', details = [] } = parsed.data.error
  const code = details.find(({ errorCode }) => errorCode !== undefined)?.errorCode ?? status
  const fields = details.flatMap(({ fieldViolations = [] }) => fieldViolations.map(({ field }) => field))
  return { code, message, tokenIsWrong: code.startsWith('INVALID') && fields.includes('message.token') }
}
