import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { AppError, type ErrorCode, newId } from '@parley/contracts'
import { encodeProblem } from './problem.ts'

const brokenRequests: Record<string, { code: ErrorCode; detail: string }> = {
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'request-timeout', detail: 'The request took too long to arrive' },
  HPE_HEADER_OVERFLOW: { code: 'invalid-request', detail: 'The headers are larger than allowed' },
}

/**
 * Ends a connection whose bytes are no HTTP or come too slowly (the `clientError` of a server); the problem is a
 * last courtesy.
 */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const { code, detail } = brokenRequests[error.code ?? ''] ?? {
    code: 'invalid-request' as const,
    detail: 'This is not HTTP',
  }
  const problem = encodeProblem(new AppError(code, detail, { cause: error }), { requestId: newId('request') })
  const headers = Object.entries({ ...problem.headers, Connection: 'close' })
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${head}\r\n${problem.body}`)
  socket.destroySoon()
}
