import { newId } from '@parley/contracts'
import { type Bus, Wake } from '@parley/core/bus'
import { type Closable, type Logger, type Scope, sleep } from '@parley/core/kernel'
import type { Database, Queryable, Transaction } from '@parley/core/store'
import type { z } from 'zod'
import { type ClaimedJob, type DeadJob, JobQueue, systemJobs } from './job-queue.ts'
import { JobRun } from './job-run.ts'
import { jobsMigrations } from './migrations.ts'

export interface JobContext {
  /** Aborts at the job's timeout, when its lease is lost, and when the process gives up waiting while it closes. */
  signal: AbortSignal
  /** 1 for the first run. */
  attempt: number
  /** `*` for jobs of the system. */
  projectId: string
}

export interface JobDefinition<Payload = unknown> {
  name: string
  /** Checked when enqueued, and again when run, as another version may have enqueued it. */
  schema?: z.ZodType<Payload>
  /** Runs before the job is dead. Default 10. */
  maxAttempts?: number
  /** Default 5 minutes. */
  timeoutMs?: number
  /**
   * At least once, never twice at a time. A throw brings it back after a pause that doubles, from a second up to an
   * hour. A handler that ignores its signal keeps its place until it ends.
   */
  handle(payload: Payload, context: JobContext): Promise<void> | void
}

export interface EnqueueOptions {
  name: string
  /** Absent: a job of the system. */
  projectId?: string
  payload?: unknown
  /** Absent: now. */
  runAt?: Date
  /**
   * While a job with this key waits, no second one is made. One that already runs does not count, so that what was
   * enqueued after it began is not missed; the new one runs after it.
   */
  uniqueKey?: string
}

export interface JobsTimes {
  /** Without a wake-up, the table is read after this. */
  rereadMs: number
  /** A job whose process died or stands still runs again after this. */
  leaseMs: number
  /** First and longest pause after a failure, give or take a fifth. */
  retryMs: number
  maxRetryMs: number
  /** How long closing waits for running jobs, before and after their signals abort. */
  drainMs: number
  abortMs: number
  keepDeadMs: number
}

const defaultTimes: JobsTimes = {
  rereadMs: 2_000,
  leaseMs: 15_000,
  retryMs: 1_000,
  maxRetryMs: 3_600_000,
  drainMs: 10_000,
  abortMs: 2_000,
  keepDeadMs: 30 * 86_400_000,
}

export interface JobsOptions {
  database: Database
  bus: Bus
  logger: Logger
  scope: Scope
  /** Jobs at a time in this process. Default 8. */
  concurrency?: number
  times?: Partial<JobsTimes>
}

const enqueued = 'jobs.enqueued'
const dayMs = 86_400_000

/** Work that must happen, later or elsewhere: enqueued in a transaction, run by whichever process defines the name. */
export class Jobs implements Closable {
  readonly #queue: JobQueue
  readonly #bus: Bus
  readonly #logger: Logger
  readonly #scope: Scope
  readonly #times: JobsTimes
  readonly #concurrency: number
  readonly #definitions = new Map<string, JobDefinition>()
  readonly #schedules = new Set<string>()
  #housekeepingMs = -Infinity
  readonly #runs = new Set<JobRun>()
  readonly #wake = new Wake()

