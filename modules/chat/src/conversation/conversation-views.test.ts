import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ChatFixture, openChat } from '../../tests/chat-fixture.ts'
import { ConversationViews, hears } from './conversation-views.ts'

const projectId = 'proj_a'
const server = { projectId, userId: undefined }
let fixture: ChatFixture
beforeAll(async () => {
  fixture = await openChat()
})
afterAll(() => fixture.close())

test('CHAT-117: a view brought forward change by change equals one that is read whole', async () => {
  const [chat] = fixture.chats
  const userIds = Array.from({ length: 30 }, (_, index) => `v${index}`)
  const { id } = await chat.groups.create(server, { type: 'group', memberIds: userIds.slice(0, 10) })
  const views = new ConversationViews(fixture.database, 10_000)
  await views.get(projectId, id)
  const changes = [
    () => chat.groups.add(server, id, userIds.slice(8, 20), 'member'),
    () => chat.groups.removeMany(server, id, ['v1', 'v2', 'v15'], undefined),
    () => chat.group.members.mute(server, id, 'v3', {}),
    () => chat.group.members.update(server, id, 'v4', { role: 'admin' }),
    () => chat.groups.add(server, id, ['v1', 'v25'], 'member'),
    () => chat.groups.updateSettings(server, id, { whoMay: { send: 'admins' } }),
    () => chat.group.members.unmute(server, id, 'v3'),
    () => chat.groups.transfer(server, id, 'v9'),
    () => chat.groups.remove(server, id, 'v9'),
    () => chat.groups.dissolve(server, id),
  ]
  for (const change of changes) {
    await change()
    const { version } = await chat.groups.read(server, id)
    const [forward] = await Promise.all([views.get(projectId, id, version), views.latest(projectId, id)])
    const whole = await new ConversationViews(fixture.database, 10_000).get(projectId, id)
    expect(forward).toEqual(whole)
    expect(forward.version).toBe(version)
  }
})

test('CHAT-10: who asks for the version of a removal is never answered by a view from before it', async () => {
  const [chat] = fixture.chats
  const { id } = await chat.groups.create(server, {
    type: 'group',
    memberIds: ['w0', 'w1', 'w2', 'w3', 'w4'],
  })
  const views = new ConversationViews(fixture.database, 10_000)
  await views.get(projectId, id)
  await Promise.all(
    ['w0', 'w1', 'w2', 'w3'].map(async (userId) => {
      const reading = views.latest(projectId, id)
      await chat.groups.remove(server, id, userId)
      const { version, headSeq } = await chat.groups.read(server, id)
      const view = await views.get(projectId, id, version)
      expect(view.version).toBeGreaterThanOrEqual(version)
      expect(hears(view, userId, headSeq)).toBe(false)
      await reading
    }),
  )
})

test('CHAT-117: the first send into a large group does not wait for its members, and is checked as any other', async () => {
  const [chat] = fixture.chats
  const userIds = Array.from({ length: 2_500 }, (_, index) => `y${index}`)
  const { id } = await chat.groups.create(server, { type: 'group', memberIds: userIds })
  const views = new ConversationViews(fixture.database, 10_000)
  const [first, second] = await Promise.all([
    views.forSender(projectId, id, 'y7'),
    views.forSender(projectId, id, 'nobody'),
  ])
  expect([...first.members.keys()]).toEqual(['y7'])
  expect([...second.members.keys()]).toEqual([])
  expect((await views.get(projectId, id)).members.size).toBe(2_500)
  expect((await views.forSender(projectId, id, 'y7')).members.size).toBe(2_500)
  const small = await chat.groups.create(server, { type: 'group', memberIds: ['y1', 'y2'] })
  expect((await views.forSender(projectId, small.id, 'y1')).members.size).toBe(2)
})

test('what is kept is bounded by members over all conversations', async () => {
  const [chat] = fixture.chats
  const views = new ConversationViews(fixture.database, 25)
  const ids: string[] = []
  for (let index = 0; index < 5; index++) {
    const memberIds = Array.from({ length: 9 }, (_, member) => `x${index}-${member}`)
    ids.push((await chat.groups.create(server, { type: 'group', memberIds })).id)
  }
  const seen = []
  for (const id of ids) seen.push(await views.get(projectId, id))
  // The last two are kept, the first was dropped and is another view now.
  expect(await views.get(projectId, ids[4] ?? '')).toBe(seen[4])
  expect(await views.get(projectId, ids[0] ?? '')).not.toBe(seen[0])
})
