import { connect, type Socket } from 'node:net'
import { endpoint } from '@parley/contracts'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import type { HttpServer } from './http-server.ts'
import type { HttpSettings } from './settings.ts'
import { basic, startTestServer } from './test-server/index.ts'

const base = { tag: 't', summary: 's', status: 200, errors: [], answer: z.object({}) } as const
const quick = endpoint({ ...base, name: 'quick', method: 'GET', path: '/v1/quick', auth: 'key-or-user' })
const open = endpoint({ ...base, name: 'open', method: 'GET', path: '/v1/open', auth: 'none' })
const slow = endpoint({ ...base, name: 'slow', method: 'GET', path: '/v1/slow', auth: 'none' })
const write = endpoint({
  ...base,
  name: 'write',
  method: 'POST',
  path: '/v1/write',
  auth: 'none',
  body: z.object({}),
})

let server: Awaited<ReturnType<typeof startTestServer>>
let release: () => void = () => undefined
let begun = 0
let aborted = 0

async function start(settings: Partial<HttpSettings>): Promise<void> {
  begun = 0
  aborted = 0
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  server = await startTestServer({
    settings,
    addRoutes: (http: HttpServer) => {
      http.route(quick, async () => ({}))
      http.route(open, async () => ({}))
      http.route(write, async () => ({}))
      http.route(slow, async ({ signal }) => {
        begun++
        signal.addEventListener('abort', () => aborted++)
        await gate
        return {}
      })
    },
  })
}
afterEach(async () => {
  release()
  await server.close()
})

const get = (path: string, as?: string, headers: Record<string, string> = {}) =>
  fetch(`${server.url}${path}`, { headers: { ...headers, ...(as !== undefined && { authorization: as }) } })

const statuses = async (times: number, path: string, as?: string, headers?: Record<string, string>) => {
  const found: number[] = []
  for (let time = 0; time < times; time++) found.push((await get(path, as, headers)).status)
  return found
}

/** One token an hour, so that no pause of the machine lets a call through. */
const tight = { keyBurst: 2, keyPerSecond: 1 / 3600, userBurst: 2, userPerSecond: 1 / 3600 }

test('keys and users have limits of their own, and a 429 says when to come again', async () => {
  await start(tight)
  expect(await statuses(3, '/v1/quick', basic('key_a'))).toEqual([200, 200, 429])
  expect(await statuses(3, '/v1/quick', 'Bearer user:proj_a:anna')).toEqual([200, 200, 429])
  expect(await statuses(1, '/v1/quick', 'Bearer user:proj_a:ben')).toEqual([200])
  expect(await statuses(1, '/v1/quick', 'Bearer user:proj_b:anna')).toEqual([200])
  expect(await statuses(1, '/v1/quick', basic('key_b'))).toEqual([200])
  const refused = await get('/v1/quick', basic('key_a'))
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(60)
  expect(await refused.json()).toMatchObject({ code: 'rate-limited', retryable: true })
})

test('every answer tells the limit, what is left of it, and when all of it is there again', async () => {
  await start(tight)
  const told = async (as: string) => {
    const { status, headers } = await get('/v1/quick', as)
    const [limit, remaining, reset] = ['limit', 'remaining', 'reset'].map((name) =>
      Number(headers.get(`ratelimit-${name}`) ?? Number.NaN),
    )
    return { status, limit, remaining, reset }
  }
  const first = await told(basic('key_a'))
  expect(first).toMatchObject({ status: 200, limit: 2, remaining: 1 })
  expect(first.reset).toBeGreaterThan(3_000)
  expect(first.reset).toBeLessThanOrEqual(3_600)
  expect(await told(basic('key_a'))).toMatchObject({ status: 200, limit: 2, remaining: 0 })
  const refused = await told(basic('key_a'))
  expect(refused).toMatchObject({ status: 429, limit: 2, remaining: 0 })
  expect(refused.reset).toBeGreaterThan(7_000)
  expect(await told('Bearer user:proj_a:anna')).toMatchObject({ status: 200, limit: 2, remaining: 1 })
})

test('without credentials the address is counted', async () => {
  await start({ addressBurst: 2, addressPerSecond: 1 / 3600 })
  expect(await statuses(3, '/v1/open')).toEqual([200, 200, 429])
})

test('an address that guesses credentials is refused before they are looked at', async () => {
  await start({ failureBurst: 3, failurePerSecond: 1 / 3600 })
  expect(await statuses(4, '/v1/quick', `Basic ${btoa('key_a:guess')}`)).toEqual([401, 401, 401, 429])
  expect(await statuses(1, '/v1/quick', basic('key_a'))).toEqual([429])
  expect(await statuses(1, '/v1/open')).toEqual([200])
})

