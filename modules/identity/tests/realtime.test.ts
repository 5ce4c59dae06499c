import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Cloud, openCloud, type ServerProcess, type TestKey, tokenOf } from './cloud.ts'

const patience = { timeout: 10_000, interval: 20 }

let cloud: Cloud
let here: ServerProcess
let there: ServerProcess
let key: TestKey
beforeAll(async () => {
  cloud = await openCloud()
  const env = {
    PARLEY_PRESENCE_GRACE_MS: '100',
    PARLEY_PRESENCE_SUBSCRIPTIONS: '5',
    PARLEY_SESSION_LEASE_MS: '2000',
  }
  here = await cloud.start(env)
  there = await cloud.start(env)
})
afterAll(() => cloud.close())
beforeEach(async () => {
  key = await here.makeProject()
})

const web = (id: string) => ({ id, platform: 'web' })
const token = (userId: string) => tokenOf(key, userId)

describe('revocation', () => {
  test('IDENT-40: revoking a key ends its connections on every process, and only these', async () => {
    const made = await here.call(key, 'POST', '/v1/keys', {})
    const next = { projectId: key.projectId, keyId: made.body.id, secret: made.body.secret }
    const mine = await here.connect(token('alice'))
    const far = await there.connect(token('bob'))
    const ofNext = await there.connect(tokenOf(next, 'carol'))
    expect((await here.call(next, 'DELETE', `/v1/keys/${key.keyId}`)).status).toBe(200)
    expect(await mine.closed).toEqual({ code: 4005, reason: 'key-revoked' })
    expect(await far.closed).toEqual({ code: 4005, reason: 'key-revoked' })
    expect((await ofNext.ask('ping', {})).ok).toBeDefined()
    const late = await there.connect(token('bob'))
    expect(late.answer.error.code).toBe('key-revoked')
  })

  test('IDENT-41: revoking the tokens of a user ends the older connections on every process, and only these', async () => {
    const old = token('alice')
    const mine = await here.connect(old)
    const far = await there.connect(old)
    const other = await there.connect(token('bob'))
    expect((await here.call(key, 'POST', '/v1/users/alice/revoke-tokens')).body).toEqual({ done: true })
    expect(await mine.closed).toEqual({ code: 4004, reason: 'token-revoked' })
    expect(await far.closed).toEqual({ code: 4004, reason: 'token-revoked' })
    expect((await there.connect(old)).answer.error.code).toBe('token-revoked')
    expect((await there.connect(token('alice'))).answer.ok).toBeDefined()
    expect((await other.ask('ping', {})).ok).toBeDefined()
  })

  test('IDENT-42: connections opened while the revocation happens do not survive it', async () => {
    await here.call(key, 'POST', '/v1/users', { id: 'alice' })
    const old = token('alice')
    const opening = Promise.all(
      Array.from({ length: 12 }, (_, index) => [here, there][index % 2]?.connect(old, web(`d${index}`))),
    )
    expect((await here.call(key, 'POST', '/v1/users/alice/revoke-tokens')).status).toBe(200)
    for (const session of await opening) await session?.closed
  })
})

