import { createServer } from 'node:http'
import { ConfigError, readSettings, Scope, silentLogger } from '@parley/core/kernel'
import { Metrics } from '@parley/core/metrics'
import { afterEach, expect, test } from 'vitest'
import { Gateway } from './gateway.ts'
import { deferred, FakeAuthenticator, type Fixture, startGateway } from './gateway-fixture.ts'
import { gatewaySettings } from './settings.ts'

let fixture: Fixture | undefined
afterEach(() => fixture?.close())

async function start(...options: Parameters<typeof startGateway>): Promise<Fixture> {
  fixture = await startGateway(...options)
  return fixture
}

test('GATE-24: closeWhere tells the sessions that fit, and only them', async () => {
  const { gateway, open } = await start()
  const alice = await open('alice')
  const alicesOther = await open('alice')
  const bob = await open('bob')
  expect(gateway.closeWhere((session) => session.userId === 'alice', 'token-revoked', 'Signed out')).toBe(2)
  for (const client of [alice, alicesOther]) {
    expect(await client.closing()).toEqual({
      code: 4004,
      reason: 'token-revoked',
      event: { type: 'session.closing', code: 'token-revoked', detail: 'Signed out', retryable: false },
    })
  }
  bob.send({ id: 1, type: 'ping' })
  expect((await bob.answer(1)).ok).toBeDefined()
})

test('GATE-24: what was queued before a close arrives before it', async () => {
  const { gateway, open } = await start()
  const client = await open('alice')
  const frame = gateway.encode({ type: 'conversation.joined', conversationId: 'c' })
  for (let sent = 0; sent < 50; sent++) gateway.deliver('proj_1', ['alice'], frame)
  gateway.closeWhere(() => true, 'device-limit')
  await client.closing()
  expect(client.frames.filter(({ type }) => type === 'conversation.joined')).toHaveLength(50)
  expect(client.frames.at(-1)?.type).toBe('session.closing')
})

test('GATE-25: half-open connections die, those that answer pings live', async () => {
  const { gateway, connect, open } = await start({ heartbeatMs: 100, deadAfterMs: 300 })
  const ended = deferred<[string, string]>()
  gateway.onClosed((session, reason) => ended.resolve([session.userId, reason]))
  const living = await open('living')
  const dead = await connect({ autoPong: false })
  dead.send({ id: 1, type: 'auth', token: 'dead' })
  expect(await ended.promise).toEqual(['dead', 'dead'])
  living.send({ id: 1, type: 'ping' })
  expect((await living.answer(1)).ok).toBeDefined()
  expect(gateway.sessionsOf('proj_1', 'living').size).toBe(1)
})

test('GATE-25: a heartbeat longer than the time to death is a mistake of configuration', () => {
  const settings = { ...readSettings(gatewaySettings, { read: () => undefined }), deadAfterMs: 1_000 }
  const make = () =>
    new Gateway({
      server: createServer(),
      authenticator: new FakeAuthenticator(),
      logger: silentLogger,
      scope: new Scope('test', silentLogger),
      metrics: new Metrics(),
      settings,
    })
  expect(make).toThrow(ConfigError)
})

test('GATE-26: hooks run once for sessions that were opened, and failing ones harm nobody', async () => {
  const { gateway, open, connect } = await start()
  const seen: string[] = []
  const gone = deferred()
  gateway.onOpened(() => {
    throw new Error('a hook that fails')
  })
  gateway.onOpened((session) => {
    seen.push(`+${session.userId}`)
  })
  gateway.onClosed(async () => {
    throw new Error('a hook that fails')
  })
  gateway.onClosed((session, reason) => {
    seen.push(`-${session.userId} ${reason}`)
    if (session.userId === 'carol') gone.resolve()
  })
  const alice = await open('alice')
  gateway.closeWhere((session) => session.userId === 'alice', 'key-revoked')
  gateway.closeWhere((session) => session.userId === 'alice', 'key-revoked')
  await alice.closing()
  const refused = await connect()
  refused.send({ id: 1, type: 'auth', token: '!' })
  await refused.closing()
  const carol = await open('carol')
  carol.socket.terminate()
  await gone.promise
  expect(seen).toEqual(['+alice', '-alice key-revoked', '+carol', '-carol left'])
})

test('GATE-26: a connection that goes while it authenticates is never opened', async () => {
  const { gateway, connect, open } = await start()
  const seen: string[] = []
  const hold = deferred()
  const arrived = deferred()
  const aborted = deferred()
  gateway.onOpening(async ({ session }) => {
    if (session.userId !== 'alice') return
    session.signal.addEventListener('abort', () => aborted.resolve())
    arrived.resolve()
    await hold.promise
  })
  gateway.onOpened((session) => {
    seen.push(session.userId)
  })
  gateway.onClosed((session) => {
    seen.push(session.userId)
  })
  const client = await connect()
  client.send({ id: 1, type: 'auth', token: 'alice' })
  await arrived.promise
  client.socket.terminate()
  await aborted.promise
  hold.resolve()
  await open('bob')
  expect(seen).toEqual(['bob'])
  expect(gateway.sessionsOf('proj_1', 'alice').size).toBe(0)
})

