import { AppError, newId, realtimePath } from '@parley/contracts'
import { AuditLog, addAuditRoutes } from '@parley/core/audit'
import type { Authenticator } from '@parley/core/auth'
import { refuseUnfinishedRestore } from '@parley/core/backup'
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
import { addLongOperationRoutes, LongOperations } from '@parley/core/long-operations'
import { Metrics } from '@parley/core/metrics'
import {
  addObjectRoutes,
  ContentServer,
  ObjectService,
  objectMigrations,
  objectSettings,
  openObjectStore,
} from '@parley/core/objects'
import { Outbox } from '@parley/core/outbox'
import { MasterKey } from '@parley/core/secrets'
import { type Database, openDatabase, startEmbeddedPostgres, storeSettings } from '@parley/core/store'
import { Telemetry } from '@parley/core/telemetry'
import { type CreateServer, Tls, tlsSettings } from '@parley/core/tls'
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
  /** Work that goes on behind an answer, with progress. */
  readonly longOperations: LongOperations
  /** Modules register their sources; it is started once all have. */
  readonly webhooks: Webhooks
  readonly tls: Tls
  /** Opens the doors, once every module has registered. A port that is taken is an error. */
  listen(): Promise<Addresses>
  /** Takes no more work and finishes what was accepted; the scope is closed after it. */
  drain(): Promise<void>
}

/** Where clients reach this installation. */
export interface Addresses {
  url: string
  contentUrl: string
  /** How a program on this machine reaches this very process, whatever stands in front of it. */
  localUrl: string
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
  await refuseUnfinishedRestore(database)
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
  const tls = await Tls.open({
    ...{ database, bus: foundation.bus, jobs: foundation.jobs, masterKey, metrics, logger, scope },
    settings: readSettings(tlsSettings, source),
    dataDir: kernel.dataDir,
    addresses: [kernel.publicUrl, kernel.contentUrl],
  })
  const { createServer } = tls
  await database.migrate(httpMigrations)
  const audit = await AuditLog.open({ database, masterKey })
  const http = new HttpServer({
    audit,
    ...{ logger, scope, metrics, authenticator, database, masterKey, settings, version, checkAnswers },
    createServer,
  })
  http.readiness('database', async () => {
    await database.system.query({ text: 'select 1' })
    return undefined
  })
  http.raw('GET', realtimePath, () => {
    throw new AppError('upgrade-required')
  })
  addAuditRoutes(http, audit)
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
  const longOperations = await LongOperations.open({ database, jobs: foundation.jobs, logger })
  addLongOperationRoutes(http, longOperations)
  const { objects, content, setContentUrl } = await createObjects(foundation, http, {
    trustedProxyHops,
    createServer,
  })

  const listen = async (): Promise<Addresses> => {
    const { host, publicUrl } = kernel
    const contentPort = (await content.listen({ port: kernel.contentPort, host })).port
    const contentUrl = kernel.contentUrl ?? contentUrlBeside(kernel, tls, contentPort)
    setContentUrl(contentUrl)
    const { port } = await http.listen({ port: kernel.port, host })
    const url = publicUrl ?? addressOf(tls, tls.host ?? 'localhost', port)
    await tls.start({ host, target: () => new URL(url).origin })
    if (publicUrl?.startsWith('https:') && tls.scheme === 'http' && kernel.contentUrl === undefined) {
      logger.warn(
        { contentUrl },
        'PARLEY_CONTENT_URL is not set: browsers on https will not load files from http',
      )
    }
    return { url, contentUrl, localUrl: addressOf(tls, localHost(host), port) }
  }
  const drain = async (): Promise<void> => {
    await Promise.all([http.drain(), content.drain(), gateway.drain()])
  }
  return { ...foundation, http, gateway, objects, longOperations, webhooks, tls, listen, drain }
}

function addressOf({ scheme }: Tls, host: string, port: number): string {
  const shown = port === (scheme === 'https' ? 443 : 80) ? '' : `:${port}`
  return `${scheme}://${host}${shown}`
}

function localHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

/** The content origin that nobody named: beside the public address, on its own port. */
function contentUrlBeside({ publicUrl }: KernelSettings, tls: Tls, port: number): string {
  const host = publicUrl === undefined ? tls.host : new URL(publicUrl).hostname
  return addressOf(tls, host ?? 'localhost', port)
}

/** Files in the data directory, their REST, and the origin that serves them. */
async function createObjects(
  { source, kernel, logger, scope, metrics, masterKey, database, jobs }: Foundation,
  http: HttpServer,
  doors: { trustedProxyHops: number; createServer: CreateServer },
): Promise<{ objects: ObjectService; content: ContentServer; setContentUrl: (url: string) => void }> {
  const settings = readSettings(objectSettings, source)
  await database.migrate(objectMigrations)
  const store = openObjectStore({ dataDir: kernel.dataDir, settings })
  let contentUrl = ''
  const objects = new ObjectService({
    database,
    store,
    masterKey,
    contentUrl: () => contentUrl,
    limits: settings,
  })
  const content = new ContentServer({ logger, scope, metrics, objects, settings, ...doors })
  addObjectRoutes(http, objects)
  jobs.define({
    name: 'objects-collect',
    handle: async () => {
      await objects.collect()
    },
  })
  await jobs.schedule('objects-collect', { everyMs: 3_600_000 })
  const setContentUrl = (url: string): void => {
    contentUrl = url
  }
  return { objects, content, setContentUrl }
}
