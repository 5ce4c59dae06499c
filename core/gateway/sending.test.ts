import type { ServerEvent } from '@parley/contracts'
import { afterEach, expect, test } from 'vitest'
import { deferred, type Fixture, startGateway } from './gateway-fixture.ts'

let fixture: Fixture
afterEach(() => fixture.close())

const typing = (conversationId: string): ServerEvent => ({
  type: 'conversation.typing',
  conversationId,
  userId: 'someone',
})
const isTyping = (frame: { type?: string }) => frame.type === 'conversation.typing'

test('GATE-20: an event for 5,000 deliveries is encoded once each, and arrives in order', async () => {
  fixture = await startGateway()
  const users = Array.from({ length: 50 }, (_, index) => `user-${index}`)
  const clients = await Promise.all(users.map((user) => fixture.open(user)))
  let encodings = 0
  let delivered = 0
  for (let index = 0; index < 100; index++) {
    const event = Object.assign(typing('c'), {
      toJSON: () => {
        encodings++
        return { type: 'conversation.typing', conversationId: `é${index}`, userId: '世界🌍' }
      },
    })
    delivered += fixture.gateway.deliver('proj_1', users, fixture.gateway.encode(event))
  }
  expect(delivered).toBe(5_000)
  expect(encodings).toBe(100)
  const expected = Array.from({ length: 100 }, (_, index) => `é${index}`)
  for (const client of clients) {
    const frames = await client.count(isTyping, 100)
    expect(frames.map((frame) => frame.conversationId)).toEqual(expected)
    expect(frames[99]?.userId).toBe('世界🌍')
    // Joined: the messages of the socket are far fewer than the events.
    expect(client.messages).toBeLessThan(50)
  }
})

test('GATE-20: answers, events of one session and events of a fan-out keep their order', async () => {
  fixture = await startGateway()
  fixture.gateway.handle('conversation.typing', async (session, { conversationId }) => {
    session.send(typing(`own-${conversationId}`))
    fixture.gateway.deliver('proj_1', ['alice'], fixture.gateway.encode(typing(`all-${conversationId}`)))
    return {}
  })
  const client = await fixture.open('alice')
  const ids = Array.from({ length: 40 }, (_, index) => String(index))
  client.send(ids.map((id) => ({ id, type: 'conversation.typing', conversationId: id })))
  await client.count((frame) => frame.ok !== undefined && frame.re !== 'auth', 40)
  const events = client.frames.filter(isTyping).map((frame) => frame.conversationId)
  expect(events).toEqual(ids.flatMap((id) => [`own-${id}`, `all-${id}`]))
  for (const id of ids) {
    const answer = client.frames.findIndex((frame) => frame.re === id)
    const event = client.frames.findIndex((frame) => frame.conversationId === `all-${id}`)
    expect(event).toBeLessThan(answer)
  }
})

test('GATE-20: frames of every size arrive whole', async () => {
  fixture = await startGateway()
  const client = await fixture.open('alice')
  const sizes = [0, 60, 124, 125, 126, 127, 4_000, 65_400, 65_535, 65_536, 200_000]
  for (const size of sizes) {
    fixture.gateway.deliver('proj_1', ['alice'], fixture.gateway.encode(typing('x'.repeat(size))))
  }
  for (const size of sizes)
    for (const session of fixture.gateway.sessionsOf('proj_1', 'alice')) {
      session.send(typing('x'.repeat(size)))
    }
  const frames = await client.count(isTyping, sizes.length * 2)
  expect(frames.map((frame) => String(frame.conversationId).length)).toEqual([...sizes, ...sizes])
})

test('GATE-20: with compression everything arrives the same, in the same order', async () => {
  fixture = await startGateway({ compression: true })
  const client = await fixture.open('alice')
  expect(client.socket.extensions).toContain('permessage-deflate')
  const sizes = [10, 70_000, 10, 2_000, 10, 200_000, 10]
  for (const [index, size] of sizes.entries()) {
    const event = typing(`${index}:${'x'.repeat(size)}`)
    fixture.gateway.deliver('proj_1', ['alice'], fixture.gateway.encode(event))
  }
  const frames = await client.count(isTyping, sizes.length)
  expect(frames.map((frame) => String(frame.conversationId).length)).toEqual(sizes.map((size) => size + 2))
  client.send({ id: 1, type: 'ping' })
  await client.answer(1)
})

