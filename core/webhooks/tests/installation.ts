import type { DomainEvent } from '@parley/contracts'
import { type Bus, InProcessBus } from '@parley/core/bus'
import { addSystemRoutes, HttpServer, httpMigrations } from '@parley/core/http'
import { configSource, readSettings, Scope, silentLogger, sleep } from '@parley/core/kernel'
import { Metrics } from '@parley/core/metrics'
import { Outbox, outboxMigrations } from '@parley/core/outbox'
import { MasterKey } from '@parley/core/secrets'
import { type Database, type Migrations, openDatabase } from '@parley/core/store'
import { createTestDatabase } from '@parley/testing/postgres'
import { basic, defaultHttpSettings, testAuthenticator } from '../../http/test-server/index.ts'
import {
  addWebhookRoutes,
  publicEventId,
  type Resolver,
  type WebhookSettings,
  Webhooks,
  webhookMigrations,
  webhookSettings,
} from '../index.ts'

/** Rows to lock, each with the number of events its resource has had. */
const probeMigrations: Migrations = {
  schema: 'probe',
  steps: [
    {
      id: '0001',
      sql: 'create table probe.resources (name text primary key, count bigint not null default 0)',
    },
  ],
}

export interface ProcessOptions {
  settings?: Partial<WebhookSettings>
  allowLoopback?: boolean
  resolver?: Resolver
  leaseMs?: number
  /** Shared between processes; its own when absent. */
  bus?: Bus
}

/** A server as the database and the receivers see it. */
export interface Process {
  database: Database
  webhooks: Webhooks
  url: string
  /** REST with the key of a project. */
  call(project: string, method: string, path: string, body?: unknown): Promise<Answer>
  /** Appends the next `count` events of a resource in one transaction. */
  append(project: string, resource: string, count?: number): Promise<void>
  close(): Promise<void>
  /** Ends as a killed process does: nothing of it reaches the database any more, and its calls are cut. */
  kill(): Promise<void>
}

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by tests
  body: any
}

export interface Installation {
  start(options?: ProcessOptions): Promise<Process>
  close(): Promise<void>
}

export async function openInstallation(): Promise<Installation> {
  const { url, close } = await createTestDatabase({
    migrations: [httpMigrations, outboxMigrations, webhookMigrations, probeMigrations],
  })
  const processes: Process[] = []
  return {
    start: async (options = {}) => {
      const process = await startProcess(url, options)
      processes.push(process)
      return process
    },
    close: async () => {
      for (const process of processes) await process.close()
      await close()
    },
  }
}

/** What a test receives for the n-th event of a resource. */
export function probeId(projectId: string, resource: string, n: number): string {
  return publicEventId(projectId, resource, n)
}

async function startProcess(databaseUrl: string, options: ProcessOptions): Promise<Process> {
  const logger = silentLogger
  const outer = new Scope('database', logger)
  const database = await openDatabase({ url: databaseUrl, logger, scope: outer, poolSize: 8 })
  const scope = new Scope('process', logger)
  const bus = options.bus ?? scope.own('bus', new InProcessBus({ logger }))
  const outbox = await Outbox.open({
    ...{ database, bus, logger, scope },
    times: { rereadMs: 50, gatherMs: 1, retryMs: 10, maxRetryMs: 50, leaseMs: 600, idleSaveMs: 0 },
  })
  const masterKey = new MasterKey(Buffer.alloc(32, 1))
  const metrics = new Metrics()
  const settings = {
    ...readSettings(webhookSettings, configSource({})),
    ...quickSettings,
    ...options.settings,
  }
  const webhooks = await Webhooks.open({
    ...{ database, outbox, bus, masterKey, metrics, logger, scope, settings },
    allowLoopback: options.allowLoopback ?? true,
    ...(options.resolver && { resolver: options.resolver }),
    times: { leaseMs: options.leaseMs ?? 900, rereadMs: 40, drainMs: 0 },
  })
  webhooks.source('user.created', (project, event) => {
    if (event.type !== 'user.created') return []
    const n = Number(event.data.userId)
    const id = probeId(project.projectId, event.resource, n)
    const data = { resource: event.resource, n }
    return [{ id, type: 'user.created', subject: event.resource, time: event.occurredAt, data }]
  })
  webhooks.forward('room.created')
  webhooks.start()
  const http = new HttpServer({
    ...{ logger, scope, metrics, authenticator: testAuthenticator, database, masterKey },
    settings: { ...defaultHttpSettings, drainMs: 100, keyBurst: 100_000, failureBurst: 100_000 },
    checkAnswers: true,
  })
  addWebhookRoutes(http, webhooks)
  addSystemRoutes(http, { metrics, metricsToken: undefined })
  const { url } = await http.listen({ port: 0, host: '127.0.0.1' })

  const close = async (): Promise<void> => {
    await scope.close()
    await outer.close()
  }
  return {
    database,
    webhooks,
    url,
    call: async (project, method, path, body) => {
      const response = await fetch(url + path, {
        method,
        headers: {
          authorization: basic(project.replace('proj_', 'key_')),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
    },
    append: (projectId, resource, count = 1) =>
      database.system.transaction(async (tx) => {
        const { rows } = await tx.query<{ count: number }>({
          text: `insert into probe.resources as resource (name, count) values ($1, $2)
            on conflict (name) do update set count = resource.count + $2 returning count`,
          values: [`${projectId}/${resource}`, count],
        })
        const last = rows[0]?.count ?? 0
        const events = Array.from({ length: count }, (_, index): DomainEvent => {
          return {
            projectId,
            resource,
            type: 'user.created',
            data: { userId: String(last - count + 1 + index) },
          }
        })
        await outbox.append(tx, events)
      }),
    close,
    kill: async () => {
      await outer.close()
      await scope.close()
    },
  }
}

const quickSettings: Partial<WebhookSettings> = { timeoutMs: 400, retryScale: 0.0001, perEndpoint: 8 }

/** Polls until true; fails the test by its own time limit otherwise. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5)
}
