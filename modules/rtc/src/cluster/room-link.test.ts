import { randomBytes } from 'node:crypto'
import { AppError, type ServerEvent } from '@parley/contracts'
import type { EndReason, Session } from '@parley/core/gateway'
import { silentLogger } from '@parley/core/kernel'
import { afterEach, expect, test, vi } from 'vitest'
import { RoomCalls } from './room-calls.ts'
import { RoomForwarding } from './room-forwarding.ts'
import { RoomHost } from './room-host.ts'
import type { RoomInput } from './room-operations.ts'
import type { LinkKeys } from './shared-key.ts'

const closers: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of closers.splice(0)) await one.close()
})

function keysOf(...keys: Buffer[]): LinkKeys {
  const [newest = Buffer.alloc(32)] = keys
  return { derive: () => newest, deriveAll: () => keys }
}

/** A process that holds every room, another that forwards, and a session of the latter. */
async function pair(keys: { host: LinkKeys; guest: LinkKeys }) {
  const sessions: Session[] = []
  const ended: EndReason[] = []
  const called: unknown[] = []
  const host = new RoomHost({
    ...{ keys: keys.host, logger: silentLogger },
    run: async (session, frame, body) => {
      if (!sessions.includes(session)) sessions.push(session)
      if (body.roomId === 'full') throw new AppError('overloaded', 'full', { retryAfterMs: 7 })
      if (body.roomId === 'broken') throw new Error('a secret of the host')
      if (body.roomId === 'slow') return new Promise(() => undefined)
      return { roomId: body.roomId, frame }
    },
    call: async (operation, input) => {
      called.push({ operation, ...input })
      if (input.roomId === 'full') throw new AppError('overloaded', 'full', { retryAfterMs: 7 })
      if (input.roomId === 'broken') throw new Error('a secret of the host')
      if (input.roomId === 'slow') return new Promise(() => undefined)
      if (input.roomId === 'large') return 'x'.repeat(5_000_000)
      if (input.roomId === 'huge') return 'x'.repeat(17_000_000)
      return input.roomId === 'silent' ? undefined : { operation, ...input }
    },
    onSessionClosed: (_, reason) => {
      ended.push(reason)
    },
  })
  closers.push(host)
  const port = await host.listen('127.0.0.1', 0)
  const options = {
    keys: keys.guest,
    holderOf: async (_: string, roomId: string) => (roomId === 'here' ? undefined : `127.0.0.1:${port}`),
  }
  const forwarding = new RoomForwarding(options)
  const calls = new RoomCalls(options)
  closers.unshift(forwarding, calls)
  const told: ServerEvent[] = []
  const abort = new AbortController()
  const caller = {
    ...{ kind: 'user', projectId: 'proj_1', userId: 'alice', keyId: 'key_1' },
    ...{ issuedAtMs: 1, expiresAtMs: 2 },
  } as const
  const session = {
    ...{ id: 'sess_1', deviceId: 'd', platform: 'web', remoteAddress: '::1', projectId: 'proj_1' },
    ...{ userId: 'alice', signal: abort.signal, caller: caller as Session['caller'] },
    send: (event: ServerEvent) => told.push(event),
  } as unknown as Session & { caller: Session['caller'] }
  const send = (frame: string, roomId: string) =>
    forwarding.route(session, frame, { roomId }, async (): Promise<unknown> => 'here')
  const call = (roomId: string, more = {}) => {
    const input: RoomInput = { projectId: 'proj_1', roomId, ...more }
    return calls.call('ask', input, async (): Promise<unknown> => 'here')
  }
  return { host, forwarding, session, sessions, ended, told, send, caller, calls, call, called }
}

const key = randomBytes(32)

test('RTC-21: frames, answers, refusals and events cross; what is in this process stays', async () => {
  const { send, sessions, told } = await pair({ host: keysOf(key), guest: keysOf(key) })
  expect(await send('rtc.join', 'here')).toBe('here')
  expect(await send('rtc.mute', 'there')).toBe('here')
  expect(await send('rtc.join', 'there')).toEqual({ roomId: 'there', frame: 'rtc.join' })
  expect(await send('rtc.mute', 'there')).toEqual({ roomId: 'there', frame: 'rtc.mute' })
  await expect(send('rtc.join', 'full')).rejects.toMatchObject({ code: 'overloaded', retryAfterMs: 7 })
  await expect(send('rtc.join', 'broken')).rejects.toMatchObject({
    ...{ code: 'internal-error', message: expect.not.stringContaining('secret') },
  })
  const event: ServerEvent = { type: 'rtc.moved', roomId: 'there' }
  sessions[0]?.send(event)
  await vi.waitFor(() => expect(told).toEqual([event]))
  await send('rtc.leave', 'there')
  expect(await send('rtc.mute', 'there')).toBe('here')
})

