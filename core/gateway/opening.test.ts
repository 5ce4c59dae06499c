import { AppError } from '@parley/contracts'
import { afterEach, expect, test } from 'vitest'
import { deferred, type Fixture, startGateway } from './gateway-fixture.ts'

let fixture: Fixture
afterEach(() => fixture.close())

test('GATE-1: other paths, protocols and subprotocols are refused with a problem', async () => {
  fixture = await startGateway()
  const path = await fixture.refusal('/v1/other')
  expect(path).toMatchObject({ status: 404, body: { code: 'not-found' } })
  expect(path.headers['content-type']).toBe('application/problem+json')
  const protocol = await fixture.refusal('/v1/realtime', { Upgrade: 'h2c' })
  expect(protocol).toMatchObject({ status: 426, body: { code: 'upgrade-required' } })
  expect(protocol.headers.upgrade).toBe('websocket')
  const offer = await fixture.refusal('/v1/realtime', { 'Sec-WebSocket-Protocol': 'other.v1' })
  expect(offer).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
  expect((await fixture.refusal('/v1/realtime', { 'Sec-WebSocket-Version': '7' })).status).toBe(400)
  expect((await fixture.refusal('/v1/realtime', { 'Sec-WebSocket-Key': 'short' })).status).toBe(400)
})

test('GATE-1: the subprotocol is agreed on, or left out when the client offers none', async () => {
  fixture = await startGateway()
  const client = await fixture.open('alice')
  expect(client.socket.protocol).toBe('parley.v1')
  const { WebSocket } = await import('ws')
  const bare = new WebSocket(fixture.url)
  await new Promise((resolve) => bare.once('open', resolve))
  expect(bare.protocol).toBe('')
  bare.terminate()
})

test('GATE-2: connections of an address without authentication are capped, and places become free', async () => {
  fixture = await startGateway({ maxUnauthenticatedPerAddress: 2 })
  const first = await fixture.connect()
  const second = await fixture.connect()
  const refusal = await fixture.refusal('/v1/realtime')
  expect(refusal).toMatchObject({ status: 429, body: { code: 'too-many-connections' } })
  expect(refusal.headers['retry-after']).toBeDefined()
  first.send({ id: 1, type: 'auth', token: 'alice' })
  await first.answer(1)
  await fixture.open('bob')
  await fixture.connect()
  expect((await fixture.refusal('/v1/realtime')).status).toBe(429)
  second.send({ id: 1, type: 'auth', token: '!' })
  await second.closing()
  await fixture.open('carol')
})

test('GATE-2: connections are capped in total', async () => {
  fixture = await startGateway({ maxConnections: 2 })
  const alice = await fixture.open('alice')
  await fixture.open('bob')
  expect(await fixture.refusal('/v1/realtime')).toMatchObject({
    status: 429,
    body: { code: 'too-many-connections' },
  })
  const gone = deferred()
  fixture.gateway.onClosed(() => gone.resolve())
  alice.socket.terminate()
  await gone.promise
  await fixture.open('carol')
  expect(fixture.gateway.connections).toBe(2)
})

test('GATE-2: behind trusted proxies, the address that counts is the one they saw', async () => {
  fixture = await startGateway({ maxUnauthenticatedPerAddress: 1 }, { trustedProxyHops: 1 })
  await fixture.connect({ headers: { 'X-Forwarded-For': '10.9.9.9, 192.0.2.1' } })
  const forwarded = { 'X-Forwarded-For': '10.8.8.8, 192.0.2.1' }
  expect((await fixture.refusal('/v1/realtime', forwarded)).status).toBe(429)
  const other = await fixture.connect({ headers: { 'X-Forwarded-For': '192.0.2.2' } })
  other.send({ id: 1, type: 'auth', token: 'alice' })
  await other.answer(1)
  const [session] = fixture.gateway.sessionsOf('proj_1', 'alice')
  expect(session?.remoteAddress).toBe('192.0.2.2')
})

