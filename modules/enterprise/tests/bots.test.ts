import { signWebhook, verifyWebhook } from '@parley/protocols/standard-webhooks'
import { type CallOptions, type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, call, connect, eventually, fresh, Receiver } from './fixture.ts'

let cloud: DevCloud
const receivers: Receiver[] = []
beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2, env: { PARLEY_RTC: 'off' } })
})
afterAll(async () => {
  for (const receiver of receivers) await receiver.close()
  await cloud.close()
})

const ask = (method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answer> =>
  call(cloud, method, path, body, options)

async function receiver(): Promise<Receiver> {
  const made = await Receiver.start()
  receivers.push(made)
  return made
}

interface Made {
  id: string
  url: string
  secret: string
  userId: string
  conversationId: string
  memberId: string
}

async function bot(input: Record<string, unknown> = {}): Promise<Made> {
  const [userId, memberId] = [fresh('bot'), fresh('member')]
  for (const id of [userId, memberId]) await cloud.token(id)
  const group = await ask('POST', '/v1/conversations', {
    ...{ type: 'group', name: 'g', ownerId: memberId, memberIds: [memberId, userId] },
  })
  const conversationId = group.body.id as string
  const { status, body } = await ask('POST', '/v1/webhook-bots', {
    conversationId,
    userId,
    name: 'b',
    ...input,
  })
  expect(status).toBe(201)
  return { ...body, memberId }
}

async function post(
  url: string,
  body: unknown,
  { headers = {}, server = 0 }: { headers?: Record<string, string>; server?: number } = {},
): Promise<Answer> {
  const response = await fetch(new URL(url, cloud.servers[server]?.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() }
}

const signed = (body: unknown, secret: string, id = fresh('id'), nowMs = Date.now()) => {
  const text = JSON.stringify(body)
  return [text, { headers: { ...signWebhook(text, { id, nowMs, secrets: [secret] }) } }] as const
}

async function history(conversationId: string): Promise<Answer['body'][]> {
  const { body } = await ask('GET', `/v1/conversations/${conversationId}/messages?afterSeq=0`)
  return body.items.filter(({ content }: Answer['body']) => ['text', 'custom'].includes(content.type))
}

const say = (made: Made, text: string, mention = false) =>
  ask('POST', '/v1/messages', {
    ...{ conversationId: made.conversationId, fromUserId: made.memberId, clientMessageId: fresh('c') },
    content: { type: 'text', text, ...(mention && { mentions: { userIds: [made.userId] } }) },
  })

const card = (title: string) => ({
  title,
  elements: [
    {
      type: 'buttons',
      buttons: [
        { label: 'Go', actionId: 'go', value: '1' },
        { label: 'See', url: 'https://a.example' },
      ],
    },
    { type: 'select', actionId: 'pick', options: [{ label: 'A', value: 'a' }] },
  ],
})

test('ENT-20: text, Markdown and cards posted to the address become messages of the bot', async () => {
  const made = await bot()
  expect(await post(made.url, { type: 'text', text: 'hello' })).toMatchObject({ status: 201 })
  expect((await post(made.url, { type: 'markdown', title: 't', text: '# t' }, { server: 1 })).status).toBe(
    201,
  )
  expect((await post(made.url, { type: 'card', card: card('c') })).status).toBe(201)
  const entries = await history(made.conversationId)
  expect(entries.map(({ senderId, content }) => [senderId, content.kind ?? content.text])).toEqual([
    [made.userId, 'hello'],
    [made.userId, 'parley.markdown'],
    [made.userId, 'parley.card'],
  ])
  expect((await post(made.url, { type: 'poem' })).body.code).toBe('invalid-request')
  expect((await post(made.url, '{')).body.code).toBe('invalid-json')
  expect((await post('/v1/incoming/nonsense', { type: 'text', text: 'x' })).status).toBe(404)
})

test('ENT-21: keywords, addresses, and being switched off', async () => {
  const made = await bot({ keywords: ['ALERT'], allowAddresses: ['127.0.0.0/8', '::1'] })
  expect((await post(made.url, { type: 'text', text: 'nothing' })).body.code).toBe('forbidden')
  expect((await post(made.url, { type: 'text', text: 'ALERT: disk' })).status).toBe(201)
  await ask('PATCH', `/v1/webhook-bots/${made.id}`, { allowAddresses: ['10.0.0.0/8'] })
  expect((await post(made.url, { type: 'text', text: 'ALERT' })).body.code).toBe('forbidden')
  await ask('PATCH', `/v1/webhook-bots/${made.id}`, { allowAddresses: [], enabled: false })
  expect((await post(made.url, { type: 'text', text: 'ALERT' })).body.code).toBe('forbidden')
  expect(await history(made.conversationId)).toHaveLength(1)
})

test('ENT-22: a signed post is stored once however often it is replayed, and not after an hour', async () => {
  const made = await bot({ requireSignature: true })
  const content = { type: 'text', text: 'signed' }
  expect((await post(made.url, content)).body.code).toBe('forbidden')
  const once = signed(content, made.secret)
  const first = await post(made.url, ...once)
  expect(first.status).toBe(201)
  expect((await post(made.url, once[0], { ...once[1], server: 1 })).body).toEqual(first.body)
  expect((await post(made.url, once[0].replace('signed', 'forged'), once[1])).body.code).toBe('forbidden')
  const old = signed(content, made.secret, fresh('id'), Date.now() - 3_601_000)
  expect((await post(made.url, ...old)).body.code).toBe('forbidden')
  const late = signed(content, made.secret, fresh('id'), Date.now() - 3_590_000)
  expect((await post(made.url, ...late)).status).toBe(201)
  const { body: rotated } = await ask('POST', `/v1/webhook-bots/${made.id}/rotate`)
  expect((await post(made.url, ...signed(content, made.secret))).status).toBe(404)
  expect((await post(rotated.url, ...signed(content, made.secret))).body.code).toBe('forbidden')
  expect((await post(rotated.url, ...signed(content, rotated.secret))).status).toBe(201)
  expect(await history(made.conversationId)).toHaveLength(3)
})

test('ENT-23: a bot takes 20 posts a minute over all processes', async () => {
  const made = await bot()
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      post(made.url, { type: 'text', text: `${index}` }, { server: index % 2 }),
    ),
  )
  const taken = answers.filter(({ status }) => status === 201).length
  expect(taken).toBeGreaterThanOrEqual(20)
  // A token comes back every three seconds.
  expect(taken).toBeLessThanOrEqual(24)
  expect(answers.find(({ status }) => status === 429)?.body.retryAfterMs).toBeGreaterThan(0)
})

