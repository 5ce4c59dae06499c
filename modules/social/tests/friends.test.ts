import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type People, type Person, people } from './people.ts'

let cloud: DevCloud
let them: People
beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2, env: { PARLEY_RTC: 'off', PARLEY_SOCIAL_FRIENDS: '3' } })
  them = people(cloud)
})
afterAll(async () => {
  await them.close()
  await cloud.close()
})

const friendsOf = async (person: Person, query = ''): Promise<string[]> =>
  (await person.call('GET', `/v1/friends${query}`)).body.items.map((item: { userId: string }) => item.userId)
const settings = (change: unknown) => cloud.call('PATCH', '/v1/social/settings', change)

test('SOC-10, SOC-12: a request is asked once, heard live on another process, and accepted into both lists', async () => {
  const [ann, bob] = await them.make('ann', 'bob')
  const there = await bob.connect(1)
  const here = await ann.connect(0)
  const asking = { toUserId: bob.id, message: 'it is me', remark: 'Bobby' }
  const { request } = await here.request('friend.request', asking)
  expect(request).toMatchObject({ fromUserId: ann.id, status: 'pending', message: 'it is me' })
  expect((await ann.call('POST', '/v1/friend-requests', asking)).body.request.id).toBe(request?.id)
  const told = await there.waitFor('friend.requested')
  expect(told.request.id).toBe(request?.id)
  expect((await bob.call('GET', '/v1/friend-requests')).body.items).toHaveLength(1)
  expect((await ann.call('POST', `/v1/friend-requests/${request?.id}/accept`)).status).toBe(404)
  const accepted = await bob.call('POST', `/v1/friend-requests/${request?.id}/accept`, { remark: 'A' }, 1)
  expect(accepted.body).toMatchObject({ status: 'accepted' })
  expect((await bob.call('POST', `/v1/friend-requests/${request?.id}/accept`)).status).toBe(200)
  expect((await bob.call('POST', `/v1/friend-requests/${request?.id}/reject`)).status).toBe(409)
  await here.waitFor('friend.decided', ({ request: decided }) => decided.status === 'accepted')
  expect((await ann.call('GET', `/v1/friends/${bob.id}`)).body).toMatchObject({ remark: 'Bobby', labels: [] })
  expect((await bob.call('GET', `/v1/friends/${ann.id}`)).body).toMatchObject({ remark: 'A' })
})

test('SOC-11: two who ask each other are friends at once', async () => {
  const [ann, bob] = await them.make('ann', 'bob')
  const outcomes = await Promise.all([
    ann.call('POST', '/v1/friend-requests', { toUserId: bob.id }, 0),
    bob.call('POST', '/v1/friend-requests', { toUserId: ann.id }, 1),
  ])
  expect(outcomes.map(({ body }) => body.status).sort()).toEqual(['accepted', 'pending'])
  expect(await friendsOf(ann)).toEqual([bob.id])
  expect(await friendsOf(bob)).toEqual([ann.id])
})

test('SOC-13: a rejected or withdrawn request is over, and only its sides end it', async () => {
  const [ann, bob, cat] = await them.make('ann', 'bob', 'cat')
  const ask = async () =>
    (await ann.call('POST', '/v1/friend-requests', { toUserId: bob.id })).body.request.id
  const first = await ask()
  expect((await cat.call('POST', `/v1/friend-requests/${first}/reject`)).status).toBe(404)
  const rejected = await bob.call('POST', `/v1/friend-requests/${first}/reject`, { reason: 'who?' })
  expect(rejected.body).toMatchObject({ status: 'rejected', reason: 'who?' })
  const second = await ask()
  expect(second).not.toBe(first)
  expect((await ann.call('POST', `/v1/friend-requests/${second}/withdraw`)).body.status).toBe('withdrawn')
  expect((await bob.call('POST', `/v1/friend-requests/${second}/accept`)).status).toBe(409)
  const sent = await ann.call('GET', '/v1/friend-requests?direction=sent&limit=1')
  expect(sent.body.items.map(({ id }: { id: string }) => id)).toEqual([second])
  const older = await ann.call('GET', `/v1/friend-requests?direction=sent&cursor=${sent.body.nextCursor}`)
  expect(older.body.items.map(({ id }: { id: string }) => id)).toEqual([first])
  expect((await bob.call('GET', '/v1/friend-requests?status=rejected')).body.items).toHaveLength(1)
})