test('GATE-3: a token in the query opens nothing', async () => {
  fixture = await startGateway()
  const { WebSocket } = await import('ws')
  const socket = new WebSocket(`${fixture.url}?token=alice`, { origin: 'https://elsewhere.example' })
  socket.once('open', () => socket.send('{"id":1,"type":"ping"}'))
  expect(await new Promise((resolve) => socket.once('close', resolve))).toBe(4002)
})

test('GATE-4: a first frame that is not auth closes the connection', async () => {
  fixture = await startGateway()
  const client = await fixture.connect()
  client.send({ id: 7, type: 'ping' })
  const closing = await client.closing()
  expect(client.frames[0]).toMatchObject({ re: 7, error: { code: 'unauthenticated' } })
  expect(closing).toMatchObject({ code: 4002, reason: 'unauthenticated', event: { retryable: false } })
})

test('GATE-4: silence before authentication closes the connection', async () => {
  fixture = await startGateway({ authTimeoutMs: 60 })
  const client = await fixture.connect()
  expect(await client.closing()).toMatchObject({
    code: 4001,
    event: { code: 'auth-timeout', retryable: true },
  })
})

test('GATE-5: a refused auth is answered, announced and closed with its own code', async () => {
  fixture = await startGateway()
  const expired = await fixture.connect()
  expired.send({ id: 1, type: 'auth', token: 'expired' })
  expect(await expired.closing()).toMatchObject({ code: 4003, event: { code: 'token-expired' } })
  expect(expired.frames[0]).toMatchObject({ re: 1, error: { code: 'token-expired' } })

  const malformed = await fixture.connect()
  malformed.send({ id: 1, type: 'auth', token: 7 })
  expect(await malformed.closing()).toMatchObject({ code: 4002, event: { code: 'invalid-request' } })
  expect(malformed.frames[0]?.error?.issues).toMatchObject([{ path: 'token' }])

  const nameless = await fixture.connect()
  nameless.send({ type: 'auth', token: 'alice' })
  expect(await nameless.closing()).toMatchObject({ code: 4002, event: { code: 'invalid-request' } })

  fixture.authenticator.fails = new Error('the database is away')
  const failing = await fixture.connect()
  failing.send({ id: 1, type: 'auth', token: 'alice' })
  const closing = await failing.closing()
  expect(closing).toMatchObject({ code: 4013, event: { code: 'internal-error', retryable: true } })
  expect(closing.event?.retryAfterMs).toBeGreaterThan(0)
  expect(JSON.stringify(failing.frames)).not.toContain('database')
})

test('GATE-6: hooks run in turn before the answer, and may refuse', async () => {
  fixture = await startGateway()
  const seen: unknown[] = []
  const hold = deferred()
  fixture.gateway.onOpening(async ({ session, device }) => {
    seen.push([session.userId, session.deviceId, session.platform, device])
    await hold.promise
    seen.push('first hook')
  })
  fixture.gateway.onOpening(async ({ session }) => {
    seen.push('second hook')
    if (session.userId === 'mallory') throw new AppError('device-limit')
  })
  fixture.gateway.onOpened(() => {
    seen.push('opened')
  })
  const client = await fixture.connect()
  const device = { id: 'phone', platform: 'ios', name: 'Phone' }
  client.send({ id: 1, type: 'auth', token: 'alice', device })
  hold.resolve()
  expect((await client.answer(1)).ok).toMatchObject({
    projectId: 'proj_1',
    userId: 'alice',
    deviceId: 'phone',
    heartbeatMs: 25_000,
    maxFrameBytes: 65_536,
  })
  expect(seen).toEqual([['alice', 'phone', 'ios', device], 'first hook', 'second hook', 'opened'])
  const refused = await fixture.connect()
  refused.send({ id: 1, type: 'auth', token: 'mallory' })
  expect(await refused.closing()).toMatchObject({ code: 4006, event: { code: 'device-limit' } })
})

