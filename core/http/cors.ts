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

/** Answers OPTIONS, a preflight or not. `accepted`: headers that tell content types; with them the status is 200. */
export function answerOptions(
  path: string,
  methods: readonly string[],
  outgoing: ServerResponse,
  accepted: readonly (readonly [name: string, type: string])[] = [],
): void {
  outgoing.setHeader('Allow', [...methods, 'OPTIONS'].join(', '))
  if (path.startsWith('/v1/') && outgoing.hasHeader('Access-Control-Allow-Origin')) {
    outgoing.setHeader('Access-Control-Allow-Methods', allowedMethods)
    outgoing.setHeader('Access-Control-Allow-Headers', allowedHeaders)
    outgoing.setHeader('Access-Control-Max-Age', '86400')
  }
  for (const [name, type] of accepted) outgoing.setHeader(name, type)
  // RFC 9725, section 4.2, names the status of what carries Accept-Post.
  if (accepted.length > 0) outgoing.setHeader('Content-Length', '0')
  outgoing.writeHead(accepted.length > 0 ? 200 : 204)
  outgoing.end()
}
