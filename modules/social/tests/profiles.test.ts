import { createHash } from 'node:crypto'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type People, type Person, people } from './people.ts'

let cloud: DevCloud
let them: People
beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2, env: { PARLEY_RTC: 'off' } })
  them = people(cloud)
  await cloud.call('PATCH', '/v1/social/settings', {
    fields: {
      level: { kind: 'number', min: 1, max: 99 },
      mood: { kind: 'choice', choices: ['calm', 'wild'] },
    },
    search: { id: true, name: true, phone: true, email: false },
  })
})
afterAll(async () => {
  await them.close()
  await cloud.close()
})

const seenBy = async (reader: Person, other: Person) =>
  (await reader.call('POST', '/v1/profiles/query', { userIds: [other.id, 'nobody-at-all'] })).body.items
const hash = (text: string): string => createHash('sha256').update(text).digest('hex')

test('SOC-30: a field is seen by all, by friends or by nobody else', async () => {
  const [ann, bob, cat] = await them.make('ann', 'bob', 'cat')
  await them.befriend(ann, bob)
  const fields = { signature: 'hi', birthday: '1990-12-31', gender: 'other', level: 7 }
  const visibility = { birthday: 'friends', gender: 'me' }
  const { status, body } = await ann.call('PATCH', '/v1/profile', { fields, visibility })
  expect(status).toBe(200)
  expect(body).toMatchObject({ fields, visibility })
  expect(await seenBy(bob, ann)).toMatchObject([
    { fields: { signature: 'hi', birthday: '1990-12-31', level: 7 } },
  ])
  const [stranger] = await seenBy(cat, ann)
  expect(stranger.fields).toEqual({ signature: 'hi', level: 7 })
  expect(stranger).not.toHaveProperty('visibility')
  await ann.call('PUT', `/v1/blocks/${cat.id}`)
  expect((await seenBy(cat, ann))[0].fields).toEqual({})
  const server = await cloud.call('POST', '/v1/profiles/query', { userIds: [ann.id] })
  expect(server.body).toMatchObject({ items: [{ fields }] })
})

test('SOC-31: values fit the schema of the project, and what does not fit changes nothing', async () => {
  const [ann] = await them.make('ann')
  for (const fields of [
    { level: 100 },
    { level: 'high' },
    { mood: 'grim' },
    { birthday: '1990-02-30' },
    { shoe: 42 },
    { signature: 'x'.repeat(501) },
  ]) {
    const answer = await ann.call('PATCH', '/v1/profile', { fields: { mood: 'calm', ...fields } })
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
    expect(answer.body.issues[0].path).toBe(`fields.${Object.keys(fields)[0]}`)
  }
  expect((await seenBy(ann, ann))[0].fields).toEqual({})
  await ann.call('PATCH', '/v1/profile', { fields: { mood: 'calm', level: 2 } })
  expect((await ann.call('PATCH', '/v1/profile', { fields: { mood: null } })).body.fields).toEqual({
    level: 2,
  })
})

test('SOC-32: friends and own devices hear of a change on every process, strangers do not', async () => {
  const [ann, bob, cat] = await them.make('ann', 'bob', 'cat')
  await them.befriend(ann, bob)
  const friend = await bob.connect(1)
  const own = await ann.connect(0)
  const stranger = await cat.connect(1)
  await ann.call('PATCH', '/v1/profile', { fields: { signature: 'new' } })
  await friend.waitFor('profile.changed', ({ userId }) => userId === ann.id)
  await own.waitFor('profile.changed')
  expect(stranger.events.filter(({ type }) => type === 'profile.changed')).toEqual([])
})

test('SOC-35: people are found only in ways the project allows, and never across a block', async () => {
  const [ann, bob] = await them.make('ann', 'bob')
  const name = them.fresh('Żółw 100%_')
  await bob.call('PATCH', `/v1/users/${bob.id}`, { name })
  await bob.call('PATCH', '/v1/profile', { phoneHash: hash('+48123'), emailHash: hash('b@x.org') })
  const search = async (question: unknown) => (await ann.call('POST', '/v1/profiles/search', question)).body
  const found = await them.eventually(async () => {
    const { items } = await search({ name: 'żółw 100%_' })
    return items.length > 0 ? items : undefined
  })
  expect(found).toMatchObject([{ userId: bob.id, name }])
  expect((await search({ name: 'ż%w' })).items).toEqual([])
  expect((await search({ exactId: bob.id })).items).toMatchObject([{ userId: bob.id }])
  expect((await search({ exactId: 'nobody-at-all' })).items).toEqual([])
  expect((await search({ phoneHashes: [hash('+1'), hash('+48123')] })).items).toMatchObject([
    { userId: bob.id, matched: hash('+48123') },
  ])
  expect(await search({ emailHashes: [hash('b@x.org')] })).toMatchObject({ code: 'forbidden' })
  expect(await search({})).toMatchObject({ code: 'invalid-request' })
  expect(await search({ exactId: 'a', name: 'b' })).toMatchObject({ code: 'invalid-request' })
  await bob.call('PUT', `/v1/blocks/${ann.id}`)
  expect((await search({ name: 'żółw 100%_' })).items).toEqual([])
  expect((await search({ exactId: bob.id })).items).toEqual([])
  expect((await search({ phoneHashes: [hash('+48123')] })).items).toEqual([])
})

test('SOC-40: followers and following are listed and counted, and following again is the same', async () => {
  const [ann, bob, cat] = await them.make('ann', 'bob', 'cat')
  const there = await bob.connect(1)
  expect((await ann.call('PUT', `/v1/following/${bob.id}`)).body).toMatchObject({ mutual: false })
  expect((await ann.call('PUT', `/v1/following/${bob.id}`)).status).toBe(200)
  expect((await bob.call('PUT', `/v1/following/${ann.id}`)).body).toMatchObject({ mutual: true })
  await cat.call('PUT', `/v1/following/${bob.id}`)
  const told = await there.waitFor('interaction.created', ({ interaction }) => interaction.actorId === cat.id)
  expect(told).toMatchObject({ interaction: { kind: 'followed' }, unread: 2 })
  const relation = await cat.call('GET', `/v1/relations/${bob.id}`)
  expect(relation.body).toMatchObject({
    following: true,
    followedBy: false,
    counts: { followers: 2, following: 1 },
  })
  const followers = await cat.call('GET', `/v1/followers?ofUserId=${bob.id}&limit=1`)
  const rest = await cat.call('GET', `/v1/followers?ofUserId=${bob.id}&cursor=${followers.body.nextCursor}`)
  const ids = [...followers.body.items, ...rest.body.items].map(({ userId, mutual }) => [userId, mutual])
  expect(ids).toEqual([
    [ann.id, true],
    [cat.id, false],
  ])
  await ann.call('PUT', `/v1/blocks/${cat.id}`)
  expect((await cat.call('GET', `/v1/followers?ofUserId=${bob.id}`)).body.items).toHaveLength(1)
  await cat.call('DELETE', `/v1/following/${bob.id}`)
  await cat.call('DELETE', `/v1/following/${bob.id}`)
  expect((await ann.call('GET', `/v1/relations/${bob.id}`)).body.counts).toEqual({
    followers: 1,
    following: 1,
  })
  expect((await ann.call('PUT', `/v1/following/${ann.id}`)).status).toBe(409)
})
