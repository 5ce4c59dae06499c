import { join } from 'node:path'
import { AppError, newId, realtimePath } from '@parley/contracts'
import type { Authenticator } from '@parley/core/auth'
import { type Bus, PostgresBus } from '@parley/core/bus'
import { Gateway, gatewaySettings } from '@parley/core/gateway'
import { addSystemRoutes, HttpServer, httpMigrations, httpSettings } from '@parley/core/http'
import { Jobs } from '@parley/core/jobs'
import {
  type ConfigSource,
  type KernelSettings,
  type Logger,
  readSettings,
  type Scope,
} from '@parley/core/kernel'
import { Ledger } from '@parley/core/ledger'
import { Metrics } from '@parley/core/metrics'
import {
  addObjectRoutes,
  ContentServer,
  FileSystemObjectStore,
  ObjectService,
  objectMigrations,
  objectSettings,
} from '@parley/core/objects'
import { Outbox } from '@parley/core/outbox'
import { MasterKey } from '@parley/core/secrets'
import { type Database, openDatabase, startEmbeddedPostgres, storeSettings } from '@parley/core/store'
import { Telemetry } from '@parley/core/telemetry'
import { addWebhookRoutes, Webhooks, webhookSettings } from '@parley/core/webhooks'

/** What a module stands on before callers can be told apart: data, events and background work. */
export interface Foundation {
  readonly source: ConfigSource
  readonly kernel: KernelSettings
  readonly logger: Logger
  readonly scope: Scope
  readonly processId: string
  readonly masterKey: MasterKey
  readonly metrics: Metrics
  readonly database: Database
  readonly bus: Bus
  readonly outbox: Outbox
  readonly jobs: Jobs
  readonly ledger: Ledger
  readonly telemetry: Telemetry
}

/** Everything a module stands on. One a process; `scope` owns it all. */
export interface Platform extends Foundation {
  readonly http: HttpServer
  readonly gateway: Gateway
  readonly objects: ObjectService
  /** Modules register their sources; it is started once all have. */
  readonly webhooks: Webhooks
  /** Opens the doors, once every module has registered. A port that is taken is an error. */
  listen(): Promise<Addresses>
  /** Takes no more work and finishes what was accepted; the scope is closed after it. */
  drain(): Promise<void>
}

/** Where clients reach this installation. */
export interface Addresses {
  url: string
  contentUrl: string
}

export interface PlatformOptions {
  source: ConfigSource
  kernel: KernelSettings
  logger: Logger
  scope: Scope
  version: string
  /** Tells whoever watches the start what goes on. */
  onStep: (text: string) => void
}

/** Opens the database (its own server when no other is named), then what lives on it. */
export async function createFoundation(options: PlatformOptions): Promise<Foundation> {
  const { source, kernel, logger, scope, onStep } = options
  const settings = readSettings(storeSettings, source)
  const masterKey = MasterKey.load({ dataDir: kernel.dataDir, base64: kernel.masterKey })
  const metrics = new Metrics()
  metrics.collectProcess()
  const url =
    settings.databaseUrl ??
    (await startEmbeddedPostgres({ dataDir: kernel.dataDir, logger, scope, onStep })).url
  onStep('Opening the database')
  const database = await openDatabase({ url, logger, scope, poolSize: settings.databasePool })
  const bus = scope.own('bus', await PostgresBus.open({ database, logger }))
  const outbox = await Outbox.open({ database, bus, logger, scope })
  const jobs = await Jobs.open({ database, bus, logger, scope })
  const ledger = await Ledger.open({ database })
  const telemetry = await Telemetry.open({ database, logger, scope, jobs })
  const processId = newId('process')
  const parts = { database, bus, outbox, jobs, ledger, telemetry }
  return { source, kernel, logger, scope, processId, masterKey, metrics, ...parts }
}

/** Adds the doors through which callers come. Nothing listens yet. */
export async function createPlatform(
  foundation: Foundation,
  authenticator: Authenticator,
  version: string,
): Promise<Platform> {
  const { source, kernel, logger, scope, metrics, masterKey, database } = foundation
  const settings = readSettings(httpSettings, source)
  const { trustedProxyHops } = settings
  const checkAnswers = kernel.mode === 'development'
  await database.migrate(httpMigrations)
  const http = new HttpServer({
    ...{ logger, scope, metrics, authenticator, database, masterKey, settings, version, checkAnswers },
  })
  http.readiness('database', async () => {
    await database.system.query({ text: 'select 1' })
    return undefined
  })
  http.raw('GET', realtimePath, () => {
    throw new AppError('upgrade-required')
  })
  addSystemRoutes(http, { metrics, metricsToken: settings.metricsToken })
  const gateway = new Gateway({
    ...{ server: http.server, authenticator, logger, scope, metrics, trustedProxyHops },
    settings: readSettings(gatewaySettings, source),
  })
  const { outbox, bus } = foundation
  const webhooks = await Webhooks.open({
    ...{ database, outbox, bus, masterKey, metrics, logger, scope },
    settings: readSettings(webhookSettings, source),
    allowLoopback: kernel.mode === 'development',
  })
  addWebhookRoutes(http, webhooks)
  const { objects, content, setContentUrl } = await createObjects(foundation, http, trustedProxyHops)

  const listen = async (): Promise<Addresses> => {
    const { host } = kernel
    const contentPort = (await content.listen({ port: kernel.contentPort, host })).port
    const contentUrl = kernel.contentUrl ?? `http://localhost:${contentPort}`
    setContentUrl(contentUrl)
    const { port } = await http.listen({ port: kernel.port, host })
    return { url: kernel.publicUrl ?? `http://localhost:${port}`, contentUrl }
  }
  const drain = async (): Promise<void> => {
    await Promise.all([http.drain(), content.drain(), gateway.drain()])
  }
  return { ...foundation, http, gateway, objects, webhooks, listen, drain }
}

/** Files in the data directory, their REST, and the origin that serves them. */
async function createObjects(
  { source, kernel, logger, scope, metrics, masterKey, database, jobs }: Foundation,
  http: HttpServer,
  trustedProxyHops: number,
): Promise<{ objects: ObjectService; content: ContentServer; setContentUrl: (url: string) => void }> {
  const settings = readSettings(objectSettings, source)
  await database.migrate(objectMigrations)
  const store = new FileSystemObjectStore({
    folder: join(kernel.dataDir, 'objects'),
    minFreeBytes: settings.minFreeBytes,
  })
  let contentUrl = ''
  const objects = new ObjectService({
    database,
    store,
    masterKey,
    contentUrl: () => contentUrl,
    limits: settings,
  })
  const content = new ContentServer({ logger, scope, metrics, objects, settings, trustedProxyHops })
  addObjectRoutes(http, objects)
  jobs.define({
    name: 'objects-collect',
    handle: async () => {
      await objects.collectUnfinished()
    },
  })
  await jobs.schedule('objects-collect', { everyMs: 3_600_000 })
  const setContentUrl = (url: string): void => {
    contentUrl = url
  }
  return { objects, content, setContentUrl }
}
