import { type Json, Wake } from '@parley/core/bus'
import type { Jobs } from '@parley/core/jobs'
import { type Closable, type Logger, type Scope, sleep } from '@parley/core/kernel'
import type { Database } from '@parley/core/store'
import { telemetryMigrations } from './migrations.ts'

/** A measurement of quality, kept for days. What is billed belongs into the ledger. */
export interface TelemetryPoint {
  projectId: string
  /** What was measured, such as `session/sess_...` or `room/standup`. */
  subject: string
  /** Which measurement, such as `rtc.received`. */
  name: string
  at: Date
  data: Readonly<Record<string, Json>>
}

export interface TelemetryQuery {
  subject: string
  name?: string
  from: Date
  /** Exclusive. */
  to: Date
  /** Default 10,000. */
  limit?: number
}

export interface TelemetryOptions {
  database: Database
  jobs: Jobs
  logger: Logger
  scope: Scope
  /** Points kept in memory; beyond it the newest are dropped and counted. Default 50,000. */
  maxQueued?: number
  /** Points are stored at most this long after they were recorded. Default 500 ms. */
  flushMs?: number
  /** Default 3 days. */
  keepMs?: number
}

const batchSize = 2_000
const hourMs = 3_600_000
const retentionJob = 'telemetry-retention'

/** Takes points without waiting and without ever growing beyond its bound: lossy when the database cannot follow. */
export class Telemetry implements Closable {
  readonly #database: Database
  readonly #logger: Logger
  readonly #scope: Scope
  readonly #maxQueued: number
  readonly #flushMs: number
  readonly #keepMs: number
  readonly #wake = new Wake()
  #queue: TelemetryPoint[] = []
  #dropped = 0
  #flushing: Promise<void> | undefined

  private constructor(options: TelemetryOptions) {
    this.#database = options.database
    this.#logger = options.logger
    this.#scope = options.scope.child('telemetry')
    this.#maxQueued = options.maxQueued ?? 50_000
    this.#flushMs = options.flushMs ?? 500
    this.#keepMs = options.keepMs ?? 3 * 24 * hourMs
    this.#scope.onClose('last flush', () => this.flush())
    this.#scope.loop('flush', (signal) => this.#run(signal))
  }

  static async open(options: TelemetryOptions): Promise<Telemetry> {
    await options.database.migrate(telemetryMigrations)
    const telemetry = new Telemetry(options)
    options.jobs.define({ name: retentionJob, handle: (_, { signal }) => telemetry.#removeOld(signal) })
    await options.jobs.schedule(retentionJob, { everyMs: hourMs })
    return telemetry
  }

  /** Points that were lost: the queue was full, or the database refused them. */
  get dropped(): number {
    return this.#dropped
  }

  get queued(): number {
    return this.#queue.length
  }

  record(points: readonly TelemetryPoint[]): void {
    const room = this.#scope.closed ? 0 : Math.max(0, this.#maxQueued - this.#queue.length)
    this.#dropped += Math.max(0, points.length - room)
    const wasEmpty = this.#queue.length === 0
    for (const point of points.slice(0, room)) this.#queue.push(point)
    if ((wasEmpty && this.#queue.length > 0) || this.#queue.length >= batchSize) this.#wake.set()
  }

  /** Resolves when what was recorded before is stored or lost. */
  async flush(): Promise<void> {
    await this.#flushing
    this.#flushing = this.#flushAll().finally(() => {
      this.#flushing = undefined
    })
    await this.#flushing
  }

  /** By time. */
  async read(projectId: string, query: TelemetryQuery): Promise<TelemetryPoint[]> {
    const { rows } = await this.#database.project(projectId).query<Omit<TelemetryPoint, 'projectId'>>({
      text: `select subject, name, at, data from telemetry.points
        where project_id = $1 and subject = $2 and ($3::text is null or name = $3) and at >= $4 and at < $5
        order by at limit $6`,
      values: [projectId, query.subject, query.name ?? null, query.from, query.to, query.limit ?? 10_000],
    })
    return rows.map((row) => ({ projectId, ...row }))
  }

  close(): Promise<void> {
    return this.#scope.close()
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#wake.wait(60_000, signal)
      if (this.#queue.length === 0 || signal.aborted) continue
      if (this.#queue.length < batchSize) await sleep(this.#flushMs, signal)
      await this.flush()
    }
  }

  async #flushAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const points = this.#queue.splice(0, batchSize)
      try {
        await this.#insert(points)
      } catch (error) {
        this.#dropped += points.length
        this.#logger.warn({ error, points: points.length }, 'telemetry points were lost')
      }
    }
  }

  async #insert(points: TelemetryPoint[]): Promise<void> {
    await this.#database.system.query({
      name: 'telemetry-insert',
      text: `insert into telemetry.points (project_id, subject, name, at, data)
        select project_id, subject, name, at, data::jsonb
        from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[])
          as point(project_id, subject, name, at, data)`,
      values: [
        points.map((point) => point.projectId),
        points.map((point) => point.subject),
        points.map((point) => point.name),
        points.map((point) => point.at.toISOString()),
        points.map((point) => JSON.stringify(point.data)),
      ],
    })
  }

  async #removeOld(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { rowCount } = await this.#database.system.query({
        text: `delete from telemetry.points where ctid = any(array(
          select ctid from telemetry.points where at < now() - $1 * interval '1 millisecond' limit 10000))`,
        values: [this.#keepMs],
      })
      if (rowCount < 10_000) return
    }
    signal.throwIfAborted()
  }
}
