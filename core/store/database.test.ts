import { AppError } from '@parley/contracts'
import { Scope, silentLogger } from '@parley/core/kernel'
import { createTestDatabase, openTestDatabase } from '@parley/testing/postgres'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ConstraintViolation, isUniqueViolation } from './errors.ts'
import { openDatabase } from './open-database.ts'

const notes = {
  schema: 'sample',
  steps: [
    {
      id: '0001-note',
      sql: `create table sample.note (
              project_id text not null,
              id text not null,
              amount bigint not null default 0,
              primary key (project_id, id)
            );
            alter table sample.note enable row level security;
            alter table sample.note force row level security;
            create policy project_scope on sample.note using (
              project_id = current_setting('parley.project_id', true)
              or current_setting('parley.project_id', true) = '*'
            )`,
    },
  ],
}

let opened: Awaited<ReturnType<typeof openTestDatabase>>

beforeAll(async () => {
  opened = await openTestDatabase({ migrations: [notes], poolSize: 4 })
})

afterAll(() => opened?.close())

beforeEach(() => opened.database.system.query({ text: 'delete from sample.note' }))

function add(projectId: string, id: string, amount = 0) {
  return opened.database.project(projectId).query({
    text: 'insert into sample.note (project_id, id, amount) values ($1, $2, $3)',
    values: [projectId, id, amount],
  })
}

async function asOwner(url: string, text: string, values: unknown[] = []): Promise<void> {
  const owner = new pg.Client({ connectionString: url })
  await owner.connect()
  await owner.query(text, values)
  await owner.end()
}

async function idsSeenBy(projectId: string): Promise<unknown[]> {
  const { rows } = await opened.database.project(projectId).query({
    name: 'sample-all-notes',
    text: 'select id from sample.note order by id',
  })
  return rows.map((row) => row.id)
}

test('a query without WHERE shows nothing of another project', async () => {
  await add('proj_a', 'of a')
  await add('proj_b', 'of b')
  expect(await idsSeenBy('proj_a')).toEqual(['of a'])
  expect(await idsSeenBy('proj_b')).toEqual(['of b'])
  expect(await idsSeenBy('proj_c')).toEqual([])
  const all = await opened.database.system.query({ text: 'select from sample.note' })
  expect(all.rowCount).toBe(2)
})

test('a project can neither write, change nor delete in another', async () => {
  await add('proj_b', 'of b')
  const a = opened.database.project('proj_a')
  await expect(
    a.query({ text: `insert into sample.note (project_id, id) values ('proj_b', 'forged')` }),
  ).rejects.toMatchObject({ code: '42501' })
  expect((await a.query({ text: `update sample.note set amount = 1` })).rowCount).toBe(0)
  expect((await a.query({ text: `delete from sample.note` })).rowCount).toBe(0)
  expect(await idsSeenBy('proj_b')).toEqual(['of b'])
})

test('the scope never leaks between sessions of the pool under concurrency', async () => {
  const projects = Array.from({ length: 12 }, (_, i) => `proj_${i}`)
  await Promise.all(projects.map((projectId) => add(projectId, projectId)))
  const look = async (projectId: string, round: number) => {
    if (round % 4 === 1)
      await opened.database
        .project(projectId)
        .transaction(async (tx) => {
          await tx.query({ text: `select set_config('parley.project_id', 'proj_0', true)` })
          throw new Error('rolled back')
        })
        .catch(() => undefined)
    if (round % 4 === 2)
      await opened.database
        .project(projectId)
        .query({ text: 'select 1/0' })
        .catch(() => undefined)
    const seen = await opened.database.project(projectId).transaction((tx) =>
      tx.query<{ id: string; scope: string }>({
        text: `select id, current_setting('parley.project_id') as scope from sample.note`,
      }),
    )
    expect(seen.rows).toEqual([{ id: projectId, scope: projectId }])
  }
  const looks = Array.from({ length: 600 }, (_, i) => look(projects[(i * 7) % 12] ?? '', i))
  await Promise.all(looks)
})

