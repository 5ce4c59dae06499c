import { AppError } from '@parley/contracts'
import type { Authenticator } from '@parley/core/auth'
import { configSource, readSettings, Scope, silentLogger } from '@parley/core/kernel'
import { Metrics } from '@parley/core/metrics'
import { MasterKey } from '@parley/core/secrets'
import type { Migrations } from '@parley/core/store'
import { openTestDatabase } from '@parley/testing/postgres'
import { HttpServer } from '../http-server.ts'
import { httpMigrations } from '../migrations/index.ts'
import { type HttpSettings, httpSettings } from '../settings.ts'
import { addSystemRoutes } from '../system-routes.ts'

/** Keys `key_a:secret` of proj_a and `key_b:secret` of proj_b; tokens `user:proj_a:anna`; operator `operator`. */
export const testAuthenticator: Authenticator = {
  async authenticateKey(keyId, secret) {
    if (secret !== 'secret' || !keyId.startsWith('key_')) throw new AppError('unauthenticated')
    return { kind: 'key', keyId, projectId: keyId.replace('key_', 'proj_') }
  },
  async authenticateToken(token) {
    const [kind, projectId, userId] = token.split(':')
    if (token === 'expired') throw new AppError('token-expired')
    if (kind !== 'user' || projectId === undefined || userId === undefined)
      throw new AppError('unauthenticated')
    return { kind: 'user', projectId, userId, keyId: 'key_a', issuedAtMs: 0, expiresAtMs: 8e15 }
  },
  async authenticateOperator(token) {
    if (token !== 'operator') throw new AppError('unauthenticated')
    return { kind: 'operator' }
  },
}

export const basic = (keyId: string) => `Basic ${Buffer.from(`${keyId}:secret`).toString('base64')}`

export const defaultHttpSettings: HttpSettings = readSettings(httpSettings, configSource({}))

export interface TestServerOptions {
  settings?: Partial<HttpSettings>
  migrations?: Migrations[]
  addRoutes(http: HttpServer): void
}

/** A server on a free port of loopback, over a database of its own. */
export async function startTestServer(options: TestServerOptions) {
  const scope = new Scope('test', silentLogger)
  const opened = await openTestDatabase({ migrations: [httpMigrations, ...(options.migrations ?? [])] })
  const metrics = new Metrics()
  const settings = { ...defaultHttpSettings, drainMs: 1_000, ...options.settings }
  const masterKey = new MasterKey(Buffer.alloc(32, 1))
  const http = new HttpServer({
    logger: silentLogger,
    scope,
    metrics,
    authenticator: testAuthenticator,
    database: opened.database,
    masterKey,
    settings,
    checkAnswers: true,
  })
  options.addRoutes(http)
  addSystemRoutes(http, { metrics, metricsToken: settings.metricsToken })
  const { url, port } = await http.listen({ port: 0, host: '127.0.0.1' })
  return {
    http,
    url,
    port,
    metrics,
    masterKey,
    database: opened.database,
    async close() {
      await scope.close()
      await opened.close()
    },
  }
}
