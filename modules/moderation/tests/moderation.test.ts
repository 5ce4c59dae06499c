import type { CaseWithDetails, ModerationCase, Restriction, WordList } from '@parley/contracts'
import { MasterKey } from '@parley/core/secrets'
import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AuditService } from './audit-service.ts'
import { EventReceiver } from './event-receiver.ts'

let cloud: DevCloud
const opened: { close(): Promise<void> }[] = []

beforeAll(async () => {
  cloud = await startDevCloud({ servers: 2, env: { PARLEY_RTC: 'off' } })
})
afterAll(async () => {
  for (const { close } of opened) await close().catch(() => undefined)
  await cloud.close()
})

interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by tests
  body: any
}

async function call(method: string, path: string, body?: unknown, options = {}): Promise<Answer> {
  return cloud.call(method, path, body, options)
}

let count = 0
const fresh = (name: string): string => `${name}-${++count}`

async function connect(userId: string, server = 0): Promise<RealtimeClient> {
  const url = cloud.servers[server]?.url ?? cloud.url
  const client = await RealtimeClient.connect(url, await cloud.token(userId), fresh('device'))
  opened.push(client)
  return client
}

async function group(...memberIds: string[]): Promise<string> {
  for (const id of memberIds) await cloud.token(id)
  const { body } = await call('POST', '/v1/conversations', {
    type: 'group',
    name: 'g',
    ownerId: memberIds[0],
    memberIds,
  })
  return body.id
}

const send = (conversationId: string, userId: string, text: string, options = {}) =>
  call(
    'POST',
    '/v1/messages',
    { conversationId, fromUserId: userId, clientMessageId: fresh('c'), content: { type: 'text', text } },
    options,
  )

async function putList(id: string, list: Record<string, unknown>): Promise<WordList> {
  const { status, body } = await call('PUT', `/v1/moderation/word-lists/${id}`, list)
  expect(status).toBe(200)
  return body
}

async function history(conversationId: string): Promise<{ seq: number; content: { text?: string } }[]> {
  return (await call('GET', `/v1/conversations/${conversationId}/messages?afterSeq=0`)).body.items
}

/** What the ledger holds of audits of the project. */
async function auditFacts(): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: cloud.databaseUrl })
  await client.connect()
  try {
    await client.query("select set_config('parley.project_id', '*', false)")
    const { rows } = await client.query("select data from ledger.facts where type = 'content.audited'")
    return rows.map(({ data }) => data)
  } finally {
    await client.end()
  }
}

