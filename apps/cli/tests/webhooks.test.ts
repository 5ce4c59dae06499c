import { sleep } from '@parley/core/kernel'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { main } from '../src/main.ts'

let cloud: DevCloud

beforeAll(async () => {
  cloud = await startDevCloud()
})
afterAll(() => cloud.close())

function parley(...line: string[]) {
  const run = { out: '', notes: '', code: Promise.resolve(-1) }
  run.code = main(line, {
    stdout: { write: (text) => (run.out += text) },
    stderr: { write: (text) => (run.notes += text) },
    env: { PARLEY_DATA_DIR: cloud.dataDir },
  })
  return run
}

const registered = async () =>
  ((await cloud.call('GET', '/v1/webhooks')).body as { items: { id: string; url: string }[] }).items

test('HOOK-22: listen prints what happens, refuses what is not signed, and leaves no webhook behind', async () => {
  const run = parley('webhooks', 'listen', '--events', 'user.*', '--count', '2')
  while (!run.notes.includes('listens on')) await sleep(5)
  const [webhook] = await registered()
  if (webhook === undefined) throw new Error('no webhook was registered')
  expect(webhook).toMatchObject({ description: 'parley webhooks listen', events: ['user.*'] })
  const listed = parley('webhooks', 'list')
  expect(await listed.code).toBe(0)
  expect(listed.out).toContain(webhook.id)
  expect((await fetch(webhook.url, { method: 'POST', body: '{}' })).status).toBe(401)
  for (const id of ['alice', 'bob']) await cloud.call('POST', '/v1/users', { id })
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
