import { createHash } from 'node:crypto'
import type { ErasureReceipt, LongOperation, Message, RetentionStatus } from '@parley/contracts'
import { sleep } from '@parley/core/kernel'
import { RealtimeClient } from '@parley/testing/devcloud'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DataCloud, openDataCloud } from './data-cloud.ts'

let data: DataCloud
beforeAll(async () => {
  data = await openDataCloud()
})
afterAll(() => data.close())

let made = 0
const fresh = (name: string) => `${name}-${++made}`

async function users(...names: string[]): Promise<string[]> {
  const ids = names.map(fresh)
  for (const id of ids) await data.call('POST', '/v1/users', { id, name: `Name of ${id}` })
  return ids
}

async function group(memberIds: string[]): Promise<string> {
  const made = await data.call<{ id: string }>('POST', '/v1/conversations', {
    ...{ type: 'group', memberIds, ownerId: memberIds[0] },
  })
  return made.id
}

const history = async (conversationId: string): Promise<Message[]> =>
  (
    await data.call<{ items: Message[] }>(
      'GET',
      `/v1/conversations/${conversationId}/messages?afterSeq=0&limit=200`,
    )
  ).items

async function upload(ownerId: string, content: string): Promise<string> {
  const offer = await data.call<{ id: string; uploadUrl: string }>('POST', '/v1/uploads', {
    ...{
      name: `secret-of-${ownerId}.txt`,
      contentType: 'text/plain',
      sizeBytes: content.length,
      userId: ownerId,
    },
  })
  const put = await fetch(offer.uploadUrl, { method: 'PUT', body: content })
  expect(put.ok).toBe(true)
  return offer.id
}

async function otherProject(): Promise<{ authorization: string }> {
  const { MasterKey } = await import('@parley/core/secrets')
  const token = MasterKey.load({ dataDir: data.cloud.dataDir }).derive('operator').toString('hex')
  const { key } = await data.call<{ key: { id: string; secret: string } }>(
    'POST',
    '/v1/projects',
    { name: 'Other' },
    { token },
  )
  return { authorization: `Basic ${Buffer.from(`${key.id}:${key.secret}`).toString('base64')}` }
}

test('CHAT-400: an export of a conversation holds everything of it, in order, behind a manifest that proves it', async () => {
  const [ann = '', bob = ''] = await users('ann', 'bob')
  const id = await group([ann, bob])
  for (let n = 1; n <= 30; n++) await data.say(id, n % 2 ? ann : bob, `line ${n}`)
  const objectId = await upload(ann, 'what the file says')
  await data.say(id, ann, '', { content: { type: 'file', objectId } })
  const { manifest, lines, text } = await data.exported({ conversationId: id, include: ['files'] })
  expect(manifest).toMatchObject({
    type: 'manifest',
    format: 'parley-export',
    version: 1,
    records: lines.length,
  })
  const behind = text.slice(text.indexOf('\n') + 1)
  expect(manifest.sha256).toBe(createHash('sha256').update(behind).digest('hex'))
  expect(lines.filter(({ type }) => type === 'message').map(({ seq }) => seq)).toEqual(
    Array.from({ length: 31 }, (_, index) => index + 1),
  )
  expect(lines.filter(({ type }) => type === 'member').map(({ userId }) => userId)).toEqual([ann, bob])
  const piece = lines.find(({ type }) => type === 'file-piece')
  expect(Buffer.from(String(piece?.data), 'base64').toString()).toBe('what the file says')
})

test('CHAT-401: an export of a user holds what that user may see, and nothing else', async () => {
  const [ann = '', bob = '', eve = ''] = await users('ann', 'bob', 'eve')
  const shared = await group([ann, bob])
  const foreign = await group([bob, eve])
  await data.say(shared, bob, 'for both')
  const hidden = await data.say(shared, bob, 'deleted for ann')
  await data.say(foreign, bob, 'not for ann')
  const client = await RealtimeClient.connect(data.cloud.url, await data.cloud.token(ann), 'd')
  await client.request('message.hide', { conversationId: shared, seqs: [hidden.seq] })
  await client.close()
  const { lines, text } = await data.exported({ userId: ann })
  expect(lines.find(({ type }) => type === 'identity.profile')).toMatchObject({ name: `Name of ${ann}` })
  expect(text).toContain('for both')
  expect(text).not.toContain('not for ann')
  expect(text).not.toContain('deleted for ann')
  expect(lines.filter(({ type }) => type === 'membership')).toHaveLength(1)
})

