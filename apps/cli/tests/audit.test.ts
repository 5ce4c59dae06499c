import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  type Cloud,
  openCloud,
  type ServerProcess,
  type TestKey,
} from '../../../modules/identity/tests/cloud.ts'
import { main } from '../src/main.ts'

let cloud: Cloud
let server: ServerProcess
let key: TestKey
let dataDir: string
beforeAll(async () => {
  cloud = await openCloud()
  server = await cloud.start()
  dataDir = server.platform.kernel.dataDir
})
afterAll(() => cloud.close())
beforeEach(async () => {
  key = await server.makeProject()
  const { projectId, keyId, secret } = key
  const text = JSON.stringify({ url: server.url, projectId, keyId, keySecret: secret })
  writeFileSync(join(dataDir, 'dev.json'), text, { mode: 0o600 })
})

async function parley(...line: string[]) {
  let out = ''
  let complaints = ''
  const code = await main(line, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (complaints += text) },
    env: { PARLEY_DATA_DIR: dataDir, PARLEY_DATABASE_URL: cloud.databaseUrl },
  })
  return { code, out, complaints }
}

test('administrative calls are written down as they begin and as they end', async () => {
  const made = await parley('keys', 'create', '--name', 'second', '--json')
  const { id } = JSON.parse(made.out)
  expect((await parley('keys', 'revoke', 'key_none')).code).toBe(1)
  expect((await parley('keys', 'revoke', id)).code).toBe(0)
  const { items } = JSON.parse((await parley('audit', 'list', '--json')).out)
  const actor = { kind: 'key', id: key.keyId }
  expect(items).toMatchObject([
    { action: 'revokeKey', phase: 'ended', actor, details: { outcome: 'done', id } },
    { action: 'revokeKey', phase: 'begun', actor, details: { params: { keyId: id } } },
    { action: 'revokeKey', phase: 'ended', details: { outcome: 'failed', code: 'not-found' } },
    { action: 'revokeKey', phase: 'begun' },
    { action: 'createKey', phase: 'ended', details: { outcome: 'done', id } },
    { action: 'createKey', phase: 'begun', details: { fields: ['name'] } },
  ])
  expect(items[0].callId).toBe(items[1].callId)
  expect(JSON.stringify(items)).not.toContain('second')
  expect((await parley('audit', 'list', '--action', 'createKey', '--limit', '1')).out).toContain('createKey')
})

test('what operators do stands in the chain of the project, or of the installation', async () => {
  const { project } = JSON.parse((await parley('projects', 'create', 'Shop', '--json')).out)
  await parley('keys', 'create', '--project', project.id)
  const { out } = await parley('audit', 'verify', '--json')
  const { chains } = JSON.parse(out) as { chains: { projectId: string; entries: number }[] }
  expect(chains.find(({ projectId }) => projectId === project.id)?.entries).toBe(2)
  expect(chains.find(({ projectId }) => projectId === 'installation')?.entries).toBeGreaterThanOrEqual(3)
})

test('verify names the first broken entry, and proves that a noted hash is there', async () => {
  await parley('keys', 'create')
  await parley('keys', 'create')
  const good = await parley('audit', 'verify', '--json')
  expect(good.code).toBe(0)
  const { chains } = JSON.parse(good.out) as { chains: { projectId: string; head: string }[] }
  const { head = '' } = chains.find(({ projectId }) => projectId === key.projectId) ?? {}
  expect((await parley('audit', 'verify', '--contains', head)).code).toBe(0)

  const client = new pg.Client({ connectionString: cloud.databaseUrl })
  await client.connect()
  await client.query(`set parley.project_id = '*'; alter table audit.entries disable trigger user`)
  const { rows } = await client.query<{ id: string }>(
    `update audit.entries set action = 'getKey' where project_id = $1 and position = 3 returning id`,
    [key.projectId],
  )
  const bad = await parley('audit', 'verify')
  expect(bad.code).toBe(1)
  expect(bad.out).toContain(`${key.projectId}  broken at 3 (${rows[0]?.id})`)
  await client.query(`delete from audit.entries where project_id = $1`, [key.projectId])
  await client.query(`alter table audit.entries enable trigger user`)
  await client.end()
  expect((await parley('audit', 'verify', '--contains', head)).complaints).toContain('taken away')
})
