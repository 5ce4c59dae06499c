import { newId } from '@parley/contracts'
import type { Database, Queryable } from '@parley/core/store'

export interface ClaimedJob {
  id: string
  projectId: string
  name: string
  payload: unknown
  /** 1 for the first run. With the id, it names one run: whoever runs attempt n cannot end attempt n + 1. */
  attempt: number
}

export interface DeadJob extends Omit<ClaimedJob, 'payload'> {
  lastError: string
  endedAt: Date
}

interface JobRow {
  id: string
  project_id: string
  name: string
  payload: unknown
  attempt: number
}

/** Another run of the same key is under way. */
const blocked = `(unique_key is not null and exists (
  select 1 from jobs.jobs running
  where running.state = 'running' and running.project_id = waiting.project_id
    and running.name = waiting.name and running.unique_key = waiting.unique_key))`

// A job that waits for a run of the same key is passed over. `for update skip locked` keeps claimers apart.
const claim = `
  with due as (
    select project_id, id from jobs.jobs waiting
    where state = 'ready' and run_at <= now() and name = any($1::text[])
      and not ${blocked}
    order by run_at limit $2 for update skip locked
  )
  update jobs.jobs job
  set state = 'running', attempt = attempt + 1, holder = $3,
    lease_until = clock_timestamp() + $4 * interval '1 millisecond'
  from due where job.project_id = due.project_id and job.id = due.id
  returning job.project_id, job.id, job.name, job.payload, job.attempt`

const run = `project_id = $1 and id = $2 and attempt = $3 and holder = $4 and state = 'running'`

/** The statements behind `Jobs`: each moves jobs from one state to the next, alone or not at all. */
export class JobQueue {
  readonly #database: Database
  readonly #holder: string

  constructor(options: { database: Database; holder: string }) {
    this.#database = options.database
    this.#holder = options.holder
  }

  /** Answers the id, of the waiting job when there is one with the key; that one runs at the earlier time. */
  async insert(
    tx: Queryable,
    job: { name: string; projectId: string; payload: string; runAt: Date | null; uniqueKey: string | null },
  ): Promise<string> {
    const { rows } = await tx.query<{ id: string }>({
      name: 'jobs-enqueue',
      text: `insert into jobs.jobs (project_id, id, name, payload, run_at, unique_key)
        values ($1, $2, $3, $4::jsonb, coalesce($5::timestamptz, now()), $6)
        on conflict (project_id, name, unique_key) where state = 'ready' and unique_key is not null
        do update set run_at = least(jobs.run_at, excluded.run_at)
        returning id`,
      values: [job.projectId, newId('job'), job.name, job.payload, job.runAt, job.uniqueKey],
    })
    return rows[0]?.id ?? ''
  }

