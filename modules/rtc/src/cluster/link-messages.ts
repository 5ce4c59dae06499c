import type { ErrorCode, FieldIssue, Platform } from '@parley/contracts'
import type { UserCaller } from '@parley/core/auth'
import type { EndReason } from '@parley/core/gateway'
import type { RoomInput } from './room-operations.ts'

/** A session as another server process sees it. The caller is that of its present token. */
export interface SessionFacts {
  readonly id: string
  readonly deviceId: string
  readonly platform: Platform
  readonly remoteAddress: string
  readonly caller: UserCaller
}

/** What the process that has the session, or the request, tells the one that holds the room. */
export type ToHolder =
  | { type: 'frame'; request: number; session: SessionFacts; frame: string; body: { roomId: string } }
  /** An operation on a room; who asks was checked, and what of it matters is in the input. */
  | { type: 'call'; request: number; operation: string; input: RoomInput }
  /** The token was renewed. */
  | { type: 'session'; session: SessionFacts }
  | { type: 'session-closed'; sessionId: string; reason: EndReason }
  | { type: 'alive' }

/** What the process that holds the room tells back. */
export type FromHolder =
  | { type: 'ok'; request: number; answer: unknown }
  | {
      type: 'refused'
      request: number
      code: ErrorCode
      detail: string
      retryAfterMs?: number
      issues?: FieldIssue[]
    }
  /** An event for a session, as JSON. */
  | { type: 'event'; sessionId: string; event: string }
  | { type: 'alive' }
