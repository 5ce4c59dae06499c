import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Cloud, openCloud, type ServerProcess, type TestKey, tokenOf } from './cloud.ts'

let cloud: Cloud
let server: ServerProcess
let key: TestKey
beforeAll(async () => {
  cloud = await openCloud()
  server = await cloud.start()
})
afterAll(() => cloud.close())
beforeEach(async () => {
  key = await server.makeProject()
})

const call = (...args: Parameters<ServerProcess['call']>) => server.call(...args)

describe('projects', () => {
  test('IDENT-1: the operator makes and lists projects; a key and a user do not', async () => {
    const made = await call('operator', 'POST', '/v1/projects', { name: 'Shop' })
    expect(made).toMatchObject({
      status: 201,
      body: { project: { name: 'Shop' }, key: { secret: expect.any(String) } },
    })
    const { project, key: first } = made.body
    const itsKey = { projectId: project.id, keyId: first.id, secret: first.secret }
    expect((await call(itsKey, 'GET', '/v1/project')).body).toEqual(project)
    const listed = await call('operator', 'GET', '/v1/projects?limit=200')
    expect(listed.body.items.map((one: { id: string }) => one.id)).toContain(project.id)
    for (const as of [key, tokenOf(key, 'alice'), 'guess']) {
      expect((await call(as, 'GET', '/v1/projects')).status).toBe(401)
    }
    const second = await call('operator', 'POST', `/v1/projects/${project.id}/keys`, {})
    expect(second.status).toBe(201)
    expect(await call('operator', 'POST', `/v1/projects/${project.id}/keys`, {})).toMatchObject({
      status: 422,
      body: { code: 'limit-exceeded' },
    })
    expect((await call('operator', 'POST', '/v1/projects/proj_no/keys', {})).body.code).toBe('not-found')
  })

  test('IDENT-2: settings change one by one and count within a second or so', async () => {
    const changed = await call(key, 'PATCH', '/v1/project', { settings: { tokenTtlCeilingMs: 60_000 } })
    expect(changed.body.settings).toMatchObject({ tokenTtlCeilingMs: 60_000, createUsersOnFirstToken: true })
    await vi.waitFor(async () => {
      const late = await call(tokenOf(key, 'alice', { ttlMs: 61_000 }), 'GET', '/v1/users/alice')
      expect(late.status).toBe(401)
    }, 5_000)
    expect((await call(tokenOf(key, 'alice'), 'GET', '/v1/users/alice')).status).toBe(200)
    await call(key, 'PATCH', '/v1/project', { name: 'New name' })
    expect((await call(key, 'GET', '/v1/project')).body).toMatchObject({
      name: 'New name',
      settings: { tokenTtlCeilingMs: 60_000 },
    })
  })
})

describe('keys', () => {
  test('IDENT-16: a key does not revoke itself; the other does, and again without harm', async () => {
    const made = await call(key, 'POST', '/v1/keys', { name: 'next' })
    const next = { projectId: key.projectId, keyId: made.body.id, secret: made.body.secret }
    expect((await call(key, 'DELETE', `/v1/keys/${key.keyId}`)).body.code).toBe('conflict')
    const revoked = await call(next, 'DELETE', `/v1/keys/${key.keyId}`)
    expect(revoked.body).toMatchObject({ id: key.keyId, revokedAt: expect.any(String) })
    expect((await call(next, 'DELETE', `/v1/keys/${key.keyId}`)).body).toEqual(revoked.body)
    await vi.waitFor(
      async () => expect((await call(key, 'GET', '/v1/project')).body.code).toBe('key-revoked'),
      5_000,
    )
    const listed = await call(next, 'GET', '/v1/keys')
    expect(listed.body.items.map((one: { id: string }) => one.id)).toEqual([next.keyId, key.keyId])
    expect(JSON.stringify(listed.body)).not.toContain(next.secret)
  })

  test('IDENT-17: the keys of another project are not there', async () => {
    const other = await server.makeProject()
    expect((await call(key, 'DELETE', `/v1/keys/${other.keyId}`)).body.code).toBe('not-found')
    expect((await call(other, 'GET', '/v1/project')).status).toBe(200)
  })
})

