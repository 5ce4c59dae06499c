import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'

let cloud: DevCloud
const clients: RealtimeClient[] = []

beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2 })
  for (const id of ['own', 'adm', 'mem', 'new']) await cloud.call('POST', '/v1/users', { id })
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await cloud.close()
})

async function connect(userId: string, server = 0): Promise<RealtimeClient> {
  const client = await RealtimeClient.connect(
    cloud.servers[server]?.url ?? '',
    await cloud.token(userId),
    `${userId}-${clients.length}`,
  )
  clients.push(client)
  return client
}

let made = 0
const send = (client: RealtimeClient, conversationId: string) =>
  client.request('message.send', {
    ...{ conversationId, clientMessageId: `r-${++made}`, content: { type: 'text', text: 'hello' } },
  })

async function group(settings = {}): Promise<string> {
  const { body } = await cloud.call('POST', '/v1/conversations', {
    ...{ type: 'group', ownerId: 'own', memberIds: ['adm', 'mem'], settings },
  })
  const { id } = body as { id: string }
  await cloud.call('PATCH', `/v1/conversations/${id}/members/adm`, { role: 'admin' })
  return id
}

test('CHAT-107, CHAT-108: a request reaches those who decide, the decision whoever asked, over two processes', async () => {
  const id = await group({ joinPolicy: 'approval' })
  const admin = await connect('adm', 1)
  const member = await connect('mem', 1)
  const asking = await connect('new')
  const answer = await asking.request('conversation.join', { conversationId: id, message: 'let me in' })
  expect(answer).toMatchObject({ status: 'requested' })
  const { request } = await admin.waitFor('conversation.join-requested')
  expect(request).toMatchObject({ conversationId: id, userId: 'new', message: 'let me in' })
  await admin.request('conversation.approve-join', { conversationId: id, requestId: request.id })
  expect((await asking.waitFor('conversation.join-decided')).request).toMatchObject({ status: 'approved' })
  await asking.waitFor('conversation.joined', (event) => event.conversationId === id)
  await send(asking, id)
  await member.waitFor('message.created', ({ message }) => message.conversationId === id)
  expect(member.events.some(({ type }) => type === 'conversation.join-requested')).toBe(false)
})

test('CHAT-102: a mute on one process holds on the other at once', async () => {
  const id = await group()
  const admin = await connect('adm', 1)
  const member = await connect('mem', 0)
  const { seq } = await send(member, id)
  await admin.request('conversation.mute-member', { conversationId: id, userId: 'mem', durationMs: 60_000 })
  await expect(send(member, id)).rejects.toMatchObject({ code: 'muted' })
  const told = await member.waitFor('conversation.changed', ({ entry }) => entry.conversationId === id)
  expect(told.entry).toMatchObject({ seq: seq + 1, content: { type: 'member-muted', userId: 'mem' } })
  expect((await send(admin, id)).seq).toBe(seq + 2)
})

test('CHAT-106, CHAT-10: a banned member hears that it is over and nothing after', async () => {
  const id = await group()
  const admin = await connect('adm', 1)
  const member = await connect('mem', 0)
  await send(admin, id)
  await member.waitFor('message.created', ({ message }) => message.conversationId === id)
  await admin.request('conversation.ban', { conversationId: id, userId: 'mem', reason: 'spam' })
  await send(admin, id)
  await member.waitFor('conversation.left', (event) => event.conversationId === id)
  await expect(send(member, id)).rejects.toMatchObject({ code: 'not-a-member' })
  const heard = member.events.filter(
    (event) => event.type === 'message.created' && event.message.conversationId === id,
  )
  expect(heard).toHaveLength(1)
})

test('CHAT-109: an invitation arrives live and by REST, and accepting it joins', async () => {
  const id = await group({ invitationConsent: true })
  const owner = await connect('own', 1)
  const invited = await connect('new')
  await owner.request('conversation.invite', { conversationId: id, userIds: ['new'], message: 'come' })
  const { invitation } = await invited.waitFor(
    'conversation.invited',
    (event) => event.invitation.conversationId === id,
  )
  const { body } = await cloud.call('GET', '/v1/invitations?userId=new')
  expect(body).toMatchObject({ items: [{ id: invitation.id, inviterId: 'own', message: 'come' }] })
  await invited.request('invitation.accept', { invitationId: invitation.id })
  await send(invited, id)
})

test('CHAT-115: everybody hears that a group was dissolved', async () => {
  const id = await group()
  const member = await connect('mem', 1)
  const owner = await connect('own')
  await owner.request('conversation.dissolve', { conversationId: id })
  await member.waitFor('conversation.left', (event) => event.conversationId === id)
  await expect(send(member, id)).rejects.toMatchObject({ code: 'not-a-member' })
})

test('CHAT-118: an API key acts as the user it names and is held to that user’s rights', async () => {
  const id = await group()
  const path = `/v1/conversations/${id}`
  expect((await cloud.call('PUT', `${path}/mute`, { userId: 'mem' })).status).toBe(403)
  expect((await cloud.call('PUT', `${path}/mute`, { userId: 'adm' })).status).toBe(200)
  expect((await cloud.call('DELETE', `${path}/mute`)).status).toBe(200)
  expect((await cloud.call('POST', `${path}/join`, {})).status).toBe(400)
  const token = await cloud.token('mem')
  expect((await cloud.call('PUT', `${path}/mute`, { userId: 'adm' }, { token })).status).toBe(403)
})