async function eventually<T>(look: () => Promise<T | undefined>, timeoutMs = 10_000): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const answer = await look()
    if (answer !== undefined) return answer
    if (Date.now() > deadline) throw new Error('it did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('word lists', () => {
  test('MOD-10, CHAT-11: a rejected message takes no seq, leaves no key and reaches nobody', async () => {
    await putList('forbidden', { verdict: 'reject', words: [{ text: 'forbidden' }, { text: '禁词' }] })
    const [ann, bob] = [fresh('ann'), fresh('bob')]
    const conversationId = await group(ann, bob)
    const there = await connect(bob)
    const here = await connect(ann)
    const clientMessageId = fresh('c')
    const refused = here.request('message.send', {
      conversationId,
      clientMessageId,
      content: { type: 'text', text: 'a F.o.r.b.i.d.d.e.n thing' },
    })
    await expect(refused).rejects.toMatchObject({ code: 'content-rejected', error: { retryable: false } })
    const rest = await send(conversationId, ann, '这是禁 詞')
    expect(rest).toMatchObject({ status: 403, body: { code: 'content-rejected' } })
    expect(JSON.stringify(rest.body)).not.toContain('禁')
    const good = await here.request('message.send', {
      conversationId,
      clientMessageId,
      content: { type: 'text', text: 'fine' },
    })
    expect(good.seq).toBe(1)
    await there.waitFor('message.created', ({ message }) => message.conversationId === conversationId)
    const heard = there.events.filter((event) => event.type === 'message.created')
    expect(heard).toHaveLength(1)
    expect((await history(conversationId)).map(({ content }) => content.text)).toEqual(['fine'])
  })

  test('MOD-11: replaced words are stored and delivered behind masks', async () => {
    await putList('mild', { verdict: 'replace', words: [{ text: 'darn' }, { text: '笨蛋' }] })
    const [ann, bob] = [fresh('ann'), fresh('bob')]
    const conversationId = await group(ann, bob)
    const there = await connect(bob)
    expect((await send(conversationId, ann, 'darn it, 笨 蛋!')).status).toBe(201)
    const { message } = await there.waitFor('message.created')
    expect(message.content).toMatchObject({ text: '**** it, ***!' })
    expect((await history(conversationId))[0]?.content.text).toBe('**** it, ***!')
  })

  test('MOD-12: an edit is looked at as a message is, and changes nothing when it is refused', async () => {
    await putList('forbidden', { words: [{ text: 'forbidden' }, { text: '禁词' }] })
    const ann = fresh('ann')
    const conversationId = await group(ann, fresh('bob'))
    const { body } = await send(conversationId, ann, 'fine')
    const token = await cloud.token(ann)
    const messageId = (await call('GET', `/v1/conversations/${conversationId}/messages?afterSeq=0`)).body
      .items[0].id
    const edit = await call(
      'PATCH',
      `/v1/messages/${messageId}`,
      { content: { type: 'text', text: 'forbidden' } },
      { token },
    )
    expect(body).toBeDefined()
    expect(edit).toMatchObject({ status: 403, body: { code: 'content-rejected' } })
    expect(await history(conversationId)).toMatchObject([{ content: { text: 'fine' } }])
  })

  test('MOD-13: a list holds for its types of conversations, and in every process soon after its answer', async () => {
    const [ann, bob] = [fresh('ann'), fresh('bob')]
    const conversationId = await group(ann, bob)
    expect((await send(conversationId, ann, 'grouponly', { server: 1 })).status).toBe(201)
    await putList('groups', { scope: ['group'], words: [{ text: 'grouponly' }] })
    expect((await send(conversationId, ann, 'grouponly')).status).toBe(403)
    const elsewhere = async () =>
      (await send(conversationId, ann, 'grouponly', { server: 1 })).status === 403 || undefined
    await eventually(elsewhere, 2_000)
    const direct = await call('POST', '/v1/messages', {
      ...{ fromUserId: ann, toUserId: bob, clientMessageId: fresh('c') },
      content: { type: 'text', text: 'grouponly' },
    })
    expect(direct.status).toBe(201)
    await call('DELETE', '/v1/moderation/word-lists/groups')
    expect((await send(conversationId, ann, 'grouponly')).status).toBe(201)
  })

  test('MOD-14: import takes lines, counts what is no word, and pages give them back', async () => {
    const before = await putList('imported', { verdict: 'review', words: [] })
    const answer = await call('POST', '/v1/moderation/word-lists/imported/import', {
      lines: 'uno\r\ndos\n\n!!\ntres',
    })
    expect(answer.body).toMatchObject({ imported: 3, skipped: 1, list: { wordCount: 3 } })
    expect(answer.body.list.version).toBeGreaterThan(before.version)
    const page = await call('GET', '/v1/moderation/word-lists/imported/words?limit=2')
    expect(page.body.items).toEqual([{ text: 'dos' }, { text: 'tres' }])
    const rest = await call(
      'GET',
      `/v1/moderation/word-lists/imported/words?limit=2&cursor=${page.body.nextCursor}`,
    )
    expect(rest.body).toEqual({ items: [{ text: 'uno' }] })
    const check = await call('POST', '/v1/moderation/check', { text: 'UNO!' })
    expect(check.body).toMatchObject({
      verdict: 'review',
      matches: [{ word: 'uno', listId: 'imported', start: 0, end: 3 }],
    })
    await call('DELETE', '/v1/moderation/word-lists/imported')
    expect((await call('GET', '/v1/moderation/word-lists/imported')).status).toBe(404)
    const empty = await call('PUT', '/v1/moderation/word-lists/empty', { words: [{ text: '...' }] })
    expect(empty).toMatchObject({ status: 400, body: { issues: [{ path: 'words[0].text' }] } })
  })
})