test('RTC-10: a renewed token holds where the room is', async () => {
  const { send, session, sessions, caller } = await pair({ host: keysOf(key), guest: keysOf(key) })
  await send('rtc.join', 'there')
  expect(sessions[0]?.grants).toBeUndefined()
  session.caller = { ...caller, grants: { rtc: { room: 'another' } } } as Session['caller']
  await vi.waitFor(() => expect(sessions[0]?.grants).toEqual({ rtc: { room: 'another' } }), 5_000)
})

test('RTC-6: the end of a session is told with its reason, the end of its process as a lost connection', async () => {
  const one = await pair({ host: keysOf(key), guest: keysOf(key) })
  await one.send('rtc.join', 'there')
  one.forwarding.handleSessionClosed(one.session, 'token-revoked')
  await vi.waitFor(() => expect(one.ended).toEqual(['token-revoked']))
  expect(one.sessions[0]?.signal.aborted).toBe(true)
  const other = await pair({ host: keysOf(key), guest: keysOf(key) })
  await other.send('rtc.join', 'there')
  await other.forwarding.close()
  await vi.waitFor(() => expect(other.ended).toEqual(['dead']))
})

test('RTC-21: when the holder is gone its guests hear it, and who waits is refused', async () => {
  const { host, send, told } = await pair({ host: keysOf(key), guest: keysOf(key) })
  await send('rtc.join', 'there')
  const waiting = send('rtc.join', 'slow')
  const refused = expect(waiting).rejects.toMatchObject({ code: 'unavailable' })
  await host.close()
  await refused
  expect(told).toEqual([{ type: 'rtc.closed', roomId: 'there', reason: 'connection-lost' }])
  await expect(send('rtc.join', 'there')).rejects.toMatchObject({ code: 'unavailable' })
})

test('RTC-21: another key is refused, the older one of a rotation is taken', async () => {
  const newer = randomBytes(32)
  const rotating = await pair({ host: keysOf(newer, key), guest: keysOf(key) })
  expect(await rotating.send('rtc.join', 'there')).toMatchObject({ roomId: 'there' })
  const foreign = await pair({ host: keysOf(key), guest: keysOf(newer) })
  await expect(foreign.send('rtc.join', 'there')).rejects.toMatchObject({ code: 'unavailable' })
  expect(foreign.sessions).toEqual([])
})

test('RTC-185: operations, their answers and refusals cross; what is in this process, or in none, stays', async () => {
  const { call, called } = await pair({ host: keysOf(key), guest: keysOf(key) })
  expect(await call('here')).toBe('here')
  expect(called).toEqual([])
  const asked = { operation: 'ask', projectId: 'proj_1', roomId: 'there', body: { text: 'a\nb' } }
  expect(await call('there', { body: { text: 'a\nb' } })).toEqual(asked)
  expect(await call('silent')).toBeUndefined()
  await expect(call('full')).rejects.toMatchObject({ code: 'overloaded', retryAfterMs: 7 })
  await expect(call('broken')).rejects.toMatchObject({
    ...{ code: 'internal-error', message: expect.not.stringContaining('secret') },
  })
})

test('RTC-187: when the holder goes, who waits is refused and nothing is asked twice', async () => {
  const { call, called, calls } = await pair({ host: keysOf(key), guest: keysOf(key) })
  const lost = { code: 'unavailable', retryAfterMs: 1_000 }
  const waiting = expect(call('slow')).rejects.toMatchObject(lost)
  await vi.waitFor(() => expect(called).toHaveLength(1))
  await calls.close()
  await waiting
  expect(called).toHaveLength(1)
  const other = await pair({ host: keysOf(key), guest: keysOf(key) })
  const cut = expect(other.call('slow')).rejects.toMatchObject(lost)
  await vi.waitFor(() => expect(other.called).toHaveLength(1))
  await other.host.close()
  await cut
  await expect(other.call('there')).rejects.toMatchObject(lost)
})

test('RTC-187: who waits too long is refused while the link stays', async () => {
  const { call } = await pair({ host: keysOf(key), guest: keysOf(key) })
  await call('there')
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const waiting = expect(call('slow')).rejects.toMatchObject({ code: 'unavailable' })
    await Promise.resolve()
    await vi.advanceTimersByTimeAsync(15_000)
    await waiting
  } finally {
    vi.useRealTimers()
  }
  expect(await call('there')).toMatchObject({ roomId: 'there' })
})

test('RTC-189: long answers cross, one that is too long is refused and costs nobody the link', async () => {
  const { call, send, told } = await pair({ host: keysOf(key), guest: keysOf(key) })
  await send('rtc.join', 'there')
  expect(await call('large')).toHaveLength(5_000_000)
  await expect(call('huge')).rejects.toMatchObject({ code: 'limit-exceeded' })
  expect(await call('there')).toMatchObject({ roomId: 'there' })
  expect(await send('rtc.mute', 'there')).toMatchObject({ frame: 'rtc.mute' })
  expect(told).toEqual([])
})
