import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Scope, silentLogger } from '@parley/core/kernel'
import { openDatabase } from '@parley/core/store'
import { verifyWebhook } from '@parley/protocols/standard-webhooks'
import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

const secret = `whsec_${Buffer.from('a secret of thirty-two bytes....').toString('base64')}`
let cloud: DevCloud
let outside: Server
let outsideUrl: string
const clients: RealtimeClient[] = []
/** What the application's own server was asked, and what it says. */
const asked: { path: string; body: string; headers: Record<string, unknown> }[] = []
let answerClaim: (userId: string) => object = () => ({ verdict: 'allow' })

beforeAll(async () => {
  outside = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString()
    asked.push({ path: request.url ?? '', body, headers: request.headers })
    const json = (value: object) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(value))
    }
    if (request.url === '/translate') {
      const { text, to } = JSON.parse(body) as { text: string; to: string }
      return json({ text: `${to}: ${text}`, detectedLanguage: 'en' })
    }
    if (request.url === '/hook') {
      const { type, data } = JSON.parse(body) as { type: string; data: { userId: string } }
      return json(type === 'packet.before-claim' ? answerClaim(data.userId) : { verdict: 'allow' })
    }
    if (request.url === '/moved') {
      response.writeHead(302, { location: '/page' })
      return response.end()
    }
    if (request.url === '/private') {
      response.writeHead(302, { location: 'http://10.0.0.1/secret' })
      return response.end()
    }
    response.setHeader('content-type', 'text/html')
    response.end('<title>A page</title><meta property="og:description" content="worth it">')
  })
  await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve))
  outsideUrl = `http://127.0.0.1:${(outside.address() as AddressInfo).port}`
  cloud = await startDevCloud({
    servers: 2,
    env: {
      PARLEY_CHAT_TRANSLATOR_URL: `${outsideUrl}/translate`,
      PARLEY_CHAT_TRANSLATOR_SECRET: secret,
      PARLEY_CHAT_LINK_PREVIEWS: 'true',
      PARLEY_CHAT_STREAM_IDLE_MS: '1500',
    },
  })
})
afterEach(() => {
  asked.length = 0
  answerClaim = () => ({ verdict: 'allow' })
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await cloud.close()
  outside.closeAllConnections()
  await new Promise((resolve) => outside.close(resolve))
})

let made = 0
const fresh = () => `f-${++made}`
const say = (text: string) => ({ type: 'text' as const, text })

async function connect(userId: string, server = 0) {
  const url = cloud.servers[server]?.url ?? ''
  const client = await RealtimeClient.connect(url, await cloud.token(userId), fresh())
  clients.push(client)
  return client
}

async function group(count: number) {
  const names = Array.from({ length: count }, () => `u${fresh()}`)
  const members = await Promise.all(names.map((name, index) => connect(name, index % 2)))
  const { body } = await cloud.call('POST', '/v1/conversations', {
    type: 'group',
    memberIds: names,
    ownerId: names[0],
  })
  const [first, ...others] = members
  if (first === undefined) throw new Error('a group has members')
  return { id: (body as { id: string }).id, first, others, names }
}

const entries = async (client: RealtimeClient, conversationId: string) =>
  (await client.request('message.list', { conversationId, afterSeq: 0, limit: 200 })).items

async function ledgerOf(messageId: string) {
  const scope = new Scope('ledger', silentLogger)
  const database = await openDatabase({ url: cloud.databaseUrl, logger: silentLogger, scope })
  try {
    const { rows } = await database.system.query<{
      type: string
      quantity: number
      data: { userId: string }
    }>({
      text: 'select type, quantity, data from ledger.facts where subject = $1 order by type, id',
      values: [`message/${messageId}`],
    })
    return rows
  } finally {
    await scope.close()
  }
}

const packet = (more: object = {}) => ({
  type: 'packet' as const,
  kind: 'red-packet' as const,
  split: 'random' as const,
  amount: 1_000,
  currency: 'CNY',
  scale: 2,
  shares: 3,
  ...more,
})