  private constructor(options: JobsOptions) {
    const { database, bus, logger } = options
    this.#bus = bus
    this.#logger = logger
    this.#times = { ...defaultTimes, ...options.times }
    this.#concurrency = options.concurrency ?? 8
    this.#queue = new JobQueue({ database, holder: newId('process') })
    this.#scope = options.scope.child('jobs')
    const stop = bus.subscribe(enqueued, () => this.#wake.set())
    const stopGap = bus.onGap(() => this.#wake.set())
    this.#scope.onClose('subscriptions', () => {
      stop()
      stopGap()
    })
    this.#startHeartbeat()
    this.#scope.onClose('drain', () => this.#drain())
    this.#scope.loop('claim', (signal) => this.#work(signal))
    this.define({ name: 'jobs-remove-dead', handle: () => this.#queue.removeDead(this.#times.keepDeadMs) })
  }

  /** Migrates and begins to run what is defined from then on. Owned by the scope. */
  static async open(options: JobsOptions): Promise<Jobs> {
    await options.database.migrate(jobsMigrations)
    const jobs = new Jobs(options)
    await jobs.schedule('jobs-remove-dead', { everyMs: dayMs })
    return jobs
  }

  define<Payload>(definition: JobDefinition<Payload>): void {
    if (this.#definitions.has(definition.name)) throw new Error(`job ${definition.name} is defined already`)
    this.#definitions.set(definition.name, definition as JobDefinition)
    this.#wake.set()
  }

  /**
   * Enqueues with the transaction; a plain Queryable enqueues at once. Answers the id, of the job that waits already
   * when there is one with the same key. Throws a ZodError when the payload does not fit the definition's schema.
   */
  async enqueue(tx: Queryable | Transaction, options: EnqueueOptions): Promise<string> {
    const { name, projectId = systemJobs, payload = null, runAt, uniqueKey } = options
    this.#definitions.get(name)?.schema?.parse(payload)
    const job = {
      name,
      projectId,
      payload: JSON.stringify(payload),
      runAt: runAt ?? null,
      uniqueKey: uniqueKey ?? null,
    }
    const id = await this.#queue.insert(tx, job)
    if ('afterCommit' in tx) tx.afterCommit(() => this.#announce())
    else this.#announce()
    return id
  }

  /** Runs the job once a period over all processes, for the first time at once. A missed period is not made up for. */
  async schedule(name: string, options: { everyMs: number }, payload: unknown = null): Promise<void> {
    await this.#queue.setSchedule(name, options.everyMs, JSON.stringify(payload))
    this.#schedules.add(name)
    this.#housekeepingMs = -Infinity
    this.#wake.set()
  }

  /** Jobs that are given up, the latest first. */
  dead(projectId: string = systemJobs, limit = 100): Promise<DeadJob[]> {
    return this.#queue.dead(projectId, limit)
  }

  /** Lets a dead job begin anew. False when there is none of that id, or another of its key waits. */
  async revive(projectId: string, id: string): Promise<boolean> {
    const revived = await this.#queue.revive(projectId, id)
    if (revived) this.#announce()
    return revived
  }

  /** Claims no more, waits for what runs, then aborts it. What still runs after that is retried by another process. */
  close(): Promise<void> {
    return this.#scope.close()
  }

  #announce(): void {
    if (!this.#scope.closed) this.#bus.publish(enqueued, null)
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let waitMs = this.#times.rereadMs
      try {
        waitMs = Math.min(waitMs, await this.#claim())
      } catch (error) {
        this.#logger.warn({ error }, 'jobs could not be claimed')
      }
      if (waitMs > 0) await this.#wake.wait(waitMs, signal)
    }
  }

  /** Answers how long there is surely nothing to do, unless woken. Milliseconds. */
  async #claim(): Promise<number> {
    const { rereadMs, leaseMs } = this.#times
    const names = [...this.#definitions.keys()]
    if (performance.now() >= this.#housekeepingMs) this.#housekeepingMs = await this.#keepHouse(names)
    const restMs = Math.max(1, this.#housekeepingMs - performance.now())
    const free = this.#concurrency - this.#runs.size
    if (free <= 0) return restMs
    const claimed = await this.#queue.claim(names, free, leaseMs)
    for (const job of claimed) this.#start(job)
    if (claimed.length === free) return restMs
    const dueMs = (await this.#queue.nextDueMs(names)) ?? rereadMs
    return Math.max(1, Math.min(dueMs, restMs))
  }

  /** Enqueues what is scheduled and settles what was left behind. Answers when to come again. */
  async #keepHouse(names: string[]): Promise<number> {
    const { rereadMs, leaseMs } = this.#times
    const nextMs = await this.#queue.fireSchedules([...this.#schedules])
    const expired = await this.#queue.takeExpired(names, this.#concurrency, leaseMs)
    const running = new Set([...this.#runs].map(({ job }) => `${job.id}/${job.attempt}`))
    for (const job of expired) {
      // A run of our own whose lease lapsed while the database was away: it has it back.
      if (running.has(`${job.id}/${job.attempt}`)) continue
      await this.#settle(job, new Error('the process that ran it is gone'))
    }
    return performance.now() + Math.min(rereadMs, nextMs ?? rereadMs)
  }

  #start(job: ClaimedJob): void {
    const definition = this.#definitions.get(job.name)
    if (!definition) return
    const run = new JobRun(job, definition, this.#logger)
    this.#runs.add(run)
    run.ended = run
      .run()
      .then((error) => this.#settle(job, error))
      .catch((error: unknown) => {
        this.#logger.warn(
          { error, job: job.id },
          'the end of a job could not be stored; its lease will expire',
        )
      })
      .finally(() => {
        this.#runs.delete(run)
        this.#wake.set()
      })
  }

  async #settle(job: ClaimedJob, error: Error | undefined): Promise<void> {
    if (!error) return await this.#queue.complete(job)
    const { maxAttempts = 10 } = this.#definitions.get(job.name) ?? {}
    const text = `${error.name}: ${error.message}`.replaceAll('\u0000', '').toWellFormed().slice(0, 2_000)
    if (job.attempt >= maxAttempts) {
      this.#logger.error({ error, job: job.id, name: job.name }, 'a job is dead after its last attempt')
      return await this.#queue.bury(job, text)
    }
    const delayMs = this.#delayAfter(job.attempt)
    this.#logger.warn({ error, job: job.id, name: job.name, delayMs }, 'a job failed and will run again')
    await this.#queue.retry(job, text, delayMs)
  }

  #delayAfter(attempt: number): number {
    const { retryMs, maxRetryMs } = this.#times
    return Math.min(maxRetryMs, retryMs * 2 ** Math.min(40, attempt - 1)) * (0.8 + Math.random() * 0.4)
  }

  /** Not a loop of the scope, as leases are kept until the last job has ended. */
  #startHeartbeat(): void {
    const stop = new AbortController()
    const beating = (async () => {
      while (!stop.signal.aborted) {
        await sleep(this.#times.leaseMs / 3, stop.signal)
        if (this.#runs.size > 0 && !stop.signal.aborted) await this.#beat()
      }
    })()
    this.#scope.onClose('heartbeat', async () => {
      stop.abort()
      await beating
    })
  }

  async #beat(): Promise<void> {
    const runs = [...this.#runs]
    const sentMs = performance.now()
    try {
      const jobs = runs.map((run) => run.job)
      const ours = await this.#queue.extend(jobs, this.#times.leaseMs)
      for (const run of runs) {
        if (ours.has(`${run.job.id}/${run.job.attempt}`)) run.leasedSinceMs = sentMs
        else run.abort('the lease is lost')
      }
    } catch (error) {
      this.#logger.warn({ error }, 'leases of jobs could not be extended')
    }
    for (const run of runs) {
      if (performance.now() - run.leasedSinceMs > this.#times.leaseMs) run.abort('the lease has expired')
    }
  }

  async #drain(): Promise<void> {
    const { drainMs, abortMs } = this.#times
    await this.#allEnd(drainMs)
    for (const run of this.#runs) run.abort('the process closes')
    await this.#allEnd(abortMs)
    for (const { job } of this.#runs) {
      this.#logger.error({ job: job.id, name: job.name }, 'a job ignores its signal and is left behind')
    }
  }

  async #allEnd(ms: number): Promise<void> {
    const ended = new AbortController()
    const all = Promise.all([...this.#runs].map((run) => run.ended)).then(() => ended.abort())
    await Promise.race([all, sleep(ms, ended.signal)])
  }
}
