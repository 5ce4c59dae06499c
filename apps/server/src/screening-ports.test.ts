import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'

let cloud: DevCloud
const opened: RealtimeClient[] = []

beforeAll(async () => {
  cloud = await startDevCloud({ env: { PARLEY_RTC: 'off' } })
  for (const userId of ['ann', 'bob']) await cloud.token(userId)
  const words = { words: [{ text: 'forbiddenword' }], verdict: 'reject' }
  expect((await cloud.call('PUT', '/v1/moderation/word-lists/hard', words)).status).toBeLessThan(300)
  const mild = { words: [{ text: 'darn' }], verdict: 'replace' }
  expect((await cloud.call('PUT', '/v1/moderation/word-lists/mild', mild)).status).toBeLessThan(300)
})
afterAll(async () => {
  for (const client of opened) await client.close()
  await cloud?.close()
})

async function connect(userId: string): Promise<RealtimeClient> {
  const client = await RealtimeClient.connect(cloud.url, await cloud.token(userId), `${userId}-device`)
  opened.push(client)
  return client
}

test('a piece of a growing text that word lists refuse is neither stored nor told, also over a border', async () => {
  const [ann, bob] = [await connect('ann'), await connect('bob')]
  const { messageId } = await ann.request('stream.begin', { toUserId: 'bob', clientMessageId: 'grows' })
  await ann.request('stream.append', { messageId, offset: 0, text: 'well, forbidden' })
  await expect(
    ann.request('stream.append', { messageId, offset: 15, text: 'word indeed' }),
  ).rejects.toMatchObject({ code: 'content-rejected' })
  await ann.request('stream.append', { messageId, offset: 15, text: ' it is, darn.' })
  // The same piece again is known, though it was changed on its way.
  await ann.request('stream.append', { messageId, offset: 15, text: ' it is, darn.' })
  const { text } = await bob.request('stream.read', { messageId, offset: 0 })
  expect(text).toMatch(/^well, forbidden it is, .{4}\.$/)
  expect(text).not.toContain('darn')
})

test('a name that a user chooses goes through the word lists; the name a server gives stands', async () => {
  const token = await cloud.token('ann')
  const rename = (name: string, options = {}) => cloud.call('PATCH', '/v1/users/ann', { name }, options)
  expect(await rename('forbiddenword', { token })).toMatchObject({
    status: 403,
    body: { code: 'content-rejected' },
  })
  expect((await cloud.call('GET', '/v1/users/ann')).body).not.toMatchObject({ name: 'forbiddenword' })
  const mild = await rename('darn Ann', { token })
  expect(mild.status).toBe(200)
  expect((mild.body as { name: string }).name).not.toContain('darn')
  expect(await rename('Ann', { token })).toMatchObject({ status: 200, body: { name: 'Ann' } })
  expect(await rename('forbiddenword')).toMatchObject({ status: 200 })
})
