import { AppError, endpoint } from '@parley/contracts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import type { HttpServer } from './http-server.ts'
import { basic, startTestServer } from './test-server/index.ts'

const answer = z.object({ call: z.int() })
const post = { tag: 't', method: 'POST', summary: 's', status: 201, errors: [], answer } as const
const body = z.object({
  do: z.enum(['answer', 'refuse', 'crash', 'settle', 'settle-and-crash', 'roll-back', 'wait']),
})
const work = endpoint({ ...post, name: 'work', path: '/v1/work', auth: 'key-or-user', body })
const install = endpoint({ ...post, name: 'install', path: '/v1/installations', auth: 'operator', body })
const withoutKeys = endpoint({
  ...post,
  name: 'plain',
  path: '/v1/plain',
  auth: 'key',
  body,
  idempotencyKey: false,
})

let calls = 0
let callKeys: (string | undefined)[] = []
let waiting: { begun: () => void; go: Promise<void> } | undefined

function addRoutes(http: HttpServer): void {
  http.route(work, async ({ body, project, settle, header, callKey }) => {
    const call = ++calls
    callKeys.push(callKey)
    header('ETag', `"${call}"`)
    switch (body.do) {
      case 'refuse':
        throw new AppError('conflict')
      case 'crash':
        throw new Error('crash')
      case 'settle':
      case 'settle-and-crash':
        await project.transaction((tx) => settle(tx, { call }))
        if (body.do === 'settle-and-crash') throw new Error('after the commit')
        break
      case 'roll-back':
        await project.transaction(async (tx) => {
          await settle(tx, { call })
          throw new AppError('conflict')
        })
        break
      case 'wait':
        waiting?.begun()
        await waiting?.go
        break
      case 'answer':
    }
    return { call }
  })
  http.route(install, async () => ({ call: ++calls }))
  http.route(withoutKeys, async () => ({ call: ++calls }))
}

let server: Awaited<ReturnType<typeof startTestServer>>
beforeAll(async () => {
  server = await startTestServer({ addRoutes, settings: { idempotencyLeaseMs: 60_000 } })
})
afterAll(() => server.close())
beforeEach(() => {
  calls = 0
  callKeys = []
})

let keys = 0
const newKey = () => `key-${++keys}`

async function send(
  key: string | undefined,
  what: z.input<typeof body>['do'],
  as = basic('key_a'),
  path = '/v1/work',
) {
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: {
      authorization: as,
      'content-type': 'application/json',
      ...(key !== undefined && { 'idempotency-key': key }),
    },
    body: JSON.stringify({ do: what }),
  })
  const json = (await response.json()) as { call?: number; code?: string }
  return {
    status: response.status,
    ...json,
    replayed: response.headers.get('idempotency-replayed'),
    etag: response.headers.get('etag'),
  }
}

test('the same key answers as the first call did, status, headers and body, and runs nothing', async () => {
  const key = newKey()
  expect(await send(key, 'answer')).toEqual({ status: 201, call: 1, replayed: null, etag: '"1"' })
  expect(await send(key, 'answer')).toEqual({ status: 201, call: 1, replayed: 'true', etag: '"1"' })
  expect(calls).toBe(1)
})

test('without a key every call runs', async () => {
  await send(undefined, 'answer')
  await send(undefined, 'answer')
  expect(calls).toBe(2)
})

test('the same key with another body or path is a conflict', async () => {
  const key = newKey()
  await send(key, 'answer')
  expect(await send(key, 'settle')).toMatchObject({ status: 409, code: 'idempotency-conflict' })
  expect(await send(key, 'answer', basic('key_a'), '/v1/work?x=1')).toMatchObject({
    code: 'idempotency-conflict',
  })
})

test('projects, users and operators do not meet in a key', async () => {
  const key = newKey()
  const callers = [
    basic('key_a'),
    basic('key_b'),
    'Bearer user:proj_a:anna',
    'Bearer user:proj_a:ben',
    'Bearer user:proj_b:anna',
  ]
  for (const as of callers) expect(await send(key, 'answer', as)).toMatchObject({ replayed: null })
  expect(await send(key, 'answer', 'Bearer operator', '/v1/installations')).toMatchObject({ replayed: null })
  expect(await send(key, 'answer', 'Bearer operator', '/v1/installations')).toMatchObject({
    replayed: 'true',
  })
  expect(calls).toBe(callers.length + 1)
})

