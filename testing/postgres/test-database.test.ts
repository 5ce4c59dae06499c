import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestDatabase } from './index.ts'

const migrations = [
  {
    schema: 'sample',
    steps: [
      {
        id: '0001-note',
        sql: `create table sample.note (
                project_id text not null,
                id bigint generated always as identity,
                body text not null,
                primary key (project_id, id)
              );
              alter table sample.note enable row level security;
              alter table sample.note force row level security;
              create policy project_scope on sample.note using (
                project_id = current_setting('parley.project_id', true)
                or current_setting('parley.project_id', true) = '*'
              );`,
      },
    ],
  },
]

let one: Awaited<ReturnType<typeof openTestDatabase>>
let other: Awaited<ReturnType<typeof openTestDatabase>>

beforeAll(async () => {
  ;[one, other] = await Promise.all([openTestDatabase({ migrations }), openTestDatabase({ migrations })])
})

afterAll(async () => {
  await one?.close()
  await other?.close()
})

test('each test database is a copy of its own', async () => {
  await one.database.project('proj_a').query({
    text: `insert into sample.note (project_id, body) values ('proj_a', 'hello')`,
  })
  const here = await one.database.system.query({ text: 'select body from sample.note' })
  const there = await other.database.system.query({ text: 'select body from sample.note' })
  expect(here.rows).toEqual([{ body: 'hello' }])
  expect(there.rows).toEqual([])
})

test('statements run as a role for which row-level security holds', async () => {
  const { rows } = await one.database.system.query({
    text: `select rolname, rolsuper, rolbypassrls from pg_roles where rolname = current_user`,
  })
  expect(rows).toEqual([{ rolname: 'parley_app', rolsuper: false, rolbypassrls: false }])
})
