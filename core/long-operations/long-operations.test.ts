import { AppError, type LongOperation } from '@parley/contracts'
import { InProcessBus } from '@parley/core/bus'
import { Jobs, jobsMigrations } from '@parley/core/jobs'
import { Scope, silentLogger, sleep } from '@parley/core/kernel'
import { type Database, openDatabase } from '@parley/core/store'
import { createTestDatabase } from '@parley/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LongOperationDefinition, LongOperations, longOperationMigrations } from './index.ts'

let testDatabase: { url: string; close(): Promise<void> }
let scopes: Scope[]

beforeEach(async () => {
  testDatabase = await createTestDatabase({ migrations: [jobsMigrations, longOperationMigrations] })
  scopes = []
})
afterEach(async () => {
  for (const scope of scopes) await scope.close()
  await testDatabase.close()
})

/** A process of its own; `cutOff` takes the database away from it, as a kill would. */
async function join(maxOpen = 100) {
  const outer = new Scope('database', silentLogger)
  const scope = new Scope('peer', silentLogger)
  scopes.push(scope, outer)
  const database = await openDatabase({
    url: testDatabase.url,
    logger: silentLogger,
    scope: outer,
    acquireTimeoutMs: 500,
  })
  const bus = scope.own('bus', new InProcessBus({ logger: silentLogger }))
  const times = { rereadMs: 30, leaseMs: 500, retryMs: 10, maxRetryMs: 40, drainMs: 200, abortMs: 200 }
  const jobs = await Jobs.open({ database, bus, logger: silentLogger, scope, times })
  const operations = await LongOperations.open({ database, jobs, logger: silentLogger, sliceMs: 20, maxOpen })
  return { database, operations, cutOff: () => outer.close() }
}

const start = (
  database: Database,
  operations: LongOperations,
  type: string,
  input: unknown,
  projectId = 'proj_a',
) => database.project(projectId).transaction((tx) => operations.start(tx, projectId, type, input))

async function ended(database: Database, operations: LongOperations, id: string): Promise<LongOperation> {
  for (;;) {
    const operation = await operations.get(database.project('proj_a'), id)
    if (operation.endedAt !== undefined) return operation
    await sleep(10)
  }
}

const counting = (steps: number, each: (n: number) => Promise<void> = async () => undefined) =>
  ({
    type: 'count',
    unit: 'numbers',
    step: async ({ checkpoint = 0 }) => {
      if (checkpoint === steps) return { result: { counted: steps } }
      await each(checkpoint)
      return { checkpoint: checkpoint + 1, done: checkpoint + 1, total: steps }
    },
  }) satisfies LongOperationDefinition<unknown, number>

test('an operation goes step by step to its result, and tells how far it is', async () => {
  const { database, operations } = await join()
  operations.define(counting(25))
  const { id, state } = await start(database, operations, 'count', {})
  expect(state).toBe('waiting')
  const operation = await ended(database, operations, id)
  expect(operation).toMatchObject({
    state: 'succeeded',
    result: { counted: 25 },
    progress: { done: 25, total: 25, unit: 'numbers' },
  })
})

test('another process goes on where the one that died stood', async () => {
  const first = await join()
  const seen: string[] = []
  let reached: () => void = () => undefined
  const half = new Promise<void>((resolve) => {
    reached = resolve
  })
  first.operations.define(
    counting(10, async (n) => {
      seen.push(`first ${n}`)
      if (n < 5) return
      reached()
      await sleep(60_000, AbortSignal.timeout(300))
    }),
  )
  const { id } = await start(first.database, first.operations, 'count', {})
  await half
  await first.cutOff()
  const second = await join()
  second.operations.define(
    counting(10, async (n) => {
      seen.push(`second ${n}`)
    }),
  )
  const operation = await ended(second.database, second.operations, id)
  expect(operation.state).toBe('succeeded')
  expect(seen.filter((text) => text.startsWith('second'))).toEqual([5, 6, 7, 8, 9].map((n) => `second ${n}`))
})

test('work that is written with its checkpoint is done once', async () => {
  const { database, operations } = await join()
  let failed = false
  operations.define<unknown, number>({
    type: 'work',
    unit: 'rows',
    step: async ({ project, checkpoint = 0, advance }) => {
      if (checkpoint === 5) return { result: {} }
      await project.transaction(async (tx) => {
        await tx.query({ text: 'select pg_advisory_xact_lock($1)', values: [checkpoint] })
        await advance(tx, { checkpoint: checkpoint + 1, done: checkpoint + 1 })
        if (checkpoint === 3 && !failed) {
          failed = true
          throw new Error('once')
        }
      })
      return {}
    },
  })
  const { id } = await start(database, operations, 'work', {})
  expect(await ended(database, operations, id)).toMatchObject({ state: 'succeeded', progress: { done: 5 } })
  expect(failed).toBe(true)
})

test('an error that will not pass ends it, and what it left is cleared up', async () => {
  const { database, operations } = await join()
  const cleared: string[] = []
  operations.define({
    type: 'fail',
    unit: 'tries',
    step: async () => {
      throw new AppError('object-not-found', 'The file is gone')
    },
    ended: async ({ id }) => {
      cleared.push(id)
    },
  })
  const { id } = await start(database, operations, 'fail', {})
  expect(await ended(database, operations, id)).toMatchObject({
    ...{ state: 'failed', error: { code: 'object-not-found', detail: 'The file is gone' } },
  })
  expect(cleared).toEqual([id])
})

test('cancelling ends it after a step; ended ones are not cancelled', async () => {
  const { database, operations } = await join()
  operations.define(counting(1_000_000))
  const project = database.project('proj_a')
  const { id } = await start(database, operations, 'count', {})
  await operations.cancel(project, id)
  expect((await ended(database, operations, id)).state).toBe('cancelled')
  expect((await operations.cancel(project, id)).state).toBe('cancelled')
  await expect(operations.cancel(database.project('proj_b'), id)).rejects.toMatchObject({ code: 'not-found' })
  await expect(operations.get(database.project('proj_b'), id)).rejects.toMatchObject({ code: 'not-found' })
})

test('a project has so many under way at most; they are listed newest first', async () => {
  const { database, operations } = await join(2)
  operations.define({ type: 'wait', unit: 'waits', step: async () => ({ waitMs: 60_000 }) })
  const first = await start(database, operations, 'wait', {})
  const second = await start(database, operations, 'wait', {})
  await expect(start(database, operations, 'wait', {})).rejects.toMatchObject({ code: 'limit-exceeded' })
  const project = database.project('proj_a')
  const page = await operations.list(project, { limit: 1 })
  expect(page.items.map(({ id }) => id)).toEqual([second.id])
  const next = await operations.list(project, { limit: 1, cursor: page.nextCursor })
  expect(next).toMatchObject({ items: [{ id: first.id }] })
  expect(next.nextCursor).toBeUndefined()
})
