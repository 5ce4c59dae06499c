import { connect as connectSocket, type Socket } from 'node:net'
import { clientFrames, closeCodes } from '@parley/contracts'
import { createLogger, type Logger } from '@parley/core/kernel'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { type Fixture, startGateway, type TestClient } from './gateway-fixture.ts'

let fixture: Fixture
afterEach(() => fixture.close())

const settings = { refusalBurst: 1_000_000, framesPerSecond: 1_000_000, frameBurst: 1_000_000 }

/** Counts errors, of which no input may cause one. */
function watchfulLogger(): Logger & { errors: unknown[] } {
  const errors: unknown[] = []
  const logger = createLogger({ level: 'silent' })
  const watchful = {
    ...logger,
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (...said: unknown[]) => {
      errors.push(said)
    },
    child: () => watchful,
    errors,
  }
  return watchful
}

async function startFuzzed() {
  const logger = watchfulLogger()
  fixture = await startGateway(settings, { logger })
  for (const type of ['message.send', 'message.list', 'conversation.create', 'presence.subscribe'] as const) {
    fixture.gateway.handle(type, async () => ({}) as never)
  }
  return { logger, control: await fixture.open('control') }
}

let probes = 0
async function expectAlive(client: TestClient): Promise<void> {
  const id = `probe-${probes++}`
  client.send({ id, type: 'ping' })
  expect((await client.answer(id)).ok).toBeDefined()
}

const types = Object.keys(clientFrames)

/** Objects that look like frames, with bodies that mostly do not fit. */
const nearFrame = fc
  .record({
    id: fc.oneof(fc.string({ maxLength: 70 }), fc.integer(), fc.jsonValue()),
    type: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...types.filter((type) => type !== 'auth')) },
      fc.string(),
    ),
    body: fc.dictionary(
      fc.constantFrom(
        'conversationId',
        'clientMessageId',
        'content',
        'userIds',
        'seq',
        'members',
        'toUserId',
        '__proto__',
      ),
      fc.jsonValue({ maxDepth: 4 }),
    ),
  })
  .map(({ id, type, body }) => ({ ...body, id, type }))

const hostileText = fc.oneof(
  fc.json(),
  fc.string({ unit: 'binary', maxLength: 200 }),
  nearFrame.map((frame) => JSON.stringify(frame)),
  fc.array(nearFrame, { maxLength: 5 }).map((frames) => JSON.stringify(frames)),
  fc.nat({ max: 5_000 }).map((depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`),
  fc.nat({ max: 60_000 }).map((depth) => '['.repeat(depth)),
  fc.tuple(nearFrame, fc.nat()).map(([frame, at]) => {
    const text = JSON.stringify(frame)
    return text.slice(0, at % text.length)
  }),
)

test('GATE-16, GATE-17: no text ends the process, a session or its neighbours', async () => {
  const { logger, control } = await startFuzzed()
  const client = await fixture.open('victim')
  await fc.assert(
    fc.asyncProperty(fc.array(hostileText, { minLength: 1, maxLength: 8 }), async (texts) => {
      for (const text of texts) client.socket.send(text)
      await expectAlive(client)
    }),
    { numRuns: 150 },
  )
  await expectAlive(control)
  expect(logger.errors).toEqual([])
  expect(client.frames.some((frame) => frame.error?.code === 'internal-error')).toBe(false)
})

test('GATE-4, GATE-5: nothing but a good token opens a session', async () => {
  const { logger, control } = await startFuzzed()
  const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const unsigned = `${base64({ alg: 'none' })}.${base64({ iss: 'key_1', sub: 'victim', exp: 4_000_000_000 })}.`
  const tokens = fc.oneof(
    fc.constant(unsigned),
    fc.string({ unit: 'binary' }),
    fc.jsonValue(),
    fc.constant('x'.repeat(9_000)),
  )
  const openings = fc.oneof(
    tokens.map((token) =>
      JSON.stringify({ id: 1, type: 'auth', token: token === 'control' ? '' : token, device: 1 }),
    ),
    tokens.map((token) => JSON.stringify({ id: 1, type: 'auth', token: `${JSON.stringify(token)}!` })),
    fc.constant(JSON.stringify({ id: 1, type: 'auth', token: unsigned })),
    hostileText,
  )
  const codes: number[] = Object.values(closeCodes)
  await fc.assert(
    fc.asyncProperty(openings, async (opening) => {
      const client = await fixture.connect()
      client.socket.send(opening)
      // An empty array holds no first frame; this one makes an end in any case.
      client.send({ id: 2, type: 'ping' })
      const closing = await client.closing()
      expect(codes).toContain(closing.code)
      expect(closing.event).toBeDefined()
      expect(client.frames.some((frame) => frame.ok !== undefined)).toBe(false)
    }),
    { numRuns: 100 },
  )
  expect([...fixture.gateway.online('proj_1').keys()]).toEqual(['control'])
  await expectAlive(control)
  expect(logger.errors).toEqual([])
})

test('GATE-17: no bytes on the socket harm anybody else', async () => {
  const { logger, control } = await startFuzzed()
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }), async (chunks) => {
      const socket = await upgradedSocket(fixture.port)
      for (const chunk of chunks) socket.write(chunk)
      socket.end()
      await new Promise((resolve) => socket.once('close', resolve))
    }),
    { numRuns: 100 },
  )
  await expectAlive(control)
  expect(fixture.gateway.connections).toBe(1)
  expect(logger.errors).toEqual([])
})

test('GATE-1: no bytes in place of an upgrade request harm anybody', async () => {
  const { logger, control } = await startFuzzed()
  const header = fc.tuple(
    fc.constantFrom(
      'Upgrade',
      'Connection',
      'Sec-WebSocket-Key',
      'Sec-WebSocket-Protocol',
      'X-Forwarded-For',
    ),
    fc.oneof(fc.constantFrom('websocket', 'Upgrade', 'parley.v1', ',,', ''), fc.string({ maxLength: 20 })),
  )
  const request = fc
    .tuple(
      fc.constantFrom('/v1/realtime', '/v1/realtime?x', '//', '*', '/%zz'),
      fc.array(header, { maxLength: 6 }),
    )
    .map(([path, headers]) => {
      const lines = headers.map(([name, value]) => `${name}: ${value.replaceAll(/[\r\n]/g, '')}`)
      return `GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${lines.join('\r\n')}\r\n\r\n`
    })
  await fc.assert(
    fc.asyncProperty(request, async (text) => {
      const socket = connectSocket(fixture.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.resume()
      socket.end(text)
      await new Promise((resolve) => socket.once('close', resolve))
    }),
    { numRuns: 100 },
  )
  await expectAlive(control)
  expect(logger.errors).toEqual([])
})

function upgradedSocket(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connectSocket(port, '127.0.0.1')
    // The other side may cut a socket that talks nonsense.
    socket.on('error', () => {})
    socket.on('data', () => resolve(socket))
    socket.write(
      'GET /v1/realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
  })
}