test('CHAT-67: a packet is claimed exactly, once a user however often and at once they ask, and every fact is in the ledger', async () => {
  const { id, first, others } = await group(5)
  const { messageId } = await first.request('message.send', {
    conversationId: id,
    clientMessageId: fresh(),
    content: packet(),
  })
  await expect(first.request('message.recall', { messageId })).rejects.toMatchObject({ code: 'conflict' })
  const claims = await Promise.allSettled(
    others.flatMap((client) => [1, 2, 3].map(() => client.request('packet.claim', { messageId }))),
  )
  const won = claims.flatMap((claim) => (claim.status === 'fulfilled' ? [claim.value] : []))
  const { items } = await first.request('packet.claims', { messageId })
  expect(items).toHaveLength(3)
  expect(items.reduce((sum, { amount }) => sum + amount, 0)).toBe(1_000)
  expect(won).toHaveLength(9)
  const { body } = await cloud.call('GET', `/v1/messages/${messageId}`)
  expect(body).toMatchObject({ packet: { state: 'claimed', claimedShares: 3, claimedAmount: 1_000 } })
  const facts = await ledgerOf(messageId)
  expect(facts.map(({ type }) => type)).toEqual([
    'packet.claimed',
    'packet.claimed',
    'packet.claimed',
    'packet.sent',
  ])
})

test('CHAT-67: the application moves the money: a claim it refuses leaves the share free', async () => {
  const { id, first, others, names } = await group(3)
  await cloud.call('POST', '/v1/webhooks', {
    url: `${outsideUrl}/hook`,
    events: [],
    blocking: { hooks: ['packet.before-claim'], timeoutMs: 5_000, onTimeout: 'reject' },
  })
  const { messageId } = await first.request('message.send', {
    conversationId: id,
    clientMessageId: fresh(),
    content: packet({ shares: 1, split: 'equal', amount: 88, kind: 'gift' }),
  })
  answerClaim = (userId) =>
    userId === names[1] ? { verdict: 'reject', detail: 'no account' } : { verdict: 'allow' }
  await expect(others[0]?.request('packet.claim', { messageId })).rejects.toMatchObject({ code: 'forbidden' })
  expect(await others[1]?.request('packet.claim', { messageId })).toMatchObject({
    amount: 88,
    currency: 'CNY',
  })
  const question = JSON.parse(asked.at(-1)?.body ?? '') as { type: string; data: object }
  expect(question).toMatchObject({
    type: 'packet.before-claim',
    data: { messageId, userId: names[2], senderId: names[0], amount: 88, kind: 'gift' },
  })
})

test('CHAT-67: what nobody took in time goes back, and is told', async () => {
  const { id, first, others } = await group(3)
  const { messageId } = await first.request('message.send', {
    conversationId: id,
    clientMessageId: fresh(),
    content: packet({ expiresAfterMs: 1_000, split: 'equal', amount: 90 }),
  })
  await others[0]?.request('packet.claim', { messageId })
  const { message } = await first.waitFor(
    'message.changed',
    (event) => event.message?.packet?.state === 'refunded',
  )
  expect(message?.packet).toMatchObject({ claimedShares: 1, claimedAmount: 30 })
  await expect(others[1]?.request('packet.claim', { messageId })).rejects.toMatchObject({ code: 'conflict' })
  expect((await ledgerOf(messageId)).map(({ type, quantity }) => [type, quantity])).toEqual([
    ['packet.claimed', 30],
    ['packet.refunded', 60],
    ['packet.sent', 90],
  ])
})