test('GATE-6: the answer comes before events, and frames behind auth are handled after it in order', async () => {
  fixture = await startGateway()
  const typed: string[] = []
  fixture.gateway.onOpened((session) => session.send({ type: 'conversation.joined', conversationId: 'c' }))
  fixture.gateway.handle('conversation.typing', async (_session, { conversationId }) => {
    typed.push(conversationId)
    return {}
  })
  const client = await fixture.connect()
  const typing = ['1', '2', '3'].map((id) => ({ id, type: 'conversation.typing', conversationId: id }))
  client.send([{ id: 'a', type: 'auth', token: 'alice' }, typing[0]], typing[1], typing[2])
  await client.answer('3')
  expect(client.frames[0]?.re).toBe('a')
  expect(client.frames[1]?.type).toBe('conversation.joined')
  expect(typed).toEqual(['1', '2', '3'])
})

test('GATE-6: too many frames behind auth close the connection', async () => {
  fixture = await startGateway({ maxFramesPerArray: 4 })
  fixture.authenticator.pause = deferred().promise
  const client = await fixture.connect()
  client.send({ id: 1, type: 'auth', token: 'alice' })
  for (let id = 2; id < 8; id++) client.send({ id, type: 'ping' })
  expect(await client.closing()).toMatchObject({ code: 4009 })
})

test('GATE-7: a user has a bounded number of connections', async () => {
  fixture = await startGateway({ maxConnectionsPerUser: 2 })
  await fixture.open('alice')
  await fixture.open('alice')
  await fixture.open('alice@proj_2')
  const third = await fixture.connect()
  third.send({ id: 1, type: 'auth', token: 'alice' })
  expect(await third.closing()).toMatchObject({ code: 4011, event: { code: 'too-many-connections' } })
  expect(fixture.gateway.sessionsOf('proj_1', 'alice').size).toBe(2)
})

test('GATE-7: connections that open at the same moment do not slip past the cap', async () => {
  fixture = await startGateway({ maxConnectionsPerUser: 1 })
  const hold = deferred()
  fixture.gateway.onOpening(() => hold.promise)
  const clients = await Promise.all([fixture.connect(), fixture.connect(), fixture.connect()])
  for (const client of clients) client.send({ id: 1, type: 'auth', token: 'alice' })
  hold.resolve()
  const answers = await Promise.all(clients.map((client) => client.answer(1)))
  expect(answers.filter((answer) => answer.ok !== undefined)).toHaveLength(1)
})

test('GATE-8: a revocation during authentication keeps the session from opening', async () => {
  fixture = await startGateway()
  const opened: string[] = []
  fixture.gateway.onOpened((session) => {
    opened.push(session.userId)
  })
  const hold = deferred()
  const arrived = deferred()
  fixture.gateway.onOpening(({ session }) => {
    if (session.userId === 'alice') arrived.resolve()
    return hold.promise
  })
  const alice = await fixture.connect()
  const bob = await fixture.connect()
  bob.send({ id: 1, type: 'auth', token: 'bob' })
  alice.send({ id: 1, type: 'auth', token: 'alice' })
  await arrived.promise
  expect(fixture.gateway.closeWhere((session) => session.userId === 'alice', 'token-revoked')).toBe(0)
  hold.resolve()
  expect(await alice.closing()).toMatchObject({ code: 4004, event: { code: 'token-revoked' } })
  expect((await bob.answer(1)).ok).toBeDefined()
  expect(opened).toEqual(['bob'])
})

test('GATE-8: a revocation while the token is being read counts as well', async () => {
  fixture = await startGateway()
  const hold = deferred()
  fixture.authenticator.pause = hold.promise
  const client = await fixture.connect()
  const other = await fixture.connect()
  client.send({ id: 1, type: 'auth', token: 'alice' })
  // The answer to this one shows that the frame before it, on the other socket, has long been taken.
  other.send('no frame')
  await other.closing()
  fixture.gateway.closeWhere((session) => session.keyId === 'key_1', 'key-revoked')
  hold.resolve()
  expect(await client.closing()).toMatchObject({ code: 4005 })
})
