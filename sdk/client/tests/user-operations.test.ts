import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import {
  appeal,
  closeChatRoom,
  createChatRoom,
  getChatRoom,
  getPushPreferences,
  getRoom,
  listChatRoomRestrictions,
  listChatRooms,
  listCommands,
  listDevices,
  listPushDevices,
  Parley,
  registerPushDevice,
  removeDevice,
  removePushDevice,
  report,
  restrictInChatRoom,
  searchMessages,
  setConversationPush,
  setGroupPicture,
  setOwnPicture,
  unrestrictInChatRoom,
  updateChatRoom,
  updateProfile,
  updatePushPreferences,
  uploadPicture,
} from '../src/index.ts'

let cloud: DevCloud
const opened: Parley[] = []

beforeAll(async () => {
  cloud = await startDevCloud({ servers: 1 })
  for (const userId of ['alice', 'bob']) await cloud.token(userId)
})
afterAll(async () => {
  await cloud?.close()
})
afterEach(async () => {
  for (const parley of opened.splice(0)) await parley.close()
})

async function connect(userId: string, id = `device-${opened.length}`): Promise<Parley> {
  const parley = await Parley.connect({
    url: cloud.url,
    getToken: () => cloud.token(userId),
    device: { id },
  })
  opened.push(parley)
  return parley
}

test('CHAT-300: what was said is found by its words', async () => {
  const alice = await connect('alice')
  const toBob = await alice.chat.direct('bob')
  const sent = await toBob.send({ text: 'the heron stood by the river' })
  await vi.waitFor(
    async () => {
      const { items } = await searchMessages(alice.chat, { q: 'heron riv', conversationId: toBob.id })
      expect(items.map(({ message }) => message.id)).toEqual([sent.id])
    },
    { timeout: 15_000, interval: 200 },
  )
  expect(await listCommands(toBob)).toEqual({ items: [] })
})

test('a message is reported, and a restriction appealed to', async () => {
  const [alice, bob] = [await connect('alice'), await connect('bob', 'device-b')]
  const toBob = await alice.chat.direct('bob')
  const { id } = await toBob.send({ text: 'buy my coins' })
  const { caseId } = await report(bob, { target: { type: 'message', id }, reason: 'spam' })
  expect(caseId).toMatch(/./)
  await expect(appeal(alice, { restrictionId: 'restr_none', note: 'I did not' })).rejects.toMatchObject({
    code: 'not-found',
  })
})

test('a user says what is to be pushed, and where to', async () => {
  const alice = await connect('alice')
  const toBob = await alice.chat.direct('bob')
  await toBob.send({ text: 'hello' })
  await updatePushPreferences(alice, { level: 'mentions', showContent: false })
  await setConversationPush(alice, toBob.id, 'none')
  expect(await getPushPreferences(alice)).toMatchObject({
    level: 'mentions',
    showContent: false,
    conversations: [{ conversationId: toBob.id, level: 'none' }],
  })
  await registerPushDevice(alice, { provider: 'fcm', token: 'a-token' })
  expect(await listPushDevices(alice)).toMatchObject([{ deviceId: alice.deviceId, provider: 'fcm' }])
  await removePushDevice(alice)
  expect(await listPushDevices(alice)).toEqual([])
})

test('a user changes the own profile, and signs a device out', async () => {
  const alice = await connect('alice', 'phone')
  await connect('alice', 'laptop')
  await alice.users.get('alice')
  await updateProfile(alice, { name: 'Alice' })
  expect(await alice.users.get('alice')).toMatchObject({ name: 'Alice' })
  expect((await listDevices(alice)).map(({ id }) => id)).toEqual(expect.arrayContaining(['phone', 'laptop']))
  await removeDevice(alice, 'laptop')
  expect((await listDevices(alice)).map(({ id }) => id)).not.toContain('laptop')
})

test('a picture is uploaded and shown by an address that lasts; the one before goes', async () => {
  const alice = await connect('alice')
  const png =
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
  const picture = new Blob([Buffer.from(png, 'base64')], { type: 'image/png' })
  const first = await setOwnPicture(alice, picture)
  expect((await fetch(first)).headers.get('content-type')).toBe('image/webp')
  const second = await setOwnPicture(alice, picture)
  expect(await alice.users.get('alice')).toMatchObject({ avatarUrl: second })
  expect((await fetch(second)).status).toBe(200)
  expect((await fetch(first)).status).toBe(404)

  const group = await alice.chat.createGroup({ name: 'Crew', memberIds: [] })
  const avatarUrl = await setGroupPicture(alice, group, picture)
  expect(avatarUrl).not.toBe(second)
  await vi.waitFor(() => expect(group.view).toMatchObject({ avatarUrl }))
  const broken = new Blob(['no picture'], { type: 'image/png' })
  await expect(uploadPicture(alice, broken)).rejects.toMatchObject({ code: 'unsupported-media-type' })
  const text = new Blob(['text'], { type: 'text/plain' })
  await expect(uploadPicture(alice, text)).rejects.toMatchObject({ code: 'unsupported-media-type' })
})

test('a chat room is made, ruled and closed by its owner', async () => {
  const alice = await connect('alice')
  const { id } = await createChatRoom(alice.chat, { name: 'Stage' })
  await updateChatRoom(alice.chat, id, { slowModeMs: 1_000 })
  expect(await getChatRoom(alice.chat, id)).toMatchObject({
    name: 'Stage',
    slowModeMs: 1_000,
    ownerId: 'alice',
  })
  expect(await listChatRooms(alice.chat)).toEqual({ items: [] })
  await updateChatRoom(alice.chat, id, { listed: true })
  expect(await listChatRooms(alice.chat, { limit: 1 })).toMatchObject({
    items: [{ id, name: 'Stage', online: 0 }],
  })
  await restrictInChatRoom(alice.chat, id, { kind: 'ban', memberId: 'bob' })
  expect(await listChatRoomRestrictions(alice.chat, id, 'ban')).toMatchObject({ items: [{ userId: 'bob' }] })
  await unrestrictInChatRoom(alice.chat, id, 'ban', 'bob')
  expect(await listChatRoomRestrictions(alice.chat, id, 'ban')).toMatchObject({ items: [] })
  await closeChatRoom(alice.chat, id)
  await expect(getChatRoom(alice.chat, id)).rejects.toMatchObject({
    code: expect.stringContaining('not-found'),
  })
})

test('an own file is described and deleted; a room that is not there is not found', async () => {
  const alice = await connect('alice')
  const blob = new Blob(['a few words'])
  const objectId = await alice.files.upload({ blob, name: 'words.txt', contentType: 'text/plain' })
  // What the bytes hash to was announced with them.
  expect(await alice.files.describe(objectId)).toMatchObject({ state: 'stored', sizeBytes: blob.size })
  await alice.files.delete(objectId)
  await expect(alice.files.describe(objectId)).rejects.toMatchObject({ code: 'object-not-found' })
  await expect(getRoom(alice, 'no-such-room')).rejects.toMatchObject({
    code: expect.stringMatching(/room-not-found|grant-missing/),
  })
})