describe('restrictions', () => {
  test('MOD-30: a mute refuses sends here at once, elsewhere within a second, until it ends by the clock', async () => {
    const [ann, bob] = [fresh('ann'), fresh('bob')]
    const conversationId = await group(ann, bob)
    expect((await send(conversationId, ann, 'one', { server: 1 })).status).toBe(201)
    const untilMs = Date.now() + 3_000
    const made = await call('POST', `/v1/users/${ann}/restrictions`, { kind: 'mute', untilMs })
    expect(made).toMatchObject({ status: 201, body: { userId: ann, kind: 'mute', untilMs } })
    expect(await send(conversationId, ann, 'two')).toMatchObject({ status: 403, body: { code: 'muted' } })
    await eventually(
      async () => (await send(conversationId, ann, 'x', { server: 1 })).status === 403 || undefined,
      1_500,
    )
    expect((await call('GET', `/v1/users/${ann}/restrictions`)).body.items).toHaveLength(1)
    await eventually(async () => Date.now() > untilMs || undefined)
    expect((await send(conversationId, ann, 'three')).status).toBe(201)
    expect((await call('GET', `/v1/users/${ann}/restrictions`)).body.items).toEqual([])
  })

  test('MOD-31: a mute of one conversation leaves the others alone, and is lifted', async () => {
    const ann = fresh('ann')
    const [muted, free] = [await group(ann, fresh('bob')), await group(ann, fresh('bob'))]
    const { body } = await call('POST', `/v1/users/${ann}/restrictions`, {
      kind: 'mute',
      conversationId: muted,
    })
    expect((await send(muted, ann, 'no')).body.code).toBe('muted')
    expect((await send(free, ann, 'yes')).status).toBe(201)
    expect((await call('DELETE', `/v1/users/${ann}/restrictions/${body.id}`)).status).toBe(200)
    expect((await call('DELETE', `/v1/users/${ann}/restrictions/${body.id}`)).status).toBe(404)
    expect((await send(muted, ann, 'yes')).status).toBe(201)
  })

  test('MOD-32: a ban cuts connections on every process, refuses REST and new connections, and ends', async () => {
    const ann = fresh('ann')
    const token = await cloud.token(ann)
    const [here, there] = [await connect(ann, 0), await connect(ann, 1)]
    const { body } = await call('POST', `/v1/users/${ann}/restrictions`, { kind: 'ban', reason: 'spam' })
    expect(await here.closed).toMatchObject({ code: 4014 })
    expect(await there.closed).toMatchObject({ code: 4014 })
    for (const server of [0, 1]) {
      const rest = await call('GET', `/v1/users/${ann}`, undefined, { token, server })
      expect(rest).toMatchObject({ status: 403, body: { code: 'banned' } })
      await expect(connect(ann, server)).rejects.toThrow()
    }
    await call('DELETE', `/v1/users/${ann}/restrictions/${body.id}`)
    expect((await call('GET', `/v1/users/${ann}`, undefined, { token })).status).toBe(200)
    await eventually(async () => {
      const { status } = await call('GET', `/v1/users/${ann}`, undefined, { token, server: 1 })
      return status === 200 || undefined
    })
    await connect(ann)
  })

  test('MOD-33: nonsense is told apart: the past, unknown users, foreign ids', async () => {
    const ann = fresh('ann')
    await cloud.token(ann)
    expect((await call('POST', `/v1/users/${ann}/restrictions`, { kind: 'mute', untilMs: 1 })).status).toBe(
      400,
    )
    expect((await call('POST', '/v1/users/nobody-at-all/restrictions', { kind: 'mute' })).body.code).toBe(
      'user-not-found',
    )
    const other = fresh('other')
    await cloud.token(other)
    const { body } = await call('POST', `/v1/users/${ann}/restrictions`, { kind: 'mute' })
    expect((await call('DELETE', `/v1/users/${other}/restrictions/${body.id}`)).status).toBe(404)
  })
})