test('CHAT-15: operations, exports, erasures, imports and holds of another project are not there', async () => {
  const [ann = ''] = await users('ann')
  const id = await group([ann])
  const operation = await data.finished(
    await data.call<LongOperation>('POST', '/v1/exports', { conversationId: id }),
  )
  const headers = await otherProject()
  const status = async (method: string, path: string, body?: unknown) =>
    (await data.cloud.call(method, path, body, { headers })).status
  expect(await status('GET', `/v1/operations/${operation.id}`)).toBe(404)
  expect(await status('POST', `/v1/operations/${operation.id}/cancel`)).toBe(404)
  expect(await status('GET', `/v1/exports/${operation.id}`)).toBe(404)
  expect(await status('GET', `/v1/erasures/${operation.id}`)).toBe(404)
  expect(await status('GET', `/v1/imports/${operation.id}/errors`)).toBe(404)
  expect(await status('POST', '/v1/exports', { conversationId: id })).toBe(404)
  expect(await status('POST', '/v1/exports', { userId: ann })).toBe(404)
  expect(await status('POST', `/v1/users/${ann}/erasure`, {})).toBe(404)
  await data.call('PUT', '/v1/holds', { kind: 'user', id: ann })
  const holds = await data.cloud.call('GET', '/v1/holds', undefined, { headers })
  expect(holds.body).toEqual({ items: [] })
  await data.call('DELETE', `/v1/holds?kind=user&id=${ann}`)
  const list = await data.cloud.call('GET', '/v1/operations', undefined, { headers })
  expect(list.body).toEqual({ items: [] })
  expect(
    (await data.cloud.call('GET', '/v1/retention', undefined, { token: await data.cloud.token(ann) })).status,
  ).toBe(401)
})

