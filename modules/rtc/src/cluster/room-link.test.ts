import { randomBytes } from 'node:crypto'
import { AppError, type ServerEvent } from '@parley/contracts'
import type { EndReason, Session } from '@parley/core/gateway'
import { silentLogger } from '@parley/core/kernel'
import { afterEach, expect, test, vi } from 'vitest'
import { RoomForwarding } from './room-forwarding.ts'
import { RoomHost } from './room-host.ts'
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
  const host = new RoomHost({
    ...{ keys: keys.host, logger: silentLogger },
    run: async (session, frame, body) => {
      if (!sessions.includes(session)) sessions.push(session)
      if (body.roomId === 'full') throw new AppError('overloaded', 'full', { retryAfterMs: 7 })
      if (body.roomId === 'broken') throw new Error('a secret of the host')
      if (body.roomId === 'slow') return new Promise(() => undefined)
      return { roomId: body.roomId, frame }
    },
    onSessionClosed: (_, reason) => {
      ended.push(reason)
    },
  })
  closers.push(host)
  const port = await host.listen('127.0.0.1', 0)
  const forwarding = new RoomForwarding({
    keys: keys.guest,
    holderOf: async (_, roomId) => (roomId === 'here' ? undefined : `127.0.0.1:${port}`),
  })
  closers.unshift(forwarding)
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
  return { host, forwarding, session, sessions, ended, told, send, caller }
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
