import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addNewestKey, MasterKey } from '@parley/core/secrets'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type Cloud,
  openCloud,
  type ServerProcess,
  type TestKey,
  tokenOf,
} from '../../../modules/identity/tests/cloud.ts'
import { main } from '../src/main.ts'

let cloud: Cloud
let server: ServerProcess
let keys: TestKey[]
let dataDir: string
let webhookIds: string[]
beforeAll(async () => {
  cloud = await openCloud()
  server = await cloud.start()
  dataDir = server.platform.kernel.dataDir
  keys = []
  for (let number = 0; number < 8; number++) keys.push(await server.makeProject())
  webhookIds = []
  for (const key of keys) {
    const body = { url: 'http://127.0.0.1:9/', events: ['*'] }
    const made = await server.call(key, 'POST', '/v1/webhooks', body)
    expect(made.status).toBe(201)
    webhookIds.push(made.body.id)
  }
})
afterAll(() => cloud.close())

async function parley(...line: string[]) {
  let out = ''
  let complaints = ''
  const code = await main(line, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (complaints += text) },
    env: { PARLEY_DATA_DIR: dataDir, PARLEY_DATABASE_URL: cloud.databaseUrl, PARLEY_URL: server.url },
  })
  return { code, out, complaints }
}

async function heads(): Promise<string[]> {
  const client = new pg.Client({ connectionString: cloud.databaseUrl })
  await client.connect()
  await client.query(`set parley.project_id = '*'`)
  const { rows } = await client.query<{ head: string }>(
    `select distinct encode(substring(sealed from 1 for 7), 'hex') as head from (
      select sealed_secret as sealed from identity.keys union all select sealed from webhooks.secrets
      union all select sealed_head from audit.chains) all_sealed`,
  )
  await client.end()
  return rows.map(({ head }) => head)
}

/** Everything that stands on the master key, through the running server and through a new one. */
async function everythingOpens(): Promise<void> {
  const fresh = await cloud.start({ PARLEY_DATABASE_POOL: '3' })
  for (const process of [server, fresh]) {
    for (const [number, key] of keys.entries()) {
      expect((await process.call(key, 'GET', '/v1/project')).status).toBe(200)
      const rotated = `/v1/webhooks/${webhookIds[number]}/rotate-secret`
      expect((await process.call(key, 'POST', rotated, { overlapMs: 0 })).status).toBeLessThan(300)
    }
    const [key] = keys
    if (key !== undefined) {
      await process.call(key, 'POST', '/v1/users', { id: 'ann' })
      expect((await process.call(tokenOf(key, 'ann'), 'GET', '/v1/users/ann')).status).toBe(200)
    }
  }
  await fresh.close()
  expect((await parley('projects', 'list')).code).toBe(0)
  expect((await parley('audit', 'verify')).code).toBe(0)
}

test('a new master key, while the server runs and seals', async () => {
  const before = MasterKey.load({ dataDir })
  const old = before.export()
  const [earlier] = await heads()
  let going = true
  const made: TestKey[] = []
  const busy = (async () => {
    while (going) made.push(await server.makeProject())
  })()
  const { code, out } = await parley('keys', 'rotate-master', '--json')
  going = false
  await busy
  expect(made.length).toBeGreaterThan(0)
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ unnamed: 0, finished: true })
  expect(JSON.parse(out).resealed).toBeGreaterThanOrEqual(17)
  expect(await heads()).toHaveLength(1)
  expect(await heads()).not.toContain(earlier)
  expect(readFileSync(join(dataDir, 'master.key'), 'utf8')).not.toContain(old)
  for (const key of made) expect((await server.call(key, 'GET', '/v1/project')).status).toBe(200)
  await everythingOpens()
})

test('one that was killed at any point opens everything, and the next run finishes it', async () => {
  const old = MasterKey.load({ dataDir }).export()
  // Killed after the file was replaced and before anything was sealed anew.
  addNewestKey(dataDir)
  expect(await heads()).toHaveLength(1)
  await everythingOpens()

  // Killed half way: some values under the new key, some under the old.
  const client = new pg.Client({ connectionString: cloud.databaseUrl })
  await client.connect()
  await client.query(`set parley.project_id = '*'`)
  const masterKey = MasterKey.load({ dataDir })
  const { rows } = await client.query<{ key_id: string; sealed_secret: Buffer }>(
    'select key_id, sealed_secret from identity.keys order by key_id limit 4',
  )
  for (const { key_id, sealed_secret } of rows)
    await client.query('update identity.keys set sealed_secret = $2 where key_id = $1', [
      key_id,
      masterKey.rewrap(sealed_secret),
    ])
  await client.end()
  expect(await heads()).toHaveLength(2)
  await everythingOpens()

  expect((await parley('keys', 'rotate-master', '--keep-old-key')).out).toContain('once more')
  expect(await heads()).toHaveLength(1)
  expect(MasterKey.load({ dataDir }).count).toBe(2)
  expect(JSON.parse((await parley('keys', 'rotate-master', '--json')).out)).toMatchObject({ finished: true })
  expect(readFileSync(join(dataDir, 'master.key'), 'utf8')).not.toContain(old)
  await everythingOpens()
})

test('a key of the environment is rotated by the environment', async () => {
  const file = readFileSync(join(dataDir, 'master.key'), 'utf8').trim()
  const run = async (masterKey: string) => {
    let complaints = ''
    const code = await main(['keys', 'rotate-master'], {
      stdout: { write: () => undefined },
      stderr: { write: (text) => (complaints += text) },
      env: { PARLEY_DATA_DIR: dataDir, PARLEY_DATABASE_URL: cloud.databaseUrl, PARLEY_MASTER_KEY: masterKey },
    })
    return { code, complaints }
  }
  expect(await run(file)).toMatchObject({ code: 1, complaints: expect.stringContaining('old,new') })
  const fresh = Buffer.alloc(32, 9).toString('base64')
  expect((await run(`${fresh},${file}`)).code).toBe(0)
  expect(await heads()).toHaveLength(1)
  // The running server follows its file, which holds the key that everything is sealed by now.
  writeFileSync(join(dataDir, 'master.key.next'), `${fresh}\n`, { mode: 0o600 })
  renameSync(join(dataDir, 'master.key.next'), join(dataDir, 'master.key'))
  await everythingOpens()
})