test('CHAT-410, CHAT-411: an erased user and what the user wrote stand nowhere, and the receipt proves it', async () => {
  const [bob = '', carl = ''] = await users('bob', 'carl')
  const victim = fresh('victim')
  const secret = `secret${made}of-the-victim`
  await data.call('POST', '/v1/users', { id: victim, name: `Name ${secret}`, custom: { note: secret } })
  const token = await data.cloud.token(victim)
  const client = await RealtimeClient.connect(data.cloud.url, token, 'phone')
  const id = await group([victim, bob, carl])
  const first = await data.say(id, victim, `first ${secret}`)
  const edited = await data.say(id, victim, `second ${secret}`)
  await data.call('PATCH', `/v1/messages/${edited.id}`, {
    ...{ userId: victim, content: { type: 'text', text: `edited ${secret}` } },
  })
  await data.say(id, bob, 'an answer', { replyToId: first.id })
  const kept = await data.say(id, bob, 'what bob said')
  await client.request('message.react', { messageId: kept.id, emoji: '👍' })
  await client.request('conversation.draft', { conversationId: id, text: `draft ${secret}` })
  await data.call('PUT', `/v1/messages/${kept.id}/reactions`, { userId: bob, emoji: '👍' })
  const objectId = await upload(victim, `file ${secret}`)
  await data.say(id, victim, '', { content: { type: 'file', objectId, caption: secret } })
  await data.call('POST', '/v1/messages', {
    ...{ toUserId: bob, fromUserId: victim, clientMessageId: `direct-${secret}` },
    content: { type: 'text', text: `direct ${secret}`, mentions: { userIds: [bob] } },
  })
  await data.say(id, bob, 'hey', {
    content: { type: 'text', text: 'hey you', mentions: { userIds: [victim] } },
  })
  const { id: chatRoomId } = await data.call<{ id: string }>('POST', '/v1/chatrooms', {})
  await data.call('POST', `/v1/chatrooms/${chatRoomId}/gifts`, {
    ...{ userId: victim, clientMessageId: `gift-${secret}`, gift: { giftId: 'rose', name: 'Rose' } },
  })
  const elsewhere = await group([bob, carl])
  await data.call('POST', `/v1/messages/${first.id}/forwards`, {
    ...{ userId: bob, toConversationId: elsewhere, clientMessageId: fresh('forward') },
  })
  await data.call('POST', '/v1/messages', {
    ...{ fromUserId: bob, conversationId: elsewhere, clientMessageId: fresh('merged') },
    content: { type: 'merged-forward', title: 'what was said', messageIds: [first.id, kept.id] },
  })
  await data.exported({ userId: victim })
  const hook = await data.call<{ id: string }>('POST', '/v1/webhooks', {
    ...{ url: 'http://127.0.0.1:9/never', events: ['message.created'] },
  })
  await data.say(id, victim, `told to a webhook ${secret}`)
  await sleep(1_500)
  expect((await data.rowsWith(secret)).size).toBeGreaterThan(3)

  const operation = await data.finished(
    await data.call<LongOperation>('POST', `/v1/users/${victim}/erasure`, {}),
  )
  expect(operation).toMatchObject({ state: 'succeeded', resultPath: `/v1/erasures/${operation.id}` })

  expect([...(await data.rowsWith(secret)).keys()]).toEqual([])
  const named = await data.rowsWith(victim)
  // That there was an erasure, and other calls about the user, is kept for good.
  named.delete('audit.entries')
  expect(Object.fromEntries(named)).toEqual({})
  const left = await history(id)
  expect(left.map(({ seq }) => seq)).toEqual(left.map((_, index) => index + 1))
  expect(left.find(({ seq }) => seq === first.seq)).toMatchObject({ content: { type: 'expired' } })
  expect(left.find(({ seq }) => seq === kept.seq)).toMatchObject({ content: { text: 'what bob said' } })
  expect(left.find(({ seq }) => seq === kept.seq)?.reactions).toEqual([
    { emoji: '👍', count: 1, userIds: [bob] },
  ])
  const [copy, merged] = await history(elsewhere)
  expect(copy?.content).toEqual({ type: 'expired' })
  expect(merged?.content).toMatchObject({
    items: [{ content: { type: 'expired' } }, { content: { text: 'what bob said' } }],
  })

  const proof = await data.call<{ receipt: ErasureReceipt; verified: boolean; subjectMatches: boolean }>(
    'GET',
    `/v1/erasures/${operation.id}?userId=${victim}`,
  )
  expect(proof).toMatchObject({ verified: true, subjectMatches: true })
  const places = new Map(proof.receipt.places.map(({ place, count }) => [place, count]))
  expect(places.get('chat.messages')).toBe(5)
  const stranger = await data.call<{ subjectMatches: boolean }>(
    'GET',
    `/v1/erasures/${operation.id}?userId=${bob}`,
  )
  expect(stranger.subjectMatches).toBe(false)
  await data.database.system.query({
    text: `update personal.erasures set receipt = jsonb_set(receipt, '{heldConversations}', '7') where operation_id = $1`,
    values: [operation.id],
  })
  expect(await data.call('GET', `/v1/erasures/${operation.id}`)).toMatchObject({ verified: false })
  expect((await data.cloud.call('GET', `/v1/users/${victim}`, undefined, { token })).status).toBe(401)
  await data.call('DELETE', `/v1/webhooks/${hook.id}`)
  await client.close()
})

test('CHAT-412: with keepSenderId the contents go and the sender stays; erasing again finds nothing more', async () => {
  const [victim = '', bob = ''] = await users('keeper', 'bob')
  const id = await group([victim, bob])
  const said = await data.say(id, victim, 'words that go')
  const ended = await data.finished(
    await data.call<LongOperation>('POST', `/v1/users/${victim}/erasure`, { keepSenderId: true }),
  )
  expect(ended.state).toBe('succeeded')
  expect((await history(id)).find(({ seq }) => seq === said.seq)).toMatchObject({
    ...{ senderId: victim, content: { type: 'expired' } },
  })
  expect((await data.cloud.call('POST', `/v1/users/${victim}/erasure`, {})).status).toBe(404)
})