test('CHAT-68: a text grows live without entries, is resumed by offset, and becomes one final message', async () => {
  const { id, first: writer, others } = await group(2)
  const [reader] = others
  if (reader === undefined) throw new Error('somebody reads')
  const begun = await writer.request('stream.begin', { conversationId: id, clientMessageId: fresh() })
  const { messageId } = begun
  await writer.request('stream.append', { messageId, offset: 0, text: 'Once ' })
  expect(await reader.waitFor('message.delta')).toMatchObject({ messageId, offset: 0, text: 'Once ' })
  expect(await writer.request('stream.append', { messageId, offset: 5, text: 'upon 👋 ' })).toEqual({
    length: 13,
  })
  expect(await writer.request('stream.append', { messageId, offset: 5, text: 'upon 👋 ' })).toEqual({
    length: 13,
  })
  await expect(writer.request('stream.append', { messageId, offset: 3, text: 'x' })).rejects.toMatchObject({
    code: 'conflict',
  })
  await expect(reader.request('stream.append', { messageId, offset: 13, text: 'x' })).rejects.toMatchObject({
    code: 'forbidden',
  })
  expect(await reader.request('stream.read', { messageId, offset: 5 })).toMatchObject({
    state: 'open',
    text: 'upon 👋 ',
    length: 13,
  })
  expect(await entries(reader, id)).toHaveLength(1)
  await writer.request('stream.append', { messageId, offset: 13, text: 'a time' })
  const final = await writer.request('stream.finish', { messageId })
  const text = 'Once upon 👋 a time'
  expect(final.content).toEqual({ type: 'stream', state: 'finished', text })
  const [message, end] = await entries(reader, id)
  expect(message?.content).toEqual({ type: 'stream', state: 'finished', text })
  expect(end?.content).toMatchObject({ type: 'annotated', kind: 'stream-ended', content: { text } })
  expect(await reader.request('conversation.get', { conversationId: id })).toMatchObject({ unread: 1 })
  await expect(
    writer.request('stream.append', { messageId, offset: text.length, text: '!' }),
  ).rejects.toMatchObject({ code: 'conflict' })
  expect((await reader.request('stream.read', { messageId })).text).toBe(text)
})

test('CHAT-68: a writer that dies leaves what it wrote, ended as interrupted', async () => {
  const { id, first: writer, others } = await group(2)
  const { messageId } = await writer.request('stream.begin', { conversationId: id, clientMessageId: fresh() })
  await writer.request('stream.append', { messageId, offset: 0, text: 'half a th' })
  writer.terminate()
  const event = await others[0]?.waitFor('message.changed', () => true, 15_000)
  expect(event?.message?.content).toEqual({ type: 'stream', state: 'interrupted', text: 'half a th' })
}, 30_000)

test('CHAT-65: a message is translated once a language, anew after an edit, and the question is signed', async () => {
  const { id, first, others } = await group(2)
  const { messageId } = await first.request('message.send', {
    conversationId: id,
    clientMessageId: fresh(),
    content: say('hello'),
  })
  const translate = () => others[0]?.request('message.translate', { messageId, language: 'de' })
  expect(await translate()).toEqual({ language: 'de', text: 'de: hello', detectedLanguage: 'en' })
  expect(await translate()).toMatchObject({ text: 'de: hello' })
  const questions = asked.filter(({ path }) => path === '/translate')
  expect(questions).toHaveLength(1)
  verifyWebhook(questions[0]?.body ?? '', questions[0]?.headers as Record<string, string>, {
    secrets: [secret],
    nowMs: Date.now(),
  })
  await first.request('message.edit', { messageId, content: say('bye') })
  expect(await translate()).toMatchObject({ text: 'de: bye' })
  await first.request('message.recall', { messageId })
  await expect(translate()).rejects.toMatchObject({ code: 'message-recalled' })
})

test('CHAT-69: a link gets its preview behind the send, also by a redirect, never from a private place', async () => {
  const { id, first, others } = await group(2)
  const send = (text: string) =>
    first.request('message.send', { conversationId: id, clientMessageId: fresh(), content: say(text) })
  const bad = await send(`look ${outsideUrl}/private`)
  const good = await send(`look ${outsideUrl}/moved, please`)
  const event = await others[0]?.waitFor('message.changed')
  expect(event?.message).toMatchObject({
    id: good.messageId,
    linkPreview: { url: `${outsideUrl}/moved`, title: 'A page', description: 'worth it' },
  })
  const { body } = await cloud.call('GET', `/v1/messages/${bad.messageId}`)
  expect(body).not.toHaveProperty('linkPreview')
})