describe('cases', () => {
  const caseOf = async (id: string): Promise<CaseWithDetails> =>
    (await call('GET', `/v1/moderation/cases/${id}`)).body

  test('MOD-40: reports of one message are one case, each reporter counted once, with what was said', async () => {
    const [ann, bob, eve] = [fresh('ann'), fresh('bob'), fresh('eve')]
    const conversationId = await group(ann, bob, eve)
    await send(conversationId, ann, 'reported')
    const id = (await call('GET', `/v1/conversations/${conversationId}/messages?afterSeq=0`)).body.items[0].id
    const report = { target: { type: 'message', id }, reason: 'abuse', note: 'look' }
    const first = await call('POST', '/v1/reports', report, { token: await cloud.token(bob) })
    expect(first.status).toBe(201)
    for (const token of [await cloud.token(bob), await cloud.token(eve)]) {
      expect((await call('POST', '/v1/reports', report, { token })).body).toEqual(first.body)
    }
    const found = await caseOf(first.body.caseId)
    expect(found).toMatchObject({
      state: 'open',
      userId: ann,
      conversationId,
      reportCount: 2,
      reasons: ['abuse'],
    })
    expect(found.evidence).toMatchObject({ content: { text: 'reported' } })
    const stranger = await call('POST', '/v1/reports', report, {
      token: await cloud.token(fresh('stranger')),
    })
    expect(stranger).toMatchObject({ status: 404, body: { code: 'message-not-found' } })
  })

  test('MOD-41: a case is claimed by one, resolved with an action that was carried out, and then decided', async () => {
    const [ann, bob] = [fresh('ann'), fresh('bob')]
    const conversationId = await group(ann, bob)
    await send(conversationId, ann, 'bad taste')
    const id = (await call('GET', `/v1/conversations/${conversationId}/messages?afterSeq=0`)).body.items[0].id
    const report = { target: { type: 'message', id }, reason: 'taste', userId: bob }
    const { caseId } = (await call('POST', '/v1/reports', report)).body
    const path = `/v1/moderation/cases/${caseId}`
    expect((await call('POST', `${path}/claim`, { by: 'kim' })).body).toMatchObject({
      state: 'claimed',
      claimedBy: 'kim',
    })
    expect((await call('POST', `${path}/claim`, { by: 'lee' })).status).toBe(409)
    expect((await call('POST', `${path}/resolve`, { action: 'lift', by: 'kim' })).status).toBe(409)
    const queue = await call('GET', `/v1/moderation/cases?state=claimed&targetId=${id}`)
    expect(queue.body.items).toMatchObject([{ id: caseId }])
    const resolved = await call('POST', `${path}/resolve`, { action: 'recall', by: 'kim', note: 'gone' })
    expect(resolved.body).toMatchObject({ state: 'resolved', action: 'recall', resolution: 'gone' })
    expect((await call('GET', `/v1/messages/${id}`)).body.content).toEqual({ type: 'recalled' })
    expect((await call('POST', `${path}/resolve`, { action: 'recall', by: 'kim' })).body).toEqual(
      resolved.body,
    )
    expect((await call('POST', `${path}/resolve`, { action: 'ban', by: 'kim' })).status).toBe(409)
    const again = (await call('POST', '/v1/reports', report)).body
    expect(again.caseId).not.toBe(caseId)
  })

  test('MOD-42: the user concerned appeals, and lifting the restriction answers the appeal', async () => {
    const [ann, bob] = [fresh('ann'), fresh('bob')]
    const conversationId = await group(ann, bob)
    const report = { target: { type: 'user', id: ann }, reason: 'spam', userId: bob }
    const { caseId } = (await call('POST', '/v1/reports', report)).body
    await call('POST', `/v1/moderation/cases/${caseId}/resolve`, { action: 'mute' })
    expect((await send(conversationId, ann, 'x')).body.code).toBe('muted')
    const [restriction] = (await call('GET', `/v1/users/${ann}/restrictions`)).body.items as Restriction[]
    const appeal = { restrictionId: restriction?.id, note: 'it was not me' }
    const foreign = await call('POST', '/v1/appeals', appeal, { token: await cloud.token(bob) })
    expect(foreign.status).toBe(404)
    const made = await call('POST', '/v1/appeals', appeal, { token: await cloud.token(ann) })
    await call('POST', `/v1/moderation/cases/${made.body.caseId}/notes`, { text: 'true', by: 'kim' })
    expect(await caseOf(made.body.caseId)).toMatchObject({
      source: 'appeal',
      notes: [{ author: ann, text: 'it was not me' }, { author: 'kim' }],
    })
    await call('POST', `/v1/moderation/cases/${made.body.caseId}/resolve`, { action: 'lift' })
    expect((await send(conversationId, ann, 'x')).status).toBe(201)
  })

  test('MOD-43: a reporter has so many reports an hour', async () => {
    await call('PATCH', '/v1/moderation/settings', { reportsPerHour: 2 })
    const bob = fresh('bob')
    await cloud.token(bob)
    const statuses: number[] = []
    for (const id of ['a', 'b', 'c']) {
      const target = { type: 'room', id }
      statuses.push((await call('POST', '/v1/reports', { target, reason: 'noise', userId: bob })).status)
    }
    expect(statuses).toEqual([201, 201, 429])
    await call('PATCH', '/v1/moderation/settings', { reportsPerHour: 1000 })
  })

  test('MOD-44: what is to be reviewed is held, or sent, as the project says; a case is opened either way', async () => {
    await putList('doubtful', { verdict: 'review', words: [{ text: 'doubtful' }] })
    const ann = fresh('ann')
    const conversationId = await group(ann, fresh('bob'))
    expect((await send(conversationId, ann, 'doubtful')).body.code).toBe('content-under-review')
    await call('PATCH', '/v1/moderation/settings', { onReview: 'pass' })
    expect((await send(conversationId, ann, 'doubtful too')).status).toBe(201)
    const { body } = await call('GET', `/v1/moderation/cases?source=screening&userId=${ann}`)
    expect(body.items).toHaveLength(2)
    expect((body.items as ModerationCase[])[0]?.evidence).toMatchObject({ words: [{ word: 'doubtful' }] })
    await call('PATCH', '/v1/moderation/settings', { onReview: 'hold' })
  })
})

