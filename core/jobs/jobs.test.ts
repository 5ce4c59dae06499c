import { InProcessBus } from '@parley/core/bus'
import { Scope, silentLogger, sleep } from '@parley/core/kernel'
import { type Database, openDatabase } from '@parley/core/store'
import { createTestDatabase } from '@parley/testing/postgres'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Jobs, type JobsTimes, jobsMigrations } from './index.ts'

const quickTimes: Partial<JobsTimes> = {
  rereadMs: 50,
  leaseMs: 600,
  retryMs: 10,
  maxRetryMs: 40,
  drainMs: 5_000,
  abortMs: 5_000,
}

let testDatabase: { url: string; close(): Promise<void> }
let scopes: Scope[]

beforeEach(async () => {
  testDatabase = await createTestDatabase({ migrations: [jobsMigrations] })
  scopes = []
})

afterEach(async () => {
  for (const scope of scopes) await scope.close()
  await testDatabase?.close()
})

/** A process of its own; wake-ups do not cross to the others. */
async function join(
  options: { times?: Partial<JobsTimes>; concurrency?: number } = {},
): Promise<{ jobs: Jobs; database: Database; cutOff: () => Promise<void> }> {
  const scope = new Scope('peer', silentLogger)
  const outer = new Scope('database', silentLogger)
  scopes.push(scope, outer)
  const database = await openDatabase({
    url: testDatabase.url,
    logger: silentLogger,
    scope: outer,
    acquireTimeoutMs: 500,
  })
  const bus = scope.own('bus', new InProcessBus({ logger: silentLogger }))
  const { times, ...rest } = options
  const jobs = await Jobs.open({
    database,
    bus,
    logger: silentLogger,
    scope,
    times: { ...quickTimes, ...times },
    ...rest,
  })
  return { jobs, database, cutOff: () => outer.close() }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5)
}

async function waitingJobs(database: Database): Promise<number> {
  const { rows } = await database.system.query<{ count: number }>({
    text: `select count(*) from jobs.jobs where name <> 'jobs-remove-dead'`,
  })
  return rows[0]?.count ?? 0
}