test('a session with an open transaction is not given to the next', async () => {
  for (let i = 0; i < 6; i++) await opened.database.project('proj_a').query({ text: 'begin' })
  await add('proj_a', 'kept')
  const { rows } = await opened.database
    .project('proj_a')
    .query({ text: 'select pg_current_xact_id_if_assigned() is null as fresh' })
  expect(rows).toEqual([{ fresh: true }])
  expect(await idsSeenBy('proj_a')).toEqual(['kept'])
})

test('a transaction commits when its work resolves and rolls back when it throws', async () => {
  const a = opened.database.project('proj_a')
  const told: string[] = []
  await a.transaction(async (tx) => {
    tx.afterCommit(() => told.push('committed'))
    await tx.query({ text: `insert into sample.note (project_id, id) values ('proj_a', 'one')` })
  })
  const failed = a.transaction(async (tx) => {
    tx.afterCommit(() => told.push('never'))
    await tx.query({ text: `insert into sample.note (project_id, id) values ('proj_a', 'two')` })
    throw new AppError('conflict')
  })
  await expect(failed).rejects.toMatchObject({ code: 'conflict' })
  expect(await idsSeenBy('proj_a')).toEqual(['one'])
  expect(told).toEqual(['committed'])
})

test('a swallowed error inside a transaction does not pass for a commit', async () => {
  const work = opened.database.project('proj_a').transaction(async (tx) => {
    await tx.query({ text: `insert into sample.note (project_id, id) values ('proj_a', 'one')` })
    await tx.query({ text: 'select 1/0' }).catch(() => undefined)
  })
  await expect(work).rejects.toThrow('rolled back')
  expect(await idsSeenBy('proj_a')).toEqual([])
})

test('a transaction cannot be used after its end', async () => {
  const leaked = await opened.database.project('proj_a').transaction(async (tx) => tx)
  await expect(leaked.query({ text: 'select 1' })).rejects.toThrow('came too late')
})

test('transactions that deadlock are run again until both are done', async () => {
  await add('proj_a', 'x')
  await add('proj_a', 'y')
  const a = opened.database.project('proj_a')
  const bump = (first: string, second: string) =>
    a.transaction(async (tx) => {
      for (const id of [first, second]) {
        await tx.query({ text: 'update sample.note set amount = amount + 1 where id = $1', values: [id] })
        await tx.query({ text: 'select pg_sleep(0.05)' })
      }
    })
  await Promise.all([bump('x', 'y'), bump('y', 'x')])
  const { rows } = await a.query({ text: 'select id, amount from sample.note order by id' })
  expect(rows).toEqual([
    { id: 'x', amount: 2 },
    { id: 'y', amount: 2 },
  ])
})

test('statements sent at the same time in one transaction are answered each by its own', async () => {
  const answers = await opened.database
    .project('proj_a')
    .transaction((tx) =>
      Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          tx.query<{ value: number }>({ name: 'sample-echo', text: 'select $1::int as value', values: [i] }),
        ),
      ),
    )
  expect(answers.map((answer) => answer.rows[0]?.value)).toEqual(Array.from({ length: 20 }, (_, i) => i))
})

test('a unique violation is told with its constraint', async () => {
  await add('proj_a', 'taken')
  const error = await add('proj_a', 'taken').catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(ConstraintViolation)
  expect(error).toMatchObject({ kind: 'unique', schema: 'sample', table: 'note', constraint: 'note_pkey' })
  expect(isUniqueViolation(error, 'note_pkey')).toBe(true)
  expect(isUniqueViolation(error, 'another')).toBe(false)
})

test('values come as exact as they are stored', async () => {
  const { rows } = await opened.database.system.query({
    text: `select 9007199254740991::bigint as safe, 9223372036854775807::bigint as large, '42'::xid8 as xid,
                  '2026-01-02T03:04:05.678Z'::timestamptz as at, '2026-01-02'::date as day,
                  '{"a":[1,null]}'::jsonb as doc, 1.10::numeric as price, array[1,null,2]::bigint[] as list,
                  array['2026-01-02']::date[] as days`,
  })
  expect(rows).toEqual([
    {
      safe: 9007199254740991,
      large: '9223372036854775807',
      xid: '42',
      at: new Date('2026-01-02T03:04:05.678Z'),
      day: '2026-01-02',
      doc: { a: [1, null] },
      price: '1.10',
      list: [1, null, 2],
      days: ['2026-01-02'],
    },
  ])
})