describe('audit service', () => {
  const setUp = async (given: Record<string, unknown>): Promise<AuditService> => {
    const service = await AuditService.start()
    opened.push(service)
    await call('DELETE', '/v1/moderation/audit')
    const { status, body } = await call('PUT', '/v1/moderation/audit', {
      url: service.url,
      kinds: ['text', 'image'],
      ...given,
    })
    expect(status).toBe(200)
    service.secret = body.secret
    return service
  }

  test('MOD-20: asked before a message is stored, signed; its verdict counts', async () => {
    const service = await setUp({ mode: 'before', timeoutMs: 2_000 })
    service.answer = ({ parts }) =>
      parts[0]?.text === 'nasty'
        ? { verdict: 'reject' }
        : { verdict: 'replace', text: `${parts[0]?.text}, cleaned` }
    const ann = fresh('ann')
    const conversationId = await group(ann, fresh('bob'))
    expect((await send(conversationId, ann, 'nasty')).body.code).toBe('content-rejected')
    expect((await send(conversationId, ann, 'dirty')).status).toBe(201)
    expect((await history(conversationId)).map(({ content }) => content.text)).toEqual(['dirty, cleaned'])
    expect(service.questions[0]).toMatchObject({ source: 'message', userId: ann, conversationType: 'group' })
    expect(service.unverified).toBe(0)
    expect((await call('GET', '/v1/moderation/audit')).body).not.toHaveProperty('secret')
    const counted = await eventually(async () => {
      const facts = await auditFacts()
      return facts.length >= 2 ? facts : undefined
    })
    expect(counted).toContainEqual({ kind: 'text', outcome: 'reject', source: 'message' })
  })

  test('MOD-21: without a valid answer in time the declared verdict holds', async () => {
    const service = await setUp({ mode: 'before', timeoutMs: 100, fallback: 'reject' })
    const ann = fresh('ann')
    const conversationId = await group(ann, fresh('bob'))
    service.answer = () => 'never'
    expect((await send(conversationId, ann, 'one')).body.code).toBe('content-rejected')
    service.answer = () => 500
    expect((await send(conversationId, ann, 'two')).body.code).toBe('content-rejected')
    await call('PUT', '/v1/moderation/audit', {
      url: service.url,
      kinds: ['text'],
      timeoutMs: 100,
      fallback: 'pass',
    })
    expect((await send(conversationId, ann, 'three')).status).toBe(201)
  })

  test('MOD-22: a service that keeps failing is left alone', async () => {
    const service = await setUp({ mode: 'before', timeoutMs: 1_000, fallback: 'pass' })
    service.answer = () => 500
    const ann = fresh('ann')
    const conversationId = await group(ann, fresh('bob'))
    for (let index = 0; index < 8; index++) await send(conversationId, ann, `message ${index}`)
    expect(service.questions).toHaveLength(5)
  })

  test('MOD-23: asked after, a rejected message is recalled and a doubtful one becomes a case', async () => {
    const service = await setUp({ mode: 'after', timeoutMs: 2_000 })
    service.answer = ({ parts }) => ({ verdict: parts[0]?.text?.startsWith('nasty') ? 'reject' : 'review' })
    const [ann, bob] = [fresh('ann'), fresh('bob')]
    const conversationId = await group(ann, bob)
    const there = await connect(bob)
    expect((await send(conversationId, ann, 'nasty')).status).toBe(201)
    expect((await send(conversationId, ann, 'odd')).status).toBe(201)
    const { message } = await there.waitFor('message.recalled', () => true, 15_000)
    expect(message).toMatchObject({ conversationId, content: { type: 'recalled' } })
    const found = await eventually(async () => {
      const { body } = await call('GET', `/v1/moderation/cases?source=screening&userId=${ann}`)
      return (body.items as ModerationCase[])[0]
    })
    expect(found).toMatchObject({ target: { type: 'message' }, reasons: ['audit'] })
    expect(service.unverified).toBe(0)
    await call('DELETE', '/v1/moderation/audit')
  })
})

