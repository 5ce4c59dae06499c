import { connect } from 'node:net'
import { AppError, endpoint } from '@parley/contracts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { HttpServer } from './http-server.ts'
import { basic, startTestServer } from './test-server/index.ts'

const thing = z.object({ id: z.string(), size: z.int().optional() }).meta({ id: 'Thing' })
const base = { tag: 'things', status: 200, errors: [] } as const
const endpoints = {
  getThing: endpoint({
    ...base,
    name: 'getThing',
    method: 'GET',
    path: '/v1/things/{thingId}',
    auth: 'key-or-user',
    summary: 'A thing',
    params: z.object({ thingId: z.string().max(64) }),
    query: z.object({ size: z.coerce.number().int().max(100).optional() }),
    answer: thing,
  }),
  createThing: endpoint({
    ...base,
    name: 'createThing',
    method: 'POST',
    path: '/v1/things',
    auth: 'key',
    summary: 'Make a thing',
    body: z.object({ id: z.string(), nested: z.json().optional() }),
    status: 201,
    answer: thing,
  }),
  myself: endpoint({
    ...base,
    name: 'myself',
    method: 'GET',
    path: '/v1/myself',
    auth: 'user',
    summary: 'Me',
    answer: z.object({ userId: z.string() }),
  }),
  install: endpoint({
    ...base,
    name: 'install',
    method: 'PUT',
    path: '/v1/installation',
    auth: 'operator',
    summary: 'Operators only',
  }),
  leak: endpoint({
    ...base,
    name: 'leak',
    method: 'GET',
    path: '/v1/leak',
    auth: 'none',
    summary: 'Says more than its schema',
    answer: thing,
  }),
  crash: endpoint({
    ...base,
    name: 'crash',
    method: 'GET',
    path: '/v1/crash',
    auth: 'none',
    summary: 'Throws',
    answer: thing,
  }),
  recordThing: endpoint({
    ...base,
    name: 'recordThing',
    method: 'PATCH',
    path: '/v1/things/{thingId}',
    auth: 'key',
    summary: 'Takes If-Match',
    params: z.object({ thingId: z.string() }),
    body: z.object({}).default({}),
    answer: z.object({ ifMatch: z.string() }),
    errors: ['version-mismatch'],
  }),
}

function addRoutes(http: HttpServer): void {
  http.route(endpoints.getThing, async ({ params, query, caller, header }) => {
    header('ETag', '"1"')
    return { id: `${caller.kind}:${params.thingId}`, ...(query.size !== undefined && { size: query.size }) }
  })
  http.route(endpoints.createThing, async ({ body, project }) => ({ id: `${project.projectId}/${body.id}` }))
  http.route(endpoints.myself, async ({ caller }) => ({ userId: caller.userId }))
  http.route(endpoints.install, async () => undefined)
  http.route(endpoints.leak, async () => ({ id: 'x', secret: 'y' }) as { id: string })
  http.route(endpoints.crash, async () => {
    throw new Error('the password is swordfish')
  })
  http.route(endpoints.recordThing, async ({ ifMatch }) => {
    if (ifMatch === '1') throw new AppError('version-mismatch')
    return { ifMatch: ifMatch ?? 'none' }
  })
  http.raw('GET', '/page', (c) => c.html('<p>hello'))
}

let server: Awaited<ReturnType<typeof startTestServer>>
beforeAll(async () => {
  server = await startTestServer({ addRoutes })
})
afterAll(() => server.close())

const call = (path: string, init: RequestInit & { as?: string } = {}) => {
  const headers = new Headers(init.headers)
  if (init.as !== undefined) headers.set('authorization', init.as)
  return fetch(`${server.url}${path}`, { ...init, headers })
}

const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  call('/v1/things', {
    method: 'POST',
    as: basic('key_a'),
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })

async function problem(response: Response) {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const body = (await response.json()) as {
    code: string
    status: number
    requestId: string
    issues?: unknown[]
  }
  expect(body.status).toBe(response.status)
  expect(body.requestId).toBe(response.headers.get('x-request-id'))
  return body
}

/** Writes bytes to the port and answers everything that comes back until the server closes. */
function talk(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write(bytes))
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

test('a route answers what its handler returns, with headers and rate limits', async () => {
  const response = await call('/v1/things/a%2Fb%C3%A9?size=3', { as: basic('key_a') })
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({ id: 'key:a/bé', size: 3 })
  expect(response.headers.get('etag')).toBe('"1"')
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  expect(Number(response.headers.get('ratelimit-remaining'))).toBeLessThan(
    Number(response.headers.get('ratelimit-limit')),
  )
})

test('HEAD answers as GET does, without the body', async () => {
  const response = await call('/v1/things/a', { method: 'HEAD', as: basic('key_a') })
  expect(response.status).toBe(200)
  expect(Number(response.headers.get('content-length'))).toBeGreaterThan(0)
  expect(await response.text()).toBe('')
})

