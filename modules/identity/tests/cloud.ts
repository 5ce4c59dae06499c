import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configSource, kernelSettings, readSettings, Scope, silentLogger } from '@parley/core/kernel'
import { createFoundation, createPlatform, type Platform } from '@parley/core/platform'
import { createTestDatabase } from '@parley/testing/postgres'
import { WebSocket } from 'ws'
import { createAuthenticator, createIdentity, type Identity, operatorToken } from '../src/index.ts'
import { mintUserToken } from '../src/token/user-token.ts'

export interface TestKey {
  projectId: string
  keyId: string
  secret: string
}

/** Server processes of one installation, each with its own doors, in this process. */
export interface Cloud {
  /** Starts a further process on the same database. */
  databaseUrl: string
  start(env?: Record<string, string>): Promise<ServerProcess>
  close(): Promise<void>
}

export interface ServerProcess {
  platform: Platform
  identity: Identity
  url: string
  makeProject(): Promise<TestKey>
  /** Calls REST; `as` is a key, a user token, or the operator. */
  call(as: TestKey | string | 'operator', method: string, path: string, body?: unknown): Promise<RestAnswer>
  connect(token: string, device?: { id: string; platform: string; name?: string }): Promise<TestSession>
  /** Ends as a killed process does: from now on nothing of it reaches the database. */
  die(): Promise<void>
  close(): Promise<void>
}

export interface RestAnswer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by tests
  body: any
}

export async function openCloud(): Promise<Cloud> {
  const { url: databaseUrl, close } = await createTestDatabase()
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-identity-'))
  const processes: ServerProcess[] = []
  return {
    databaseUrl,
    start: async (env = {}) => {
      const process = await startProcess({
        PARLEY_DATABASE_URL: databaseUrl,
        PARLEY_DATA_DIR: dataDir,
        PARLEY_DATABASE_POOL: '4',
        ...env,
      })
      processes.push(process)
      return process
    },
    close: async () => {
      for (const process of processes) await process.close()
      await close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

async function startProcess(env: Record<string, string>): Promise<ServerProcess> {
  const source = configSource(env)
  const kernel = readSettings(kernelSettings, source)
  const logger = silentLogger
  const scope = new Scope('cloud', logger)
  const foundation = await createFoundation({ source, kernel, logger, scope, version: '0', onStep: () => {} })
  const authenticator = createAuthenticator(foundation)
  const platform = await createPlatform(foundation, authenticator, '0')
  const identity = await createIdentity(platform, { authenticator })
  const { url } = await platform.http.listen({ port: 0, host: '127.0.0.1' })
  const sessions = new Set<TestSession>()
  return {
    platform,
    identity,
    url,
    makeProject: async () => {
      const { projectId, keyId, keySecret } = await identity.bootstrap('test')
      return { projectId, keyId, secret: keySecret }
    },
    call: async (as, method, path, body) => {
      const authorization =
        typeof as !== 'string'
          ? `Basic ${Buffer.from(`${as.keyId}:${as.secret}`).toString('base64')}`
          : `Bearer ${as === 'operator' ? operatorToken(platform.masterKey) : as}`
      const response = await fetch(url + path, {
        method,
        headers: { authorization, ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      return { status: response.status, body: await response.json() }
    },
    connect: async (token, device) => {
      const session = await TestSession.open(url, token, device)
      sessions.add(session)
      return session
    },
    die: async () => {
      await foundation.database.close()
      for (const session of sessions) session.end()
      await scope.close()
    },
    close: async () => {
      for (const session of sessions) session.end()
      await scope.close()
    },
  }
}

export const tokenOf = (key: TestKey, userId: string, options: { ttlMs?: number; grants?: object } = {}) =>
  mintUserToken({
    keyId: key.keyId,
    secret: key.secret,
    userId,
    ttlMs: options.ttlMs ?? 60_000,
    ...(options.grants && { grants: options.grants }),
  }).token

// biome-ignore lint/suspicious/noExplicitAny: frames are looked into by tests
type Frame = Record<string, any>

/** A bare realtime client. */
export class TestSession {
  readonly events: Frame[] = []
  readonly closed: Promise<{ code: number; reason: string | undefined }>
  answer: Frame = {}
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (frame: Frame) => void>()
  #lastId = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => {
      const parsed: Frame | Frame[] = JSON.parse(String(data))
      for (const frame of Array.isArray(parsed) ? parsed : [parsed]) this.#take(frame)
    })
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        for (const settle of this.#waiting.values()) settle({ error: { code: 'closed' } })
        resolve({ code, reason: this.events.find((event) => event.type === 'session.closing')?.code })
      })
    })
  }

  static async open(url: string, token: string, device?: object): Promise<TestSession> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/realtime`, 'parley.v1')
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    const session = new TestSession(socket)
    session.answer = await session.ask('auth', { token, ...(device && { device }) })
    return session
  }

  ask(type: string, body: object): Promise<Frame> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#socket.send(JSON.stringify({ id, type, ...body }))
    })
  }

  end(): void {
    this.#socket.terminate()
  }

  #take(frame: Frame): void {
    const settle = this.#waiting.get(frame.re)
    if (settle) {
      this.#waiting.delete(frame.re)
      settle(frame)
    } else this.events.push(frame)
  }
}
