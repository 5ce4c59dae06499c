import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configSource, readSettings, Scope, silentLogger } from '@parley/core/kernel'
import { Metrics } from '@parley/core/metrics'
import { basic, startTestServer } from '../../http/test-server/index.ts'
import { ContentServer } from '../content-server.ts'
import { FileSystemObjectStore } from '../file-system-object-store.ts'
import { objectMigrations } from '../migrations/index.ts'
import { addObjectRoutes } from '../object-routes.ts'
import { ObjectService } from '../object-service.ts'
import type { ObjectStore } from '../object-store.ts'
import { type ObjectSettings, objectSettings } from '../settings.ts'

export interface Announcement {
  name?: string
  contentType?: string
  sizeBytes?: number
  sha256?: string
}

export interface TestOriginOptions {
  settings?: Partial<ObjectSettings>
  /** Files in a folder of its own when absent. */
  store?: ObjectStore
}

/** REST and content origin over a database and a store of their own. The clock may be set forward. */
export async function startTestOrigin(options: TestOriginOptions = {}) {
  const settings: ObjectSettings = {
    ...readSettings(objectSettings, configSource({})),
    minFreeBytes: 0,
    ...options.settings,
  }
  const folder = await mkdtemp(join(tmpdir(), 'parley-origin-'))
  const store = options.store ?? new FileSystemObjectStore({ folder, minFreeBytes: 0 })
  const scope = new Scope('origin', silentLogger)
  const clock = { aheadMs: 0 }
  let objects: ObjectService | undefined
  let contentUrl = ''
  const service = (): ObjectService => {
    if (objects === undefined) throw new Error('the service is not there yet')
    return objects
  }
  const api = await startTestServer({
    migrations: [objectMigrations],
    addRoutes: (http) =>
      addObjectRoutes(
        http,
        new Proxy({} as ObjectService, {
          get: (_target, name) => {
            const value = Reflect.get(service(), name)
            return typeof value === 'function' ? value.bind(service()) : value
          },
        }),
      ),
  })
  objects = new ObjectService({
    database: api.database,
    store,
    masterKey: api.masterKey,
    contentUrl: () => contentUrl,
    limits: settings,
    now: () => Date.now() + clock.aheadMs,
  })
  const server = new ContentServer({
    ...{ logger: silentLogger, scope, metrics: new Metrics(), objects, settings },
  })
  const { url, port } = await server.listen({ port: 0, host: '127.0.0.1' })
  contentUrl = url

  async function call(method: string, path: string, body?: unknown, as = basic('key_a')) {
    const response = await fetch(`${api.url}${path}`, {
      method,
      headers: { authorization: as, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const answer = text === '' ? {} : JSON.parse(text)
    return { status: response.status, ...(answer as { code?: string }), answer }
  }

  async function announce(file: Announcement, as?: string) {
    const body = { name: 'a.png', contentType: 'image/png', sizeBytes: 1, ...file }
    const { status, code, answer } = await call('POST', '/v1/uploads', body, as)
    return { status, code, id: String(answer.id), uploadUrl: String(answer.uploadUrl) }
  }

  async function describe(id: string) {
    const { answer } = await call('GET', `/v1/objects/${id}`)
    return answer as {
      url: string
      state: string
      code?: string
      sha256?: string
      width?: number
      height?: number
      durationMs?: number
      thumbnailUrl?: string
    }
  }

  /** Announces, uploads by one PUT, and answers the facts. */
  async function upload(bytes: Uint8Array, file: Announcement = {}) {
    const { id, uploadUrl } = await announce({ sizeBytes: bytes.length, ...file })
    const response = await fetch(uploadUrl, { method: 'PUT', body: Buffer.from(bytes) })
    if (response.status !== 200) throw new Error(`the upload answered ${response.status}`)
    return { id, ...(await describe(id)) }
  }

  return {
    ...{ api, objects, store, folder, settings, clock, url, port, call, announce, describe, upload },
    async close() {
      await scope.close()
      await api.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type TestOrigin = Awaited<ReturnType<typeof startTestOrigin>>