test('SOC-14: the policy of a user comes before that of the project', async () => {
  const [ann, bob, cat, dan] = await them.make('ann', 'bob', 'cat', 'dan')
  await bob.call('PATCH', '/v1/profile', { friendPolicy: 'everyone' })
  await cat.call('PATCH', '/v1/profile', { friendPolicy: 'nobody' })
  expect((await ann.call('POST', '/v1/friend-requests', { toUserId: bob.id })).body.status).toBe('accepted')
  expect((await ann.call('POST', '/v1/friend-requests', { toUserId: cat.id })).body.code).toBe('forbidden')
  expect((await ann.call('POST', '/v1/friend-requests', { toUserId: dan.id })).body.status).toBe('pending')
  await settings({ friendPolicy: 'nobody' })
  const eve = (await them.make('eve'))[0]
  for (const server of [0, 1]) {
    await them.eventually(async () => {
      const { body } = await ann.call('POST', '/v1/friend-requests', { toUserId: eve.id }, server)
      return body.code === 'forbidden' ? true : undefined
    })
  }
  await settings({ friendPolicy: 'approval' })
})

test('SOC-15: nobody has more friends than allowed, whoever accepts', async () => {
  const [ann, ...others] = await them.make('ann', 'one', 'two', 'three', 'four')
  const { body } = await cloud.call('POST', '/v1/social/friendships', {
    userId: ann.id,
    friendIds: others.slice(0, 3).map(({ id }) => id),
  })
  expect((body as { added: string[] }).added).toHaveLength(3)
  const last = others[3]
  const { body: asked } = await ann.call('POST', '/v1/friend-requests', { toUserId: last.id })
  const refused = await last.call('POST', `/v1/friend-requests/${asked.request.id}/accept`)
  expect(refused).toMatchObject({ status: 422, body: { code: 'limit-exceeded' } })
  expect(await friendsOf(last)).toEqual([])
  expect(await friendsOf(ann)).toHaveLength(3)
})

test('SOC-16: a request whose time is over cannot be accepted, and makes room for another', async () => {
  const [ann, bob] = await them.make('ann', 'bob')
  const { body } = await ann.call('POST', '/v1/friend-requests', { toUserId: bob.id })
  const { id } = body.request
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: cloud.databaseUrl })
  await client.connect()
  await client.query("select set_config('parley.project_id', '*', false)")
  await client.query("update social.friend_requests set expires_at = now() - interval '1 s' where id = $1", [
    id,
  ])
  await client.end()
  expect((await bob.call('GET', '/v1/friend-requests?status=expired')).body.items).toHaveLength(1)
  expect((await bob.call('GET', '/v1/friend-requests?status=pending')).body.items).toEqual([])
  expect((await bob.call('POST', `/v1/friend-requests/${id}/accept`)).status).toBe(409)
  const again = await ann.call('POST', '/v1/friend-requests', { toUserId: bob.id })
  expect(again.body.request.id).not.toBe(id)
})

test('SOC-20: remark and labels are the user’s own, and labels can be renamed and dropped', async () => {
  const [ann, bob, cat] = await them.make('ann', 'bob', 'cat')
  await them.befriend(ann, bob)
  await them.befriend(ann, cat)
  await ann.call('PATCH', `/v1/friends/${bob.id}`, { remark: 'B', labels: ['work', 'work', 'close'] })
  await ann.call('PATCH', `/v1/friends/${cat.id}`, { labels: ['work'] })
  expect(await friendsOf(ann, '?label=close')).toEqual([bob.id])
  expect((await bob.call('GET', `/v1/friends/${ann.id}`)).body).not.toHaveProperty('remark')
  expect((await ann.call('GET', '/v1/friend-labels')).body.items).toEqual([
    { label: 'close', friends: 1 },
    { label: 'work', friends: 2 },
  ])
  await ann.call('PATCH', '/v1/friend-labels/work', { name: 'close' })
  expect((await ann.call('GET', '/v1/friend-labels')).body.items).toEqual([{ label: 'close', friends: 2 }])
  expect(await friendsOf(ann, '?label=close')).toEqual([bob.id, cat.id])
  await ann.call('PATCH', '/v1/friend-labels/close', { name: null })
  expect((await ann.call('GET', '/v1/friend-labels')).body.items).toEqual([])
  const remark = await ann.call('PATCH', `/v1/friends/${bob.id}`, { remark: null })
  expect(remark.body).not.toHaveProperty('remark')
})

