import type { ErrorCode, FieldIssue, RealtimeError } from '@parley/contracts'

/** Reasons that arise in the client itself, beside the codes a server answers. */
export type ClientErrorCode =
  | 'closed'
  | 'timeout'
  | 'connection-lost'
  | 'offline'
  | 'unreachable'
  | 'token-failed'
  | 'aborted'
  | 'user-mismatch'
  | 'upload-failed'
  | 'permission-denied'
  | 'device-not-found'
  | 'device-busy'
  | 'media-unsupported'
  | 'push-unsupported'

export type ParleyErrorCode = ErrorCode | ClientErrorCode

export interface ParleyErrorOptions {
  retryable?: boolean
  issues?: FieldIssue[] | undefined
  retryAfterMs?: number | undefined
  cause?: unknown
}

/**
 * The one error this SDK throws. Switch on `code`; `retryable` says whether the same call may succeed later,
 * and `retryAfterMs` how long the server asks to wait.
 */
export class ParleyError extends Error {
  override readonly name = 'ParleyError'
  readonly code: ParleyErrorCode
  readonly retryable: boolean
  readonly issues: FieldIssue[] | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: ParleyErrorCode, detail: string, options: ParleyErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.issues = options.issues
    this.retryAfterMs = options.retryAfterMs
  }

  static from(error: RealtimeError): ParleyError {
    return new ParleyError(error.code, error.detail, error)
  }

  static closed(): ParleyError {
    return new ParleyError('closed', 'The client was closed')
  }
}

/** Gives every failure the shape of a ParleyError; what is not one becomes `code` with the cause kept. */
export function asParleyError(error: unknown, code: ParleyErrorCode): ParleyError {
  if (error instanceof ParleyError) return error
  const detail = error instanceof Error ? error.message : String(error)
  return new ParleyError(code, detail, { cause: error, retryable: true })
}