test('the caller is who the credentials say, of the kind the endpoint wants', async () => {
  const status = async (path: string, as: string, method = 'GET') => (await call(path, { as, method })).status
  expect(await status('/v1/things/a', 'Bearer user:proj_a:anna')).toBe(200)
  expect(await status('/v1/myself', 'Bearer user:proj_a:anna')).toBe(200)
  expect(await status('/v1/myself', basic('key_a'))).toBe(401)
  expect(await status('/v1/things/a', 'Bearer operator')).toBe(401)
  expect(await status('/v1/installation', 'Bearer operator', 'PUT')).toBe(204)
  expect(await status('/v1/installation', 'Bearer user:proj_a:anna', 'PUT')).toBe(401)
  expect(await status('/v1/installation', basic('key_a'), 'PUT')).toBe(401)
})

test.each([
  ['nothing', undefined, 'unauthenticated'],
  ['no value', 'Basic', 'unauthenticated'],
  ['no base64', 'Basic ***', 'unauthenticated'],
  ['no colon', `Basic ${btoa('key_a')}`, 'unauthenticated'],
  ['a wrong secret', `Basic ${btoa('key_a:guess')}`, 'unauthenticated'],
  ['an unknown scheme', 'Digest abc', 'unauthenticated'],
  ['two values', 'Bearer a b', 'unauthenticated'],
  ['an endless token', `Bearer ${'a'.repeat(9_000)}`, 'unauthenticated'],
  ['an expired token', 'Bearer expired', 'token-expired'],
])('credentials that are %s are a 401 with a challenge', async (_name, as, code) => {
  const response = await call('/v1/things/a', as === undefined ? {} : { as })
  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toContain('realm="parley"')
  expect((await problem(response)).code).toBe(code)
})

test('what does not fit its schema names the field', async () => {
  const wrongBody = await problem(await post('{"id": 7}'))
  expect(wrongBody).toMatchObject({ code: 'invalid-request', issues: [{ path: 'id' }] })
  const wrongQuery = await problem(await call('/v1/things/a?size=x', { as: basic('key_a') }))
  expect(wrongQuery).toMatchObject({ code: 'invalid-request', issues: [{ path: 'query.size' }] })
  const wrongPath = await problem(await call(`/v1/things/${'a'.repeat(65)}`, { as: basic('key_a') }))
  expect(wrongPath).toMatchObject({ code: 'invalid-request', issues: [{ path: 'params.thingId' }] })
})