  async claim(names: string[], limit: number, leaseMs: number): Promise<ClaimedJob[]> {
    const { rows } = await this.#database.system.query<JobRow>({
      name: 'jobs-claim',
      text: claim,
      values: [names, limit, this.#holder, leaseMs],
    })
    return rows.map(toJob)
  }

  /** Milliseconds until the next job that may run is due, negative for one due by now; undefined when there is none. */
  async nextDueMs(names: string[]): Promise<number | undefined> {
    const { rows } = await this.#database.system.query<{ due_ms: number }>({
      name: 'jobs-next',
      text: `select (extract(epoch from run_at - clock_timestamp()) * 1000)::float8 as due_ms
        from jobs.jobs waiting where state = 'ready' and name = any($1::text[]) and not ${blocked}
        order by run_at limit 1`,
      values: [names],
    })
    return rows[0]?.due_ms
  }

  /** Extends leases and answers which runs are still ours, as `id/attempt`. */
  async extend(jobs: readonly ClaimedJob[], leaseMs: number): Promise<Set<string>> {
    const { rows } = await this.#database.system.query<{ id: string; attempt: number }>({
      text: `update jobs.jobs job set lease_until = clock_timestamp() + $4 * interval '1 millisecond'
        from unnest($1::text[], $2::text[]) as mine(project_id, id)
        where job.project_id = mine.project_id and job.id = mine.id and job.state = 'running' and job.holder = $3
        returning job.id, job.attempt`,
      values: [jobs.map((job) => job.projectId), jobs.map((job) => job.id), this.#holder, leaseMs],
    })
    return new Set(rows.map(({ id, attempt }) => `${id}/${attempt}`))
  }

  async complete(job: ClaimedJob): Promise<void> {
    await this.#database.system.query({
      name: 'jobs-complete',
      text: `delete from jobs.jobs where ${run}`,
      values: this.#run(job),
    })
  }

  /** Back to waiting. When a job with the same key waits already, that one takes its place. */
  async retry(job: ClaimedJob, error: string, delayMs: number): Promise<void> {
    await this.#database.system.transaction(async (tx) => {
      const superseded = await tx.query({
        text: `delete from jobs.jobs job where ${run} and exists (
            select 1 from jobs.jobs waiting where waiting.state = 'ready' and waiting.project_id = job.project_id
              and waiting.name = job.name and waiting.unique_key = job.unique_key)`,
        values: this.#run(job),
      })
      if (superseded.rowCount > 0) return
      await tx.query({
        text: `update jobs.jobs set state = 'ready', holder = null, lease_until = null, last_error = $5,
            run_at = now() + $6 * interval '1 millisecond'
          where ${run}`,
        values: [...this.#run(job), error, delayMs],
      })
    })
  }

  async bury(job: ClaimedJob, error: string): Promise<void> {
    await this.#database.system.query({
      text: `update jobs.jobs set state = 'dead', holder = null, lease_until = null, last_error = $5, ended_at = now()
        where ${run}`,
      values: [...this.#run(job), error],
    })
  }

  /** Runs whose process died or stands still. They stay 'running' until the caller retries or buries them. */
  async takeExpired(names: string[], limit: number, leaseMs: number): Promise<ClaimedJob[]> {
    const { rows } = await this.#database.system.query<JobRow>({
      name: 'jobs-expired',
      text: `with expired as (
          select project_id, id from jobs.jobs
          where state = 'running' and lease_until < clock_timestamp() and name = any($1::text[])
          order by lease_until limit $2 for update skip locked
        )
        update jobs.jobs job set holder = $3, lease_until = clock_timestamp() + $4 * interval '1 millisecond'
        from expired where job.project_id = expired.project_id and job.id = expired.id
        returning job.project_id, job.id, job.name, job.payload, job.attempt`,
      values: [names, limit, this.#holder, leaseMs],
    })
    return rows.map(toJob)
  }

  async dead(projectId: string, limit: number): Promise<DeadJob[]> {
    const { rows } = await this.#database.system.query<JobRow & { last_error: string; ended_at: Date }>({
      text: `select project_id, id, name, payload, attempt, last_error, ended_at from jobs.jobs
        where state = 'dead' and project_id = $1 order by ended_at desc limit $2`,
      values: [projectId, limit],
    })
    return rows.map((row) => {
      const { payload: _, ...job } = toJob(row)
      return { ...job, lastError: row.last_error, endedAt: row.ended_at }
    })
  }

  /** Lets a dead job begin again with its first attempt. False when there is none of that id. */
  async revive(projectId: string, id: string): Promise<boolean> {
    const { rowCount } = await this.#database.system.query({
      text: `update jobs.jobs job set state = 'ready', attempt = 0, run_at = now(), ended_at = null
        where project_id = $1 and id = $2 and state = 'dead' and not exists (
          select 1 from jobs.jobs waiting where waiting.state = 'ready' and waiting.project_id = job.project_id
            and waiting.name = job.name and waiting.unique_key = job.unique_key)`,
      values: [projectId, id],
    })
    return rowCount > 0
  }

  async removeDead(keepMs: number): Promise<void> {
    await this.#database.system.query({
      text: `delete from jobs.jobs where state = 'dead' and ended_at < now() - $1 * interval '1 millisecond'`,
      values: [keepMs],
    })
  }

  /** Keeps the next time of a schedule unless the new period brings it nearer. */
  async setSchedule(name: string, everyMs: number, payload: string): Promise<void> {
    await this.#database.system.query({
      text: `insert into jobs.schedules (name, every_ms, payload) values ($1, $2, $3::jsonb)
        on conflict (name) do update set every_ms = excluded.every_ms, payload = excluded.payload,
          next_at = least(schedules.next_at, now() + excluded.every_ms * interval '1 millisecond')`,
      values: [name, everyMs, payload],
    })
  }

  /**
   * Enqueues what is due and moves each schedule to its next time, in one transaction: every period is enqueued
   * once over all processes; periods that passed while nobody ran are made up for by one run. Answers the
   * milliseconds until the next; undefined when nothing is scheduled.
   */
  async fireSchedules(names: string[]): Promise<number | undefined> {
    const nextMs = await this.#nextScheduleMs(names)
    if (nextMs === undefined || nextMs > 0) return nextMs
    await this.#fireDue(names)
    return await this.#nextScheduleMs(names)
  }

  async #nextScheduleMs(names: string[]): Promise<number | undefined> {
    const { rows } = await this.#database.system.query<{ next_ms: number | null }>({
      name: 'jobs-next-schedule',
      text: `select (extract(epoch from min(next_at) - clock_timestamp()) * 1000)::float8 as next_ms
        from jobs.schedules where name = any($1::text[])`,
      values: [names],
    })
    return rows[0]?.next_ms ?? undefined
  }

  async #fireDue(names: string[]): Promise<void> {
    await this.#database.system.transaction(async (tx) => {
      const { rows } = await tx.query<{ name: string; payload: unknown }>({
        text: `with due as (
            select name from jobs.schedules where name = any($1::text[]) and next_at <= now()
            order by name for update skip locked
          )
          update jobs.schedules schedule set next_at = greatest(
            next_at + every_ms * interval '1 millisecond', now() + every_ms * interval '0.5 millisecond')
          from due where schedule.name = due.name
          returning schedule.name, schedule.payload`,
        values: [names],
      })
      for (const { name, payload } of rows) {
        const job = {
          name,
          projectId: systemJobs,
          payload: JSON.stringify(payload),
          runAt: null,
          uniqueKey: 'schedule',
        }
        await this.insert(tx, job)
      }
    })
  }

  #run(job: ClaimedJob): unknown[] {
    return [job.projectId, job.id, job.attempt, this.#holder]
  }
}

/** The project of jobs that belong to none: what the system scope is called. */
export const systemJobs = '*'

function toJob(row: JobRow): ClaimedJob {
  return { id: row.id, projectId: row.project_id, name: row.name, payload: row.payload, attempt: row.attempt }
}
