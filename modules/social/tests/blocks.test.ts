import { type DevCloud, type RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type People, people } from './people.ts'

let cloud: DevCloud
let them: People
beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2, env: { PARLEY_RTC: 'off', PARLEY_SOCIAL_BLOCKS: '3' } })
  them = people(cloud)
})
afterAll(async () => {
  await them.close()
  await cloud.close()
})

test('SOC-1: a direct message to who blocks is refused before it gets a seq, on every process', async () => {
  const [ann, bob] = await them.make('ann', 'bob')
  const first = await ann.connect(0)
  const second = await ann.connect(1)
  const say = (client: RealtimeClient, text: string) =>
    client.request('message.send', {
      toUserId: bob.id,
      clientMessageId: them.fresh('c'),
      content: { type: 'text', text },
    })
  expect((await say(first, 'one')).seq).toBe(1)
  expect((await say(second, 'two')).seq).toBe(2)
  expect(await bob.call('PUT', `/v1/blocks/${ann.id}`, undefined, 1)).toMatchObject({ status: 200 })
  await expect(say(second, 'refused')).rejects.toMatchObject({ code: 'blocked' })
  await them.eventually(async () => {
    const outcome = await say(first, 'refused').then(
      () => 'sent',
      (error: { code: string }) => error.code,
    )
    return outcome === 'blocked' ? true : undefined
  })
  const mine = await bob.call('DELETE', `/v1/blocks/${ann.id}`, undefined, 0)
  expect(mine.status).toBe(200)
  const sent = await say(first, 'again')
  await them.eventually(() => say(second, 'again').catch(() => undefined))
  // Dense: what was refused took no place.
  const { conversationId } = sent
  const log = (await bob.call('GET', `/v1/conversations/${conversationId}/messages?afterSeq=0`)).body
  expect(log.items.map(({ seq }: { seq: number }) => seq)).toEqual(
    log.items.map((_: unknown, index: number) => index + 1),
  )
  expect(JSON.stringify(log.items.filter((item: { seq: number }) => item.seq <= 2))).not.toContain('refused')
})

test('SOC-2: a block ends friendship, follows and open requests between the two, and refuses new ones', async () => {
  const [ann, bob] = await them.make('ann', 'bob')
  await them.befriend(ann, bob)
  await ann.call('PUT', `/v1/following/${bob.id}`)
  await bob.call('PUT', `/v1/following/${ann.id}`)
  await bob.call('PUT', `/v1/blocks/${ann.id}`)
  for (const [one, other] of [
    [ann, bob],
    [bob, ann],
  ] as const) {
    expect((await one.call('GET', `/v1/relations/${other.id}`)).body).toMatchObject({
      friend: false,
      following: false,
      followedBy: false,
      blocked: one === bob,
    })
  }
  expect(await ann.call('POST', '/v1/friend-requests', { toUserId: bob.id })).toMatchObject({
    status: 403,
    body: { code: 'blocked' },
  })
  expect(await ann.call('PUT', `/v1/following/${bob.id}`)).toMatchObject({ body: { code: 'blocked' } })
  expect(await bob.call('POST', '/v1/friend-requests', { toUserId: ann.id })).toMatchObject({ status: 409 })
  expect((await bob.call('GET', '/v1/blocks')).body.items).toMatchObject([{ userId: ann.id }])
  expect((await ann.call('GET', '/v1/blocks')).body.items).toEqual([])
})

test('SOC-3: whom a user blocks does not bring that user into a group, and is not told so', async () => {
  const [ann, bob, cat] = await them.make('ann', 'bob', 'cat')
  const { body: group } = await ann.call('POST', '/v1/conversations', { type: 'group', memberIds: [ann.id] })
  await bob.call('PUT', `/v1/blocks/${ann.id}`)
  const added = await ann.call('POST', `/v1/conversations/${group.id}/members`, { userIds: [bob.id, cat.id] })
  expect(added.status).toBe(200)
  const members = await ann.call('GET', `/v1/conversations/${group.id}/members`)
  expect(members.body.items.map((member: { userId: string }) => member.userId).sort()).toEqual(
    [ann.id, cat.id].sort(),
  )
})

test('SOC-4: a list of blocks has an end, and nobody blocks themselves', async () => {
  const [ann, ...others] = await them.make('ann', 'one', 'two', 'three', 'four')
  const answers = []
  for (const other of others) answers.push((await ann.call('PUT', `/v1/blocks/${other.id}`)).status)
  expect(answers).toEqual([200, 200, 200, 422])
  expect((await ann.call('PUT', `/v1/blocks/${others[0].id}`)).status).toBe(200)
  expect(await ann.call('PUT', `/v1/blocks/${ann.id}`)).toMatchObject({ status: 409 })
  expect(await ann.call('PUT', '/v1/blocks/nobody-of-this-name')).toMatchObject({
    body: { code: 'user-not-found' },
  })
  expect(await ann.call('GET', '/v1/blocks?cursor=***')).toMatchObject({ body: { code: 'invalid-cursor' } })
})

test('SOC-5: the own devices hear of a block, the blocked user hears nothing', async () => {
  const [ann, bob] = await them.make('ann', 'bob')
  const mine = await bob.connect(0)
  const theirs = await ann.connect(0)
  await bob.call('PUT', `/v1/blocks/${ann.id}`, undefined, 1)
  await mine.waitFor('block.changed', ({ userId, blocked }) => blocked && userId === ann.id)
  expect(theirs.events.filter(({ type }) => type === 'block.changed')).toEqual([])
})

test('SOC-6: whoever blocks looks offline to the blocked user, to whom it was watched before, too', async () => {
  const [ann, bob] = await them.make('ann', 'bob')
  await bob.connect(0)
  const watching = await ann.connect(1)
  await them.eventually(async () => {
    const { body } = await ann.call('GET', `/v1/users/${bob.id}/presence`)
    return body.status === 'online' ? true : undefined
  })
  const before = await watching.request('presence.subscribe', { userIds: [bob.id] })
  expect(before.items).toMatchObject([{ userId: bob.id, status: 'online' }])
  await bob.call('PUT', `/v1/blocks/${ann.id}`)
  await watching.waitFor('presence.changed', ({ presence }) => presence.status === 'offline')
  const after = await watching.request('presence.subscribe', { userIds: [bob.id, ann.id] })
  expect(after.items).toMatchObject([
    { userId: bob.id, status: 'offline' },
    { userId: ann.id, status: 'online' },
  ])
  expect((await ann.call('GET', `/v1/users/${bob.id}/presence`)).body.status).toBe('offline')
  const asked = await cloud.call('GET', `/v1/users/${bob.id}/presence`)
  expect(asked.body).toMatchObject({ status: 'online' })
})