test.each([
  ['no JSON', '{', 'invalid-json'],
  ['a name twice', '{"id": "a", "id": "b"}', 'invalid-json'],
  ['a name twice, once escaped', '{"id": "a", "\\u0069d": "b"}', 'invalid-json'],
  ['__proto__', '{"id": "a", "nested": {"__proto__": {"admin": true}}}', 'invalid-json'],
  ['deep nesting', `{"id": "a", "nested": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'invalid-json'],
  ['U+0000', '{"id": "a\\u0000"}', 'invalid-request'],
  ['a lone surrogate', '{"id": "\\ud800"}', 'invalid-request'],
  ['a lone surrogate as a name', '{"id": "a", "nested": {"\\udc00": 1}}', 'invalid-request'],
  ['nothing', '', 'invalid-request'],
  ['no object', '[]', 'invalid-request'],
])('a body of %s is a 400', async (_name, body, code) => {
  const response = await post(body)
  expect(response.status).toBe(400)
  expect((await problem(response)).code).toBe(code)
})

test('a body that is not UTF-8 is a 400', async () => {
  expect((await problem(await post(Buffer.from('{"id": "\xff"}', 'latin1')))).code).toBe('invalid-json')
})

test('surrogate pairs and the same name in different objects are fine', async () => {
  const response = await post(
    '{"id": "\\ud83d\\ude00", "nested": [{"id": 1}, {"id": 2, "x": {"id": "\\""}}]}',
  )
  expect(await response.json()).toEqual({ id: 'proj_a/😀' })
})

test('other content types and compressed bodies are a 415', async () => {
  expect((await problem(await post('{}', { 'content-type': 'text/plain' }))).code).toBe(
    'unsupported-media-type',
  )
  expect((await problem(await post('{}', { 'content-encoding': 'gzip' }))).code).toBe(
    'unsupported-media-type',
  )
  expect((await post('{"id": "a"}', { 'content-type': 'application/json; charset=UTF-8' })).status).toBe(201)
})

test('a body over the limit is a 413, announced or not', async () => {
  const large = JSON.stringify({ id: 'a'.repeat(1_100_000) })
  expect((await problem(await post(large))).code).toBe('body-too-large')
  const head = `POST /v1/things HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic('key_a')}\r\n`
  const chunk = `100000\r\n${' '.repeat(0x100000)}\r\n`
  const answer = await talk(
    `${head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`,
  )
  expect(answer).toMatch(/^HTTP\/1.1 413 /)
})

test.each([
  ['/v1/things/%E4%BD', 'invalid-request'],
  ['/v1/things/%zz', 'invalid-request'],
  ['/v1/things/%ff', 'invalid-request'],
  ['/v1/things/a?size=%E4', 'invalid-request'],
  ['/v1/things/a?x=%00', 'invalid-request'],
  ['/v1/things/a?size=1&size=2', 'invalid-request'],
  [`/v1/things/a?x=${'y'.repeat(9_000)}`, 'invalid-request'],
])('the target %.40s is a 400', async (target, code) => {
  const response = await call(target, { as: basic('key_a') })
  expect(response.status).toBe(400)
  expect((await problem(response)).code).toBe(code)
})

test('an unknown path is a 404 and an unknown method a 405 that names the others', async () => {
  expect((await problem(await call('/v1/nothing'))).code).toBe('not-found')
  expect((await problem(await call('/v1/things/a/b', { as: basic('key_a') }))).code).toBe('not-found')
  const response = await call('/v1/things', { method: 'DELETE' })
  expect((await problem(response)).code).toBe('method-not-allowed')
  expect(response.headers.get('allow')).toBe('POST, OPTIONS')
})

test('an unforeseen error is a 500 that says nothing of its insides', async () => {
  const response = await call('/v1/crash')
  expect(response.status).toBe(500)
  expect(JSON.stringify(await problem(response))).not.toContain('swordfish')
})

test('an answer with members its schema does not know fails where answers are checked', async () => {
  expect((await problem(await call('/v1/leak'))).code).toBe('internal-error')
})

test('If-Match reaches the handler without quotes, and a list is refused', async () => {
  const patch = async (tag: string) => {
    const headers = { 'if-match': tag }
    return (await call('/v1/things/a', { method: 'PATCH', as: basic('key_a'), headers })).json()
  }
  expect(await patch('"7"')).toEqual({ ifMatch: '7' })
  expect(await patch('W/"7"')).toEqual({ ifMatch: '7' })
  expect(await patch('*')).toEqual({ ifMatch: '*' })
  expect(await patch('"1"')).toMatchObject({ code: 'version-mismatch', status: 412 })
  expect(await patch('"1", "2"')).toMatchObject({ code: 'invalid-request' })
})

test('web pages may call with a token, but get nothing with an API key', async () => {
  const origin = 'https://app.example'
  const preflight = await call('/v1/things', { method: 'OPTIONS', headers: { origin } })
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-headers')).toContain('Authorization')
  const token = await call('/v1/myself', { as: 'Bearer user:proj_a:anna', headers: { origin } })
  expect(token.headers.get('access-control-allow-origin')).toBe('*')
  expect(token.headers.get('access-control-allow-credentials')).toBeNull()
  const refused = await call('/v1/myself', { headers: { origin } })
  expect(refused.headers.get('access-control-allow-origin')).toBe('*')
  const key = await call('/v1/things/a', { as: basic('key_a'), headers: { origin } })
  expect(key.headers.get('access-control-allow-origin')).toBeNull()
  const page = await call('/page', { headers: { origin } })
  expect(page.headers.get('access-control-allow-origin')).toBeNull()
})

test('bytes that are no HTTP are answered with a problem and a closed connection', async () => {
  expect(await talk('hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400 [\s\S]*"code":"invalid-request"/)
  expect(await talk(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1.1 400 /,
  )
  expect(await talk('GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n')).toMatch(
    /^HTTP\/1.1 [24]\d\d /,
  )
  expect(await talk('OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
  const absolute = `GET http://x/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
  expect(await talk(absolute)).toMatch(/^HTTP\/1.1 200 /)
})

test('health, readiness and metrics tell how it is', async () => {
  expect(await (await call('/healthz')).json()).toEqual({ status: 'ok' })
  let trouble: string | undefined
  server.http.readiness('tea', () => trouble)
  expect(await (await call('/readyz')).json()).toEqual({ status: 'ready', parts: { tea: 'ok' } })
  trouble = 'cold'
  const cold = await call('/readyz')
  expect(cold.status).toBe(503)
  expect(await cold.json()).toMatchObject({ code: 'unavailable', parts: { tea: 'cold' } })
  const page = await (await call('/metrics')).text()
  expect(page).toMatch(
    /parley_http_request_duration_seconds_count\{method="GET",route="\/v1\/things\/\{thingId\}",status="200"\} \d+/,
  )
  expect(page).toContain('parley_http_requests_in_flight 1')
  expect(page).not.toContain('a%2Fb')
  expect((await call('/metrics', { headers: { 'x-forwarded-for': '1.2.3.4' } })).status).toBe(403)
})
