import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { AppError, type Endpoint, newId } from '@parley/contracts'
import type { Authenticator } from '@parley/core/auth'
import { type Logger, type Scope, sleep } from '@parley/core/kernel'
import { callSeconds, type Metrics, sizeBytes } from '@parley/core/metrics'
import type { MasterKey } from '@parley/core/secrets'
import type { Database } from '@parley/core/store'
import { type CreateServer, createPlainServer } from '@parley/core/tls'
import { type Context, Hono } from 'hono'
import { acceptHeader } from './accept-header.ts'
import type { AuditSink } from './audited-call.ts'
import { answerBrokenRequest } from './broken-request.ts'
import { allowCrossOrigin, answerOptions } from './cors.ts'
import { Door } from './credentials.ts'
import { type CallTools, callEndpoint, type Exchange } from './endpoint-call.ts'
import { IdempotencyKeys } from './idempotency.ts'
import { buildOpenApi, type OpenApiDocument } from './openapi.ts'
import { encodeProblem, sendProblem, toAppError } from './problem.ts'
import { remoteAddress } from './remote-address.ts'
import { decodeOnce } from './request-parts.ts'
import type { AnyRouteRequest, Route, RouteHandler } from './route.ts'
import type { HttpSettings } from './settings.ts'
import { UpgradableMessage } from './upgradable-message.ts'

export interface HttpServerOptions {
  logger: Logger
  scope: Scope
  metrics: Metrics
  authenticator: Authenticator
  database: Database
  masterKey: MasterKey
  settings: HttpSettings
  /** Shown in the OpenAPI document. */
  version?: string
  /** Holds every answer against its schema and its unknown members; for development and tests. */
  checkAnswers?: boolean
  /** With TLS; without it when absent. */
  createServer?: CreateServer
  /** Told of administrative calls before they are carried out, and of their outcome. */
  audit?: AuditSink
}

/** What a raw handler finds in `c.env`. */
export interface RawBindings extends HttpBindings {
  requestId: string
  remoteAddress: string
}

export type RawContext = Context<{ Bindings: RawBindings }>
export type RawHandler = (c: RawContext) => Response | Promise<Response>

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
const methods: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Answers undefined when the part can serve, else why not. */
export type ReadinessCheck = () => Promise<string | undefined> | string | undefined

const knownMethods = new Set<string>([...methods, 'HEAD', 'OPTIONS'])

const bearerChallenge = 'Bearer realm="parley"'
const basicChallenge = 'Basic realm="parley", charset="UTF-8"'

/** Paths that are answered even when the process is overloaded, because they tell so. */
const watchPaths = new Set(['/healthz', '/readyz', '/metrics'])

/**
 * REST, pages and the socket that the WebSocket upgrade arrives on. Routes are added before `listen`. It owns the
 * listening socket and its connections; upgraded sockets belong to whoever upgraded them.
 */
