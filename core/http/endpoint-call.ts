import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError, type Endpoint } from '@parley/contracts'
import type { Caller } from '@parley/core/auth'
import type { Logger } from '@parley/core/kernel'
import type { Database, ProjectScope, Queryable } from '@parley/core/store'
import { unknownMembers } from './answer-check.ts'
import { type AuditSink, auditedCall } from './audited-call.ts'
import type { Door } from './credentials.ts'
import {
  type Claim,
  type IdempotencyKeys,
  parseIdempotencyKey,
  requestFingerprint,
  type StoredAnswer,
} from './idempotency.ts'
import { parseJson } from './json.ts'
import { parseIfMatch, parsePart, parseQuery, readBody, requireJson } from './request-parts.ts'
import type { AnyRouteRequest, Route } from './route.ts'
import type { HttpSettings } from './settings.ts'

export interface CallTools {
  door: Door
  database: Database
  idempotency: IdempotencyKeys
  settings: HttpSettings
  /** Whether answers are held against their schema before they leave. */
  checkAnswers: boolean
  /** Told of administrative calls. */
  audit: AuditSink | undefined
  logger: Logger
}

/** One HTTP request on its way through the server. */
export interface Exchange {
  incoming: IncomingMessage
  outgoing: ServerResponse
  requestId: string
  remoteAddress: string
  /** As it arrived, percent-encoded, without the query. */
  path: string
  /** Without the question mark. */
  search: string
  /** Label of the metrics: the path of the route, never what was asked for. */
  route: string
  /** WWW-Authenticate, should credentials be missing or wrong. */
  challenge: string
}

/** Serves one call of an endpoint, from credentials to the answer. Throws what becomes a problem. */
export async function callEndpoint(
  route: Route,
  rawParams: Record<string, string>,
  exchange: Exchange,
  tools: CallTools,
): Promise<void> {
  const { endpoint } = route
  const { incoming, outgoing } = exchange
  const caller = await tools.door.authenticate(
    endpoint.auth,
    incoming.headers.authorization,
    exchange.remoteAddress,
  )
  tools.door.admit(caller, exchange.remoteAddress, ({ limit, remaining, resetMs }) => {
    outgoing.setHeader('RateLimit-Limit', String(limit))
    outgoing.setHeader('RateLimit-Remaining', String(remaining))
    outgoing.setHeader('RateLimit-Reset', String(Math.ceil(resetMs / 1000)))
  })

  const params = parsePart(endpoint.params, rawParams, 'params')
  const query = parsePart(endpoint.query, parseQuery(exchange.search), 'query')
  const bytes = endpoint.body === undefined ? noBytes : await readBody(incoming, tools.settings.maxBodyBytes)
  const body = parsePart(endpoint.body, parseBody(bytes, incoming, tools.settings), '')
  const ifMatch = parseIfMatch(incoming.headers['if-match'])

  const claim = await claimKey(endpoint, caller, bytes, exchange, tools)
  if (claim !== undefined && 'status' in claim) {
    outgoing.setHeader('Idempotency-Replayed', 'true')
    write(outgoing, claim)
    return
  }
  const headers: Record<string, string> = {}
  const request: AnyRouteRequest = {
    params,
    query,
    body,
    caller,
    project: projectOf(caller, tools.database),
    requestId: exchange.requestId,
    remoteAddress: exchange.remoteAddress,
    ifMatch,
    callKey: claim?.callKey,
    get signal() {
      return closeSignal(outgoing)
    },
    header(name, value) {
      headers[name] = value
    },
    async settle(tx: Queryable, answer: unknown) {
      await claim?.store(tx, encode(endpoint, answer, headers, tools))
    },
  }
  const answer = await run(route, request, claim, () => headers, tools)
  write(outgoing, answer)
}

const noBytes = Buffer.alloc(0)

async function run(
  route: Route,
  request: AnyRouteRequest,
  claim: Claim | undefined,
  headers: () => Record<string, string>,
  tools: CallTools,
): Promise<StoredAnswer> {
  let answer: StoredAnswer
  try {
    const answered = await auditedCall(route.endpoint, request, tools.audit, tools.logger, () =>
      route.handle(request),
    )
    answer = encode(route.endpoint, answered, headers(), tools)
  } catch (error) {
    // A claim that cannot be freed now lapses by itself; the caller must hear of the first error.
    await claim?.release().catch(() => undefined)
    throw error
  }
  // The change is done. Should the answer not be kept, the caller still deserves it.
  if (claim !== undefined && !claim.stored) await claim.store(claim.project, answer).catch(() => undefined)
  return answer
}

function parseBody(bytes: Buffer, incoming: IncomingMessage, settings: HttpSettings): unknown {
  if (bytes.length === 0) return undefined
  requireJson(incoming.headers)
  return parseJson(bytes, { maxDepth: settings.maxJsonDepth })
}

async function claimKey(
  endpoint: Endpoint,
  caller: Caller,
  bytes: Buffer,
  exchange: Exchange,
  tools: CallTools,
): Promise<Claim | StoredAnswer | undefined> {
  if (endpoint.method !== 'POST' || endpoint.idempotencyKey === false) return undefined
  const header = exchange.incoming.headers['idempotency-key']
  const key = parseIdempotencyKey(Array.isArray(header) ? header.join(',') : header)
  if (key === undefined) return undefined
  const url = `${exchange.path}?${exchange.search}`
  return tools.idempotency.begin(caller, key, requestFingerprint(endpoint.method, url, bytes))
}

function projectOf(caller: Caller, database: Database): ProjectScope | undefined {
  return caller.kind === 'key' || caller.kind === 'user' ? database.project(caller.projectId) : undefined
}

/** Aborts when the connection ends before the answer was written. */
function closeSignal(outgoing: ServerResponse): AbortSignal {
  const abort = new AbortController()
  if (outgoing.destroyed) abort.abort()
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) abort.abort()
  })
  return abort.signal
}

function encode(
  endpoint: Endpoint,
  answer: unknown,
  headers: Record<string, string>,
  tools: CallTools,
): StoredAnswer {
  if (tools.checkAnswers) checkAnswer(endpoint, answer)
  const body = endpoint.answer === undefined ? noBytes : Buffer.from(JSON.stringify(answer))
  return { status: endpoint.answer === undefined ? 204 : endpoint.status, headers, body }
}

function checkAnswer(endpoint: Endpoint, answer: unknown): void {
  if (endpoint.answer === undefined) return
  const parsed = endpoint.answer.safeParse(answer)
  if (!parsed.success) {
    throw new AppError('internal-error', `The answer of ${endpoint.name} does not fit its schema`, {
      cause: parsed.error,
    })
  }
  const unknown = unknownMembers(answer, parsed.data)
  if (unknown.length > 0) {
    throw new AppError(
      'internal-error',
      `The answer of ${endpoint.name} holds ${unknown.join(', ')}, which its schema does not know`,
    )
  }
}

function write(outgoing: ServerResponse, answer: StoredAnswer): void {
  if (outgoing.headersSent) return
  const headers: Record<string, string> = { 'Cache-Control': 'no-store', ...answer.headers }
  if (answer.status !== 204) {
    headers['Content-Type'] = 'application/json'
    headers['Content-Length'] = String(answer.body.length)
  }
  outgoing.writeHead(answer.status, headers)
  if (answer.status === 204) outgoing.end()
  else outgoing.end(answer.body)
}