describe('kick policy', () => {
  test('IDENT-50: the same device again ends its older session, on whatever process it is', async () => {
    const first = await here.connect(token('alice'), web('laptop'))
    const second = await there.connect(token('alice'), web('laptop'))
    expect(await first.closed).toEqual({ code: 4006, reason: 'device-limit' })
    const third = await there.connect(token('alice'), web('laptop'))
    expect(await second.closed).toEqual({ code: 4006, reason: 'device-limit' })
    expect((await third.ask('ping', {})).ok).toBeDefined()
  })

  test('IDENT-51: the oldest sessions beyond the policy go, platform by platform', async () => {
    await here.call(key, 'PATCH', '/v1/project', {
      settings: { devicePolicy: { maxPerPlatform: 2, maxTotal: 3 } },
    })
    await vi.waitFor(async () => {
      for (const process of [here, there]) {
        expect((await process.identity.projects.settings(key.projectId)).devicePolicy.maxTotal).toBe(3)
      }
    }, patience)
    const w1 = await here.connect(token('alice'), web('w1'))
    const w2 = await there.connect(token('alice'), web('w2'))
    const w3 = await here.connect(token('alice'), web('w3'))
    expect((await w1.closed).reason).toBe('device-limit')
    const phone = await there.connect(token('alice'), { id: 'phone', platform: 'ios' })
    const desk = await there.connect(token('alice'), { id: 'desk', platform: 'desktop' })
    expect((await w2.closed).reason).toBe('device-limit')
    for (const session of [w3, phone, desk]) expect((await session.ask('ping', {})).ok).toBeDefined()
  })

  test('IDENT-52: many sessions at the same time on two processes leave exactly what the policy allows', async () => {
    await here.call(key, 'PATCH', '/v1/project', {
      settings: { devicePolicy: { maxPerPlatform: 3, maxTotal: 3 } },
    })
    await vi.waitFor(async () => {
      for (const process of [here, there]) {
        expect((await process.identity.projects.settings(key.projectId)).devicePolicy.maxTotal).toBe(3)
      }
    }, patience)
    const sessions = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 ? here : there).connect(token('alice'), web(`d${index}`)),
      ),
    )
    let open = sessions.length
    for (const session of sessions) void session.closed.then(() => open--)
    await vi.waitFor(() => expect(open).toBe(3), patience)
  })
})

describe('devices', () => {
  test('IDENT-53: devices are remembered, shown online, renamed, and forgotten with their connection', async () => {
    const laptop = await here.connect(token('alice'), { ...web('laptop'), name: 'Work' })
    await there.connect(token('alice'))
    const listed = await there.call(token('alice'), 'GET', '/v1/users/alice/devices')
    expect(listed.body.items).toEqual([
      expect.objectContaining({ id: 'laptop', platform: 'web', name: 'Work', online: true }),
    ])
    const foreign = await here.call(token('bob'), 'GET', '/v1/users/alice/devices')
    expect(foreign.body.code).toBe('forbidden')
    expect((await there.call(key, 'DELETE', '/v1/users/alice/devices/laptop')).body).toEqual({ done: true })
    expect(await laptop.closed).toEqual({ code: 4006, reason: 'device-limit' })
    expect((await here.call(key, 'GET', '/v1/users/alice/devices')).body.items).toEqual([])
    expect((await here.call(key, 'DELETE', '/v1/users/alice/devices/laptop')).body.code).toBe('not-found')
  })
})