test('GATE-21: at rest each event is a message of its own', async () => {
  fixture = await startGateway()
  const client = await fixture.open('alice')
  for (let index = 0; index < 3; index++) {
    const before = client.messages
    fixture.gateway.deliver('proj_1', ['alice'], fixture.gateway.encode(typing(String(index))))
    await client.count(isTyping, index + 1)
    expect(client.messages).toBe(before + 1)
  }
})

test('GATE-21: what is queued for a connection at one moment leaves in two messages', async () => {
  fixture = await startGateway()
  const client = await fixture.open('alice')
  const before = client.messages
  for (let index = 0; index < 20; index++) {
    fixture.gateway.deliver('proj_1', ['alice'], fixture.gateway.encode(typing(String(index))))
  }
  await client.count(isTyping, 20)
  expect(client.messages - before).toBeLessThanOrEqual(2)
})

test('GATE-22: a reader that stalls is closed with bounded memory, and nobody else notices', async () => {
  const maxBufferedBytes = 256 * 1_024
  fixture = await startGateway({ maxBufferedBytes, closeTimeoutMs: 20_000 })
  const ended = deferred<string>()
  fixture.gateway.onClosed((_session, reason) => ended.resolve(reason))
  const slow = await fixture.open('slow')
  const quick = await fixture.open('quick')
  slow.socket.pause()
  const frameBytes = 16 * 1_024
  let most = 0
  let sent = 0
  while (fixture.gateway.sessionsOf('proj_1', 'slow').size > 0) {
    const frame = fixture.gateway.encode(typing(`${sent}:${'x'.repeat(frameBytes)}`))
    fixture.gateway.deliver('proj_1', ['slow', 'quick'], frame)
    sent++
    most = Math.max(most, fixture.gateway.bufferedBytes)
    expect(sent).toBeLessThan(20_000)
    if (sent % 4 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(await ended.promise).toBe('slow-consumer')
  expect(most).toBeLessThan(2 * (maxBufferedBytes + 2 * frameBytes))
  // The last event goes to `quick` whether or not it was the one that ended `slow`.
  const frames = await quick.count(isTyping, sent)
  expect(frames.map((frame) => Number.parseInt(String(frame.conversationId), 10))).toEqual(
    Array.from({ length: sent }, (_, index) => index),
  )
  slow.socket.resume()
  expect(await slow.closing()).toMatchObject({
    code: 4008,
    event: { code: 'slow-consumer', retryable: true },
  })
  // What did arrive has no holes.
  const arrived = slow.frames
    .filter(isTyping)
    .map((frame) => Number.parseInt(String(frame.conversationId), 10))
  expect(arrived).toEqual(Array.from({ length: arrived.length }, (_, index) => index))
  expect(fixture.gateway.bufferedBytes).toBe(0)
})

test('GATE-22: a reader that asks and never reads the answers is closed', async () => {
  fixture = await startGateway({ maxBufferedBytes: 64 * 1_024 })
  fixture.gateway.handle('message.list', async () => ({ items: [], padding: 'x'.repeat(60_000) }) as never)
  const ended = deferred<string>()
  fixture.gateway.onClosed((_session, reason) => ended.resolve(reason))
  const client = await fixture.open('alice')
  client.socket.pause()
  let asking = true
  void ended.promise.then(() => {
    asking = false
  })
  for (let id = 0; asking && id < 2_000; id++) {
    client.send({ id, type: 'message.list', conversationId: 'c' })
    if (id % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(await ended.promise).toBe('slow-consumer')
})

test('GATE-22: when much waits in the process, a connection may have little waiting', async () => {
  fixture = await startGateway({ maxBufferedBytes: 64 * 1_024 * 1_024, maxTotalBufferedBytes: 1_048_576 })
  const client = await fixture.open('slow')
  client.socket.pause()
  let most = 0
  for (let sent = 0; fixture.gateway.sessionsOf('proj_1', 'slow').size > 0; sent++) {
    expect(sent).toBeLessThan(20_000)
    fixture.gateway.deliver('proj_1', ['slow'], fixture.gateway.encode(typing('x'.repeat(60_000))))
    most = Math.max(most, fixture.gateway.bufferedBytes)
    if (sent % 4 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(most).toBeLessThan(1_048_576 + 200_000)
  // It waited in the queue, where frames are shared, and not in the buffer of the socket.
  expect(most).toBeGreaterThan(1_048_576)
})

test('GATE-22: a reader that pauses and goes on gets everything', async () => {
  fixture = await startGateway({ maxBufferedBytes: 8 * 1_024 * 1_024 })
  const client = await fixture.open('alice')
  client.socket.pause()
  let sent = 0
  while (fixture.gateway.bufferedBytes < 1_048_576) {
    fixture.gateway.deliver(
      'proj_1',
      ['alice'],
      fixture.gateway.encode(typing(`${sent}:${'x'.repeat(20_000)}`)),
    )
    sent++
    if (sent % 4 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  client.socket.resume()
  const frames = await client.count(isTyping, sent)
  expect(frames.map((frame) => Number.parseInt(String(frame.conversationId), 10))).toEqual(
    Array.from({ length: sent }, (_, index) => index),
  )
  expect(fixture.gateway.bufferedBytes).toBe(0)
})

test('GATE-22: one answer larger than the limit is no reason to close', async () => {
  fixture = await startGateway({ maxBufferedBytes: 64 * 1_024 })
  const client = await fixture.open('alice')
  fixture.gateway.deliver('proj_1', ['alice'], fixture.gateway.encode(typing('x'.repeat(3_000_000))))
  await client.event('conversation.typing')
  client.send({ id: 1, type: 'ping' })
  expect((await client.answer(1)).ok).toBeDefined()
})

test('GATE-23: events reach every session of the users named, in the project named, and no other', async () => {
  fixture = await startGateway()
  const phone = await fixture.open('alice', { id: 'phone', platform: 'ios' })
  const limited = 'alice@proj_1@3600000@{"chat":{"read":true}}'
  const laptop = await fixture.open(limited, { id: 'laptop', platform: 'desktop' })
  const bob = await fixture.open('bob')
  const stranger = await fixture.open('alice@proj_2')
  const uninvolved = await fixture.open('carol')
  const { gateway } = fixture
  const everyone = gateway.encode(typing('everyone'))
  const unlimited = gateway.encode(typing('unlimited'))
  expect(gateway.deliver('proj_1', ['alice', 'bob', 'nobody'], everyone)).toBe(3)
  expect(gateway.deliver('proj_1', new Set(['alice']), unlimited, () => false)).toBe(1)
  expect(
    gateway.deliver('proj_1', ['alice'], gateway.encode(typing('both')), ({ chat }) => chat?.read === true),
  ).toBe(2)
  expect(gateway.deliver('proj_3', ['alice'], everyone)).toBe(0)
  const clients = [phone, laptop, bob, stranger, uninvolved]
  for (const client of clients) client.send({ id: 'end', type: 'ping' })
  await Promise.all(clients.map((client) => client.answer('end')))
  const got = clients.map((client) => client.frames.filter(isTyping).map((frame) => frame.conversationId))
  expect(got).toEqual([['everyone', 'unlimited', 'both'], ['everyone', 'both'], ['everyone'], [], []])
  expect([...gateway.online('proj_1').keys()].sort()).toEqual(['alice', 'bob', 'carol'])
  expect(gateway.online('proj_3').size).toBe(0)
})

test('GATE-23: a session that has ended takes nothing and forgets its project', async () => {
  fixture = await startGateway()
  const client = await fixture.open('alice')
  const [session] = fixture.gateway.sessionsOf('proj_1', 'alice')
  session?.close('token-revoked', 'gone')
  session?.send(typing('late'))
  session?.close('key-revoked')
  expect(fixture.gateway.sessionsOf('proj_1', 'alice').size).toBe(0)
  expect(fixture.gateway.online('proj_1').size).toBe(0)
  expect(await client.closing()).toMatchObject({ code: 4004, event: { detail: 'gone' } })
  expect(client.frames.filter(isTyping)).toEqual([])
})
