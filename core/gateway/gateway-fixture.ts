import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AppError, type Grants } from '@parley/contracts'
import type { Authenticator, UserCaller } from '@parley/core/auth'
import { type Logger, readSettings, Scope, silentLogger } from '@parley/core/kernel'
import { Metrics } from '@parley/core/metrics'
import { type ClientOptions, WebSocket } from 'ws'
import { Gateway } from './gateway.ts'
import { type GatewaySettings, gatewaySettings } from './settings.ts'

/** Reads tokens `user`, `user@project`, `user@project@expiresInMs`; the rest is refused with the code it names. */
export class FakeAuthenticator implements Authenticator {
  /** Awaited before each token is looked at. */
  pause: Promise<void> | undefined
  fails: Error | undefined

  async authenticateToken(token: string): Promise<UserCaller> {
    await this.pause
    if (this.fails !== undefined) throw this.fails
    const [userId = '', projectId = 'proj_1', expiresInMs = '3600000', grants] = token.split('@')
    if (userId === 'expired') throw new AppError('token-expired')
    if (!/^[a-z0-9-]+$/.test(userId)) throw new AppError('unauthenticated')
    const nowMs = Date.now()
    return {
      kind: 'user',
      projectId,
      userId,
      keyId: 'key_1',
      issuedAtMs: nowMs,
      expiresAtMs: nowMs + Number(expiresInMs),
      ...(grants !== undefined && { grants: JSON.parse(grants) as Grants }),
    }
  }

  async authenticateKey(): Promise<never> {
    throw new AppError('unauthenticated')
  }

  async authenticateOperator(): Promise<never> {
    throw new AppError('unauthenticated')
  }
}

export interface Frame {
  re?: string | number
  type?: string
  ok?: Record<string, unknown>
  error?: { code: string; detail: string; retryable: boolean; retryAfterMs?: number; issues?: unknown[] }
  [field: string]: unknown
}

/** A client that keeps every frame it gets. */
export class TestClient {
  readonly socket: WebSocket
  readonly frames: Frame[] = []
  /** WebSocket messages, of which one may hold several frames. */
  messages = 0
  closed: { code: number; reason: string } | undefined
  #waiters: (() => void)[] = []

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data) => {
      const value: unknown = JSON.parse(String(data))
      this.messages++
      for (const frame of Array.isArray(value) ? value : [value]) this.frames.push(frame as Frame)
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) }
      this.#wake()
    })
  }

  send(...frames: unknown[]): void {
    for (const frame of frames) this.socket.send(JSON.stringify(frame))
  }

  /** The first frame that fits, whenever it came. Throws when the connection closes without it. */
  async frame(fits: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(fits)
      if (found !== undefined) return found
      if (this.closed !== undefined) {
        throw new Error(`closed with ${this.closed.code} before the frame: ${JSON.stringify(this.frames)}`)
      }
      await this.#change()
    }
  }

  answer(id: string | number): Promise<Frame> {
    return this.frame((frame) => frame.re === id)
  }

  event(type: string): Promise<Frame> {
    return this.frame((frame) => frame.type === type)
  }

  /** The error that names no frame. */
  error(): Promise<Frame> {
    return this.frame((frame) => frame.error !== undefined && frame.re === undefined)
  }

  async count(fits: (frame: Frame) => boolean, count: number): Promise<Frame[]> {
    for (;;) {
      const found = this.frames.filter(fits)
      if (found.length >= count) return found
      if (this.closed !== undefined) throw new Error(`closed with ${this.closed.code} after ${found.length}`)
      await this.#change()
    }
  }

  async closing(): Promise<{ code: number; reason: string; event: Frame | undefined }> {
    while (this.closed === undefined) await this.#change()
    return { ...this.closed, event: this.frames.find((frame) => frame.type === 'session.closing') }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  #wake(): void {
    for (const resolve of this.#waiters.splice(0)) resolve()
  }
}

export interface Refusal {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: { code?: string }
}

export interface Fixture {
  gateway: Gateway
  server: Server
  authenticator: FakeAuthenticator
  metrics: Metrics
  url: string
  port: number
  connect(options?: ClientOptions): Promise<TestClient>
  /** What an upgrade request is answered when it is refused. */
  refusal(path: string, headers?: Record<string, string>): Promise<Refusal>
  /** Connected and authenticated. */
  open(token: string, device?: Record<string, unknown>): Promise<TestClient>
  close(): Promise<void>
}

export async function startGateway(
  settings: Partial<GatewaySettings> = {},
  options: { logger?: Logger; trustedProxyHops?: number } = {},
): Promise<Fixture> {
  const logger = options.logger ?? silentLogger
  const scope = new Scope('test', logger)
  const server = createServer((_request, response) => response.end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const authenticator = new FakeAuthenticator()
  const metrics = new Metrics()
  const gateway = new Gateway({
    server,
    authenticator,
    logger,
    scope,
    metrics,
    settings: { ...readSettings(gatewaySettings, { read: () => undefined }), ...settings },
    trustedProxyHops: options.trustedProxyHops ?? 0,
  })
  const { port } = server.address() as AddressInfo
  const url = `ws://127.0.0.1:${port}/v1/realtime`
  const clients: TestClient[] = []

  async function connect(clientOptions: ClientOptions = {}): Promise<TestClient> {
    const socket = new WebSocket(url, ['parley.v1'], clientOptions)
    const client = new TestClient(socket)
    clients.push(client)
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    return client
  }

  return {
    gateway,
    server,
    authenticator,
    metrics,
    url,
    port,
    connect,
    refusal: (path, headers) => askForUpgrade(port, path, headers),
    async open(token, device) {
      const client = await connect()
      client.send({ id: 'auth', type: 'auth', token, ...(device && { device }) })
      const answer = await client.answer('auth')
      if (answer.ok === undefined) throw new Error(`not authenticated: ${JSON.stringify(answer)}`)
      return client
    },
    async close() {
      for (const { socket } of clients) socket.terminate()
      await scope.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function askForUpgrade(port: number, path: string, headers: Record<string, string> = {}): Promise<Refusal> {
  return new Promise((resolve, reject) => {
    const asked = request({
      host: '127.0.0.1',
      port,
      path,
      agent: false,
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        ...headers,
      },
    })
    asked.on('error', reject)
    asked.on('upgrade', () => reject(new Error('the upgrade was not refused')))
    asked.on('response', (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += String(chunk)
      })
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: body.startsWith('{') ? JSON.parse(body) : {},
        })
      })
    })
    asked.end()
  })
}

/** A promise that the test settles. */
export function deferred<Value = void>() {
  let resolve: (value: Value) => void = () => {}
  const promise = new Promise<Value>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
