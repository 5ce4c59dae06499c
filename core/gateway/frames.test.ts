import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '@parley/contracts'
import { createLogger } from '@parley/core/kernel'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { deferred, type Fixture, startGateway } from './gateway-fixture.ts'

let fixture: Fixture
afterEach(() => fixture.close())

const typing = (id: string | number, conversationId = 'c') => ({
  id,
  type: 'conversation.typing',
  conversationId,
})

test('GATE-9: a session ends with its token', async () => {
  fixture = await startGateway({ heartbeatMs: 250 })
  const client = await fixture.open('alice@proj_1@80')
  await fixture.open('bob')
  expect(await client.closing()).toMatchObject({ code: 4003, event: { code: 'token-expired' } })
  expect(fixture.gateway.online('proj_1').has('alice')).toBe(false)
  expect(fixture.gateway.online('proj_1').has('bob')).toBe(true)
})

test('GATE-9: a frame that comes after the end of the token is not handled', async () => {
  fixture = await startGateway()
  let handled = 0
  fixture.gateway.handle('conversation.typing', async () => {
    handled++
    return {}
  })
  const client = await fixture.open('alice@proj_1@40')
  await new Promise((resolve) => setTimeout(resolve, 60))
  client.send(typing(1))
  expect(await client.closing()).toMatchObject({ code: 4003 })
  expect(handled).toBe(0)
})

test('GATE-10: a newer token of the same user extends the session', async () => {
  fixture = await startGateway({ heartbeatMs: 250 })
  const client = await fixture.open('alice@proj_1@600')
  const short = await fixture.open('carol@proj_1@900')
  client.send({ id: 1, type: 'auth', token: 'alice@proj_1@600000' })
  const { ok } = await client.answer(1)
  expect(Date.parse(String(ok?.expiresAt))).toBeGreaterThan(Date.now() + 500_000)
  // The shorter token of another session shows that the time of the first has passed.
  await short.closing()
  client.send({ id: 2, type: 'ping' })
  expect((await client.answer(2)).ok).toBeDefined()
  expect(fixture.gateway.sessionsOf('proj_1', 'alice').size).toBe(1)
})

test('GATE-10: a newer token that ends sooner is watched', async () => {
  fixture = await startGateway({ heartbeatMs: 250 })
  const client = await fixture.open('alice')
  client.send({ id: 1, type: 'auth', token: 'alice@proj_1@50' })
  expect(await client.closing()).toMatchObject({ code: 4003 })
})

test('GATE-10: a token of another user, project or device changes nothing', async () => {
  fixture = await startGateway()
  const client = await fixture.open('alice', { id: 'phone', platform: 'ios' })
  client.send([
    { id: 1, type: 'auth', token: 'bob' },
    { id: 2, type: 'auth', token: 'alice@proj_2' },
    { id: 3, type: 'auth', token: 'alice', device: { id: 'tablet', platform: 'ios' } },
    { id: 4, type: 'auth', token: '!' },
    { id: 5, type: 'ping' },
  ])
  await client.answer(1)
  await client.answer(4)
  const codes = [1, 2, 3, 4].map((id) => client.frames.find((frame) => frame.re === id)?.error?.code)
  expect(codes).toEqual(['forbidden', 'conflict', 'forbidden', 'conflict'])
  client.send({ id: 6, type: 'auth', token: 'alice@proj_2' })
  expect((await client.answer(6)).error?.code).toBe('forbidden')
  client.send({ id: 7, type: 'auth', token: '!' })
  expect((await client.answer(7)).error?.code).toBe('unauthenticated')
  expect((await client.answer(5)).ok).toBeDefined()
  expect(fixture.gateway.sessionsOf('proj_1', 'alice').size).toBe(1)
})

test('GATE-10, GATE-8: a revocation while a token is renewed ends the session', async () => {
  fixture = await startGateway()
  const client = await fixture.open('alice@proj_1@60000')
  const hold = deferred()
  fixture.authenticator.pause = hold.promise
  client.send({ id: 1, type: 'auth', token: 'alice' }, { id: 2, type: 'ping' })
  await client.answer(2)
  fixture.gateway.closeWhere((session) => session.expiresAtMs > Date.now() + 120_000, 'token-revoked')
  hold.resolve()
  expect(await client.closing()).toMatchObject({ code: 4004 })
})

