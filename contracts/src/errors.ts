/**
 * The one registry of error codes. Clients switch on `code`; status and text may be read by people.
 * A code is never renamed and never given another meaning.
 */
export const errorCodes = {
  'invalid-request': { status: 400, retryable: false, title: 'The request does not fit its schema' },
  'invalid-json': { status: 400, retryable: false, title: 'The body is not valid JSON' },
  'invalid-cursor': { status: 400, retryable: false, title: 'The cursor was not made by this endpoint' },
  'idempotency-key-invalid': { status: 400, retryable: false, title: 'The Idempotency-Key is malformed' },
  unauthenticated: { status: 401, retryable: false, title: 'Credentials are missing or not valid' },
  'token-expired': { status: 401, retryable: false, title: 'The user token has expired' },
  'token-revoked': { status: 401, retryable: false, title: 'The user token was revoked' },
  'key-revoked': { status: 401, retryable: false, title: 'The API key was revoked' },
  forbidden: { status: 403, retryable: false, title: 'The caller may not do this' },
  'grant-missing': { status: 403, retryable: false, title: 'The token holds no grant for this' },
  'not-a-member': { status: 403, retryable: false, title: 'The user is not a member of the conversation' },
  muted: { status: 403, retryable: false, title: 'The user may not speak here now' },
  banned: { status: 403, retryable: false, title: 'The user is banned from here' },
  'content-rejected': { status: 403, retryable: false, title: 'The content is not allowed here' },
  'content-under-review': { status: 403, retryable: false, title: 'The content must be reviewed first' },
  blocked: { status: 403, retryable: false, title: 'The receiver does not take messages from this user' },
  'not-found': { status: 404, retryable: false, title: 'There is no such thing here' },
  'user-not-found': { status: 404, retryable: false, title: 'There is no such user' },
  'conversation-not-found': { status: 404, retryable: false, title: 'There is no such conversation' },
  'message-not-found': { status: 404, retryable: false, title: 'There is no such message' },
  'object-not-found': { status: 404, retryable: false, title: 'There is no such object' },
  'room-not-found': { status: 404, retryable: false, title: 'There is no such room' },
  'participant-not-found': { status: 404, retryable: false, title: 'There is no such participant' },
  'method-not-allowed': { status: 405, retryable: false, title: 'The path does not take this method' },
  'not-acceptable': { status: 406, retryable: false, title: 'No such representation' },
  'request-timeout': { status: 408, retryable: true, title: 'The request took too long to arrive' },
  conflict: { status: 409, retryable: false, title: 'The request contradicts the present state' },
  'already-exists': { status: 409, retryable: false, title: 'The id is taken' },
  'client-message-id-conflict': {
    status: 409,
    retryable: false,
    title: 'The clientMessageId was used for another message',
  },
  'idempotency-conflict': {
    status: 409,
    retryable: false,
    title: 'The Idempotency-Key was used for another request',
  },
  'idempotency-in-progress': {
    status: 409,
    retryable: true,
    title: 'The first request with this key still runs',
  },
  'invitation-expired': {
    status: 410,
    retryable: false,
    title: 'The invitation is used up, ended or expired',
  },
  'message-recalled': { status: 409, retryable: false, title: 'The message was recalled' },
  'recall-window-passed': { status: 409, retryable: false, title: 'The message is too old for this change' },
  'version-mismatch': { status: 412, retryable: false, title: 'If-Match does not name the present version' },
  'tus-version-unsupported': {
    status: 412,
    retryable: false,
    title: 'Tus-Resumable names no version that is spoken here',
  },
  'body-too-large': { status: 413, retryable: false, title: 'The body is larger than allowed' },
  'unsupported-media-type': {
    status: 415,
    retryable: false,
    title: 'The content type is not supported here',
  },
  'checksum-mismatch': { status: 422, retryable: false, title: 'The content does not have the stated hash' },
  'size-mismatch': { status: 422, retryable: false, title: 'The content does not have the stated size' },
  'limit-exceeded': { status: 422, retryable: false, title: 'A limit of the project would be exceeded' },
  'sdp-not-supported': {
    status: 422,
    retryable: false,
    title: 'The session description asks for what is not supported here',
  },
  'e2ee-room': { status: 422, retryable: false, title: 'An end-to-end encrypted room cannot do this' },
  'upload-checksum-mismatch': {
    status: 460,
    retryable: true,
    title: 'The piece of the upload does not have the stated hash; send it again',
  },
  'upgrade-required': { status: 426, retryable: false, title: 'This path speaks WebSocket' },
  'precondition-required': { status: 428, retryable: false, title: 'The request needs If-Match' },
  'rate-limited': { status: 429, retryable: true, title: 'Too many requests; wait and try again' },
  'too-many-connections': { status: 429, retryable: true, title: 'Too many connections from here' },
  'internal-error': {
    status: 500,
    retryable: true,
    title: 'Parley failed; the request id names the log line',
  },
  'not-implemented': { status: 501, retryable: false, title: 'This installation cannot do this' },
  overloaded: { status: 503, retryable: true, title: 'Too much work is queued; wait and try again' },
  unavailable: { status: 503, retryable: true, title: 'A part this needs is not there now' },
  'storage-full': { status: 507, retryable: true, title: 'There is no room left to store this' },
  'frame-too-large': { status: 413, retryable: false, title: 'The realtime frame is larger than allowed' },
  'unknown-frame-type': { status: 400, retryable: false, title: 'No handler takes frames of this type' },
  'auth-timeout': { status: 401, retryable: true, title: 'The connection did not authenticate in time' },
  'device-limit': { status: 409, retryable: false, title: 'Another device of the user took this place' },
  'slow-consumer': { status: 429, retryable: true, title: 'The connection read too slowly; resume' },
} as const satisfies Record<string, { status: number; retryable: boolean; title: string }>

