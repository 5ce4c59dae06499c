import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BotMessage } from '@parley/contracts'
import { verifyWebhook } from '@parley/protocols/standard-webhooks'
import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'

let cloud: DevCloud
let server: Server
let secret = ''
const heard: BotMessage[] = []
const ids: string[] = []
let answer: (message: BotMessage) => { status: number; body?: unknown } = () => ({ status: 204 })
const clients: RealtimeClient[] = []

beforeAll(async () => {
  cloud = await startDevCloud()
  for (const id of ['ann', 'bob', 'helper', 'second']) await cloud.call('POST', '/v1/users', { id })
  server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      verifyWebhook(body, incoming.headers as Record<string, string>, {
        secrets: [secret],
        nowMs: Date.now(),
      })
      const event = JSON.parse(body) as { id: string; type: string; data: BotMessage }
      expect(event.type).toBe('bot.message-received')
      ids.push(event.id)
      heard.push(event.data)
      const { status, body: given } = answer(event.data)
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(given === undefined ? '' : JSON.stringify(given))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/bot`
  const commands = [{ name: 'weather', description: 'How the weather is' }]
  const { status, body } = await cloud.call('PUT', '/v1/bots/helper', { url, commands })
  expect(status).toBe(200)
  secret = (body as { secret: string }).secret
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await new Promise((resolve) => server.close(resolve))
  await cloud.close()
})

async function connect(userId: string): Promise<RealtimeClient> {
  const client = await RealtimeClient.connect(
    cloud.url,
    await cloud.token(userId),
    `${userId}-${clients.length}`,
  )
  clients.push(client)
  return client
}

let made = 0
const say = (client: RealtimeClient, to: object, text: string, userIds: string[] = []) =>
  client.request('message.send', {
    ...to,
    clientMessageId: `b-${++made}`,
    content: { type: 'text', text, ...(userIds.length > 0 && { mentions: { userIds } }) },
  })
const textFrom = (client: RealtimeClient, senderId: string, text: string) =>
  client.waitFor(
    'message.created',
    ({ message }) =>
      message.senderId === senderId && message.content.type === 'text' && message.content.text === text,
  )

test('CHAT-150, CHAT-151: a bot hears what is sent to it, signed, with the command, and its answer is sent', async () => {
  const ann = await connect('ann')
  answer = ({ message }) => ({
    status: 200,
    body: {
      replies: [
        { type: 'text', text: `re ${message.seq}` },
        { type: 'text', text: 'and more' },
      ],
    },
  })
  const sent = await say(ann, { toUserId: 'helper' }, '/weather in Jinan')
  await textFrom(ann, 'helper', `re ${sent.seq}`)
  await textFrom(ann, 'helper', 'and more')
  const told = heard.find(({ message }) => message.id === sent.messageId)
  expect(told).toMatchObject({
    ...{ botId: 'helper', conversation: { type: 'direct' } },
    command: { name: 'weather', argument: 'in Jinan' },
  })
})

test('CHAT-150: in a group it hears what mentions it and nothing else', async () => {
  answer = () => ({ status: 204 })
  const ann = await connect('ann')
  const { body } = await cloud.call('POST', '/v1/conversations', {
    ...{ type: 'group', memberIds: ['ann', 'bob', 'helper'] },
  })
  const to = { conversationId: (body as { id: string }).id }
  await say(ann, to, 'not for you')
  await say(ann, to, 'for bob', ['bob'])
  const mention = await say(ann, to, 'for you', ['helper'])
  await until(() => heard.some(({ message }) => message.id === mention.messageId))
  const there = heard.filter(({ conversation }) => conversation.id === to.conversationId)
  expect(there.map(({ message }) => message.id)).toEqual([mention.messageId])
  expect(await ann.request('conversation.list-commands', to)).toEqual({
    items: [{ botId: 'helper', name: 'weather', description: 'How the weather is' }],
  })
})

test('CHAT-152: after a failure the same message comes again first, under the same id, and is answered once', async () => {
  const ann = await connect('ann')
  let failures = 1
  answer = ({ message }) =>
    failures-- > 0
      ? { status: 500 }
      : { status: 200, body: { replies: [{ type: 'text', text: `ok ${message.seq}` }] } }
  const from = heard.length
  const first = await say(ann, { toUserId: 'helper' }, 'one')
  const second = await say(ann, { toUserId: 'helper' }, 'two')
  await textFrom(ann, 'helper', `ok ${first.seq}`)
  await textFrom(ann, 'helper', `ok ${second.seq}`)
  expect(heard.slice(from).map(({ message }) => message.id)).toEqual([
    ...[first.messageId, first.messageId, second.messageId],
  ])
  expect(ids[from]).toBe(ids[from + 1])
  // The reply is sent before the message counts as told.
  for (;;) {
    const { body } = await cloud.call('GET', '/v1/bots/helper')
    expect(body).toMatchObject({ failed: 0 })
    if ((body as { waiting: number }).waiting === 0) break
  }
}, 30_000)

test('CHAT-153: bots do not hear bots, and a user that is no bot any more is not called', async () => {
  answer = () => ({ status: 204 })
  const { body } = await cloud.call('GET', '/v1/bots/helper')
  await cloud.call('PUT', '/v1/bots/second', { url: (body as { url: string }).url })
  const from = heard.length
  const second = await connect('second')
  await say(second, { toUserId: 'helper' }, 'hello, colleague')
  const ann = await connect('ann')
  const last = await say(ann, { toUserId: 'helper' }, 'still there?')
  await until(() => heard.some(({ message }) => message.id === last.messageId))
  expect(heard.slice(from).map(({ message }) => message.senderId)).toEqual(['ann'])
  await cloud.call('DELETE', '/v1/bots/second')
  expect((await cloud.call('GET', '/v1/bots/second')).status).toBe(404)
})

test('CHAT-154: bots are made by API keys only', async () => {
  const token = await cloud.token('ann')
  expect((await cloud.call('GET', '/v1/bots', undefined, { token })).status).toBe(401)
})

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 20) {
    if (waited > 15_000) throw new Error('never')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
