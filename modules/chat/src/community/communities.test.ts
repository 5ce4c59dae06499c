import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ChatFixture, openChat } from '../../tests/chat-fixture.ts'
import type { ChatService } from '../service.ts'

const projectId = 'proj_a'
let fixture: ChatFixture
let chat: ChatService
let other: ChatService
beforeAll(async () => {
  fixture = await openChat()
  ;[chat, other] = fixture.chats
})
afterAll(() => fixture.close())

const server = { projectId, userId: undefined }
const as = (userId: string) => ({ projectId, userId })
const refused = (code: string) => expect.objectContaining({ code })
let made = 0
const send = (senderId: string, conversationId: string, by = chat) =>
  by.sender.send({
    ...{ projectId, senderId, conversationId, clientMessageId: `c-${++made}` },
    content: { type: 'text', text: `text ${made}` },
  })
const channelRows = async (id: string) => {
  const { rows } = await fixture.database.project(projectId).query<{ user_id: string }>({
    text: 'select user_id from chat.members where project_id = $1 and conversation_id = $2 order by user_id',
    values: [projectId, id],
  })
  return rows.map((row) => row.user_id)
}

async function community(memberIds = ['adm', 'mem', 'two']) {
  const { id } = await chat.groups.create(as('own'), { type: 'community', memberIds })
  await chat.group.members.update(as('own'), id, 'adm', { role: 'admin' })
  const open = await chat.communities.createChannel(as('own'), id, {
    name: 'open',
    public: true,
    position: 1,
  })
  return { id, open: open.id }
}

test('CHAT-130: who is in a public channel follows from the community without a row per member', async () => {
  const { id, open } = await community()
  expect(await channelRows(open)).toEqual([])
  await send('mem', open)
  await chat.groups.add(server, id, ['new'], 'member')
  await send('new', open, other)
  expect(await channelRows(open)).toEqual(['mem', 'new'])
  await chat.groups.remove(as('new'), open, 'new')
  await send('new', open)
  await chat.changes.edit(as('new'), (await send('new', open)).messageId, { type: 'text', text: 'again' })
  expect((await chat.history.list(projectId, open, 'two', { afterSeq: 0, limit: 10 })).items).toHaveLength(6)
  await expect(send('stranger', open)).rejects.toEqual(refused('not-a-member'))
  await expect(chat.history.list(projectId, open, 'stranger', { limit: 10 })).rejects.toEqual(
    refused('not-a-member'),
  )
  await expect(chat.conversation(projectId, open, 'stranger')).rejects.toEqual(refused('not-a-member'))
  await expect(chat.read(projectId, open, 'stranger', 1)).rejects.toEqual(refused('not-a-member'))
})

test('CHAT-131, CHAT-10: whoever is out of the community is out of all its channels at once', async () => {
  const { id, open } = await community()
  const closed = await chat.communities.createChannel(as('adm'), id, {
    ...{ name: 'closed', public: false, position: 2, memberIds: ['mem'] },
  })
  await send('mem', open, other)
  await send('mem', closed.id, other)
  const { cursor } = await chat.syncs.sync({ projectId, userId: 'mem', limit: 100 })
  await chat.groups.remove(as('adm'), id, 'mem')
  const heads = async () =>
    Promise.all([open, closed.id].map(async (channel) => (await chat.groups.read(server, channel)).headSeq))
  const before = await heads()
  // The other process still holds the views from before: the lock tells it.
  await expect(send('mem', open, other)).rejects.toEqual(refused('not-a-member'))
  await expect(send('mem', closed.id, other)).rejects.toEqual(refused('not-a-member'))
  await expect(chat.history.list(projectId, open, 'mem', { limit: 10 })).rejects.toEqual(
    refused('not-a-member'),
  )
  await expect(chat.history.list(projectId, closed.id, 'mem', { limit: 10 })).rejects.toEqual(
    refused('not-a-member'),
  )
  expect(await heads()).toEqual(before)
  const { removed } = await chat.syncs.sync({ projectId, userId: 'mem', limit: 100, cursor })
  expect(removed).toEqual(expect.arrayContaining([id, open, closed.id]))
})

test('CHAT-132: a private channel has its own list, out of the community, and shows to nobody else', async () => {
  const { id } = await community()
  const closed = await chat.communities.createChannel(as('adm'), id, {
    ...{ name: 'closed', public: false, position: 2, memberIds: ['mem'] },
  })
  await expect(send('two', closed.id)).rejects.toEqual(refused('not-a-member'))
  await expect(chat.groups.add(as('own'), closed.id, ['stranger'], 'member')).rejects.toEqual(
    refused('not-a-member'),
  )
  const names = async (userId: string) =>
    (await chat.communities.listChannels(as(userId), id, { limit: 10 })).items.map(({ name }) => name)
  expect(await names('two')).toEqual(['open'])
  expect(await names('mem')).toEqual(['open', 'closed'])
  await chat.groups.add(as('own'), closed.id, ['two'], 'member')
  await send('two', closed.id, other)
  expect(await names('two')).toEqual(['open', 'closed'])
  const { open } = await community()
  await send('mem', open)
  for (const attempt of [
    () => chat.groups.add(as('own'), open, ['own'], 'member'),
    () => chat.groups.remove(as('own'), open, 'mem'),
    () => chat.groups.removeMany(as('own'), open, ['mem'], undefined),
    () => chat.group.members.ban(as('own'), open, 'mem', {}),
  ])
    await expect(attempt()).rejects.toEqual(refused('conflict'))
})