test('ENT-24: what mentions the bot or holds a keyword is told, signed and in order; the answer replies once', async () => {
  const there = await receiver()
  const made = await bot({ outgoing: { url: there.url, keywords: ['weather'] } })
  let failures = 2
  there.answer = ({ event }) => {
    if (failures-- > 0) return { status: 503 }
    return { body: { replies: [{ type: 'text', text: `re: weather ${event.data.message.content.text}` }] } }
  }
  await say(made, 'about nothing')
  await say(made, 'the Weather?')
  await say(made, 'you there', true)
  const replies = await eventually(async () => {
    const entries = (await history(made.conversationId)).filter(({ senderId }) => senderId === made.userId)
    return entries.length === 2 ? entries.map(({ content }) => content.text) : undefined
  })
  expect(replies).toEqual(['re: weather the Weather?', 're: weather you there'])
  // Two failures of the first, then each once; what the bot itself said is not told.
  expect(there.received.map(({ event }) => event.data.message.content.text)).toEqual([
    ...['the Weather?', 'the Weather?', 'the Weather?', 'you there'],
  ])
  expect(new Set(there.received.map(({ headers }) => headers['webhook-id'])).size).toBe(2)
  for (const { text, headers } of there.received)
    verifyWebhook(text, headers as Record<string, string>, { secrets: [made.secret], nowMs: Date.now() })
})

test('ENT-24: what a bot of chat says is told to no webhook bot', async () => {
  const there = await receiver()
  const made = await bot({ outgoing: { url: there.url, keywords: ['weather'] } })
  const enabled = { url: 'http://127.0.0.1:9/', commands: [], enabled: true }
  const { status } = await ask('PUT', `/v1/bots/${made.memberId}`, enabled)
  expect(status).toBeLessThan(300)
  await say(made, 'weather, says a bot')
  // Logs are read in order: when this is told, that was looked at.
  const other = await bot({ outgoing: { url: there.url, keywords: ['weather'] } })
  await say(other, 'weather, says a user')
  await eventually(async () => (there.received.length > 0 ? true : undefined))
  expect(there.received.map(({ event }) => event.data.message.content.text)).toEqual(['weather, says a user'])
})

