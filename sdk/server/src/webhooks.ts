import { signWebhook, verifyWebhook, type WebhookHeaders } from '@parley/protocols/standard-webhooks'
import { ProtocolViolation } from '@parley/protocols/violation'
import { ParleyError } from './error.ts'

/** A delivery: CloudEvents 1.0 in JSON. */
export interface WebhookEvent {
  id: string
  /** `resource.past-verb`, such as `message.created`. */
  type: string
  source: string
  time: string
  subject?: string
  data: unknown
}

export interface VerifyWebhookOptions {
  /** `whsec_...` as the console shows it; several while they are rotated. */
  secret: string | readonly string[]
  /** How old or new a delivery may be, in milliseconds; default five minutes. */
  toleranceMs?: number
}

/** Webhooks as Standard Webhooks 1.0 signs them. */
export const webhooks = {
  /**
   * Verifies a delivery over its body exactly as it came (not parsed and written again) and answers the event.
   * Throws a ParleyError with `webhook-invalid`. Deliveries may come twice: remember `id`.
   */
  verify(
    body: string | Uint8Array,
    headers: Headers | Readonly<Record<string, string | string[] | undefined>>,
    options: VerifyWebhookOptions,
  ): WebhookEvent {
    try {
      verifyWebhook(body, lowerCased(headers), {
        secrets: typeof options.secret === 'string' ? [options.secret] : options.secret,
        nowMs: Date.now(),
        ...(options.toleranceMs !== undefined && { toleranceMs: options.toleranceMs }),
      })
      return JSON.parse(typeof body === 'string' ? body : new TextDecoder().decode(body)) as WebhookEvent
    } catch (cause) {
      if (!(cause instanceof ProtocolViolation || cause instanceof SyntaxError)) throw cause
      throw new ParleyError('webhook-invalid', cause.message, { cause })
    }
  },

  /** Signs a body, for tests of a receiver. */
  sign(body: string | Uint8Array, options: { id: string; secret: string; now?: Date }): WebhookHeaders {
    const nowMs = (options.now ?? new Date()).getTime()
    return signWebhook(body, { id: options.id, nowMs, secrets: [options.secret] })
  },
} as const

function lowerCased(
  headers: Headers | Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string | undefined> {
  const entries = headers instanceof Headers ? [...headers] : Object.entries(headers)
  return Object.fromEntries(
    entries.map(([name, value]) => [name.toLowerCase(), Array.isArray(value) ? value[0] : value]),
  )
}