describe('users', () => {
  const profile = { name: 'Alice', avatarUrl: 'https://example.com/a.png', custom: { level: 3, tags: ['a'] } }

  test('IDENT-33: the same user again is answered, another profile is refused', async () => {
    const first = await call(key, 'POST', '/v1/users', { id: 'alice', ...profile })
    expect(first).toMatchObject({ status: 201, body: { id: 'alice', ...profile } })
    const again = await call(key, 'POST', '/v1/users', { ...profile, id: 'alice' })
    expect(again).toEqual(first)
    expect(await call(key, 'POST', '/v1/users', { id: 'alice' })).toMatchObject({
      status: 409,
      body: { code: 'already-exists' },
    })
    const together = await Promise.all(
      Array.from({ length: 8 }, () => call(key, 'POST', '/v1/users', { id: 'bob', ...profile })),
    )
    expect(together.map((answer) => answer.status)).toEqual(Array(8).fill(201))
  })

  test('IDENT-34: users are listed by id, page by page', async () => {
    const ids = ['a', 'Z', 'é', '你好', '🙂', 'a b', 'x/y', '%2F', "o'hara"]
    for (const id of ids) await call(key, 'POST', '/v1/users', { id })
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await call(key, 'GET', `/v1/users?limit=2${cursor}`)
      seen.push(...body.items.map((one: { id: string }) => one.id))
      cursor = body.nextCursor === undefined ? '' : `&cursor=${encodeURIComponent(body.nextCursor)}`
    } while (cursor !== '')
    expect(seen).toEqual([...ids].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
    for (const id of ids) {
      expect((await call(key, 'GET', `/v1/users/${encodeURIComponent(id)}`)).body.id).toBe(id)
    }
    expect((await call(key, 'GET', '/v1/users?cursor=!!')).body.code).toBe('invalid-cursor')
  })

  test('IDENT-35: a user changes the own profile only', async () => {
    await call(key, 'POST', '/v1/users', { id: 'alice', name: 'Alice' })
    await call(key, 'POST', '/v1/users', { id: 'bob', name: 'Bob' })
    const alice = tokenOf(key, 'alice')
    expect((await call(alice, 'PATCH', '/v1/users/alice', { name: 'Al' })).body.name).toBe('Al')
    expect((await call(alice, 'PATCH', '/v1/users/bob', { name: 'B' })).body.code).toBe('forbidden')
    expect((await call(alice, 'GET', '/v1/users/bob')).body.name).toBe('Bob')
    expect((await call(alice, 'GET', '/v1/users')).status).toBe(401)
    expect((await call(key, 'PATCH', '/v1/users/nobody', { name: 'B' })).body.code).toBe('user-not-found')
  })

  test('IDENT-36: given grants are exhaustive', async () => {
    await call(key, 'POST', '/v1/users', { id: 'bob' })
    const rtcOnly = tokenOf(key, 'alice', { grants: { rtc: { room: 'r' } } })
    const chatter = tokenOf(key, 'alice', { grants: { chat: { read: true } } })
    expect((await call(rtcOnly, 'GET', '/v1/users/bob')).body.code).toBe('grant-missing')
    expect((await call(rtcOnly, 'GET', '/v1/users/alice')).status).toBe(200)
    expect((await call(rtcOnly, 'GET', '/v1/users/bob/presence')).body.code).toBe('grant-missing')
    expect((await call(rtcOnly, 'PATCH', '/v1/users/alice', { name: 'x' })).body.code).toBe('grant-missing')
    expect((await call(chatter, 'GET', '/v1/users/bob')).status).toBe(200)
    expect((await call(chatter, 'GET', '/v1/users/alice/devices')).body.code).toBe('grant-missing')
  })
})

describe('tokens', () => {
  test('IDENT-25: a token is minted for a user who exists, within the ceiling', async () => {
    expect((await call(key, 'POST', '/v1/users/alice/tokens', {})).body.code).toBe('user-not-found')
    await call(key, 'POST', '/v1/users', { id: 'alice' })
    const grants = { rtc: { room: 'standup', publish: ['camera'] } }
    const minted = await call(key, 'POST', '/v1/users/alice/tokens', { ttlMs: 5_000, grants })
    expect(minted.status).toBe(201)
    expect((await call(minted.body.token, 'GET', '/v1/users/alice')).status).toBe(200)
    const leftMs = Date.parse(minted.body.expiresAt) - Date.now()
    expect(leftMs).toBeLessThanOrEqual(5_000)
    expect((await call(key, 'POST', '/v1/users/alice/tokens', { ttlMs: 31 * 86_400_000 })).body.code).toBe(
      'limit-exceeded',
    )
    expect(
      (await call(key, 'POST', '/v1/users/alice/tokens', { grants: { chat: { send: 7 } } })).status,
    ).toBe(400)
  })

  test('IDENT-26: a token does not open what takes a key', async () => {
    const alice = tokenOf(key, 'alice')
    for (const [method, path, body] of [
      ['POST', '/v1/users', { id: 'eve' }],
      ['POST', '/v1/users/alice/tokens', {}],
      ['POST', '/v1/users/alice/revoke-tokens', undefined],
      ['POST', '/v1/keys', {}],
      ['GET', '/v1/keys', undefined],
      ['PATCH', '/v1/project', { name: 'x' }],
    ] as const) {
      expect((await call(alice, method, path, body)).status, path).toBe(401)
    }
  })
})

test('IDENT-37: nothing of another project is found, changed or told', async () => {
  const other = await server.makeProject()
  await call(key, 'POST', '/v1/users', { id: 'alice', name: 'Alice' })
  const foreign = tokenOf(other, 'mallory')
  for (const [as, method, path, body] of [
    [other, 'GET', '/v1/users/alice', undefined],
    [other, 'PATCH', '/v1/users/alice', { name: 'x' }],
    [other, 'POST', '/v1/users/alice/tokens', {}],
    [other, 'POST', '/v1/users/alice/revoke-tokens', undefined],
    [other, 'GET', '/v1/users/alice/devices', undefined],
    [other, 'GET', '/v1/users/alice/presence', undefined],
    [foreign, 'GET', '/v1/users/alice', undefined],
    [foreign, 'GET', '/v1/users/alice/presence', undefined],
  ] as const) {
    expect((await call(as, method, path, body)).body.code, `${method} ${path}`).toBe('user-not-found')
  }
  const asked = await call(other, 'POST', '/v1/presence/query', { userIds: ['alice'] })
  expect(asked.body.items).toEqual([{ userId: 'alice', status: 'offline', platforms: [] }])
  expect((await call(other, 'GET', '/v1/users')).body.items.map((one: { id: string }) => one.id)).toEqual([
    'mallory',
  ])
  expect((await call(key, 'GET', '/v1/users/alice')).body.name).toBe('Alice')
})