test('ENT-30: a click is stored once, told to the owner, and the card changes in place', async () => {
  const there = await receiver()
  const made = await bot({ outgoing: { url: there.url } })
  there.answer = () => ({ body: { card: { title: 'done', elements: [] } } })
  const { body } = await post(made.url, { type: 'card', card: card('ask') })
  const messageId = body.messageId as string
  const member = await connect(cloud, made.memberId, 1)
  const request = { messageId, clickId: 'k1', actionId: 'go' }
  const clicks = await Promise.all([1, 2, 3].map(() => member.request('card.click', request)))
  expect(new Set(clicks.map(({ id }) => id)).size).toBe(1)
  expect(clicks[0]).toMatchObject({ value: '1', userId: made.memberId, ownerId: made.userId })
  const { message } = await member.waitFor('message.edited', (event) => event.message.id === messageId)
  expect(message.content).toMatchObject({ data: { title: 'done' } })
  // After the card has changed, the same click answers the same, and another is not offered any more.
  expect((await member.request('card.click', request)).id).toBe(clicks[0]?.id)
  await expect(member.request('card.click', { ...request, clickId: 'k2' })).rejects.toMatchObject({
    code: 'conflict',
  })
  await expect(member.request('card.click', { ...request, actionId: 'other' })).rejects.toMatchObject({
    code: 'conflict',
  })
  expect(there.received.map(({ event }) => event.type)).toEqual(['card.clicked'])
  expect((await ask('PUT', `/v1/cards/${messageId}`, { card: card('again') })).status).toBe(200)
  const picked = await member.request('card.click', {
    messageId,
    clickId: 'k3',
    actionId: 'pick',
    value: 'a',
  })
  expect(picked.value).toBe('a')
  await expect(
    member.request('card.click', { messageId, clickId: 'k4', actionId: 'pick', value: 'b' }),
  ).rejects.toMatchObject({ code: 'conflict' })
  await member.close()
})

test('ENT-31: only members of the conversation may click', async () => {
  const made = await bot()
  const { body } = await post(made.url, { type: 'card', card: card('ask') })
  const outsider = { token: await cloud.token(fresh('outsider')) }
  const path = `/v1/cards/${body.messageId}/actions`
  const refused = await ask('POST', path, { clickId: 'x', actionId: 'go' }, outsider)
  expect(refused).toMatchObject({ status: 404, body: { code: 'message-not-found' } })
  const elsewhere = await cloud.token(made.memberId, {
    grants: { chat: { send: true, conversations: ['other'] } },
  })
  expect((await ask('POST', path, { clickId: 'x', actionId: 'go' }, { token: elsewhere })).body.code).toBe(
    'grant-missing',
  )
  const plain = await say(made, 'no card')
  const noCard = await ask('POST', `/v1/cards/${plain.body.id ?? plain.body.messageId}/actions`, {
    ...{ userId: made.memberId, clickId: 'x', actionId: 'go' },
  })
  expect(noCard.body.code).toBe('conflict')
})

test('ENT-25: a bot needs a member of the group and a public receiver, and goes with what waits for it', async () => {
  const made = await bot({ outgoing: { url: 'http://127.0.0.1:9/' } })
  const stranger = fresh('stranger')
  await cloud.token(stranger)
  const refused = await ask('POST', '/v1/webhook-bots', {
    ...{ conversationId: made.conversationId, userId: stranger, name: 'x' },
  })
  expect(refused.body.code).toBe('not-a-member')
  const inside = await ask('POST', '/v1/webhook-bots', {
    ...{ conversationId: made.conversationId, userId: made.userId, name: 'x' },
    outgoing: { url: 'http://169.254.169.254/latest' },
  })
  expect(inside).toMatchObject({ status: 400, body: { issues: [{ path: 'outgoing.url' }] } })
  await say(made, 'hi', true)
  await eventually(async () => {
    const { body } = await ask('GET', `/v1/webhook-bots?conversationId=${made.conversationId}`)
    return body.items[0].waiting === 1 ? true : undefined
  })
  expect((await ask('DELETE', `/v1/webhook-bots/${made.id}`)).status).toBe(200)
  expect((await post(made.url, { type: 'text', text: 'x' })).status).toBe(404)
})
