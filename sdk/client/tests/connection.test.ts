import { AppError } from '@parley/contracts'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Parley } from '../src/index.ts'
import { connect, pass } from './client.ts'
import { FakeServer } from './fake-server.ts'

let server: FakeServer

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
})

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

test('the connection comes back after a cut and tells why it was away', async () => {
  const alice = await connect(server, 'alice')
  const states: string[] = []
  alice.on('state', (state) =>
    states.push(state.status === 'reconnecting' ? state.reason.code : state.status),
  )
  server.cut()
  await pass(5_000)
  expect(states).toEqual(['connection-lost', 'connected'])
  await alice.close()
  expect(states.at(-1)).toBe('closed')
})

test('a half-open connection is noticed by the heartbeat', async () => {
  const alice = await connect(server, 'alice')
  server.cut(true)
  await pass(120_000)
  expect(alice.state.status).toBe('connected')
  expect([...server.sockets].filter(({ dead }) => !dead)).toHaveLength(1)
  await alice.close()
})

test('a quiet connection is kept by pings alone', async () => {
  const alice = await connect(server, 'alice')
  const states: string[] = []
  alice.on('state', ({ status }) => states.push(status))
  await pass(600_000)
  expect(states).toEqual([])
  expect(server.frames.filter(({ type }) => type === 'ping').length).toBeGreaterThan(10)
  await alice.close()
})

test('a token is renewed on the live connection before it expires', async () => {
  server.tokenLifeMs = 300_000
  const getToken = vi.fn(() => server.tokenOf('alice'))
  const alice = await connect(server, 'alice', { getToken })
  expect(getToken).toHaveBeenCalledTimes(1)
  await pass(250_000)
  expect(getToken).toHaveBeenCalledTimes(2)
  expect(server.frames.filter(({ type }) => type === 'auth')).toHaveLength(2)
  expect(server.sockets.size).toBe(1)
  await alice.close()
})

test('a refused token is asked anew once, then the first connect gives up', async () => {
  server.refuseAuth = new AppError('token-expired')
  const getToken = vi.fn(() => server.tokenOf('alice'))
  await expect(connect(server, 'alice', { getToken })).rejects.toMatchObject({ code: 'token-expired' })
  expect(getToken).toHaveBeenCalledTimes(2)
})

test('a later refusal is retried with backoff', async () => {
  const getToken = vi.fn(() => server.tokenOf('alice'))
  const alice = await connect(server, 'alice', { getToken })
  server.refuseAuth = new AppError('unauthenticated')
  server.cut()
  await pass(120_000)
  expect(alice.state).toMatchObject({ status: 'reconnecting', reason: { code: 'unauthenticated' } })
  expect(getToken.mock.calls.length).toBeLessThan(40)
  server.refuseAuth = undefined
  await pass(60_000)
  expect(alice.state.status).toBe('connected')
  await alice.close()
})

test.each(['token-revoked', 'device-limit', 'key-revoked'] as const)(
  '%s ends the client for good',
  async (reason) => {
    const alice = await connect(server, 'alice')
    server.closing(reason, false)
    await pass(120_000)
    expect(alice.state).toMatchObject({ status: 'closed', reason: { code: reason } })
    expect(server.sockets.size).toBe(0)
  },
)

test('the time a server asks to wait is waited', async () => {
  const alice = await connect(server, 'alice')
  server.closing('unavailable', true, 20_000)
  await pass(19_000)
  expect(alice.state).toMatchObject({ status: 'reconnecting', reason: { code: 'unavailable' } })
  await pass(20_000)
  expect(alice.state.status).toBe('connected')
  await alice.close()
})

test('a token of somebody else ends a client opened for a user', async () => {
  const parley = await Parley.open({
    url: 'http://localhost',
    userId: 'alice',
    getToken: () => server.tokenOf('bob'),
    openSocket: server.openSocket,
  })
  await pass(1_000)
  expect(parley.state).toMatchObject({ status: 'closed', reason: { code: 'user-mismatch' } })
})

test('connecting can be given up, and fails at once when no token can be had', async () => {
  server.unreachable = true
  const stop = new AbortController()
  const connecting = connect(server, 'alice', { signal: stop.signal })
  connecting.catch(() => undefined)
  await pass(5_000)
  stop.abort()
  await expect(connecting).rejects.toMatchObject({ code: 'aborted' })
  const getToken = () => Promise.reject(new Error('no session'))
  await expect(connect(server, 'alice', { getToken })).rejects.toMatchObject({ code: 'token-failed' })
  await expect(connect(server, 'alice', { getToken: () => 'nonsense' })).rejects.toMatchObject({
    code: 'unauthenticated',
  })
})

test('a suspended client stays away and comes back when told', async () => {
  const alice = await connect(server, 'alice')
  alice.suspend()
  await pass(300_000)
  expect(server.sockets.size).toBe(0)
  expect(alice.state).toMatchObject({ status: 'reconnecting', reason: { code: 'offline' } })
  alice.resume()
  await pass(60_000)
  expect(alice.state.status).toBe('connected')
  await alice.close()
})

test('a request that finds no connection in time is a timeout, and one larger than a frame is refused here', async () => {
  const alice = await connect(server, 'alice')
  const tooLarge = alice.chat.conversation('conv_1').edit('msg_1', { text: 'x'.repeat(70_000) })
  await expect(tooLarge).rejects.toMatchObject({ code: 'frame-too-large' })
  server.unreachable = true
  server.cut()
  await pass(100)
  const waiting = alice.chat.direct('bob')
  waiting.catch(() => undefined)
  await pass(30_000)
  await expect(waiting).rejects.toMatchObject({ code: 'timeout', retryable: true })
  await alice.close()
})
