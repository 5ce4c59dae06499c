import { Scope, silentLogger } from '@parley/core/kernel'
import { openDatabase } from '@parley/core/store'
import { type DevCloud, FrameRefusedError, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
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

async function connect(userId: string, { server = 0, device = 'one', grants = undefined as unknown } = {}) {
  const token = await cloud.token(userId, grants === undefined ? {} : { grants })
  const client = await RealtimeClient.connect(cloud.servers[server]?.url ?? '', token, device)
  clients.push(client)
  return client
}

async function openDatabaseOf(of: DevCloud) {
  const scope = new Scope('look into the database', silentLogger)
  const database = await openDatabase({ url: of.databaseUrl, logger: silentLogger, scope })
  return { database, close: () => scope.close() }
}

const say = (text: string) => ({ type: 'text' as const, text })
let made = 0
const sendTo = (client: RealtimeClient, conversationId: string, text: string) =>
  client.request('message.send', { conversationId, clientMessageId: `id-${++made}`, content: say(text) })

async function group(...memberIds: string[]): Promise<string> {
  for (const id of memberIds) await cloud.call('POST', '/v1/users', { id })
  const { body } = await cloud.call('POST', '/v1/conversations', { type: 'group', memberIds })
  return (body as { id: string }).id
}

const textsOf = (client: RealtimeClient, conversationId: string) =>
  client.events.flatMap((event) =>
    event.type === 'message.created' && event.message.conversationId === conversationId
      ? [event.message.content.type === 'text' ? event.message.content.text : event.message.content.type]
      : [],
  )

test('two people talk: direct message, receipt, typing', async () => {
  const alice = await connect('alice')
  const bob = await connect('bob')
  const sent = await alice.request('message.send', {
    toUserId: 'bob',
    clientMessageId: 'hello-1',
    content: say('hello'),
  })
  expect(sent.seq).toBe(1)
  const { message } = await bob.waitFor('message.created')
  expect(message).toMatchObject({ id: sent.messageId, seq: 1, senderId: 'alice', content: say('hello') })
  await bob.request('conversation.typing', { conversationId: sent.conversationId })
  expect(await alice.waitFor('conversation.typing')).toMatchObject({ userId: 'bob' })
  expect(await bob.request('conversation.read', { conversationId: sent.conversationId, seq: 1 })).toEqual({
    readSeq: 1,
    unread: 0,
  })
  expect(await alice.waitFor('conversation.read')).toMatchObject({ userId: 'bob', readSeq: 1 })
})

test('CHAT-16: processes on one database keep one dense sequence and reach each other’s users', async () => {
  const id = await group('pia', 'quin')
  const pia = await connect('pia', { server: 0 })
  const quin = await connect('quin', { server: 1 })
  await Promise.all(
    Array.from({ length: 100 }, (_, index) => [
      sendTo(pia, id, `p${index}`),
      sendTo(quin, id, `q${index}`),
    ]).flat(),
  )
  for (const client of [pia, quin]) {
    await client.waitFor(
      'message.created',
      ({ message }) => message.conversationId === id && message.seq === 200,
    )
    const seqs = client.events.flatMap((event) =>
      event.type === 'message.created' && event.message.conversationId === id ? [event.message.seq] : [],
    )
    expect(seqs).toEqual(Array.from({ length: 200 }, (_, index) => index + 1))
  }
  expect(textsOf(pia, id)).toEqual(textsOf(quin, id))
  expect(textsOf(pia, id).filter((text) => text.startsWith('p'))).toEqual(
    Array.from({ length: 100 }, (_, i) => `p${i}`),
  )
})

test('CHAT-9: two devices of one user converge', async () => {
  const id = await group('rob', 'sue')
  const phone = await connect('rob', { device: 'phone' })
  const laptop = await connect('rob', { device: 'laptop', server: 1 })
  await sendTo(phone, id, 'from the phone')
  await laptop.waitFor('message.created', ({ message }) => message.conversationId === id)
  await laptop.request('conversation.read', { conversationId: id, seq: 1 })
  expect(await phone.waitFor('conversation.read')).toMatchObject({
    conversationId: id,
    userId: 'rob',
    readSeq: 1,
  })
  const states = await Promise.all([phone, laptop].map((device) => device.request('conversation.sync', {})))
  expect(states[0]?.conversations).toEqual(states[1]?.conversations)
})

test('CHAT-10: after a removal commits nothing later reaches the user, on any process', async () => {
  const id = await group('tom', 'uma')
  const tom = await connect('tom', { server: 0 })
  const uma = await connect('uma', { server: 1 })
  await sendTo(tom, id, 'one')
  await uma.waitFor('message.created', ({ message }) => message.conversationId === id)
  const flood = Promise.all(Array.from({ length: 50 }, (_, index) => sendTo(tom, id, `flood ${index}`)))
  const removal = await cloud.call('DELETE', `/v1/conversations/${id}/members/uma`, undefined, { server: 1 })
  expect(removal.status).toBe(200)
  await flood
  await sendTo(tom, id, 'after')
  const { seq: leftSeq } = await uma.waitFor('conversation.left', (event) => event.conversationId === id)
  await tom.waitFor('message.created', ({ message }) => textIs(message.content, 'after'))
  await expect(uma.request('message.list', { conversationId: id })).rejects.toMatchObject({
    code: 'not-a-member',
  })
  await expect(sendTo(uma, id, 'me too')).rejects.toMatchObject({ code: 'not-a-member' })
  const heard = uma.events.flatMap((event) => (event.type === 'message.created' ? [event.message.seq] : []))
  expect(heard).toEqual(Array.from({ length: heard.length }, (_, index) => index + 1))
  expect(Math.max(...heard)).toBeLessThan(leftSeq)
})

const textIs = (content: { type: string; text?: string }, text: string) =>
  content.type === 'text' && content.text === text

test('CHAT-7: edit and recall arrive live with the message as it stands', async () => {
  const id = await group('vic', 'wim')
  const vic = await connect('vic')
  const wim = await connect('wim', { server: 1 })
  const { messageId } = await sendTo(vic, id, 'frist')
  await vic.request('message.edit', { messageId, content: say('first') })
  expect((await wim.waitFor('message.edited')).message).toMatchObject({
    id: messageId,
    seq: 1,
    content: say('first'),
  })
  await vic.request('message.recall', { messageId })
  const { message, entry } = await wim.waitFor('message.recalled')
  expect(message.content).toEqual({ type: 'recalled' })
  expect(entry.seq).toBe(3)
})

test('CHAT-11: what a check refuses gets no seq and is delivered to nobody', async () => {
  const id = await group('xia', 'yan')
  const xia = await connect('xia')
  const stranger = await connect('zoe')
  await expect(sendTo(stranger, id, 'let me in')).rejects.toBeInstanceOf(FrameRefusedError)
  const mute = await connect('yan', { device: 'mute', grants: { chat: { read: true } } })
  await expect(sendTo(mute, id, 'no grant')).rejects.toMatchObject({ code: 'grant-missing' })
  const unknown = {
    conversationId: id,
    clientMessageId: 'img',
    content: { type: 'image' as const, objectId: 'obj_none' },
  }
  await expect(xia.request('message.send', unknown)).rejects.toMatchObject({ code: 'object-not-found' })
  expect((await sendTo(xia, id, 'only this')).seq).toBe(1)
  await mute.waitFor('message.created', ({ message }) => message.conversationId === id)
  expect(textsOf(mute, id)).toEqual(['only this'])
  const again = { ...unknown, content: say('the key is free again') }
  expect((await xia.request('message.send', again)).seq).toBe(2)
})

test('CHAT-6, CHAT-13: a reader resumes from N with exactly what it missed', async () => {
  const id = await group('kim', 'leo')
  const kim = await connect('kim')
  const leo = await connect('leo', { device: 'resume' })
  for (let index = 1; index <= 5; index++) await sendTo(kim, id, `m${index}`)
  await leo.waitFor('message.created', ({ message }) => message.conversationId === id && message.seq === 5)
  leo.terminate()
  await leo.closed
  for (let index = 6; index <= 25; index++) await sendTo(kim, id, `m${index}`)
  const back = await connect('leo', { device: 'resume', server: 1 })
  const { conversations } = await back.request('conversation.sync', {})
  expect(conversations.find((view) => view.id === id)).toMatchObject({ headSeq: 25, unread: 25 })
  const page = await back.request('message.list', { conversationId: id, afterSeq: 5, limit: 200 })
  expect(page.items.map((item) => item.seq)).toEqual(Array.from({ length: 20 }, (_, index) => index + 6))
})

test('CHAT-5: a lost answer is resolved by sending again, on another process', async () => {
  const id = await group('mia', 'nat')
  const mia = await connect('mia')
  const body = { conversationId: id, clientMessageId: 'unknown-1', content: say('did it arrive?') }
  const first = await mia.request('message.send', body)
  const elsewhere = await connect('mia', { server: 1, device: 'two' })
  expect(await elsewhere.request('message.send', body)).toEqual(first)
  expect((await elsewhere.request('message.find', { clientMessageId: 'unknown-1' })).seq).toBe(first.seq)
})

test('CHAT-21: a user who makes a group over realtime is its owner, and the members hear of it', async () => {
  const wes = await connect('wes')
  const xan = await connect('xan')
  const made = await wes.request('conversation.create', {
    conversation: { type: 'group', memberIds: ['xan'], name: 'Two' },
  })
  expect(made).toMatchObject({ type: 'group', memberCount: 2 })
  await xan.waitFor('conversation.joined', (event) => event.conversationId === made.id)
  expect(await wes.request('conversation.get', { conversationId: made.id })).toMatchObject({ role: 'owner' })
})

test('CHAT-12: every entry stands in the outbox, written with it', async () => {
  const id = await group('ola', 'per')
  const ola = await connect('ola')
  const sent = await Promise.all(Array.from({ length: 30 }, (_, index) => sendTo(ola, id, `m${index}`)))
  await ola.request('message.recall', { messageId: sent[3]?.messageId ?? '' })
  const { database, close } = await openDatabaseOf(cloud)
  try {
    const { rows } = await database.system.query<{ from_seq: number; to_seq: number }>({
      text: `select (data->>'fromSeq')::int as from_seq, (data->>'toSeq')::int as to_seq from outbox.events
        where type = 'conversation.appended' and resource = $1 order by position`,
      values: [`conversation/${id}`],
    })
    const seqs = rows.flatMap(({ from_seq, to_seq }) =>
      Array.from({ length: to_seq - from_seq + 1 }, (_, index) => from_seq + index),
    )
    expect(seqs).toEqual(Array.from({ length: 31 }, (_, index) => index + 1))
  } finally {
    await close()
  }
})

test('CHAT-13: who reads too slowly is closed as a slow consumer, and resumes without loss', async () => {
  const small = await startDevCloud({ env: { PARLEY_GATEWAY_MAX_BUFFERED_BYTES: '65536' } })
  try {
    for (const user of ['fast', 'slow']) await small.call('POST', '/v1/users', { id: user })
    const made = await small.call('POST', '/v1/conversations', { type: 'group', memberIds: ['fast', 'slow'] })
    const { id } = made.body as { id: string }
    const fast = await RealtimeClient.connect(small.url, await small.token('fast'))
    const slow = await RealtimeClient.connect(small.url, await small.token('slow'))
    slow.pauseReading()
    const text = 'x'.repeat(16_000)
    let last = 0
    // The sockets of both sides hold some megabytes before anything waits in the server.
    for (let round = 0; round < 50; round++) {
      const sent = await Promise.all(Array.from({ length: 32 }, () => sendTo(fast, id, text)))
      last = Math.max(...sent.map(({ seq }) => seq))
    }
    slow.resumeReading()
    // 1006 where the close frame, too, waited longer than the server waits for its answer.
    expect((await slow.closed).code).toBeOneOf([4008, 1006])
    const back = await RealtimeClient.connect(small.url, await small.token('slow'))
    const heard = slow.events.flatMap((event) =>
      event.type === 'message.created' ? [event.message.seq] : [],
    )
    const from = heard.at(-1) ?? 0
    expect(heard).toEqual(Array.from({ length: from }, (_, index) => index + 1))
    expect(from).toBeLessThan(last)
    const { items } = await back.request('message.list', { conversationId: id, afterSeq: from, limit: 5 })
    expect(items[0]?.seq).toBe(from + 1)
    await Promise.all([fast.close(), back.close()])
  } finally {
    await small.close()
  }
})

test('CHAT-31: a picture goes up, is named by a message, and comes down from the content origin', async () => {
  const id = await group('sol', 'tia')
  const sol = await connect('sol')
  const tia = await connect('tia', { server: 1 })
  const token = await cloud.token('sol')
  const bytes = Buffer.from('not really a picture')
  const file = { name: 'cat.png', contentType: 'image/png', sizeBytes: bytes.length }
  const offer = await cloud.call('POST', '/v1/uploads', file, { token })
  const { id: objectId, uploadUrl } = offer.body as { id: string; uploadUrl: string }
  const early = {
    conversationId: id,
    clientMessageId: 'early',
    content: { type: 'image' as const, objectId },
  }
  await expect(sol.request('message.send', early)).rejects.toMatchObject({ code: 'object-not-found' })
  const put = await fetch(uploadUrl, { method: 'PUT', body: bytes, headers: { 'content-type': 'image/png' } })
  expect(put.status).toBeLessThan(300)
  await sol.request('message.send', early)
  const { message } = await tia.waitFor('message.created', (event) => event.message.conversationId === id)
  expect(message.content).toMatchObject({ type: 'image', attachment: file })
  const { url } = (message.content as { attachment: { url: string } }).attachment
  const got = await fetch(url)
  expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true)
  expect(got.headers.get('x-content-type-options')).toBe('nosniff')
})

test('CHAT-17: a limited token is told of nothing it may not read', async () => {
  const open = await group('una', 'vera')
  const shut = await group('una', 'vera')
  const una = await connect('una')
  const limited = await connect('vera', {
    device: 'limited',
    grants: { chat: { read: true, conversations: [open] } },
  })
  const withoutChat = await connect('vera', { device: 'no-chat', grants: { rtc: { room: 'r' } } })
  await sendTo(una, shut, 'not for the limited one')
  await sendTo(una, open, 'for both')
  await limited.waitFor('message.created')
  expect(textsOf(limited, shut)).toEqual([])
  expect(textsOf(limited, open)).toEqual(['for both'])
  expect(withoutChat.events).toEqual([])
})
