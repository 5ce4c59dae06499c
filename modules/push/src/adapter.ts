import type { PushProvider, pushFailureReasons } from '@parley/contracts'
import type { Closable } from '@parley/core/kernel'

/** What a device shows, and what the app gets with it. */
export interface Notification {
  title: string
  body: string
  /** Text by name; for messages `conversationId`, `messageId` and `seq`, so that a tap opens the right place. */
  data: Record<string, string>
  /** A later notification of the same id takes the place of the earlier one. At most 64 bytes. */
  collapseId?: string
  /** Unread messages of the user. */
  badge?: number
}

export interface PushRequest {
  pushId: string
  /** The device token; of web push the subscription as JSON. */
  token: string
  notification: Notification
  /** How long the push service keeps it for a device that is away. Milliseconds. */
  ttlMs: number
}

export type PushFailureReason = (typeof pushFailureReasons)[number]

/**
 * How one attempt ended. `gone`: the token will never work again; `refused`: this push will never be taken; `later`:
 * it may be taken another time, not before `retryAfterMs`.
 */
export type PushOutcome =
  | { kind: 'sent'; detail?: string }
  | { kind: 'gone'; reason: 'unregistered' | 'invalid-token'; detail: string; sinceMs?: number }
  | { kind: 'refused'; reason: PushFailureReason; detail: string }
  | { kind: 'later'; detail: string; retryAfterMs?: number }

/** Speaks to one kind of push service. It owns its connections; `close` cuts them. */
export interface PushAdapter<Credentials> extends Closable {
  readonly provider: PushProvider
  /** Never throws for what the network or the service does. */
  send(credentials: Credentials, request: PushRequest, signal: AbortSignal): Promise<PushOutcome>
}

/** Retry-After in seconds or as an HTTP date (RFC 9110, section 10.2.3), at most a day. Milliseconds. */
export function retryAfterMs(value: string | string[] | undefined, nowMs: number): number | undefined {
  const text = Array.isArray(value) ? value[0] : value
  if (text === undefined || text === '') return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), 86_400_000) : undefined
}

/** `later` with the pause that the service asked for, if it did. */
export function later(detail: string, pauseMs?: number): PushOutcome {
  return { kind: 'later', detail, ...(pauseMs !== undefined && { retryAfterMs: pauseMs }) }
}

/** The outcome of a call that got no answer. */
export function unanswered(error: unknown): PushOutcome {
  if (error instanceof Error && error.name === 'ForbiddenPlaceError') {
    return { kind: 'refused', reason: 'rejected', detail: error.message }
  }
  return { kind: 'later', detail: error instanceof Error ? error.message : String(error) }
}