test('MOD-34, MOD-45: what begins and ends is told to webhooks, an expiry once by the clock', async () => {
  const receiver = await EventReceiver.start()
  opened.push(receiver)
  const events = ['case.*', 'restriction.*']
  expect((await call('POST', '/v1/webhooks', { url: receiver.url, events })).status).toBe(201)
  const [ann, bob] = [fresh('ann'), fresh('bob')]
  await group(ann, bob)
  await call('POST', `/v1/users/${ann}/restrictions`, { kind: 'mute', untilMs: Date.now() + 1_000 })
  const report = { target: { type: 'user', id: ann }, reason: 'spam', userId: bob }
  const { caseId } = (await call('POST', '/v1/reports', report)).body
  await call('POST', `/v1/moderation/cases/${caseId}/resolve`, { action: 'none' })
  await eventually(async () => receiver.events.find(({ type }) => type === 'restriction.ended'), 15_000)
  const told = receiver.events.map(({ type }) => type)
  expect([...told].sort()).toEqual([
    'case.opened',
    'case.resolved',
    'restriction.created',
    'restriction.ended',
  ])
  const ended = receiver.events.find(({ type }) => type === 'restriction.ended')
  expect(ended?.data).toMatchObject({ reason: 'expired', restriction: { userId: ann, kind: 'mute' } })
})

test('MOD-46: nothing of another project is seen, changed or told apart from what does not exist', async () => {
  await putList('ours', { words: [{ text: 'ours' }] })
  const [ann, bob] = [fresh('ann'), fresh('bob')]
  await group(ann, bob)
  const report = { target: { type: 'user', id: ann }, reason: 'spam', userId: bob }
  const { caseId } = (await call('POST', '/v1/reports', report)).body
  const made = (await call('POST', `/v1/users/${ann}/restrictions`, { kind: 'mute' })).body
  const token = MasterKey.load({ dataDir: cloud.dataDir }).derive('operator').toString('hex')
  const { key } = (await call('POST', '/v1/projects', { name: 'Other' }, { token })).body
  const authorization = `Basic ${Buffer.from(`${key.id}:${key.secret}`).toString('base64')}`
  const foreign = (method: string, path: string, body?: unknown) =>
    call(method, path, body, { headers: { authorization } })
  expect((await foreign('GET', '/v1/moderation/word-lists')).body).toEqual({ items: [] })
  expect((await foreign('GET', '/v1/moderation/word-lists/ours/words')).status).toBe(404)
  expect((await foreign('POST', '/v1/moderation/check', { text: 'ours' })).body.verdict).toBe('pass')
  expect((await foreign('GET', '/v1/moderation/cases')).body).toEqual({ items: [] })
  expect((await foreign('GET', `/v1/moderation/cases/${caseId}`)).status).toBe(404)
  expect((await foreign('POST', `/v1/moderation/cases/${caseId}/resolve`, { action: 'none' })).status).toBe(
    404,
  )
  await foreign('POST', '/v1/users', { id: ann })
  expect((await foreign('GET', `/v1/users/${ann}/restrictions`)).body).toEqual({ items: [] })
  expect((await foreign('DELETE', `/v1/users/${ann}/restrictions/${made.id}`)).status).toBe(404)
  expect((await foreign('GET', '/v1/moderation/audit')).status).toBe(404)
})