test('a transaction that takes too long is cut and rolled back', async () => {
  const work = opened.database.project('proj_a').transaction(
    async (tx) => {
      await tx.query({ text: `insert into sample.note (project_id, id) values ('proj_a', 'late')` })
      await tx.query({ text: 'select pg_sleep(20)' })
    },
    { timeoutMs: 300 },
  )
  await expect(work).rejects.toMatchObject({ code: 'overloaded', retryable: true })
  expect(await idsSeenBy('proj_a')).toEqual([])
})

test('who waits too long for a connection is told so, and a full queue refuses at once', async () => {
  const scope = new Scope('small', silentLogger)
  const small = await openDatabase({
    url: opened.url,
    logger: silentLogger,
    scope,
    poolSize: 1,
    acquireTimeoutMs: 200,
    maxWaiting: 1,
  })
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  let begun = () => {}
  const running = new Promise<void>((resolve) => {
    begun = resolve
  })
  const holder = small.system.transaction(async () => {
    begun()
    await gate
  })
  await running
  const waiting = small.system.query({ text: 'select 1' }).catch((error: unknown) => error)
  const refused = await small.system.query({ text: 'select 1' }).catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'overloaded' })
  expect(await waiting).toMatchObject({ code: 'overloaded' })
  release()
  await holder
  expect((await small.system.query({ text: 'select 1 as one' })).rows).toEqual([{ one: 1 }])
  await scope.close()
})

test('a lost session costs its own query only', async () => {
  const a = opened.database.project('proj_a')
  const { rows } = await a.query<{ pid: number }>({ text: 'select pg_backend_pid() as pid' })
  const asleep = a.transaction(async (tx) => {
    const mine = await tx.query<{ pid: number }>({ text: 'select pg_backend_pid() as pid' })
    await asOwner(opened.url, 'select pg_terminate_backend($1)', [mine.rows[0]?.pid])
    await tx.query({ text: 'select pg_sleep(20)' })
  })
  await expect(asleep).rejects.toMatchObject({ code: 'unavailable', retryable: true })
  await asOwner(opened.url, 'select pg_terminate_backend($1)', [rows[0]?.pid])
  expect((await a.query({ text: 'select 1 as one' })).rows).toEqual([{ one: 1 }])
})

test('a prepared statement survives a migration that changes its result', async () => {
  const other = await openTestDatabase({ migrations: [notes], poolSize: 1 })
  const all = () =>
    other.database.project('proj_a').query({ name: 'sample-star', text: 'select * from sample.note' })
  await all()
  await other.database.migrate({
    ...notes,
    steps: [...notes.steps, { id: '0002-title', sql: 'alter table sample.note add column title text' }],
  })
  await expect(all()).resolves.toMatchObject({ rowCount: 0 })
  await other.close()
})

test('a wrong password fails at once; a server that is not there is unavailable', async () => {
  const scope = new Scope('wrong', silentLogger)
  const wrong = new URL(opened.url)
  wrong.password = 'wrong'
  await expect(openDatabase({ url: wrong.href, logger: silentLogger, scope })).rejects.toBeDefined()
  const absent = 'postgres://u:p@localhost/x?host=/nonexistent'
  await expect(openDatabase({ url: absent, logger: silentLogger, scope })).rejects.toMatchObject({
    code: 'unavailable',
  })
  await scope.close()
})

test('a login without the right to make roles is used as it is when row-level security binds it', async () => {
  const { url, close } = await createTestDatabase()
  const name = `plain_${process.pid}`
  await asOwner(url, `create role ${name} login password 'p'`)
  const plain = new URL(url)
  plain.username = name
  plain.password = 'p'
  const scope = new Scope('plain', silentLogger)
  const database = await openDatabase({ url: plain.href, logger: silentLogger, scope })
  const { rows } = await database.system.query({ text: 'select current_user::text as "user"' })
  expect(rows).toEqual([{ user: name }])
  await scope.close()
  await asOwner(url, `drop role ${name}`)
  await close()
})
