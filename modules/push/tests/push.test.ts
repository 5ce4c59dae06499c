import type { PushReceipt } from '@parley/contracts'
import { verifyWebhook } from '@parley/protocols/standard-webhooks'
import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { PushServiceDouble, until } from './push-service.ts'
import { decryptWebPush, newSubscriber, type Subscriber, wrongWithRequest } from './web-push-receiver.ts'

let cloud: DevCloud
let service: PushServiceDouble
let users = 0
beforeAll(async () => {
  service = await PushServiceDouble.start()
  cloud = await startDevCloud({
    env: { PARLEY_PUSH_DELAY_MS: '300', PARLEY_PUSH_RETRY_MS: '20', PARLEY_PUSH_LARGE_FROM: '5' },
  })
  const setUp = await ok('PUT', '/v1/push/providers/web-push', { subject: 'mailto:ops@example.com' })
  expect(setUp).not.toHaveProperty('privateKey')
})
afterAll(async () => {
  await cloud?.close()
  await service?.close()
})
beforeEach(() => {
  service.received.length = 0
  service.reply = () => 201
})

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by tests
async function ok(method: string, path: string, body?: unknown, token?: string): Promise<any> {
  const answer = await cloud.call(method, path, body, token === undefined ? {} : { token })
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`)
  return answer.body
}

interface Person {
  id: string
  token: string
  subscriber: Subscriber
  path: string
}

async function person(language = 'en'): Promise<Person> {
  const id = `user${++users}`
  const token = await cloud.token(id)
  const subscriber = newSubscriber()
  const path = `/wpush/${id}`
  const subscription = { endpoint: service.origin + path, keys: subscriber.keys }
  await ok('PUT', '/v1/push/devices/phone', { provider: 'web-push', subscription, language }, token)
  return { id, token, subscriber, path }
}

const pushesTo = (someone: Person) => service.received.filter((push) => push.path === someone.path)
const read = (someone: Person, index = 0) => {
  const push = pushesTo(someone)[index]
  if (push === undefined) throw new Error('no push')
  const { ecdh, authSecret } = someone.subscriber
  return JSON.parse(decryptWebPush(push.body, ecdh, authSecret).toString())
}

async function say(from: Person, conversationId: string, text: string, mentions?: unknown): Promise<string> {
  const content = { type: 'text', text, ...(mentions !== undefined && { mentions }) }
  const body = { conversationId, clientMessageId: `m${Math.random()}`, content }
  return (await ok('POST', '/v1/messages', body, from.token)).id
}

async function group(...members: Person[]): Promise<string> {
  const memberIds = members.map((member) => member.id)
  return (await ok('POST', '/v1/conversations', { type: 'group', name: 'Crew', memberIds })).id
}

async function settled(query: string, count: number): Promise<PushReceipt[]> {
  return until(async () => {
    const { items } = (await ok('GET', `/v1/push/receipts?${query}`)) as { items: PushReceipt[] }
    return items.length >= count && items.every((item) => item.state !== 'waiting') && items
  })
}

test('PUSH-1: a message reaches the device of a user who is away, sealed, signed and with its deep link', async () => {
  const [ann, bob] = [await person(), await person('zh-CN')]
  const conversationId = await group(ann, bob)
  const messageId = await say(ann, conversationId, 'hello')
  const [receipt] = await settled(`messageId=${messageId}`, 1)
  expect(receipt).toMatchObject({ userId: bob.id, deviceId: 'phone', provider: 'web-push', state: 'sent' })
  expect(pushesTo(ann)).toEqual([])
  const [push] = pushesTo(bob)
  expect(push && wrongWithRequest(push.headers, service.origin)).toBeUndefined()
  expect(push?.headers.topic).toBeDefined()
  expect(read(bob)).toEqual({
    ...{ title: 'Crew', body: `${ann.id}：hello`, badge: 1, tag: conversationId },
    data: { conversationId, messageId, seq: String(receipt?.seq), pushId: receipt?.pushId },
  })
  const report = { items: [{ pushId: receipt?.pushId, event: 'opened' }] }
  expect(await ok('POST', '/v1/push/receipts', report, ann.token)).toEqual({ recorded: 0 })
  expect(await ok('POST', '/v1/push/receipts', report, bob.token)).toEqual({ recorded: 1 })
  const [after] = await settled(`messageId=${messageId}`, 1)
  expect(after?.openedAt).toBeDefined()
  expect(after?.deliveredAt).toBeDefined()
})

test('PUSH-2: who took the message on a device is not pushed to; an open connection alone says nothing', async () => {
  const [ann, bob, cid] = [await person(), await person(), await person()]
  const conversationId = await group(ann, bob, cid)
  const online = await RealtimeClient.connect(cloud.url, bob.token, 'laptop')
  const half = await RealtimeClient.connect(cloud.url, cid.token, 'laptop')
  const messageId = await say(ann, conversationId, 'taken?')
  const { seq } = await ok('GET', `/v1/messages/${messageId}`)
  await online.request('conversation.delivered', { conversationId, seq })
  const receipts = await settled(`messageId=${messageId}`, 2)
  expect(receipts.find((each) => each.userId === bob.id)).toMatchObject({
    state: 'suppressed',
    reason: 'online-took',
  })
  expect(receipts.find((each) => each.userId === cid.id)).toMatchObject({ state: 'sent' })
  expect(pushesTo(bob)).toEqual([])
  await online.close()
  await half.close()
})

test('PUSH-10 PUSH-11 PUSH-12: levels and quiet hours decide, and mentions may pass', async () => {
  const [ann, bob, cid, dee] = [await person(), await person(), await person(), await person()]
  const conversationId = await group(ann, bob, cid, dee)
  await ok('PUT', '/v1/push/preferences', { level: 'mentions' }, bob.token)
  const muted = { level: 'none' }
  await ok('PUT', `/v1/push/preferences/conversations/${conversationId}`, muted, cid.token)
  const quietHours = { start: '00:00', end: '23:59', timeZone: 'UTC', mentionsPass: true }
  const lateMinute = new Date().toISOString().slice(11, 16) === '23:59'
  await ok('PUT', '/v1/push/preferences', { quietHours }, dee.token)
  const plain = await settled(`messageId=${await say(ann, conversationId, 'all')}`, 3)
  const why = (receipts: PushReceipt[]) =>
    Object.fromEntries(receipts.map((each) => [each.userId, each.reason ?? each.state]))
  if (!lateMinute) {
    expect(why(plain)).toEqual({ [bob.id]: 'level', [cid.id]: 'muted', [dee.id]: 'quiet-hours' })
  }
  const mentions = { userIds: [bob.id, cid.id, dee.id] }
  const called = await settled(`messageId=${await say(ann, conversationId, 'you', mentions)}`, 3)
  expect(why(called)).toEqual({ [bob.id]: 'sent', [cid.id]: 'muted', [dee.id]: 'sent' })
})

test('PUSH-4: in a large conversation a message goes to those it names and to those who asked for all', async () => {
  const members = [await person(), await person(), await person(), await person(), await person()]
  const [ann, bob, cid, dee] = members as [Person, Person, Person, Person, Person]
  const conversationId = await group(...members)
  await ok('PUT', `/v1/push/preferences/conversations/${conversationId}`, { level: 'all' }, bob.token)
  const toldOf = async (count: number, text: string, mentions?: unknown) => {
    const receipts = await settled(`messageId=${await say(ann, conversationId, text, mentions)}`, count)
    return receipts.map(({ userId }) => userId).sort()
  }
  expect(await toldOf(1, 'plain')).toEqual([bob.id])
  expect(await toldOf(2, 'to cid', { userIds: [cid.id] })).toEqual([bob.id, cid.id].sort())
  const others = members.filter((each) => each !== ann).map(({ id }) => id)
  expect(await toldOf(4, 'to all', { all: true })).toEqual(others.sort())
  expect(pushesTo(dee)).toHaveLength(1)
})

test('PUSH-13: who blocks the sender is not pushed to in a group either, not even when mentioned', async () => {
  const [ann, bob, cid] = [await person(), await person(), await person()]
  const conversationId = await group(ann, bob, cid)
  await ok('PUT', `/v1/blocks/${ann.id}`, undefined, bob.token)
  const mentions = { userIds: [bob.id, cid.id] }
  const receipts = await settled(`messageId=${await say(ann, conversationId, 'you two', mentions)}`, 2)
  const outcome = receipts.map(({ userId, reason, state }) => [userId, reason ?? state])
  expect(Object.fromEntries(outcome)).toEqual({ [bob.id]: 'blocked', [cid.id]: 'sent' })
})

test('PUSH-21: a subscription that is gone is removed, and trouble that passes is tried again', async () => {
  const [ann, bob] = [await person(), await person()]
  const conversationId = await group(ann, bob)
  const trouble: (number | 'cut')[] = [500, 429, 'cut']
  service.reply = () => {
    const next = trouble.shift()
    return next === 'cut' ? (response) => void response.socket?.destroy() : (next ?? 201)
  }
  const [sent] = await settled(`messageId=${await say(ann, conversationId, 'again')}`, 1)
  expect(sent).toMatchObject({ state: 'sent' })
  expect(pushesTo(bob)).toHaveLength(4)
  service.reply = () => 410
  const [gone] = await settled(`messageId=${await say(ann, conversationId, 'gone')}`, 1)
  expect(gone).toMatchObject({ state: 'failed', reason: 'unregistered' })
  expect(await ok('GET', '/v1/push/devices', undefined, bob.token)).toEqual({ items: [] })
})

test('PUSH-3: a token belongs to the last user who named it', async () => {
  const [ann, bob, cid] = [await person(), await person(), await person()]
  const subscription = { endpoint: service.origin + bob.path, keys: bob.subscriber.keys }
  await ok('PUT', '/v1/push/devices/tablet', { provider: 'web-push', subscription }, cid.token)
  expect(await ok('GET', '/v1/push/devices', undefined, bob.token)).toEqual({ items: [] })
  const conversationId = await group(ann, bob)
  await say(ann, conversationId, 'secret')
  const toCid = await ok('POST', '/v1/push/send', { userIds: [bob.id, cid.id], title: 'T', body: 'B' })
  const receipts = await settled(`batchId=${toCid.batchId}`, 3)
  expect(receipts.find((each) => each.userId === bob.id)?.reason).toBe('no-device')
  expect(receipts.filter((each) => each.userId === cid.id && each.state === 'sent')).toHaveLength(2)
  expect(pushesTo(bob)).toHaveLength(1)
})

test('PUSH-33: templates of the project take the place of the built-in texts', async () => {
  const [ann, bob] = [await person(), await person()]
  const conversationId = await group(ann, bob)
  await ok('PUT', '/v1/push/templates/message.text', {
    languages: {
      en: { title: 'New in {{conversation.name}}', body: '{{message.text}} from {{sender.name}}' },
    },
  })
  await settled(`messageId=${await say(ann, conversationId, 'hi')}`, 1)
  expect(read(bob)).toMatchObject({ title: 'New in Crew', body: `hi from ${ann.id}` })
  await ok('DELETE', '/v1/push/templates/message.text')
  await ok('PUT', '/v1/push/preferences', { showContent: false }, bob.token)
  await settled(`messageId=${await say(ann, conversationId, 'private')}`, 1)
  expect(read(bob, 1)).toMatchObject({ title: ann.id, body: 'New message' })
})

test('PUSH-23: the gateway of the customer gets signed JSON', async () => {
  const setUp = await ok('PUT', '/v1/push/providers/http', { url: `${service.origin}/vendor` })
  const bob = await cloud.token('gateway-user')
  await ok('PUT', '/v1/push/devices/huawei', { provider: 'http', token: 'hms:1' }, bob)
  const sent = await ok('POST', '/v1/push/send', {
    ...{ userIds: ['gateway-user'], title: 'Code', body: '{{code}}', variables: { code: '123' } },
    ...{ data: { kind: 'code' }, quietHours: 'ignore' },
  })
  const [receipt] = await settled(`batchId=${sent.batchId}`, 1)
  expect(receipt).toMatchObject({ state: 'sent', provider: 'http' })
  const push = service.received.find(({ path }) => path === '/vendor')
  if (push === undefined) throw new Error('no push')
  const headers = push.headers as Record<string, string>
  verifyWebhook(push.body, headers, { secrets: [setUp.secret], nowMs: Date.now() })
  expect(JSON.parse(push.body.toString())).toMatchObject({ token: 'hms:1', title: 'Code', body: '123' })
  expect((await ok('GET', '/v1/push/providers')).items).not.toContainEqual(
    expect.objectContaining({ secret: expect.anything() }),
  )
})

test('PUSH-41: addresses inside the network are refused when written and when called', async () => {
  const token = await cloud.token('attacker')
  const { keys } = newSubscriber()
  for (const endpoint of ['http://169.254.169.254/x', 'http://10.0.0.1/', 'http://[::ffff:10.0.0.1]/']) {
    const body = { provider: 'web-push', subscription: { endpoint, keys } }
    const answer = await cloud.call('PUT', '/v1/push/devices/d', body, { token })
    expect(answer.status).toBe(400)
  }
})