test('GATE-11: frames come alone or in arrays, and ids are text or whole numbers', async () => {
  fixture = await startGateway()
  const client = await fixture.open('alice')
  client.send([{ id: 'x', type: 'ping' }, { id: 0, type: 'ping' }, { type: 'ping' }], [])
  expect((await client.answer('x')).ok).toBeDefined()
  expect((await client.answer(0)).ok).toBeDefined()
  fixture.gateway.handle('conversation.typing', async () => ({}))
  client.send({ type: 'conversation.typing', conversationId: 'c' })
  expect((await client.error()).error?.code).toBe('invalid-request')
})

test.each([
  ['a long id', { id: 'x'.repeat(65), type: 'ping' }],
  ['a broken number', { id: 1.5, type: 'ping' }],
  ['an object for an id', { id: {}, type: 'ping' }],
  ['null for an id', { id: null, type: 'ping' }],
  ['no type', { id: 1 }],
  ['a number for a type', { id: 1, type: 1 }],
  ['a long type', { id: 1, type: 'x'.repeat(65) }],
  ['a number', 1],
  ['null', null],
  ['text', 'ping'],
  ['an array in an array', [[{ id: 1, type: 'ping' }]]],
])('GATE-11, GATE-16: %s is no frame', async (_name, frame) => {
  fixture = await startGateway()
  const client = await fixture.open('alice')
  client.send(frame, { id: 'after', type: 'ping' })
  expect((await client.error()).error?.code).toBe('invalid-request')
  expect((await client.answer('after')).ok).toBeDefined()
})

test('GATE-12: handlers start in the order of the frames and answer when they are done', async () => {
  fixture = await startGateway()
  const started: string[] = []
  const holds = new Map<string, { resolve: () => void }>()
  fixture.gateway.handle('conversation.typing', async (_session, { conversationId }) => {
    started.push(conversationId)
    const hold = deferred()
    holds.set(conversationId, hold)
    await hold.promise
    return {}
  })
  const client = await fixture.open('alice')
  const ids = Array.from({ length: 100 }, (_, index) => String(index))
  for (const id of ids.slice(0, 50)) client.send(typing(id, id))
  client.send(ids.slice(50).map((id) => typing(id, id)))
  client.send({ id: 'ping', type: 'ping' })
  expect((await client.answer('ping')).ok).toBeDefined()
  expect(started).toEqual(ids)
  holds.get('99')?.resolve()
  await client.answer('99')
  expect(client.frames.some((frame) => frame.re === '0')).toBe(false)
  for (const id of ids) holds.get(id)?.resolve()
  await client.count((frame) => frame.ok !== undefined && frame.re !== 'auth', 101)
})

test('GATE-13: ping is answered while handlers run and without taking their places', async () => {
  fixture = await startGateway({ maxInFlight: 1 })
  const hold = deferred()
  fixture.gateway.handle('conversation.typing', async () => {
    await hold.promise
    return {}
  })
  const client = await fixture.open('alice')
  client.send(typing(1), { id: 2, type: 'ping' })
  expect(Date.parse(String((await client.answer(2)).ok?.serverTime))).not.toBeNaN()
  hold.resolve()
  expect((await client.answer(1)).ok).toEqual({})
})

test('GATE-14: what does not fit the schema is named', async () => {
  fixture = await startGateway()
  fixture.gateway.handle('conversation.read', async (_session, { seq }) => ({ readSeq: seq, unread: 0 }))
  const client = await fixture.open('alice')
  client.send({ id: 1, type: 'conversation.read', conversationId: 'c', seq: -1 })
  expect((await client.answer(1)).error).toMatchObject({ code: 'invalid-request', issues: [{ path: 'seq' }] })
  client.send({ id: 2, type: 'conversation.read', conversationId: 'c', seq: 3 })
  expect((await client.answer(2)).ok).toEqual({ readSeq: 3, unread: 0 })
  for (const type of ['nothing', 'constructor', '__proto__', 'toString', 'message.send']) {
    client.send({ id: type, type })
    expect((await client.answer(type)).error?.code).toBe('unknown-frame-type')
  }
})

