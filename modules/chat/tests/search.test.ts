import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

let cloud: DevCloud
const clients: RealtimeClient[] = []

beforeAll(async () => {
  cloud = await startDevCloud({ servers: 1 })
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await cloud.close()
})

async function connect(userId: string) {
  const client = await RealtimeClient.connect(cloud.servers[0]?.url ?? '', await cloud.token(userId))
  clients.push(client)
  return client
}

let made = 0
const send = (client: RealtimeClient, to: { toUserId: string } | { conversationId: string }, text: string) =>
  client.request('message.send', { ...to, clientMessageId: `s-${++made}`, content: { type: 'text', text } })

type Query = { q: string; [field: string]: unknown }
async function find(client: RealtimeClient, query: Query) {
  const { items, nextCursor } = await client.request('message.search', query)
  return { texts: items.map(({ message }) => (message.content as { text?: string }).text), items, nextCursor }
}
/** The index follows the log: asked again until it is there. */
const eventually = (client: RealtimeClient, query: Query, texts: (string | undefined)[]) =>
  vi.waitFor(async () => expect((await find(client, query)).texts).toEqual(texts), {
    timeout: 10_000,
    interval: 100,
  })

test('CHAT-300: words are found over all conversations of the user, newest first, and in nobody else’s', async () => {
  const anna = await connect('anna')
  const bert = await connect('bert')
  const cleo = await connect('cleo')
  await send(anna, { toUserId: 'bert' }, 'Lunch at the Harbour?')
  await send(bert, { toUserId: 'anna' }, 'the harbour is closed, but ＬＵＮＣＨ is fine')
  await send(anna, { toUserId: 'cleo' }, 'lunch was great')
  await eventually(anna, { q: 'lunch' }, [
    'lunch was great',
    'the harbour is closed, but ＬＵＮＣＨ is fine',
    'Lunch at the Harbour?',
  ])
  expect((await find(bert, { q: 'lunch' })).texts).toHaveLength(2)
  expect((await find(cleo, { q: 'harbour' })).texts).toEqual([])
  expect((await find(anna, { q: 'harbour lunch' })).texts).toHaveLength(2)
  expect((await find(anna, { q: 'harb' })).texts).toHaveLength(2)
  expect((await find(anna, { q: 'harb lunch' })).texts).toEqual([])
  const odd = ["'", "a' | 'b", '\\', ':*', '&|!', '(', '😀', '  .  ', "'); drop table chat.entries; --"]
  for (const q of odd) expect((await find(anna, { q })).texts).toEqual([])
})

test('CHAT-301: Chinese is found by words, by parts of words and by what no dictionary knows', async () => {
  const dan = await connect('dan')
  await connect('eva')
  await send(dan, { toUserId: 'eva' }, '我们明天去北京大学开会')
  await send(dan, { toUserId: 'eva' }, '钉崽昨天没有来 meeting')
  await eventually(dan, { q: '钉崽' }, ['钉崽昨天没有来 meeting'])
  for (const q of ['北京', '大学', '北京大学', '开会', '明天去', '会']) {
    expect((await find(dan, { q })).texts).toEqual(['我们明天去北京大学开会'])
  }
  expect((await find(dan, { q: '昨天 meet' })).texts).toHaveLength(1)
  expect((await find(dan, { q: '上海' })).texts).toEqual([])
})

test('CHAT-302: sender, type, time, conversation and pages narrow a search', async () => {
  const fred = await connect('fred')
  const gina = await connect('gina')
  const { conversationId } = await send(fred, { toUserId: 'gina' }, 'ticket one')
  await send(gina, { toUserId: 'fred' }, 'ticket two')
  await connect('hugo')
  const third = await send(fred, { toUserId: 'hugo' }, 'ticket three')
  await fred.request('message.send', {
    ...{ toUserId: 'gina', clientMessageId: 'custom-1' },
    content: { type: 'custom', kind: 'order', data: {}, summary: 'ticket order' },
  })
  await eventually(fred, { q: 'ticket' }, [undefined, 'ticket three', 'ticket two', 'ticket one'])
  expect((await find(fred, { q: 'ticket', senderId: 'gina' })).texts).toEqual(['ticket two'])
  expect((await find(fred, { q: 'ticket', contentType: 'custom' })).items).toHaveLength(1)
  expect((await find(fred, { q: 'ticket', conversationId })).items).toHaveLength(3)
  expect((await find(fred, { q: 'ticket', before: third.createdAt })).texts).toEqual([
    'ticket two',
    'ticket one',
  ])
  expect((await find(fred, { q: 'ticket', after: third.createdAt })).texts).toEqual([
    undefined,
    'ticket three',
  ])
  const first = await find(fred, { q: 'ticket', limit: 3 })
  const rest = await find(fred, { q: 'ticket', limit: 3, cursor: first.nextCursor })
  expect([...first.texts, ...rest.texts]).toEqual([undefined, 'ticket three', 'ticket two', 'ticket one'])
  expect(rest.nextCursor).toBeUndefined()
  await expect(find(fred, { q: 'ticket', cursor: 'nonsense' })).rejects.toMatchObject({
    code: 'invalid-cursor',
  })
  await expect(find(gina, { q: 'x', conversationId: third.conversationId })).rejects.toMatchObject({
    code: 'not-a-member',
  })
})

test('CHAT-303: what was edited is found by its new words, what was recalled is not found, nor after leaving', async () => {
  const ida = await connect('ida')
  const jan = await connect('jan')
  await cloud.call('POST', '/v1/conversations', {
    type: 'group',
    id: 'hikers',
    ownerId: 'ida',
    memberIds: ['jan'],
  })
  const edited = await send(ida, { conversationId: 'hikers' }, 'meet at dawn')
  const recalled = await send(ida, { conversationId: 'hikers' }, 'secret summit')
  await eventually(jan, { q: 'summit' }, ['secret summit'])
  await ida.request('message.edit', {
    messageId: edited.messageId,
    content: { type: 'text', text: 'meet at noon' },
  })
  await ida.request('message.recall', { messageId: recalled.messageId })
  expect((await find(jan, { q: 'summit' })).texts).toEqual([])
  await eventually(jan, { q: 'noon' }, ['meet at noon'])
  expect((await find(jan, { q: 'dawn' })).texts).toEqual([])
  await cloud.call('DELETE', '/v1/conversations/hikers/members/jan')
  expect((await find(jan, { q: 'noon' })).texts).toEqual([])
  expect((await find(ida, { q: 'noon' })).texts).toEqual(['meet at noon'])
})
