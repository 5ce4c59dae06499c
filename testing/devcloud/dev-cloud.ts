import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer } from '@parley/app-server'
import { type Logger, silentLogger } from '@parley/core/kernel'
import { createTestDatabase } from '@parley/testing/postgres'

export interface DevCloudOptions {
  /** Server processes in all but name: each has its own ports, bus connection and caches. Default 1. */
  servers?: number
  /** Settings for all servers, by their environment names. */
  env?: Record<string, string>
  logger?: Logger
}

export interface DevServer {
  url: string
  contentUrl: string
  close(): Promise<void>
}

export interface DevCloud {
  /** The first server. */
  url: string
  contentUrl: string
  servers: readonly DevServer[]
  projectId: string
  keyId: string
  keySecret: string
  /** Where the database can be reached, for tests that look into it or cut it off. */
  databaseUrl: string
  dataDir: string
  /** REST with the API key, or with a token. Resolves with status and parsed body, whatever the status. */
  call(
    method: string,
    path: string,
    body?: unknown,
    options?: CallOptions,
  ): Promise<{ status: number; body: unknown }>
  /** Makes the user when it is not there and mints a token. */
  token(userId: string, options?: Record<string, unknown>): Promise<string>
  close(): Promise<void>
}

export interface CallOptions {
  token?: string
  server?: number
  headers?: Record<string, string>
}

/** The whole cloud inside a test: real servers on free ports over a database of their own. */
export async function startDevCloud(options: DevCloudOptions = {}): Promise<DevCloud> {
  const { servers: count = 1, env = {}, logger = silentLogger } = options
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-dev-'))
  const testDatabase = await createTestDatabase()
  const servers: DevServer[] = []
  for (let index = 0; index < count; index++) {
    const settings = {
      PARLEY_DATA_DIR: dataDir,
      PARLEY_DATABASE_URL: testDatabase.url,
      PARLEY_PORT: '0',
      PARLEY_CONTENT_PORT: '0',
      PARLEY_MEDIA_PORT: '0',
      PARLEY_RTC_WORKERS: '1',
      PARLEY_HOST: '127.0.0.1',
      ...env,
    }
    servers.push(await startServer({ env: settings, logger }))
  }
  const [first] = servers
  if (first === undefined) throw new Error('a cloud has at least one server')
  const key = JSON.parse(readFileSync(join(dataDir, 'dev.json'), 'utf8')) as {
    projectId: string
    keyId: string
    keySecret: string
  }
  const basic = `Basic ${Buffer.from(`${key.keyId}:${key.keySecret}`).toString('base64')}`

  const call: DevCloud['call'] = async (method, path, body, { token, server = 0, headers = {} } = {}) => {
    const response = await fetch(new URL(path, servers[server]?.url ?? first.url), {
      method,
      headers: {
        authorization: token === undefined ? basic : `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
  }

  return {
    url: first.url,
    contentUrl: first.contentUrl,
    servers,
    projectId: key.projectId,
    keyId: key.keyId,
    keySecret: key.keySecret,
    databaseUrl: testDatabase.url,
    dataDir,
    call,
    token: async (userId, tokenOptions = {}) => {
      await call('POST', '/v1/users', { id: userId })
      const { status, body } = await call(
        'POST',
        `/v1/users/${encodeURIComponent(userId)}/tokens`,
        tokenOptions,
      )
      if (status !== 201) throw new Error(`minting a token answered ${status}: ${JSON.stringify(body)}`)
      return (body as { token: string }).token
    },
    close: async () => {
      await Promise.all(servers.map((server) => server.close()))
      await testDatabase.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