test('missing credentials and expired tokens are no guesses', async () => {
  await start({ failureBurst: 1, failurePerSecond: 1 / 3600 })
  expect(await statuses(3, '/v1/quick')).toEqual([401, 401, 401])
  expect(await statuses(3, '/v1/quick', 'Bearer expired')).toEqual([401, 401, 401])
  expect(await statuses(1, '/v1/quick', basic('key_a'))).toEqual([200])
})

test('X-Forwarded-For counts only where proxies are known, and then only what they wrote', async () => {
  await start({ addressBurst: 1, addressPerSecond: 1 / 3600, trustedProxyHops: 1 })
  const from = (forwarded: string) => statuses(1, '/v1/open', undefined, { 'x-forwarded-for': forwarded })
  expect(await from('198.51.100.1')).toEqual([200])
  expect(await from('203.0.113.9, 198.51.100.1')).toEqual([429])
  expect(await from('198.51.100.2')).toEqual([200])
  expect(await from('2001:db8::1')).toEqual([200])
  expect(await from('2001:db8::2')).toEqual([429])
  expect(await from('2001:db8:0:1::1')).toEqual([200])
})

test('where no proxies are known, X-Forwarded-For gives nobody a fresh limit', async () => {
  await start({ addressBurst: 1, addressPerSecond: 1 / 3600 })
  const from = (forwarded: string) => statuses(1, '/v1/open', undefined, { 'x-forwarded-for': forwarded })
  expect(await from('198.51.100.1')).toEqual([200])
  expect(await from('198.51.100.2')).toEqual([429])
})

test('over the limit of requests at once the answer is overloaded, but health is told', async () => {
  await start({ maxInFlight: 2 })
  const running = [get('/v1/slow'), get('/v1/slow')]
  await expect.poll(() => begun).toBe(2)
  const refused = await get('/v1/open')
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(await refused.json()).toMatchObject({ code: 'overloaded' })
  expect((await get('/healthz')).status).toBe(200)
  release()
  for (const response of running) expect((await response).status).toBe(200)
  expect((await get('/v1/open')).status).toBe(200)
})

function speak(bytes: string): { socket: Socket; closed: Promise<string> } {
  const socket = connect(server.port, '127.0.0.1', () => socket.write(bytes))
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  const closed = new Promise<string>((resolve, reject) => {
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
  return { socket, closed }
}

test('headers that trickle in are cut off', async () => {
  await start({ headersTimeoutMs: 300, requestTimeoutMs: 600 })
  const { closed } = speak('GET /v1/open HTTP/1.1\r\nHost: x\r\nX-Slow: ')
  expect(await closed).toMatch(/^HTTP\/1.1 408 [\s\S]*"code":"request-timeout"/)
})

test('a body that never ends is cut off', async () => {
  await start({ headersTimeoutMs: 300, requestTimeoutMs: 600 })
  const { closed } = speak(
    'POST /v1/write HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
  )
  expect(await closed).toMatch(/^HTTP\/1.1 408 [\s\S]*"code":"request-timeout"/)
})

test('a caller who goes away aborts the signal of the handler', async () => {
  await start({})
  const { socket } = speak('GET /v1/slow HTTP/1.1\r\nHost: x\r\n\r\n')
  await expect.poll(() => begun).toBe(1)
  socket.destroy()
  await expect.poll(() => aborted).toBe(1)
})

test('drain lets running requests finish, takes no new connections, and tells that it stops', async () => {
  await start({ drainMs: 20_000 })
  const running = get('/v1/slow')
  await expect.poll(() => begun).toBe(1)
  const kept = speak('GET /v1/slow HTTP/1.1\r\nHost: x\r\n\r\n')
  await expect.poll(() => begun).toBe(2)
  let ended = false
  const drained = server.http.drain().then(() => {
    ended = true
  })
  await expect(get('/v1/open')).rejects.toThrow()
  expect((await server.http.checkReadiness()).parts).toMatchObject({ process: 'stopping' })
  expect(ended).toBe(false)
  release()
  expect((await running).status).toBe(200)
  await drained
  kept.socket.end()
  expect(await kept.closed).toMatch(/^HTTP\/1.1 200 /)
})

test('drain ends after its time even when a request does not', async () => {
  await start({ drainMs: 50 })
  const running = get('/v1/slow')
  running.catch(() => undefined)
  await expect.poll(() => begun).toBe(1)
  await server.http.close()
  await expect(running).rejects.toThrow()
})

test('metrics want their token where one is set', async () => {
  await start({ metricsToken: 'swordfish' })
  expect((await get('/metrics')).status).toBe(401)
  expect((await get('/metrics', 'Bearer guess')).status).toBe(401)
  expect((await get('/metrics', 'Bearer swordfish')).status).toBe(200)
})
