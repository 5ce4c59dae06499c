import type { IncomingMessage, ServerResponse } from 'node:http'

const allowedHeaders = 'Authorization, Content-Type, Idempotency-Key, If-Match'
const allowedMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE'
const exposedHeaders =
  'ETag, Idempotency-Replayed, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id'

/**
 * Any web page may call /v1 with a user token: tokens are in no cookie, so a page has only what it was given.
 * Calls with an API key get no permission, because a key inside a web page is a leak.
 */
export function allowCrossOrigin(path: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (!path.startsWith('/v1/') || incoming.headers.origin === undefined) return
  outgoing.setHeader('Vary', 'Origin')
  if (/^basic /i.test(incoming.headers.authorization ?? '')) return
  outgoing.setHeader('Access-Control-Allow-Origin', '*')
  outgoing.setHeader('Access-Control-Expose-Headers', exposedHeaders)
}

/** Answers OPTIONS, a preflight or not. */
export function answerOptions(path: string, methods: readonly string[], outgoing: ServerResponse): void {
  outgoing.setHeader('Allow', [...methods, 'OPTIONS'].join(', '))
  if (path.startsWith('/v1/') && outgoing.hasHeader('Access-Control-Allow-Origin')) {
    outgoing.setHeader('Access-Control-Allow-Methods', allowedMethods)
    outgoing.setHeader('Access-Control-Allow-Headers', allowedHeaders)
    outgoing.setHeader('Access-Control-Max-Age', '86400')
  }
  outgoing.writeHead(204)
  outgoing.end()
}
