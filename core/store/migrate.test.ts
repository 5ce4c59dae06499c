import { Scope, silentLogger } from '@parley/core/kernel'
import { openTestDatabase } from '@parley/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDatabase } from './open-database.ts'
import { StoreError } from './store-error.ts'

let opened: Awaited<ReturnType<typeof openTestDatabase>>

beforeEach(async () => {
  opened = await openTestDatabase()
})

afterEach(() => opened?.close())

const one = { id: '0001-one', sql: 'create table sample.one (id bigint generated always as identity)' }
const two = { id: '0002-two', sql: 'alter table sample.one add column body text' }

test('missing steps are applied once, in order, and their tables may be used', async () => {
  await opened.database.migrate({ schema: 'sample', steps: [one] })
  await opened.database.migrate({ schema: 'sample', steps: [one, two] })
  await opened.database.migrate({ schema: 'sample', steps: [one, two] })
  await opened.database.system.query({ text: `insert into sample.one (body) values ('x')` })
  const { rows } = await opened.database.system.query({ text: 'select id, body from sample.one' })
  expect(rows).toEqual([{ id: 1, body: 'x' }])
})

test('a step that fails leaves nothing of itself', async () => {
  const bad = { id: '0002-bad', sql: 'create table sample.half (); select 1/0' }
  await expect(opened.database.migrate({ schema: 'sample', steps: [one, bad] })).rejects.toThrow('0002-bad')
  const { rows } = await opened.database.system.query({
    text: `select from pg_tables where tablename = 'half'`,
  })
  expect(rows).toEqual([])
  await opened.database.migrate({ schema: 'sample', steps: [one, two] })
})

test('an applied step with another text is refused', async () => {
  await opened.database.migrate({ schema: 'sample', steps: [one] })
  const changed = { ...one, sql: `${one.sql} -- changed` }
  await expect(opened.database.migrate({ schema: 'sample', steps: [changed] })).rejects.toBeInstanceOf(
    StoreError,
  )
})

test('a database that a newer version has migrated is refused', async () => {
  await opened.database.migrate({ schema: 'sample', steps: [one, two] })
  await expect(opened.database.migrate({ schema: 'sample', steps: [one] })).rejects.toThrow('a newer one')
})

test('a step put before applied ones is refused', async () => {
  await opened.database.migrate({
    schema: 'sample',
    steps: [two].map((step) => ({ ...step, sql: 'select 1' })),
  })
  await expect(
    opened.database.migrate({ schema: 'sample', steps: [one, { ...two, sql: 'select 1' }] }),
  ).rejects.toThrow('has moved')
})

test('processes that migrate at the same time apply each step once', async () => {
  const scopes = Array.from({ length: 4 }, (_, i) => new Scope(`process ${i}`, silentLogger))
  const databases = await Promise.all(
    scopes.map((scope) => openDatabase({ url: opened.url, logger: silentLogger, scope })),
  )
  await Promise.all(databases.map((database) => database.migrate({ schema: 'sample', steps: [one, two] })))
  const { rows } = await opened.database.system.query({
    text: 'select id from sample.schema_migrations order by position',
  })
  expect(rows).toEqual([{ id: '0001-one' }, { id: '0002-two' }])
  await Promise.all(scopes.map((scope) => scope.close()))
})

test('the application cannot rewrite the history of migrations', async () => {
  await opened.database.migrate({ schema: 'sample', steps: [one] })
  await expect(
    opened.database.system.query({ text: 'delete from sample.schema_migrations' }),
  ).rejects.toMatchObject({ code: '42501' })
})