export type ErrorCode = keyof typeof errorCodes

/** One field that does not fit: a JSON path (`content.text`) and what is wrong with it. */
export interface FieldIssue {
  path: string
  message: string
}

export interface AppErrorOptions {
  issues?: FieldIssue[]
  retryAfterMs?: number
  cause?: unknown
}

/** An error the caller is meant to understand. Everything else that is thrown becomes `internal-error`. */
export class AppError extends Error {
  override readonly name: string = 'AppError'
  readonly code: ErrorCode
  readonly issues: FieldIssue[] | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, detail?: string, options: AppErrorOptions = {}) {
    super(
      detail ?? errorCodes[code].title,
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.code = code
    this.issues = options.issues
    this.retryAfterMs = options.retryAfterMs
  }

  get status(): number {
    return errorCodes[this.code].status
  }

  get retryable(): boolean {
    return errorCodes[this.code].retryable
  }
}

/** RFC 9457 problem details, as every REST error is answered. */
export interface Problem {
  type: string
  title: string
  status: number
  code: ErrorCode
  detail: string
  retryable: boolean
  requestId?: string
  issues?: FieldIssue[]
  retryAfterMs?: number
}

/** Realtime errors carry the same facts without the HTTP dress. */
export type RealtimeError = Pick<Problem, 'code' | 'detail' | 'retryable' | 'issues' | 'retryAfterMs'>

export function toRealtimeError(error: AppError): RealtimeError {
  return {
    code: error.code,
    detail: error.message,
    retryable: error.retryable,
    ...(error.issues && { issues: error.issues }),
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
  }
}

export function toProblem(error: AppError, requestId?: string): Problem {
  const { status, title } = errorCodes[error.code]
  return {
    type: `https://parley.dev/errors/${error.code}`,
    title,
    status,
    ...toRealtimeError(error),
    ...(requestId !== undefined && { requestId }),
  }
}
