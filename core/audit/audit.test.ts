import { MasterKey } from '@parley/core/secrets'
import { openTestDatabase } from '@parley/testing/postgres'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type AuditFact, AuditLog } from './audit-log.ts'
import { verifyAuditLog } from './verify.ts'

const masterKey = new MasterKey(Buffer.alloc(32, 5))
let opened: Awaited<ReturnType<typeof openTestDatabase>>
let audit: AuditLog
beforeEach(async () => {
  opened = await openTestDatabase()
  audit = await AuditLog.open({ database: opened.database, masterKey })
})
afterEach(() => opened.close())

const fact = (number: number, projectId: string | undefined = 'proj_a'): AuditFact => ({
  ...{ projectId, callId: `req_${number}`, phase: 'begun', action: 'createKey', remoteAddress: '10.0.0.1' },
  actor: { kind: 'key', id: 'key_1' },
  details: { number, body: { b: 1, a: [{ z: 1, y: 'ü' }] } },
})

const verify = () => verifyAuditLog(opened.database.system, masterKey)
const breaks = async () =>
  (await verify()).flatMap(({ projectId, broken }) => (broken ? [{ projectId, ...broken }] : []))

/** What somebody with the password of the database does: the trigger is no lock to its owner. */
async function tamper(...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: opened.url })
  await client.connect()
  await client.query(`set parley.project_id = '*'; alter table audit.entries disable trigger never_changed`)
  for (const statement of statements) await client.query(statement)
  await client.query('alter table audit.entries enable trigger never_changed')
  await client.end()
}

test('writers at the same time make one dense chain that holds', async () => {
  await Promise.all(
    Array.from({ length: 60 }, (_, number) => audit.record(fact(number, `proj_${number % 3}`))),
  )
  const chains = await verify()
  expect(chains.map(({ projectId, entries, broken }) => [projectId, entries, broken])).toEqual([
    ['installation', 3, undefined],
    ['proj_0', 20, undefined],
    ['proj_1', 20, undefined],
    ['proj_2', 20, undefined],
  ])
})

test('an entry is not changed by the application', async () => {
  await audit.record(fact(1))
  for (const text of [`update audit.entries set action = 'x'`, 'delete from audit.entries'])
    await expect(opened.database.system.query({ text })).rejects.toThrow('never changed')
})

test('an entry lives or dies with the transaction of its change', async () => {
  const { system } = opened.database
  await audit.record(fact(1))
  const failing = system.transaction(async (tx) => {
    await audit.append(tx, fact(2))
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  await audit.record(fact(3))
  const { items } = await audit.list(opened.database.project('proj_a'), { limit: 10 })
  expect(items.map(({ position, callId }) => [position, callId])).toEqual([
    [2, 'req_3'],
    [1, 'req_1'],
  ])
  expect(await breaks()).toEqual([])
})

test('pages go from the newest to the oldest, filtered, and never to another project', async () => {
  for (let number = 1; number <= 5; number++) await audit.record(fact(number))
  await audit.record({ ...fact(6), action: 'revokeKey' })
  await audit.record(fact(7, 'proj_b'))
  const project = opened.database.project('proj_a')
  const first = await audit.list(project, { limit: 4 })
  expect(first.items.map(({ position }) => position)).toEqual([6, 5, 4, 3])
  const second = await audit.list(project, { limit: 4, cursor: first.nextCursor })
  expect(second.items.map(({ position }) => position)).toEqual([2, 1])
  expect(second.nextCursor).toBeUndefined()
  expect((await audit.list(project, { limit: 9, action: 'revokeKey' })).items).toHaveLength(1)
  expect((await audit.list(project, { limit: 9, actorId: 'key_2' })).items).toEqual([])
  expect((await audit.list(project, { limit: 9, callId: 'req_7' })).items).toEqual([])
})

describe('tampering by whoever owns the database is found', () => {
  beforeEach(async () => {
    for (let number = 1; number <= 6; number++) await audit.record(fact(number))
    expect(await breaks()).toEqual([])
  })
  const inA = `project_id = 'proj_a' and position`

  test.each([
    ['a changed field', [`update audit.entries set actor_id = 'key_2' where ${inA} = 3`], 3],
    ['changed details', [`update audit.entries set details = '{}' where ${inA} = 4`], 4],
    ['a changed time', [`update audit.entries set at = at - interval '1 day' where ${inA} = 2`], 2],
    ['a deletion in the middle', [`delete from audit.entries where ${inA} = 3`], 3],
    [
      'a deletion in the middle with the rest moved up',
      [
        `delete from audit.entries where ${inA} = 3`,
        `update audit.entries set position = position - 1 where ${inA} = 4`,
        `update audit.entries set position = position - 1 where ${inA} = 5`,
        `update audit.entries set position = position - 1 where ${inA} = 6`,
      ],
      3,
    ],
    [
      'two entries that changed places',
      [
        `update audit.entries set position = 99 where ${inA} = 3`,
        `update audit.entries set position = 3 where ${inA} = 4`,
        `update audit.entries set position = 4 where ${inA} = 99`,
      ],
      3,
    ],
    ['a deletion of the end', [`delete from audit.entries where ${inA} > 4`], 5],
    [
      'a seal that was taken away',
      [`update audit.chains set sealed_head = null where project_id = 'proj_a'`],
      7,
    ],
    [
      'a chain that was taken away',
      [`delete from audit.entries where ${inA} > 0`, `delete from audit.chains where project_id = 'proj_a'`],
      1,
    ],
  ])('%s', async (_name, statements, position) => {
    await tamper(...statements)
    expect(await breaks()).toMatchObject([{ projectId: 'proj_a', position }])
  })

  test('the end cut off, and the log goes on after it', async () => {
    await tamper(`delete from audit.entries where ${inA} > 4`)
    await audit.record(fact(7))
    expect(await breaks()).toMatchObject([{ position: 5, reason: 'entry 5 is gone' }])
  })

  test('the end cut off, the seal of the installation put in its place', async () => {
    await tamper(
      `delete from audit.entries where ${inA} > 1`,
      `update audit.chains set sealed_head = (select sealed_head from audit.chains where project_id = 'installation')`,
    )
    expect(await breaks()).toMatchObject([{ projectId: 'proj_a', position: 2 }])
  })

  test('an entry forged at the end, its hash computed as ours is', async () => {
    await tamper(
      `insert into audit.entries select project_id, 7, 'aud_x', at, call_id, phase, action, actor_kind, actor_id,
        remote_address, details, hash from audit.entries where ${inA} = 6`,
    )
    expect(await breaks()).toMatchObject([{ position: 7, entryId: 'aud_x' }])
  })
})
