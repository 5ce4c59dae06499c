import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError, toProblem } from '@parley/contracts'

export const problemType = 'application/problem+json'

const codesOfSystem: Record<string, 'storage-full' | 'unavailable' | 'overloaded'> = {
  ENOSPC: 'storage-full',
  EDQUOT: 'storage-full',
  ECONNREFUSED: 'unavailable',
  ECONNRESET: 'unavailable',
  EMFILE: 'overloaded',
  ENFILE: 'overloaded',
}

/** What the caller is told about whatever was thrown. Unknown errors say nothing of their insides. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const code = (error as { code?: unknown } | null | undefined)?.code
  const known = typeof code === 'string' ? codesOfSystem[code] : undefined
  return new AppError(known ?? 'internal-error', undefined, { cause: error })
}

export interface ProblemOptions {
  requestId: string
  headers?: Record<string, string>
  /** Members beside those of every problem. */
  extra?: Record<string, unknown>
}

/** The bytes and headers of a problem (RFC 9457). */
export function encodeProblem(error: AppError, options: ProblemOptions) {
  const problem = { ...toProblem(error, options.requestId), ...options.extra }
  const body = Buffer.from(JSON.stringify(problem))
  const headers: Record<string, string> = {
    'Content-Type': problemType,
    'Content-Length': String(body.length),
    'Cache-Control': 'no-store',
    ...options.headers,
  }
  const retryAfterMs = error.retryAfterMs ?? (error.status === 429 || error.status === 503 ? 1000 : undefined)
  if (retryAfterMs !== undefined) headers['Retry-After'] = String(Math.max(1, Math.ceil(retryAfterMs / 1000)))
  return { status: error.status, headers, body }
}

/**
 * Answers with a problem, unless an answer has begun already: then only cutting the connection tells. A body that
 * is still on its way is read and dropped for a moment before the connection closes, because closing over unread
 * bytes resets it, and the caller would lose the answer.
 */
export function sendProblem(outgoing: ServerResponse, error: AppError, options: ProblemOptions): void {
  if (outgoing.headersSent) {
    outgoing.destroy()
    return
  }
  const { status, headers, body } = encodeProblem(error, options)
  if (outgoing.req.complete || !hasBody(outgoing.req)) {
    outgoing.writeHead(status, headers)
    outgoing.end(body)
    return
  }
  outgoing.writeHead(status, { ...headers, Connection: 'close' })
  outgoing.write(body)
  dropBody(outgoing.req, () => outgoing.end())
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

const dropMs = 1_000
const dropBytes = 16_777_216

function dropBody(incoming: IncomingMessage, then: () => void): void {
  let dropped = 0
  const timer = setTimeout(finish, dropMs)
  function finish(): void {
    clearTimeout(timer)
    incoming.off('data', count).off('close', finish).off('end', finish)
    then()
  }
  function count(chunk: Buffer): void {
    dropped += chunk.length
    if (dropped > dropBytes) finish()
  }
  incoming.on('data', count).on('close', finish).on('end', finish).resume()
}
