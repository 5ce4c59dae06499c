import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  acceptInvitation,
  createChannel,
  createCommunity,
  groupOf,
  type Invitation,
  type JoinRequest,
  joinGroup,
  listChannels,
  listNotices,
  type Notice,
  openChannel,
  readNotices,
  setMessageExpiry,
} from '../src/index.ts'
import { ConnectedClients, until } from './connected-clients.ts'

let cloud: DevCloud
let clients: ConnectedClients

beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2 })
  clients = new ConnectedClients(cloud)
  for (const userId of ['ann', 'bob', 'cid', 'dan']) await cloud.token(userId)
})
afterAll(async () => {
  await cloud?.close()
})
afterEach(() => clients?.close())

const connect = (userId: string, server = 0) => clients.connect(userId, { server })

test('CHAT-100 to 105: what the owner changes shows on the other side without asking', async () => {
  const ann = await connect('ann')
  const bob = await connect('bob', 1)
  const ofAnn = await ann.chat.createGroup({ name: 'Group', memberIds: ['bob', 'cid'] })
  await until('bob has the group', () => bob.chat.conversations().some(({ id }) => id === ofAnn.id))
  const ofBob = bob.chat.conversation(ofAnn.id)
  await ofBob.load()
  const group = groupOf(ofAnn)

  await group.setRole('bob', 'admin')
  await until('bob is an admin', () => ofBob.view?.role === 'admin')
  await group.setRole('bob', 'member')
  await group.announce('read the rules')
  await until('the announcement', () => ofBob.view?.announcement?.text === 'read the rules')
  await setMessageExpiry(ofAnn, { burnAfterReadMs: 60_000 })
  await until('messages burn', () => ofBob.view?.messageExpiry?.burnAfterReadMs === 60_000)
  await setMessageExpiry(ofAnn, {})
  await until('they do not any more', () => ofBob.view?.messageExpiry === undefined)
  await group.mute('bob', { durationMs: 60_000 })
  await until('bob is muted', () => ofBob.view?.mutedUntil !== undefined)
  await expect(ofBob.send({ text: 'hush' })).rejects.toMatchObject({ code: 'muted' })
  await group.unmute('bob')
  await until('bob may speak', () => ofBob.view?.mutedUntil === undefined)
  await ofBob.send({ text: 'thanks' })
  await group.updateSettings({ whoMay: { send: 'owner' } })
  await until('the setting', () => ofBob.view?.settings?.whoMay.send === 'owner')
  await expect(ofBob.send({ text: 'no' })).rejects.toMatchObject({ code: 'forbidden' })
  await expect(groupOf(ofBob).muteAll()).rejects.toMatchObject({ code: 'forbidden' })
  await group.updateAttributes({ set: { topic: 'tea' } })
  expect((await groupOf(ofBob).attributes()).items).toMatchObject([{ key: 'topic', value: 'tea' }])
  await group.update({ name: 'Renamed' })
  await until('the name', () => ofBob.view?.name === 'Renamed')
  await expect(group.update({ name: 'Stale', version: 1 })).rejects.toMatchObject({
    code: 'version-mismatch',
  })
  await group.transfer('bob')
  await until('bob owns it', () => ofBob.view?.role === 'owner' && ofAnn.view?.role === 'admin')
  await groupOf(ofBob).dissolve()
  await until('it is over', () => ofAnn.ended && ofBob.ended)
})

test('CHAT-107, 109, 110: asked, invited and by link: three ways in', async () => {
  const ann = await connect('ann')
  const cid = await connect('cid', 1)
  const dan = await connect('dan')
  const ofAnn = await ann.chat.createGroup({ name: 'Closed' })
  const group = groupOf(ofAnn)
  await group.updateSettings({ joinPolicy: 'approval', invitationConsent: true })

  const asked = new Promise<JoinRequest>((resolve) => ann.chat.on('join-requested', resolve))
  expect(await joinGroup(cid.chat, ofAnn.id, { message: 'please' })).toMatchObject({ status: 'requested' })
  await group.approve((await asked).id)
  await until('cid is in', () => cid.chat.conversations().some(({ id }) => id === ofAnn.id))

  const invited = new Promise<Invitation>((resolve) => dan.chat.on('invited', resolve))
  await group.invite(['dan'])
  await acceptInvitation(dan.chat, (await invited).id)
  await until('dan is in', () => dan.chat.conversations().some(({ id }) => id === ofAnn.id))

  const { token } = await group.createLink({ maxUses: 1 })
  const bob = await connect('bob')
  expect(await joinGroup(bob.chat, ofAnn.id, { token })).toMatchObject({ status: 'joined' })
  await group.ban('bob', { reason: 'enough' })
  await expect(joinGroup(bob.chat, ofAnn.id)).rejects.toMatchObject({ code: 'banned' })
  expect((await group.members()).items.map(({ userId }) => userId)).toEqual(['ann', 'cid', 'dan'])
})

test('CHAT-130, 135: a channel is opened by whoever wants to, then heard live; leaving the community ends it', async () => {
  const ann = await connect('ann')
  const bob = await connect('bob', 1)
  const community = await createCommunity(ann.chat, { name: 'Town', memberIds: ['bob'] })
  const { id } = await createChannel(community, { name: 'square' })
  await until('bob has the community', () =>
    bob.chat.conversations().some((each) => each.id === community.id),
  )
  const ofAnn = await openChannel(ann.chat, id)
  await ofAnn.send({ text: 'before' })
  const { items } = await listChannels(bob.chat.conversation(community.id))
  expect(items).toMatchObject([{ id, name: 'square', opened: false, unread: 1 }])
  const ofBob = await openChannel(bob.chat, id)
  await ofAnn.send({ text: 'live' })
  await until('bob hears it', () =>
    ofBob.messages.some(({ content }) => 'text' in content && content.text === 'live'),
  )
  await bob.chat.conversation(community.id).leave()
  await until('bob is out of both', () => ofBob.ended)
})

test('CHAT-140, 142: a notice arrives live, is read again from the server, and counts until it is read', async () => {
  const ann = await connect('ann')
  const heard = new Promise<Notice>((resolve) => ann.chat.on('notice', resolve))
  await cloud.call('PUT', '/v1/users/ann/tags', { tags: ['beta'] })
  await cloud.call('POST', '/v1/notices', {
    ...{ audience: { kind: 'tags', tags: ['beta'] }, content: { title: 'New', text: 'a notice' } },
  })
  const notice = await heard
  expect(notice.content).toEqual({ title: 'New', text: 'a notice' })
  expect(await listNotices(ann.chat)).toMatchObject({ items: [{ id: notice.id }], unread: 1 })
  expect(await readNotices(ann.chat, notice.no)).toEqual({ readNo: notice.no, unread: 0 })
  const cid = await connect('cid')
  expect(await listNotices(cid.chat)).toMatchObject({ items: [], unread: 0 })
})