test('of many calls at once one runs, the others are told that it does', async () => {
  const key = newKey()
  let begun: () => void = () => undefined
  let go: () => void = () => undefined
  const started = new Promise<void>((resolve) => {
    begun = resolve
  })
  const released = new Promise<void>((resolve) => {
    go = resolve
  })
  waiting = { begun, go: released }
  const first = send(key, 'wait')
  await started
  const others = await Promise.all(Array.from({ length: 8 }, () => send(key, 'wait')))
  for (const other of others) expect(other).toMatchObject({ status: 409, code: 'idempotency-in-progress' })
  go()
  expect(await first).toMatchObject({ status: 201, call: 1 })
  expect(await send(key, 'wait')).toMatchObject({ call: 1, replayed: 'true' })
  expect(calls).toBe(1)
})

test.each(['refuse', 'crash', 'roll-back'] as const)('a call that fails (%s) frees its key', async (what) => {
  const key = newKey()
  await send(key, what)
  await send(key, what)
  expect(calls).toBe(2)
})

test('attempts at one call share a call key, which no other call has', async () => {
  const key = newKey()
  await send(key, 'refuse')
  await send(key, 'refuse')
  await send(key, 'answer')
  await send(newKey(), 'answer')
  await send(undefined, 'answer')
  const [first, again, otherBody, otherKey, none] = callKeys
  expect(again).toBe(first)
  expect(new Set([first, otherBody, otherKey, none]).size).toBe(4)
  expect(none).toBeUndefined()
})

test('an answer that was settled in the transaction of the change holds, even when the call then fails', async () => {
  const key = newKey()
  expect(await send(key, 'settle-and-crash')).toMatchObject({ status: 500 })
  expect(await send(key, 'settle-and-crash')).toMatchObject({ status: 201, call: 1, replayed: 'true' })
  expect(calls).toBe(1)
})

test('a key whose call never ended runs again once its lease has lapsed, and not before', async () => {
  const key = newKey()
  await send(key, 'settle')
  const lapse = (interval: string) =>
    server.database.system.query({
      text: `update http.idempotency_keys set status = null, body = null, lease_until = now() + $2::interval where key = $1`,
      values: [key, interval],
    })
  await lapse('1 minute')
  expect(await send(key, 'settle')).toMatchObject({ code: 'idempotency-in-progress' })
  await lapse('-1 second')
  expect(await send(key, 'answer')).toMatchObject({ code: 'idempotency-conflict' })
  expect(await send(key, 'settle')).toMatchObject({ status: 201, call: 2, replayed: null })
})

test('a key that is past its time is free', async () => {
  const key = newKey()
  await send(key, 'answer')
  await server.database.system.query({
    text: `update http.idempotency_keys set expires_at = now() - interval '1 second' where key = $1`,
    values: [key],
  })
  expect(await send(key, 'settle')).toMatchObject({ call: 2, replayed: null })
})

test('answers lie sealed in the database', async () => {
  const key = newKey()
  await send(key, 'answer')
  const { rows } = await server.database.system.query<{ body: Buffer }>({
    text: 'select body from http.idempotency_keys where key = $1',
    values: [key],
  })
  expect(rows[0]?.body.toString('latin1')).not.toContain('call')
})

test('another project does not see the rows', async () => {
  await send(newKey(), 'answer')
  const { rows } = await server.database.project('proj_b').query<{ project_id: string }>({
    text: 'select project_id from http.idempotency_keys',
  })
  expect(rows.every((row) => row.project_id === 'proj_b')).toBe(true)
})

test.each(['a b', 'x'.repeat(256), 'ü', '""'])('the key %.10j is refused', async (key) => {
  const header = Buffer.from(key).toString('latin1')
  expect(await send(header, 'answer')).toMatchObject({ status: 400, code: 'idempotency-key-invalid' })
})

test('endpoints that have their own way pass over the header', async () => {
  const key = newKey()
  await send(key, 'answer', basic('key_a'), '/v1/plain')
  expect(await send(key, 'answer', basic('key_a'), '/v1/plain')).toMatchObject({ call: 2, replayed: null })
})