test('GATE-26: the signal of a session aborts with it, and its state goes with it', async () => {
  const { gateway, open } = await start()
  const key = Symbol('test')
  const aborted = deferred()
  gateway.onOpened((session) => {
    session.state.set(key, session.userId)
  })
  gateway.handle('conversation.typing', (session, _body, { signal }) => {
    expect(session.state.get(key)).toBe('alice')
    signal.addEventListener('abort', () => aborted.resolve())
    return new Promise(() => {})
  })
  const client = await open('alice')
  client.send({ id: 1, type: 'conversation.typing', conversationId: 'c' }, { id: 2, type: 'ping' })
  await client.answer(2)
  const [session] = gateway.sessionsOf('proj_1', 'alice')
  client.socket.terminate()
  await aborted.promise
  expect(session?.signal.aborted).toBe(true)
})

test('GATE-27: drain sends everybody away and lets handlers at work answer first', async () => {
  const { gateway, open, connect, refusal } = await start({ drainMs: 0 })
  const hold = deferred()
  gateway.handle('conversation.typing', async () => {
    await hold.promise
    return {}
  })
  const working = await open('working')
  const resting = await open('resting')
  const stranger = await connect()
  working.send({ id: 1, type: 'conversation.typing', conversationId: 'c' }, { id: 2, type: 'ping' })
  await working.answer(2)
  const drained = gateway.drain()
  expect(gateway.drain()).toBe(drained)
  for (const client of [resting, stranger]) {
    expect(await client.closing()).toMatchObject({
      code: 4013,
      event: { code: 'unavailable', retryable: true },
    })
  }
  const { retryAfterMs } = await working.event('session.closing')
  expect(retryAfterMs).toBeGreaterThanOrEqual(0)
  expect(retryAfterMs).toBeLessThanOrEqual(10_000)
  working.send({ id: 3, type: 'conversation.typing', conversationId: 'c' })
  expect((await working.answer(3)).error).toMatchObject({ code: 'unavailable', retryable: true })
  expect((await refusal('/v1/realtime')).status).toBe(503)
  hold.resolve()
  expect((await working.answer(1)).ok).toEqual({})
  expect((await working.closing()).code).toBe(4013)
  await drained
  expect(gateway.connections).toBe(0)
  expect(working.frames.filter(({ type }) => type === 'session.closing')).toHaveLength(1)
})

test('GATE-27: drain is spread, and clients are told different times to come back', async () => {
  const { gateway, open } = await start({ drainMs: 200 })
  const clients = await Promise.all(Array.from({ length: 20 }, (_, index) => open(`user-${index}`)))
  const left: number[] = []
  gateway.onClosed(() => {
    left.push(gateway.online('proj_1').size)
  })
  await gateway.drain()
  const times = await Promise.all(clients.map(async (client) => (await client.closing()).event?.retryAfterMs))
  expect(new Set(times).size).toBeGreaterThan(5)
  // Not all at once: somebody was still online when the first had gone.
  expect(left[0]).toBeGreaterThan(0)
})

test('GATE-27: a handler that never answers does not hold a drain up for ever', async () => {
  const { gateway, open } = await start({ drainMs: 0, closeTimeoutMs: 100 })
  gateway.handle('conversation.typing', () => new Promise(() => {}))
  const client = await open('alice')
  client.send({ id: 1, type: 'conversation.typing', conversationId: 'c' }, { id: 2, type: 'ping' })
  await client.answer(2)
  await gateway.drain()
  expect((await client.closing()).code).toBe(4013)
})

test('GATE-28: close ends everything, twice if asked, and leaves nothing behind', async () => {
  const handles = () =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap' || kind === 'TCPServerWrap')
      .length
  const before = handles()
  const started = await start({ closeTimeoutMs: 100 })
  const { gateway, server, open, connect } = started
  const clients = [await open('alice'), await open('bob'), await connect()]
  // Does not answer the close; the close timeout ends it.
  const deaf = await open('deaf')
  deaf.socket.pause()
  const closing = gateway.close()
  expect(gateway.close()).toBe(closing)
  await closing
  expect(gateway.connections).toBe(0)
  expect(server.listenerCount('upgrade')).toBe(0)
  for (const client of clients) expect((await client.closing()).code).toBe(4013)
  await started.close()
  fixture = undefined
  for (let turn = 0; turn < 100 && handles() > before; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  expect(handles()).toBeLessThanOrEqual(before)
})

test('GATE-28: close during a drain ends it', async () => {
  const { gateway, open } = await start({ drainMs: 600_000 })
  const client = await open('alice')
  const other = await open('bob')
  const drained = gateway.drain()
  await gateway.close()
  await drained
  expect((await client.closing()).code).toBe(4013)
  expect((await other.closing()).code).toBe(4013)
})

test('metrics count what happens', async () => {
  const { gateway, open, metrics } = await start()
  gateway.handle('conversation.typing', async () => ({}))
  const client = await open('alice')
  client.send({ id: 1, type: 'conversation.typing', conversationId: 'c' }, { id: 2, type: 'nothing' })
  await client.answer(1)
  await client.answer(2)
  const page = await metrics.render()
  for (const line of [
    'parley_gateway_connections 1',
    'parley_gateway_sessions 1',
    'parley_gateway_received_frames_total{type="conversation.typing"} 1',
    'parley_gateway_error_answers_total{code="unknown-frame-type"} 1',
    'parley_gateway_sent_frames_total 3',
  ]) {
    expect(page).toContain(line)
  }
})