test('SOC-21: changes after a version bring a copy of the list up to date, page by page', async () => {
  const [ann, bob, cat] = await them.make('ann', 'bob', 'cat')
  const copy = new Map<string, string>()
  let version = 0
  const sync = async (): Promise<void> => {
    for (let more = true; more; ) {
      const { body } = await ann.call('GET', `/v1/friends/changes?afterVersion=${version}&limit=1`)
      for (const { userId, friend } of body.items) {
        if (friend) copy.set(userId, friend.remark ?? '')
        else copy.delete(userId)
      }
      version = body.version
      more = body.more
    }
  }
  await them.befriend(ann, bob)
  await them.befriend(cat, ann)
  await sync()
  expect([...copy.keys()].sort()).toEqual([bob.id, cat.id].sort())
  await ann.call('PATCH', `/v1/friends/${bob.id}`, { remark: 'B' })
  await cat.call('DELETE', `/v1/friends/${ann.id}`)
  await sync()
  expect([...copy]).toEqual([[bob.id, 'B']])
  const quiet = await ann.call('GET', `/v1/friends/changes?afterVersion=${version}`)
  expect(quiet.body).toMatchObject({ items: [], more: false, version })
})

test('SOC-22: a friendship ends on both sides or on one; who is still in the list needs not ask', async () => {
  const [ann, bob] = await them.make('ann', 'bob')
  await them.befriend(ann, bob)
  await ann.call('DELETE', `/v1/friends/${bob.id}?sides=own`)
  expect(await friendsOf(ann)).toEqual([])
  expect(await friendsOf(bob)).toEqual([ann.id])
  expect((await ann.call('POST', '/v1/friend-requests', { toUserId: bob.id })).body.status).toBe('accepted')
  expect(await friendsOf(ann)).toEqual([bob.id])
  await bob.call('DELETE', `/v1/friends/${ann.id}`)
  expect(await friendsOf(ann)).toEqual([])
  expect(await friendsOf(bob)).toEqual([])
})

test('SOC-23: mutual friends are those whom both have', async () => {
  const [ann, bob, cat, dan] = await them.make('ann', 'bob', 'cat', 'dan')
  for (const [one, other] of [
    [ann, cat],
    [bob, cat],
    [ann, dan],
  ] as const) {
    await them.befriend(one, other)
  }
  const mutual = await ann.call('GET', `/v1/friends/${bob.id}/mutual`)
  expect(mutual.body).toEqual({ count: 1, items: [cat.id] })
  await bob.call('PUT', `/v1/blocks/${ann.id}`)
  expect((await ann.call('GET', `/v1/friends/${bob.id}/mutual`)).status).toBe(404)
})

test('SOC-90: a key of another project, a token of another user and a limited token open nothing', async () => {
  const [ann, bob] = await them.make('ann', 'bob')
  await them.befriend(ann, bob)
  expect((await ann.call('GET', `/v1/friends?userId=${bob.id}`)).status).toBe(403)
  const token = await cloud.token(ann.id, {
    grants: { chat: { send: true, read: true, conversations: ['c'] } },
  })
  expect(await cloud.call('GET', '/v1/friends', undefined, { token })).toMatchObject({ status: 403 })
  const reading = await cloud.token(ann.id, { grants: { chat: { read: true } } })
  expect(await cloud.call('GET', '/v1/friends', undefined, { token: reading })).toMatchObject({ status: 200 })
  const adding = { toUserId: bob.id }
  expect(await cloud.call('POST', '/v1/friend-requests', adding, { token: reading })).toMatchObject({
    status: 403,
  })
  expect(await cloud.call('GET', '/v1/friends')).toMatchObject({ status: 400 })
  expect(await cloud.call('GET', `/v1/friends?userId=${ann.id}`)).toMatchObject({ status: 200 })
})