test('CHAT-133: silence of the community holds in its channels; nobody speaks in the community itself', async () => {
  const { id, open } = await community()
  await expect(send('own', id)).rejects.toEqual(refused('forbidden'))
  await send('mem', open, other)
  await chat.group.members.mute(as('adm'), id, 'mem', {})
  await expect(send('mem', open, other)).rejects.toEqual(refused('muted'))
  await chat.group.members.unmute(as('adm'), id, 'mem')
  await send('mem', open, other)
  await chat.group.members.muteAll(as('adm'), id, { exemptRoles: ['owner', 'admin'], exemptUserIds: [] })
  await expect(send('mem', open, other)).rejects.toEqual(refused('muted'))
  await send('adm', open, other)
  await chat.group.members.unmuteAll(as('adm'), id)
  await chat.groups.updateSettings(as('own'), open, { whoMay: { send: 'admins' } })
  await expect(send('mem', open, other)).rejects.toEqual(refused('forbidden'))
  await send('adm', open, other)
})

test('CHAT-134: who runs the community runs its channels, from the change of the role on', async () => {
  const { id, open } = await community()
  const { messageId } = await send('two', open)
  await expect(chat.groups.update(as('mem'), open, { name: 'mine' })).rejects.toEqual(refused('forbidden'))
  await expect(chat.communities.createChannel(as('mem'), id, { public: true, position: 0 })).rejects.toEqual(
    refused('forbidden'),
  )
  await chat.history.list(projectId, open, 'mem', { limit: 1 })
  await chat.group.members.update(as('own'), id, 'mem', { role: 'admin' })
  expect(await chat.groups.update(as('mem'), open, { name: 'ours' })).toMatchObject({ name: 'ours' })
  await chat.changes.recall(as('mem'), messageId)
})

test('CHAT-135: unread of each channel is derived, opened or not', async () => {
  const { id, open } = await community()
  await send('two', open)
  await send('two', open)
  const seen = async (userId: string) =>
    (await chat.communities.listChannels(as(userId), id, { limit: 10 })).items.map(({ opened, unread }) => ({
      ...{ opened, unread },
    }))
  expect(await seen('mem')).toEqual([{ opened: false, unread: 2 }])
  expect(await seen('two')).toEqual([{ opened: true, unread: 0 }])
  await chat.read(projectId, open, 'mem', 2)
  await send('own', open)
  expect(await seen('mem')).toEqual([{ opened: true, unread: 1 }])
  const { conversations } = await chat.syncs.sync({ projectId, userId: 'mem', limit: 100 })
  expect(conversations.find((view) => view.id === open)).toMatchObject({
    ...{ type: 'channel', communityId: id, unread: 1 },
  })
  await chat.groups.add(server, id, ['late'], 'member')
  expect(await seen('late')).toEqual([{ opened: false, unread: 0 }])
})

test('CHAT-136: channels are listed in their order, a page at a time', async () => {
  const { id } = await community()
  for (const position of [5, 3, 4]) {
    await chat.communities.createChannel(as('own'), id, { name: `at ${position}`, public: true, position })
  }
  const first = await chat.communities.listChannels(as('mem'), id, { limit: 3 })
  const second = await chat.communities.listChannels(as('mem'), id, { limit: 3, cursor: first.nextCursor })
  expect([...first.items, ...second.items].map(({ name }) => name)).toEqual(['open', 'at 3', 'at 4', 'at 5'])
  expect(second.nextCursor).toBeUndefined()
  await expect(chat.communities.listChannels(as('stranger'), id, { limit: 3 })).rejects.toEqual(
    refused('not-a-member'),
  )
})

test('CHAT-137: sends into channels and changes of the community do not wait for each other in a circle', async () => {
  const { id, open } = await community()
  const more = await chat.communities.createChannel(as('own'), id, { public: true, position: 2 })
  const userIds = Array.from({ length: 20 }, (_, index) => `churn-${index}`)
  await chat.groups.add(server, id, userIds, 'member')
  const results = await Promise.all(
    userIds.flatMap((userId, index) => [
      send(userId, open, index % 2 === 0 ? chat : other).catch(({ code }) => code),
      send(userId, more.id, index % 2 === 0 ? other : chat).catch(({ code }) => code),
      chat.groups.remove(server, id, userId),
    ]),
  )
  expect(results.filter((result) => typeof result === 'string' && result !== 'not-a-member')).toEqual([])
  expect((await channelRows(open)).filter((userId) => userId.startsWith('churn'))).toEqual([])
})