export class HttpServer {
  /** For the `upgrade` event. */
  readonly server: Server
  readonly #options: HttpServerOptions
  readonly #logger: Logger
  readonly #app = new Hono<{ Bindings: RawBindings }>({
    getPath: (_request, options) => this.#exchangeOf((options as { env: RawBindings }).env).path,
  })
  readonly #endpoints: Endpoint[] = []
  readonly #tools: CallTools
  readonly #accepted: { path: RegExp; header: [name: string, type: string] }[] = []
  readonly #readiness = new Map<string, ReadinessCheck>()
  readonly #exchanges = new WeakMap<object, Exchange>()
  /** The answer being written on a connection, if any. */
  readonly #lastAnswer = new WeakMap<object, ServerResponse>()
  readonly #requestSeconds
  readonly #requestBytes
  readonly #responseBytes
  #inFlight = 0
  #draining = false
  #warnedOfProxy = false
  #openApi: OpenApiDocument | undefined

  constructor(options: HttpServerOptions) {
    const { settings, metrics, database, masterKey } = options
    this.#options = options
    this.#logger = options.logger.child({ part: 'http' })
    this.#tools = {
      door: new Door(options.authenticator, settings),
      database,
      idempotency: new IdempotencyKeys({
        database,
        masterKey,
        ttlMs: settings.idempotencyTtlMs,
        leaseMs: settings.idempotencyLeaseMs,
      }),
      settings,
      checkAnswers: options.checkAnswers ?? false,
      audit: options.audit,
      logger: this.#logger,
    }
    this.#requestSeconds = metrics.histogram({
      name: 'http_request_duration_seconds',
      help: 'From the headers of a request to the end of its answer',
      labels: ['method', 'route', 'status'],
      buckets: callSeconds,
    })
    this.#requestBytes = metrics.histogram({
      name: 'http_request_size_bytes',
      help: 'Announced bodies of requests',
      labels: ['route'],
      buckets: sizeBytes,
    })
    this.#responseBytes = metrics.histogram({
      name: 'http_response_size_bytes',
      help: 'Bodies of answers whose length was known at their start',
      labels: ['route'],
      buckets: sizeBytes,
    })
    metrics.gauge({
      name: 'http_requests_in_flight',
      help: 'Requests being worked on',
      read: () => this.#inFlight,
    })
    this.#app.notFound((c) => this.#notFound(this.#exchangeOf(c.env)))
    this.#app.onError((error) => {
      throw error
    })
    this.server = this.#createServer()
    options.scope.onClose('http server', () => this.close())
  }

  /** Adds an endpoint of the contracts. */
  route<E extends Endpoint>(endpoint: E, handler: RouteHandler<E>): void {
    this.#endpoints.push(endpoint)
    this.#openApi = undefined
    const handle = handler as unknown as (request: AnyRouteRequest) => Promise<unknown>
    const route: Route = { endpoint, handle }
    this.#app.on(endpoint.method, honoPath(endpoint.path), async (c) => {
      const exchange = this.#exchangeOf(c.env)
      exchange.route = endpoint.path
      if (endpoint.auth === 'key') exchange.challenge = basicChallenge
      await callEndpoint(route, c.req.param(), exchange, this.#tools)
      return RESPONSE_ALREADY_SENT
    })
  }

  /** Adds a page or a protocol of its own (WHIP, tus). Paths are as Hono takes them. */
  raw(method: Method, path: string, handler: RawHandler): void {
    this.#app.on(method, path, (c) => {
      this.#exchangeOf(c.env).route = path
      return handler(c)
    })
  }

  /** Adds a part that must be well for this process to take requests. Shown by /readyz. */
  readiness(part: string, check: ReadinessCheck): void {
    this.#readiness.set(part, check)
  }

  get draining(): boolean {
    return this.#draining
  }

  /** Lists an endpoint in the OpenAPI document whose handler was added with `raw`. */
  document(endpoint: Endpoint): void {
    this.#endpoints.push(endpoint)
    this.#openApi = undefined
    const header = acceptHeader(endpoint)
    if (header === undefined) return
    const pattern = endpoint.path.replace(/\{\w+\}/g, '[^/]+')
    this.#accepted.push({ path: new RegExp(`^${pattern}$`), header })
  }

  /** Endpoints added so far. */
  get endpoints(): readonly Endpoint[] {
    return this.#endpoints
  }

  openapi(): OpenApiDocument {
    this.#openApi ??= buildOpenApi(this.#endpoints, { version: this.#options.version ?? '0.0.0' })
    return this.#openApi
  }

  /** How each part is; `ready` only when all are and the process is not stopping. */
  async checkReadiness(): Promise<{ ready: boolean; parts: Record<string, string> }> {
    const checks = [...this.#readiness].map(async ([part, check]) => {
      const trouble = await Promise.resolve(check()).catch((error: unknown) => toAppError(error).message)
      return [part, trouble ?? 'ok'] as const
    })
    const parts = Object.fromEntries(await Promise.all(checks))
    if (this.#draining) parts.process = 'stopping'
    return { ready: Object.values(parts).every((state) => state === 'ok'), parts }
  }

  /** Begins to take requests. Port 0 picks a free one. Answers the port, and its address where it has no TLS. */
  async listen(address: { port: number; host: string }): Promise<{ port: number; url: string }> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(address.port, address.host, () => {
        this.server.off('error', reject)
        resolve()
      })
    })
    this.#options.scope.every('expired idempotency keys', 600_000, async () => {
      await this.#tools.idempotency.deleteExpired()
    })
    const { port } = this.server.address() as AddressInfo
    this.#logger.info({ port, host: address.host }, 'http listens')
    return { port, url: `http://127.0.0.1:${port}` }
  }

  /**
   * Stops taking connections and waits until running requests are answered, at most `drainMs`. Connections that
   * stay open are told to close with their next answer.
   */
  async drain(): Promise<void> {
    if (this.#draining) return
    this.#draining = true
    this.server.close()
    this.server.closeIdleConnections()
    const deadline = performance.now() + this.#options.settings.drainMs
    while (this.#inFlight > 0 && performance.now() < deadline) await sleep(10)
  }

  async close(): Promise<void> {
    await this.drain()
    this.server.closeAllConnections()
  }

  #createServer(): Server {
    const { settings, createServer = createPlainServer } = this.#options
    const listener = getRequestListener((request, env) => this.#serve(request, env as HttpBindings), {
      overrideGlobalObjects: false,
      errorHandler: (error) => this.#answerStray(error),
    })
    const server = createServer(
      {
        IncomingMessage: UpgradableMessage,
        maxHeaderSize: settings.maxHeaderBytes,
        headersTimeout: settings.headersTimeoutMs,
        requestTimeout: settings.requestTimeoutMs,
        keepAliveTimeout: settings.keepAliveTimeoutMs,
        connectionsCheckingInterval: Math.min(2_000, settings.headersTimeoutMs),
        noDelay: true,
      },
      (incoming, outgoing) => void listener(incoming, outgoing),
    )
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      const outgoing = this.#lastAnswer.get(socket)
      const answering = outgoing?.headersSent === true && !outgoing.writableFinished
      if (answering) socket.destroy()
      else answerBrokenRequest(error, socket)
    })
    // Without this the body of a request that waits for `100 Continue` would be asked for before it is looked at.
    server.on('checkContinue', (incoming, outgoing: ServerResponse) => {
      if (Number(incoming.headers['content-length'] ?? 0) <= settings.maxBodyBytes) outgoing.writeContinue()
      server.emit('request', incoming, outgoing)
    })
    return server
  }

  /** What the listener could not even turn into a request: a host or target that is none. */
  #answerStray(error: unknown): Response {
    const problem = encodeProblem(
      new AppError('invalid-request', 'The request line or the Host header is malformed', { cause: error }),
      { requestId: newId('request') },
    )
    return new Response(problem.body, { status: problem.status, headers: problem.headers })
  }

  async #serve(request: Request, env: HttpBindings): Promise<Response> {
    const exchange = this.#begin(env)
    const { outgoing } = exchange
    try {
      const refusal = this.#refuse(exchange)
      if (refusal !== undefined) throw refusal
      if (exchange.incoming.method === 'OPTIONS') {
        answerOptions(
          exchange.path,
          this.#methodsOf(exchange.path),
          outgoing,
          this.#acceptedAt(exchange.path),
        )
        return RESPONSE_ALREADY_SENT
      }
      const { requestId, remoteAddress } = exchange
      const response = await this.#app.fetch(request, { ...env, requestId, remoteAddress })
      return response
    } catch (error) {
      this.#fail(error, exchange)
      return RESPONSE_ALREADY_SENT
    }
  }

  #begin(env: HttpBindings): Exchange {
    const { incoming, outgoing } = env
    const startedAt = performance.now()
    const url = originForm(incoming.url ?? '/')
    const question = url.indexOf('?')
    const exchange: Exchange = {
      incoming,
      outgoing,
      requestId: newId('request'),
      remoteAddress: remoteAddress(incoming, this.#options.settings.trustedProxyHops),
      path: question < 0 ? url : url.slice(0, question),
      search: question < 0 ? '' : url.slice(question + 1),
      route: 'none',
      challenge: bearerChallenge,
    }
    this.#exchanges.set(incoming, exchange)
    this.#lastAnswer.set(incoming.socket, outgoing)
    this.#inFlight++
    outgoing.setHeader('X-Request-Id', exchange.requestId)
    outgoing.setHeader('X-Content-Type-Options', 'nosniff')
    if (this.#draining) outgoing.setHeader('Connection', 'close')
    allowCrossOrigin(exchange.path, incoming, outgoing)
    outgoing.once('close', () => {
      this.#inFlight--
      this.#measure(exchange, performance.now() - startedAt)
    })
    this.#warnOfProxy(exchange)
    return exchange
  }

  #refuse(exchange: Exchange): AppError | undefined {
    const { settings } = this.#options
    const { url = '' } = exchange.incoming
    if (url.length > settings.maxUrlBytes) {
      return new AppError(
        'invalid-request',
        `The path with its query is longer than ${settings.maxUrlBytes} bytes`,
      )
    }
    if (decodeOnce(exchange.path) === undefined) {
      return new AppError('invalid-request', 'The path is not the percent-encoding of UTF-8')
    }
    // No id is `.` or `..`, so such a path means to climb.
    if (/\/(?:\.|%2e){1,2}(?:\/|$)/i.test(exchange.path))
      return new AppError('not-found', 'There is no such path')
    if (this.#inFlight > settings.maxInFlight && !watchPaths.has(exchange.path)) {
      return new AppError('overloaded', undefined, { retryAfterMs: 1000 })
    }
    return undefined
  }

  #fail(error: unknown, exchange: Exchange): void {
    const { requestId, outgoing } = exchange
    const problem = toAppError(error)
    if (problem.status >= 500) this.#logFailure(error, problem, exchange)
    const headers: Record<string, string> = {}
    if (problem.status === 401) headers['WWW-Authenticate'] = exchange.challenge
    sendProblem(outgoing, problem, { requestId, headers })
  }

  #logFailure(error: unknown, problem: AppError, exchange: Exchange): void {
    const fields = { requestId: exchange.requestId, route: exchange.route, code: problem.code }
    if (problem.code === 'internal-error') this.#logger.error({ ...fields, error }, 'a request failed')
    else this.#logger.debug({ ...fields, error }, 'a request was turned away')
  }

  #exchangeOf(env: HttpBindings): Exchange {
    const exchange = this.#exchanges.get(env.incoming)
    if (exchange === undefined) throw new Error('a request that did not come through this server')
    return exchange
  }

  #methodsOf(path: string): string[] {
    const found = methods.filter((method) => this.#app.router.match(method, path)[0].length > 0)
    return found.includes('GET') ? ['HEAD', ...found] : found
  }

  #acceptedAt(path: string): [name: string, type: string][] {
    return this.#accepted.filter((one) => one.path.test(path)).map(({ header }) => header)
  }

  #notFound(exchange: Exchange): never {
    const allowed = this.#methodsOf(exchange.path)
    if (allowed.length === 0) throw new AppError('not-found', 'There is no such path')
    exchange.outgoing.setHeader('Allow', [...allowed, 'OPTIONS'].join(', '))
    throw new AppError('method-not-allowed', `This path takes ${allowed.join(', ')}`)
  }

  #measure(exchange: Exchange, ms: number): void {
    const { incoming, outgoing, route } = exchange
    const method = incoming.method ?? ''
    const status = outgoing.headersSent ? String(outgoing.statusCode) : 'aborted'
    this.#requestSeconds.observe(
      { method: knownMethods.has(method) ? method : 'other', route, status },
      ms / 1000,
    )
    const announced = Number(incoming.headers['content-length'])
    if (announced > 0) this.#requestBytes.observe({ route }, announced)
    const length = Number(outgoing.getHeader('Content-Length'))
    if (length > 0) this.#responseBytes.observe({ route }, length)
  }

  #warnOfProxy(exchange: Exchange): void {
    if (this.#warnedOfProxy || this.#options.settings.trustedProxyHops > 0) return
    if (exchange.incoming.headers['x-forwarded-for'] === undefined) return
    this.#warnedOfProxy = true
    this.#logger.warn(
      'requests come through a proxy, but PARLEY_TRUSTED_PROXY_HOPS is 0: limits by address count the proxy',
    )
  }
}

function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1')
}

/** Proxies may send the absolute form (RFC 9112, section 3.2.2); what counts here is the path in it. */
function originForm(target: string): string {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '')
  return path === '' || path.startsWith('?') ? `/${path}` : path
}
