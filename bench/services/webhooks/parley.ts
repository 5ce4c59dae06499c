import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { DomainEvent } from '@parley/contracts'
import { InProcessBus } from '@parley/core/bus'
import { configSource, readSettings, Scope, silentLogger } from '@parley/core/kernel'
import { Metrics } from '@parley/core/metrics'
import { Outbox } from '@parley/core/outbox'
import { MasterKey } from '@parley/core/secrets'
import { type Database, openDatabase, startEmbeddedPostgres } from '@parley/core/store'
import { publicEventId, Webhooks, webhookSettings } from '@parley/core/webhooks'

const appendAtOnce = 500

/** The webhooks of a server with all that they stand on, as it is shipped: durable, signed, in order per resource. */
export class ParleySender {
  readonly #database: Database
  readonly #logger = silentLogger
  readonly #closing: () => Promise<void>
  #projects = 0

  private constructor(database: Database, closing: () => Promise<void>) {
    this.#database = database
    this.#closing = closing
  }

  static async start(): Promise<ParleySender> {
    const dataDir = mkdtempSync(join(tmpdir(), 'parley-bench-webhooks-'))
    const scope = new Scope('bench', silentLogger)
    const { url } = await startEmbeddedPostgres({ dataDir, logger: silentLogger, scope })
    const database = await openDatabase({ url, logger: silentLogger, scope, poolSize: 10 })
    return new ParleySender(database, async () => {
      await scope.close()
      rmSync(dataDir, { recursive: true, force: true })
    })
  }

  /**
   * Appends events of `resources` to the outbox, then lets webhooks loose on them. `sent` resolves when `arrived` says
   * that all are there; the answer is how long it took, from the first read of the outbox on.
   */
  async run(options: {
    urls: readonly string[]
    events: number
    resources: number
    text: string
    arrived: () => Promise<boolean>
  }): Promise<{ seconds: number; cpuSeconds: number; busy: number }> {
    const { urls, events, resources, text, arrived } = options
    const logger = this.#logger
    const projectId = `proj_bench${++this.#projects}`
    const scope = new Scope('run', logger)
    const database = this.#database
    const bus = scope.own('bus', new InProcessBus({ logger }))
    const outbox = await Outbox.open({ database, bus, logger, scope })
    const webhooks = await Webhooks.open({
      ...{ database, outbox, bus, logger, scope },
      masterKey: new MasterKey(Buffer.alloc(32, 1)),
      metrics: new Metrics(),
      settings: readSettings(webhookSettings, configSource({})),
      allowLoopback: true,
    })
    webhooks.source('user.created', (project, event) => {
      if (event.type !== 'user.created') return []
      const id = publicEventId(project.projectId, event.resource, event.data.userId)
      const data = { userId: event.data.userId, text }
      return [{ id, type: 'user.created', subject: event.resource, time: event.occurredAt, data }]
    })
    const project = database.project(projectId)
    await project.transaction(async (tx) => {
      for (const url of urls) await webhooks.endpoints.create(tx, projectId, { url, events: ['*'] })
    })
    webhooks.cache.changed()
    for (let from = 0; from < events; from += appendAtOnce) {
      const count = Math.min(appendAtOnce, events - from)
      const made = Array.from({ length: count }, (_, index): DomainEvent => {
        const number = from + index
        const resource = `user/${number % resources}`
        return { projectId, resource, type: 'user.created', data: { userId: String(number) } }
      })
      await database.system.transaction((tx) => outbox.append(tx, made))
    }
    const cpu = process.cpuUsage()
    const loop = performance.eventLoopUtilization()
    const startedMs = performance.now()
    webhooks.start()
    while (!(await arrived())) await new Promise((resolve) => setTimeout(resolve, 20))
    const seconds = (performance.now() - startedMs) / 1_000
    const { user, system } = process.cpuUsage(cpu)
    const busy = performance.eventLoopUtilization(loop).utilization
    await scope.close()
    return { seconds, cpuSeconds: (user + system) / 1e6, busy }
  }

  close(): Promise<void> {
    return this.#closing()
  }
}