test('CHAT-413: what is held is left alone by erasure and retention', async () => {
  const [victim = '', bob = ''] = await users('held', 'bob')
  const held = await group([victim, bob])
  const other = await group([victim, bob])
  for (const id of [held, other]) await data.say(id, victim, 'evidence')
  await data.call('PUT', '/v1/holds', { kind: 'user', id: victim, reason: 'a case' })
  expect((await data.cloud.call('POST', `/v1/users/${victim}/erasure`, {})).status).toBe(409)
  await data.call('DELETE', `/v1/holds?kind=user&id=${victim}`)
  await data.call('PUT', '/v1/holds', { kind: 'conversation', id: held })
  const ended = await data.finished(await data.call<LongOperation>('POST', `/v1/users/${victim}/erasure`, {}))
  expect(ended.result).toMatchObject({ heldConversations: 1 })
  expect((await history(held))[0]?.content).toMatchObject({ text: 'evidence' })
  expect((await history(other))[0]?.content).toEqual({ type: 'expired' })
})

test('CHAT-420: retention empties what is too old, by conversation and content, and nothing else', async () => {
  const [ann = '', bob = ''] = await users('ann', 'bob')
  const id = await group([ann, bob])
  const held = await group([ann, bob])
  for (const each of [id, held]) {
    await data.say(each, ann, 'old text')
    await data.say(each, ann, '', { content: { type: 'custom', kind: 'k', data: { a: 1 } } })
    await data.say(each, bob, 'old answer')
  }
  await data.database.system.query({
    text: `update chat.entries set created_at = created_at - interval '10 days' where conversation_id = any($1)`,
    values: [[id, held]],
  })
  await data.say(id, bob, 'new text')
  await data.call('PUT', '/v1/holds', { kind: 'conversation', id: held })
  await data.call('PUT', '/v1/retention', {
    byConversationType: { direct: 'forever', group: 30 },
    byContentType: { text: 5 },
  })
  const contents = async (conversation: string) =>
    (await history(conversation)).map(({ content }) => content.type)
  while ((await contents(id))[0] !== 'expired' || (await contents(id))[2] !== 'expired') await sleep(50)
  expect(await contents(id)).toEqual(['expired', 'custom', 'expired', 'text'])
  expect(await contents(held)).toEqual(['text', 'custom', 'text'])
  const conversation = await data.call<{ unread: number }>('GET', `/v1/conversations/${id}?userId=${ann}`)
  expect(conversation.unread).toBe(1)
  const status = await data.call<RetentionStatus>('GET', '/v1/retention')
  expect(status).toMatchObject({ default: 'forever', byContentType: { text: 5 } })
  expect(status.erasedMessages).toBeGreaterThanOrEqual(2)
  await data.call('DELETE', `/v1/holds?kind=conversation&id=${held}`)
  await data.call('PUT', '/v1/retention', {})
})

const at = (second: number) => new Date(Date.UTC(2020, 0, 1, 0, 0, second)).toISOString()

test('CHAT-430, CHAT-431: history is imported with its own times, in order, once, and wrong lines are told', async () => {
  const [ann = '', bob = ''] = await users('ann', 'bob')
  const id = fresh('imported')
  const word = fresh('needle').replace('-', '')
  const line = (n: number, more: object = {}) => ({
    ...{
      type: 'message',
      conversationId: id,
      senderId: n % 2 ? ann : bob,
      externalId: `x${n}`,
      createdAt: at(n),
    },
    content: { type: 'text', text: n === 2 ? `${word} ${n}` : `was ${n}` },
    ...more,
  })
  const lines = [
    {
      type: 'conversation',
      id,
      name: 'Old group',
      createdAt: at(0),
      members: [{ userId: ann, role: 'owner' }, { userId: bob }],
    },
    line(1),
    line(2),
    line(3),
    line(4, { senderId: 'nobody-at-all' }),
    line(5, { content: { type: 'text' } }),
    line(6, { createdAt: at(1) }),
    line(7),
    {
      type: 'message',
      toUserId: bob,
      senderId: ann,
      externalId: 'd1',
      createdAt: at(8),
      content: { type: 'text', text: 'direct' },
    },
  ]
  const body = { lines: `${lines.map((each) => JSON.stringify(each)).join('\n')}\nnot json\n` }
  const ended = await data.finished(await data.call<LongOperation>('POST', '/v1/imports', body))
  expect(ended).toMatchObject({
    state: 'succeeded',
    result: { lines: 10, conversations: 2, messages: 5, errors: 4 },
  })
  const errors = await data.call<{ items: { line: number; code: string }[] }>(
    'GET',
    `/v1/imports/${ended.id}/errors`,
  )
  expect(errors.items.map(({ line: no, code }) => [no, code])).toEqual([
    [5, 'user-not-found'],
    [6, 'invalid-request'],
    [7, 'invalid-request'],
    [10, 'invalid-json'],
  ])
  const found = await history(id)
  expect(
    found.map(({ seq, messageNo, senderId, createdAt }) => [seq, messageNo, senderId, createdAt]),
  ).toEqual([
    [1, 1, ann, at(1)],
    [2, 2, bob, at(2)],
    [3, 3, ann, at(3)],
    [4, 4, ann, at(7)],
  ])
  const again = await data.finished(await data.call<LongOperation>('POST', '/v1/imports', body))
  expect(again.result).toMatchObject({ messages: 0, repeated: 5, conversations: 0 })
  expect(await history(id)).toHaveLength(4)
  const view = await data.call<{ unread: number }>('GET', `/v1/conversations/${id}?userId=${bob}`)
  expect(view.unread).toBe(0)
  const client = await RealtimeClient.connect(data.cloud.url, await data.cloud.token(bob), 'd')
  const { conversations } = await client.request('conversation.sync', { limit: 200 })
  expect(conversations.map((each) => each.id)).toContain(id)
  const { items } = await client.request('message.search', { q: word, limit: 20 })
  expect(items).toHaveLength(1)
  await client.close()
  // A message that was said here ends what can be imported.
  expect(await data.say(id, bob, 'live')).toMatchObject({ seq: 5 })
  const late = await data.finished(
    await data.call<LongOperation>('POST', '/v1/imports', { lines: JSON.stringify(line(9)) }),
  )
  expect(late.result).toMatchObject({ messages: 0, errors: 1 })
})

