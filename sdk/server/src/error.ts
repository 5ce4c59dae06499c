import type { ErrorCode, FieldIssue, Problem } from '@parley/contracts'

/** The codes of the API, and those of this side: nothing came back, too late, not Parley, or a webhook that lies. */
export type ParleyErrorCode =
  | ErrorCode
  | 'network-error'
  | 'timeout'
  | 'aborted'
  | 'invalid-answer'
  | 'webhook-invalid'

export interface ParleyErrorFacts {
  status?: number | undefined
  retryable?: boolean | undefined
  requestId?: string | undefined
  issues?: FieldIssue[] | undefined
  retryAfterMs?: number | undefined
  cause?: unknown
}

/** What every call of this package fails with. Switch on `code`. */
export class ParleyError extends Error {
  override readonly name = 'ParleyError'
  readonly code: ParleyErrorCode
  /** HTTP status, where an answer came. */
  readonly status: number | undefined
  readonly retryable: boolean
  /** Names the log line of the server. */
  readonly requestId: string | undefined
  readonly issues: FieldIssue[] | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: ParleyErrorCode, detail: string, facts: ParleyErrorFacts = {}) {
    super(detail, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.code = code
    this.status = facts.status
    this.retryable = facts.retryable ?? false
    this.requestId = facts.requestId
    this.issues = facts.issues
    this.retryAfterMs = facts.retryAfterMs
  }
}

/** From problem details (RFC 9457); anything else becomes `invalid-answer`, retryable when a gateway may have made it. */
export function errorFromAnswer(status: number, body: unknown): ParleyError {
  if (!isProblem(body)) {
    const retryable = status === 429 || (status >= 500 && status !== 501)
    return new ParleyError('invalid-answer', `HTTP ${status} without problem details`, { status, retryable })
  }
  const { code, detail, retryable, requestId, issues, retryAfterMs } = body
  return new ParleyError(code, detail, { status, retryable, requestId, issues, retryAfterMs })
}

function isProblem(body: unknown): body is Problem {
  if (typeof body !== 'object' || body === null) return false
  const { code, detail, retryable } = body as Record<string, unknown>
  return typeof code === 'string' && typeof detail === 'string' && typeof retryable === 'boolean'
}
