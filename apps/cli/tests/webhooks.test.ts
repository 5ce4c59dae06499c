import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configSource, readSettings, sleep } from '@parley/core/kernel'
import { addWebhookRoutes, Webhooks, webhookSettings } from '@parley/core/webhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
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
let folder: string

beforeAll(async () => {
  cloud = await openCloud()
  server = await cloud.start()
  const { platform } = server
  const { database, outbox, bus, masterKey, metrics, scope, logger, http } = platform
  const settings = readSettings(webhookSettings, configSource({}))
  const webhooks = await Webhooks.open({
    ...{ database, outbox, bus, masterKey, metrics, scope, logger, settings },
    allowLoopback: true,
  })
  webhooks.forward('user.created')
  webhooks.start()
  addWebhookRoutes(http, webhooks)
  key = await server.makeProject()
  folder = mkdtempSync(join(tmpdir(), 'parley-cli-'))
  const { projectId, keyId, secret } = key
  const text = JSON.stringify({ url: server.url, projectId, keyId, keySecret: secret })
  writeFileSync(join(folder, 'dev.json'), text, { mode: 0o600 })
})
afterAll(async () => {
  await cloud?.close()
  rmSync(folder, { recursive: true, force: true })
})

function parley(...line: string[]) {
  const run = { out: '', notes: '', code: Promise.resolve(-1) }
  run.code = main(line, {
    stdout: { write: (text) => (run.out += text) },
    stderr: { write: (text) => (run.notes += text) },
    env: { PARLEY_DATA_DIR: folder },
  })
  return run
}

const registered = async () => (await server.call(key, 'GET', '/v1/webhooks')).body.items

test('HOOK-22: listen prints what happens, refuses what is not signed, and leaves no webhook behind', async () => {
  const run = parley('webhooks', 'listen', '--events', 'user.*', '--count', '2')
  while (!run.notes.includes('listens on')) await sleep(5)
  const [webhook] = await registered()
  expect(webhook).toMatchObject({ description: 'parley webhooks listen', events: ['user.*'] })
  const listed = parley('webhooks', 'list')
  expect(await listed.code).toBe(0)
  expect(listed.out).toContain(webhook.id)
  expect((await fetch(webhook.url, { method: 'POST', body: '{}' })).status).toBe(401)
  for (const id of ['alice', 'bob']) await server.call(key, 'POST', '/v1/users', { id })
  expect(await run.code).toBe(0)
  expect(run.out.match(/user\.created/g)).toHaveLength(2)
  expect(run.out).toContain('"userId": "alice"')
  expect(run.notes).toContain('refused')
  expect(await registered()).toEqual([])
})

test('wrong words are told', async () => {
  expect(await parley('webhooks').code).toBe(2)
  expect(await parley('webhooks', 'listen', '--count', '0').code).toBe(2)
  const typo = parley('webhooks', 'listen', '--events', 'user.creatd')
  expect(await typo.code).toBe(1)
  expect(typo.notes).toContain('is not an event')
  const listed = parley('webhooks', 'list', '--json')
  expect(await listed.code).toBe(0)
  expect(JSON.parse(listed.out)).toEqual({ items: [] })
})