test('a job runs once its transaction has committed, with its payload and project, and is gone then', async () => {
  const { jobs, database } = await join()
  const ran: unknown[] = []
  jobs.define({
    name: 'greet',
    schema: z.object({ text: z.string() }),
    handle: (payload, { attempt, projectId }) => void ran.push([payload, attempt, projectId]),
  })
  const project = database.project('proj_a')
  const failing = project.transaction(async (tx) => {
    await jobs.enqueue(tx, { name: 'greet', projectId: 'proj_a', payload: { text: 'lost' } })
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  await project.transaction((tx) =>
    jobs.enqueue(tx, { name: 'greet', projectId: 'proj_a', payload: { text: 'hello' } }),
  )
  await until(async () => (await waitingJobs(database)) === 0)
  expect(ran).toEqual([[{ text: 'hello' }, 1, 'proj_a']])
  const forged = jobs.enqueue(project, { name: 'greet', projectId: 'proj_b', payload: { text: 'forged' } })
  await expect(forged).rejects.toThrow()
  await expect(jobs.enqueue(project, { name: 'greet', projectId: 'proj_a', payload: {} })).rejects.toThrow(
    z.ZodError,
  )
})

test('several processes run each job exactly once', async () => {
  const peers = [await join(), await join(), await join()]
  const runs = new Map<number, number>()
  const runners = new Set<number>()
  for (const [index, { jobs }] of peers.entries()) {
    jobs.define({
      name: 'count',
      schema: z.number(),
      handle: async (n) => {
        runs.set(n, (runs.get(n) ?? 0) + 1)
        runners.add(index)
        await sleep(1)
      },
    })
  }
  const [first] = peers
  if (!first) throw new Error('no peer')
  await first.database.system.transaction(async (tx) => {
    for (let n = 0; n < 200; n++) await first.jobs.enqueue(tx, { name: 'count', payload: n })
  })
  await until(async () => (await waitingJobs(first.database)) === 0)
  expect(runs.size).toBe(200)
  expect(new Set(runs.values())).toEqual(new Set([1]))
  expect(runners.size).toBeGreaterThan(1)
})

test('a failing job comes again, and is dead with its last error after the last attempt; it can be revived', async () => {
  const { jobs, database } = await join()
  const attempts: number[] = []
  let mended = false
  jobs.define({
    name: 'fail',
    maxAttempts: 3,
    handle: (_, { attempt }) => {
      attempts.push(attempt)
      if (!mended) throw new Error(`broken ${attempt} \u0000 \ud800`)
    },
  })
  const id = await jobs.enqueue(database.system, { name: 'fail', projectId: 'proj_a' })
  await until(async () => (await jobs.dead('proj_a')).length === 1)
  expect(attempts).toEqual([1, 2, 3])
  expect(await jobs.dead('proj_a')).toEqual([
    {
      id,
      projectId: 'proj_a',
      name: 'fail',
      attempt: 3,
      lastError: 'Error: broken 3  \ufffd',
      endedAt: expect.any(Date),
    },
  ])
  expect(await jobs.dead('proj_b')).toEqual([])
  mended = true
  expect(await jobs.revive('proj_b', id)).toBe(false)
  expect(await jobs.revive('proj_a', id)).toBe(true)
  await until(async () => (await waitingJobs(database)) === 0)
  expect(attempts).toEqual([1, 2, 3, 1])
})

test('the pause after a failure doubles up to its bound', async () => {
  const { jobs, database } = await join({ times: { retryMs: 60_000, maxRetryMs: 200_000 } })
  jobs.define({
    name: 'fail',
    handle: () => {
      throw new Error('broken')
    },
  })
  const id = await jobs.enqueue(database.system, { name: 'fail' })
  const pauses: number[] = []
  for (let attempt = 1; attempt <= 4; attempt++) {
    await until(async () => {
      const { rows } = await database.system.query<{ pause: number }>({
        text: `select extract(epoch from run_at - now())::float8 as pause from jobs.jobs
          where id = $1 and state = 'ready' and attempt = $2`,
        values: [id, attempt],
      })
      if (rows[0]) pauses.push(rows[0].pause)
      return rows.length === 1
    })
    await database.system.query({ text: 'update jobs.jobs set run_at = now() where id = $1', values: [id] })
  }
  for (const [index, seconds] of [60, 120, 200, 200].entries()) {
    expect(pauses[index]).toBeGreaterThan(seconds * 0.8 - 10)
    expect(pauses[index]).toBeLessThan(seconds * 1.2 + 1)
  }
})

describe('unique key', () => {
  test('one waits, one runs, never two at a time, and what came while one ran is not missed', async () => {
    const peers = [await join(), await join()]
    let running = 0
    let most = 0
    let ran = 0
    for (const { jobs } of peers) {
      jobs.define({
        name: 'sync',
        handle: async () => {
          most = Math.max(most, ++running)
          await sleep(30)
          running--
          ran++
        },
      })
    }
    const [first] = peers
    if (!first) throw new Error('no peer')
    const { jobs, database } = first
    const enqueue = () => jobs.enqueue(database.system, { name: 'sync', projectId: 'proj_a', uniqueKey: 'k' })
    await enqueue()
    await until(() => running === 1)
    const ids = await Promise.all([enqueue(), enqueue(), enqueue()])
    expect(new Set(ids).size).toBe(1)
    await until(async () => (await waitingJobs(database)) === 0)
    expect([ran, most]).toEqual([2, 1])
  })

  test('the earlier time wins', async () => {
    const { jobs, database } = await join()
    let ran = 0
    jobs.define({ name: 'later', handle: () => void ran++ })
    const hour = new Date(Date.now() + 3_600_000)
    const id = await jobs.enqueue(database.system, { name: 'later', uniqueKey: 'k', runAt: hour })
    expect(ran).toBe(0)
    expect(await jobs.enqueue(database.system, { name: 'later', uniqueKey: 'k' })).toBe(id)
    await until(async () => (await waitingJobs(database)) === 0)
    expect(ran).toBe(1)
  })

  test('a failed job gives way to the one that waits', async () => {
    const { jobs, database } = await join()
    const ran: unknown[] = []
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    jobs.define({
      name: 'way',
      handle: async (payload) => {
        ran.push(payload)
        if (payload !== 'old') return
        await held
        throw new Error('broken')
      },
    })
    await jobs.enqueue(database.system, { name: 'way', uniqueKey: 'k', payload: 'old' })
    await until(() => ran.length === 1)
    await jobs.enqueue(database.system, { name: 'way', uniqueKey: 'k', payload: 'new' })
    release()
    await until(async () => (await waitingJobs(database)) === 0)
    expect(ran).toEqual(['old', 'new'])
  })
})

test('a job runs at its time, not before', async () => {
  const { jobs, database } = await join({ times: { rereadMs: 60_000 } })
  const ranAt: number[] = []
  jobs.define({ name: 'timed', handle: () => void ranAt.push(Date.now()) })
  const runAt = new Date(Date.now() + 150)
  await jobs.enqueue(database.system, { name: 'timed', runAt })
  await until(() => ranAt.length === 1)
  // The clock of the server is that of this machine.
  expect(ranAt[0]).toBeGreaterThanOrEqual(runAt.getTime())
})

test('a schedule runs once a period over all processes', async () => {
  const peers = [await join(), await join()]
  let ran = 0
  for (const { jobs } of peers) {
    jobs.define({ name: 'hourly', handle: () => void ran++ })
    await jobs.schedule('hourly', { everyMs: 3_600_000 })
  }
  const database = peers[0]?.database
  if (!database) throw new Error('no peer')
  await until(() => ran === 1)
  await until(async () => (await waitingJobs(database)) === 0)
  // Ten periods pass while nobody looks: one run makes up for them.
  await database.system.query({ text: `update jobs.schedules set next_at = next_at - interval '10 hours'` })
  await until(() => ran === 2)
  await until(async () => (await waitingJobs(database)) === 0)
  const { rows } = await database.system.query<{ ahead: boolean }>({
    text: `select next_at > now() as ahead from jobs.schedules where name = 'hourly'`,
  })
  expect(rows).toEqual([{ ahead: true }])
  expect(ran).toBe(2)
})

test('the job of a process that died runs again elsewhere', async () => {
  const [victim, heir] = [await join(), await join()]
  const attempts: number[] = []
  let aborted = false
  victim.jobs.define({
    name: 'work',
    handle: async (_, { attempt, signal }) => {
      attempts.push(attempt)
      await victim.cutOff()
      await until(() => signal.aborted)
      aborted = true
    },
  })
  await heir.jobs.enqueue(heir.database.system, { name: 'work' })
  await until(() => attempts.length === 1)
  heir.jobs.define({ name: 'work', handle: (_, { attempt }) => void attempts.push(attempt) })
  await until(async () => (await waitingJobs(heir.database)) === 0)
  expect(attempts).toEqual([1, 2])
  await until(() => aborted)
})

test('a job longer than its lease keeps it by its heartbeat', async () => {
  const peers = [await join({ times: { leaseMs: 200 } }), await join({ times: { leaseMs: 200 } })]
  let ran = 0
  for (const { jobs } of peers) {
    jobs.define({
      name: 'long',
      handle: async () => {
        ran++
        await sleep(900)
      },
    })
  }
  const [first] = peers
  if (!first) throw new Error('no peer')
  await first.jobs.enqueue(first.database.system, { name: 'long' })
  await until(async () => (await waitingJobs(first.database)) === 0)
  expect(ran).toBe(1)
})

test('a job over its time is asked to stop, and runs again', async () => {
  const { jobs, database } = await join()
  const reasons: string[] = []
  jobs.define({
    name: 'slow',
    timeoutMs: 30,
    handle: async (_, { signal, attempt }) => {
      if (attempt > 1) return
      await sleep(60_000, signal)
      reasons.push(String(signal.reason))
      signal.throwIfAborted()
    },
  })
  await jobs.enqueue(database.system, { name: 'slow' })
  await until(async () => (await waitingJobs(database)) === 0)
  expect(reasons).toEqual(['Error: not done within 30 ms'])
})

test('closing waits for what runs and begins nothing new', async () => {
  const { jobs, database } = await join({ concurrency: 2 })
  let [began, ended] = [0, 0]
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  jobs.define({
    name: 'drain',
    handle: async () => {
      began++
      await held
      ended++
    },
  })
  for (let n = 0; n < 5; n++) await jobs.enqueue(database.system, { name: 'drain' })
  await until(() => began === 2)
  const closing = jobs.close()
  release()
  await closing
  expect([began, ended]).toEqual([2, 2])
  expect(await waitingJobs(database)).toBe(3)
})
