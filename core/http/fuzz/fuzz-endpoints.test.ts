import {
  AppError,
  chatEndpoints,
  type Endpoint,
  endpoint,
  identityEndpoints,
  objectEndpoints,
} from '@parley/contracts'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { basic, startTestServer } from '../test-server/index.ts'
import { fuzzEndpoints } from './index.ts'

let close: (() => Promise<void>) | undefined
afterEach(() => close?.())

const credentials = { key: basic('key_a'), user: 'Bearer user:proj_a:anna', operator: 'Bearer operator' }

async function serve(endpoints: readonly Endpoint[], handle: (body: unknown) => Promise<unknown>) {
  const server = await startTestServer({
    settings: { userBurst: 100_000, failureBurst: 100_000 },
    addRoutes: (http) => {
      for (const one of endpoints) http.route(one, async ({ body }) => (await handle(body)) as never)
    },
  })
  close = server.close
  return server.url
}

test('no input brings the edge of any endpoint of the contracts to a 5xx', async () => {
  const endpoints = [identityEndpoints, chatEndpoints, objectEndpoints].flatMap((group) =>
    Object.values(group),
  ) as Endpoint[]
  const url = await serve(endpoints, async () => {
    throw new AppError('not-found')
  })
  const report = await fuzzEndpoints({
    url,
    endpoints,
    credentials,
    runsPerEndpoint: 60,
    knownIds: ['anna'],
    seed: 7,
  })
  const reached = endpoints.filter(({ name }) => (report[name]?.[404] ?? 0) > 0).map(({ name }) => name)
  expect(endpoints.map(({ name }) => name).filter((name) => !reached.includes(name))).toEqual([])
}, 120_000)

const post = {
  tag: 't',
  method: 'POST',
  path: '/v1/things',
  auth: 'key',
  summary: 's',
  status: 200,
  errors: [],
} as const

test('a handler that fails on odd input is found', async () => {
  const fragile = endpoint({
    ...post,
    name: 'fragile',
    body: z.object({ text: z.string() }),
    answer: z.object({}),
  })
  const url = await serve([fragile], async (body) => {
    if ((body as { text: string }).text.length > 50) throw new TypeError('too long for me')
    return {}
  })
  const found = fuzzEndpoints({ url, endpoints: [fragile], credentials, runsPerEndpoint: 400, seed: 7 })
  await expect(found).rejects.toThrow('a 5xx from bad input')
})
