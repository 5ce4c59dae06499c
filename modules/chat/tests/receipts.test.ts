import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'

let cloud: DevCloud
const clients: RealtimeClient[] = []

beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2 })
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await cloud.close()
})

async function connect(userId: string, server = 0) {
  const client = await RealtimeClient.connect(cloud.servers[server]?.url ?? '', await cloud.token(userId))
  clients.push(client)
  return client
}

const say = (text: string) => ({ type: 'text' as const, text })
let made = 0
const send = (client: RealtimeClient, to: { toUserId: string } | { conversationId: string }, text = 'hi') =>
  client.request('message.send', { ...to, clientMessageId: `r-${++made}`, content: say(text) })

test('CHAT-51: delivery in a direct conversation is told to the sender, on another process, and never moves back', async () => {
  const dora = await connect('dora')
  const emil = await connect('emil', 1)
  const { conversationId } = await send(dora, { toUserId: 'emil' })
  await send(dora, { toUserId: 'emil' })
  expect(await emil.request('conversation.delivered', { conversationId, seq: 2 })).toEqual({
    deliveredSeq: 2,
  })
  expect(await dora.waitFor('conversation.delivered')).toMatchObject({ userId: 'emil', deliveredSeq: 2 })
  expect(await emil.request('conversation.delivered', { conversationId, seq: 1 })).toEqual({
    deliveredSeq: 2,
  })
  expect(await emil.request('conversation.delivered', { conversationId, seq: 99 })).toEqual({
    deliveredSeq: 2,
  })
  const stranger = await connect('stranger')
  await expect(stranger.request('conversation.delivered', { conversationId, seq: 1 })).rejects.toMatchObject({
    code: 'not-a-member',
  })
  const { body } = await cloud.call('GET', `/v1/conversations/${conversationId}/read-cursors`)
  expect((body as { items: object[] }).items).toContainEqual({ userId: 'emil', readSeq: 0, deliveredSeq: 2 })
})

test('CHAT-51: over REST an API key names whose device it is', async () => {
  const finn = await connect('finn')
  await connect('gina')
  const { conversationId } = await send(finn, { toUserId: 'gina' })
  const path = `/v1/conversations/${conversationId}/delivered-cursor`
  expect(await cloud.call('PUT', path, { seq: 1, userId: 'gina' })).toMatchObject({
    status: 200,
    body: { deliveredSeq: 1 },
  })
  expect((await cloud.call('PUT', path, { seq: 1 })).status).toBe(400)
})

test('CHAT-52: the total of unread goes over all conversations and ends at 999', async () => {
  const hugo = await connect('hugo')
  const iris = await connect('iris')
  await send(hugo, { toUserId: 'iris' })
  await send(iris, { toUserId: 'hugo' })
  const { body } = await cloud.call('POST', '/v1/conversations', {
    type: 'group',
    memberIds: ['hugo', 'iris'],
  })
  const { id } = body as { id: string }
  await Promise.all(Array.from({ length: 20 }, () => send(hugo, { conversationId: id })))
  expect(await iris.request('conversation.unread-total', {})).toEqual({ unread: 21 })
  await iris.request('conversation.read', { conversationId: id, seq: 15 })
  expect((await cloud.call('GET', '/v1/unread-total?userId=iris')).body).toEqual({ unread: 6 })
})