describe('presence', () => {
  const presenceOf = async (userId: string) =>
    (await here.call(key, 'GET', `/v1/users/${userId}/presence`)).body

  test('IDENT-60: subscribers on any process hear who comes, on which platforms, and who goes', async () => {
    const watcher = await here.connect(token('watcher'), web('w'))
    const answer = await watcher.ask('presence.subscribe', { userIds: ['bob', 'nobody'] })
    expect(answer.ok.items).toEqual([
      { userId: 'bob', status: 'offline', platforms: [] },
      { userId: 'nobody', status: 'offline', platforms: [] },
    ])
    const heard = () =>
      watcher.events.map((event) => `${event.presence.userId} ${event.presence.platforms.join('+')}`)
    const laptop = await there.connect(token('bob'), web('laptop'))
    await vi.waitFor(() => expect(heard()).toEqual(['bob web']), patience)
    const phone = await here.connect(token('bob'), { id: 'phone', platform: 'ios' })
    await vi.waitFor(() => expect(heard()).toEqual(['bob web', 'bob ios+web']), patience)
    expect(await presenceOf('bob')).toEqual({ userId: 'bob', status: 'online', platforms: ['ios', 'web'] })
    laptop.end()
    await vi.waitFor(() => expect(heard()).toEqual(['bob web', 'bob ios+web', 'bob ios']), patience)
    phone.end()
    await vi.waitFor(() => expect(heard()).toHaveLength(4), patience)
    expect(watcher.events.at(-1)).toMatchObject({
      type: 'presence.changed',
      presence: { userId: 'bob', status: 'offline', platforms: [], lastSeenAt: expect.any(String) },
    })
    expect(await presenceOf('bob')).toMatchObject({ status: 'offline', lastSeenAt: expect.any(String) })
  })

  test('IDENT-61: nothing is told after unsubscribing, and another project hears nothing', async () => {
    const stranger = await here.connect(tokenOf(await here.makeProject(), 'stranger'))
    await stranger.ask('presence.subscribe', { userIds: ['bob'] })
    const gone = await here.connect(token('gone'))
    await gone.ask('presence.subscribe', { userIds: ['bob', 'carol'] })
    await gone.ask('presence.unsubscribe', { userIds: ['bob'] })
    const stays = await here.connect(token('stays'))
    await stays.ask('presence.subscribe', { userIds: ['bob'] })
    await there.connect(token('bob'))
    await vi.waitFor(() => expect(stays.events).toHaveLength(1), patience)
    await there.connect(token('carol'))
    await vi.waitFor(() => expect(gone.events).toHaveLength(1), patience)
    expect(gone.events[0]?.presence.userId).toBe('carol')
    expect(stranger.events).toEqual([])
  })

  test('IDENT-62: a session watches at most so many users, and one refused subscription changes nothing', async () => {
    const watcher = await here.connect(token('watcher'))
    const many = ['a', 'b', 'c', 'd', 'e']
    expect((await watcher.ask('presence.subscribe', { userIds: many })).ok.items).toHaveLength(5)
    expect((await watcher.ask('presence.subscribe', { userIds: ['a'] })).ok.items).toHaveLength(1)
    expect((await watcher.ask('presence.subscribe', { userIds: ['f'] })).error.code).toBe('limit-exceeded')
    await watcher.ask('presence.unsubscribe', { userIds: ['a'] })
    expect((await watcher.ask('presence.subscribe', { userIds: ['f'] })).ok).toBeDefined()
  })

  test('IDENT-63: a token whose grants leave out chats watches nobody', async () => {
    const watcher = await here.connect(tokenOf(key, 'watcher', { grants: { rtc: { room: 'r' } } }))
    expect((await watcher.ask('presence.subscribe', { userIds: ['bob'] })).error.code).toBe('grant-missing')
  })

  test('IDENT-64: when a process dies its users go offline, and a process that lost its lease brings its users back', async () => {
    const dying = await cloud.start({ PARLEY_SESSION_LEASE_MS: '2000' })
    const watcher = await here.connect(token('watcher'))
    await watcher.ask('presence.subscribe', { userIds: ['bob', 'carol'] })
    await dying.connect(token('bob'))
    await there.connect(token('carol'))
    await vi.waitFor(() => expect(watcher.events).toHaveLength(2), patience)
    // As if both had stood still for longer than their lease; the one that is alive extends it again.
    const { database } = here.platform
    await vi.waitFor(async () => {
      const { rowCount } = await database.system.query({
        text: 'delete from identity.processes where process_id = $1',
        values: [there.platform.processId],
      })
      expect(rowCount).toBe(1)
    }, patience)
    await vi.waitFor(async () => expect((await presenceOf('carol')).status).toBe('online'), patience)
    await dying.die()
    await vi.waitFor(async () => expect((await presenceOf('bob')).status).toBe('offline'), patience)
    await vi.waitFor(
      () => expect(watcher.events.at(-1)?.presence).toMatchObject({ userId: 'bob', status: 'offline' }),
      patience,
    )
    const { rows } = await database.system.query({
      text: 'select 1 from identity.sessions where process_id = $1',
      values: [dying.platform.processId],
    })
    expect(rows).toEqual([])
  })

  test('IDENT-65: sessions are gone from the table when their connections are', async () => {
    const sessions = await Promise.all(
      Array.from({ length: 30 }, (_, index) => here.connect(token(`user ${index}`), web(`d${index}`))),
    )
    for (const session of sessions) session.end()
    await vi.waitFor(async () => {
      const { rows } = await here.platform.database.system.query({
        text: 'select 1 from identity.sessions where project_id = $1',
        values: [key.projectId],
      })
      expect(rows).toEqual([])
    }, patience)
  })
})

test('IDENT-66: devices that come and go on two processes at the same time are all admitted', async () => {
  const round = async () => {
    const sessions = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        (index % 2 ? here : there).connect(token(`user ${index % 20}`), web(`d${index % 5}`)),
      ),
    )
    for (const session of sessions) {
      expect(['device-limit', undefined]).toContain(session.answer.error?.code)
      session.end()
    }
  }
  for (let turn = 0; turn < 5; turn++) await round()
})