test('GATE-14: a type has one handler, and the gateway keeps its own', async () => {
  fixture = await startGateway()
  fixture.gateway.handle('conversation.typing', async () => ({}))
  expect(() => fixture.gateway.handle('conversation.typing', async () => ({}))).toThrow('handler already')
  expect(() => fixture.gateway.handle('ping', async () => ({ serverTime: '' }))).toThrow('gateway')
})

test('GATE-15: errors of handlers', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-gateway-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const destination = join(folder, 'log')
  fixture = await startGateway({}, { logger: createLogger({ level: 'error', destination }) })
  fixture.gateway.handle('conversation.typing', (_session, { conversationId }) => {
    if (conversationId === 'sync') throw new Error('secret of the house')
    if (conversationId === 'coded') {
      throw new AppError('not-a-member', 'Not here', {
        retryAfterMs: 5,
        issues: [{ path: 'a', message: 'b' }],
      })
    }
    if (conversationId === 'nothing') return Promise.reject(undefined)
    if (conversationId === 'endless') return Promise.resolve({ big: 1n } as never)
    return Promise.reject(new Error('secret of the house'))
  })
  const client = await fixture.open('alice')
  for (const id of ['sync', 'async', 'nothing', 'endless', 'coded']) client.send(typing(id, id))
  for (const id of ['sync', 'async', 'nothing', 'endless']) {
    expect((await client.answer(id)).error).toMatchObject({ code: 'internal-error', retryable: true })
  }
  expect((await client.answer('coded')).error).toEqual({
    code: 'not-a-member',
    detail: 'Not here',
    retryable: false,
    retryAfterMs: 5,
    issues: [{ path: 'a', message: 'b' }],
  })
  expect(JSON.stringify(client.frames)).not.toContain('secret')
  const errorId = /req_\w+/.exec(String((await client.answer('sync')).error?.detail))?.[0]
  expect(errorId).toBeDefined()
  expect(readFileSync(destination, 'utf8')).toContain(errorId)
})

test.each([
  ['no JSON', '{"id":', 'invalid-json'],
  ['nothing', '', 'invalid-json'],
  ['deep nesting', '['.repeat(30_000), 'invalid-json'],
  ['deep nesting that ends', `${'['.repeat(1_000)}${']'.repeat(1_000)}`, 'invalid-json'],
  ['__proto__', '{"id":1,"type":"ping","__proto__":{"x":1}}', 'invalid-json'],
  ['a repeated name', '{"id":1,"id":2,"type":"ping"}', 'invalid-json'],
  ['U+0000', '{"id":"\\u0000","type":"ping"}', 'invalid-request'],
  ['a lone surrogate', '{"id":"\\ud800","type":"ping"}', 'invalid-request'],
  ['a long array', `[${Array(300).fill('{"type":"ping"}').join(',')}]`, 'invalid-request'],
])('GATE-16: %s is answered with an error and harms nothing', async (_name, text, code) => {
  fixture = await startGateway()
  const client = await fixture.open('alice')
  client.socket.send(text)
  expect((await client.error()).error?.code).toBe(code)
  client.send({ id: 'after', type: 'ping' })
  expect((await client.answer('after')).ok).toBeDefined()
  const stranger = await fixture.connect()
  stranger.socket.send(text)
  expect((await stranger.closing()).code).toBe(4012)
})

test('GATE-16: binary messages are answered with an error', async () => {
  fixture = await startGateway()
  const client = await fixture.open('alice')
  client.socket.send(Buffer.from('{"id":1,"type":"ping"}'), { binary: true })
  expect((await client.error()).error?.code).toBe('invalid-json')
})

test('GATE-16: who does not stop sending rubbish is closed', async () => {
  fixture = await startGateway({ refusalBurst: 50, refusalsPerSecond: 1 })
  const client = await fixture.open('alice')
  for (let sent = 0; sent < 7; sent++) client.socket.send('rubbish')
  const closing = await client.closing()
  expect(closing).toMatchObject({ code: 4012, event: { code: 'invalid-json' } })
  expect(client.frames.filter((frame) => frame.error?.code === 'invalid-json')).toHaveLength(6)
})