test('CHAT-414: a token from before an erasure stays worthless, and whoever uses the id again begins anew', async () => {
  const [victim = '', bob = ''] = await users('again', 'bob')
  const old = await data.cloud.token(victim)
  const toBob = (clientMessageId: string) =>
    data.call<{ conversationId: string; seq: number }>('POST', '/v1/messages', {
      ...{ fromUserId: victim, toUserId: bob, clientMessageId, content: { type: 'text', text: 'hi' } },
    })
  const before = await toBob('before')
  await data.finished(await data.call<LongOperation>('POST', `/v1/users/${victim}/erasure`, {}))
  expect((await data.cloud.call('GET', '/v1/conversations', undefined, { token: old })).status).toBe(401)
  await sleep(1_100)
  const token = await data.cloud.token(victim)
  expect((await data.cloud.call('GET', '/v1/conversations', undefined, { token: old })).status).toBe(401)
  const after = await toBob('after')
  expect(after.conversationId).toBe(before.conversationId)
  const page = await data.call<{ items: Message[]; visibleFromSeq: number }>(
    'GET',
    `/v1/conversations/${before.conversationId}/messages?afterSeq=0`,
    undefined,
    { token },
  )
  expect(page.visibleFromSeq).toBe(after.seq)
  expect(page.items.map(({ seq }) => seq)).toEqual([after.seq])
})

test('CHAT-421: retention of many messages stops between batches and goes on, while messages are sent', async () => {
  const [ann = ''] = await users('ann')
  const id = fresh('many')
  const lines = Array.from({ length: 1_700 }, (_, n) =>
    JSON.stringify({
      ...{ type: 'message', conversationId: id, senderId: ann, externalId: `${n}`, createdAt: at(n) },
      content: { type: 'text', text: `old ${n}` },
    }),
  )
  const head = JSON.stringify({ type: 'conversation', id, members: [{ userId: ann }] })
  await data.finished(
    await data.call<LongOperation>('POST', '/v1/imports', { lines: [head, ...lines].join('\n') }),
  )
  await data.call('PUT', '/v1/retention', { byConversationType: { group: 1 } })
  const sent: number[] = []
  const left = async () => {
    const { rows } = await data.database.system.query<{ n: number }>({
      text: `select count(*)::int as n from chat.entries where conversation_id = $1 and content->>'type' = 'text'`,
      values: [id],
    })
    return rows[0]?.n ?? 0
  }
  do sent.push((await data.say(id, ann, 'new')).seq)
  while ((await left()) > sent.length)
  expect(sent).toEqual(sent.map((_, index) => 1_701 + index))
  expect(await left()).toBe(sent.length)
  await data.call('PUT', '/v1/retention', {})
})