test('GATE-17: a message that is too large closes with a reason, in pieces as well', async () => {
  fixture = await startGateway({ maxFrameBytes: 1_024 })
  const bob = await fixture.open('bob')
  for (const fragments of [1, 10]) {
    const client = await fixture.open('alice')
    const piece = 'x'.repeat(1_100 / fragments)
    for (let sent = 1; sent <= fragments; sent++) client.socket.send(piece, { fin: sent === fragments })
    expect(await client.closing()).toMatchObject({ code: 4010, event: { code: 'frame-too-large' } })
  }
  const limit = JSON.stringify({ id: 1, type: 'ping', pad: '' })
  bob.send({ id: 1, type: 'ping', pad: 'x'.repeat(1_024 - limit.length) })
  expect((await bob.answer(1)).ok).toBeDefined()
})

test('GATE-17: a message in too many fragments closes with a reason', async () => {
  fixture = await startGateway()
  const client = await fixture.open('alice')
  for (let sent = 0; sent < 1_100; sent++) client.socket.send('x', { fin: false })
  expect(await client.closing()).toMatchObject({ code: 4010, event: { code: 'frame-too-large' } })
})

test('GATE-17: text that is not UTF-8 closes with a reason', async () => {
  fixture = await startGateway()
  const client = await fixture.open('alice')
  client.socket.send(Buffer.from([0x22, 0xff, 0xfe, 0x22]), { binary: false })
  expect(await client.closing()).toMatchObject({ code: 4012, event: { code: 'invalid-json' } })
})

test('GATE-17: a close of the client is its own, whatever its code', async () => {
  fixture = await startGateway()
  const ended = deferred<string>()
  fixture.gateway.onClosed((_session, reason) => ended.resolve(reason))
  const client = await fixture.open('alice')
  client.socket.close(1009, 'mine')
  expect(await client.closing()).toMatchObject({ code: 1009, event: undefined })
  expect(await ended.promise).toBe('left')
})

test('GATE-18: frames beyond the rate are refused with the time to wait', async () => {
  fixture = await startGateway({ framesPerSecond: 1, frameBurst: 5 })
  let handled = 0
  fixture.gateway.handle('conversation.typing', async () => {
    handled++
    return {}
  })
  const client = await fixture.open('alice')
  client.send(Array.from({ length: 10 }, (_, id) => typing(id)))
  const answers = await client.count((frame) => typeof frame.re === 'number', 10)
  const refused = answers.filter((frame) => frame.error?.code === 'rate-limited')
  expect(refused).toHaveLength(5)
  for (const { error } of refused) expect(error?.retryAfterMs).toBeGreaterThan(0)
  expect(handled).toBe(5)
})

test('GATE-18: frames beyond those at work are refused until one is done', async () => {
  fixture = await startGateway({ maxInFlight: 2 })
  const hold = deferred()
  fixture.gateway.handle('conversation.typing', async () => {
    await hold.promise
    return {}
  })
  const client = await fixture.open('alice')
  client.send(typing(1), typing(2), typing(3))
  expect((await client.answer(3)).error).toMatchObject({ code: 'rate-limited', retryable: true })
  hold.resolve()
  await client.answer(1)
  await client.answer(2)
  client.send(typing(4))
  expect((await client.answer(4)).ok).toEqual({})
})

test('GATE-19: who does not heed the refusals is closed', async () => {
  fixture = await startGateway({
    framesPerSecond: 1,
    frameBurst: 1,
    refusalBurst: 20,
    refusalsPerSecond: 1,
  })
  const client = await fixture.open('alice')
  const other = await fixture.open('bob')
  for (let id = 0; id < 40; id++) client.send({ id, type: 'ping' })
  const closing = await client.closing()
  expect(closing).toMatchObject({ code: 4009, event: { code: 'rate-limited', retryable: true } })
  expect(closing.event?.retryAfterMs).toBeGreaterThan(0)
  other.send({ id: 1, type: 'ping' })
  expect((await other.answer(1)).ok).toBeDefined()
})
