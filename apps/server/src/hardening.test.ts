import { createHmac } from 'node:crypto'
import * as contracts from '@parley/contracts'
import { type ClientFrameType, clientFrames, type Endpoint } from '@parley/contracts'
import { fuzzEndpoints, oddId, oddValue, valueFor } from '@parley/core/http/fuzz'
import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

let cloud: DevCloud
let conversationId: string
let messageId: string
let foreign: { keyId: string; keySecret: string; projectId: string }

const generous = {
  PARLEY_HTTP_KEY_BURST: '100000',
  PARLEY_HTTP_USER_BURST: '100000',
  PARLEY_HTTP_USER_PER_SECOND: '100000',
  PARLEY_HTTP_FAILURE_BURST: '100000',
  PARLEY_GATEWAY_FRAME_BURST: '100000',
}

beforeAll(async () => {
  cloud = await startDevCloud({ env: generous })
  for (const id of ['alice', 'bob']) await cloud.call('POST', '/v1/users', { id })
  const group = await cloud.call('POST', '/v1/conversations', { type: 'group', memberIds: ['alice', 'bob'] })
  conversationId = (group.body as { id: string }).id
  const sent = await cloud.call('POST', '/v1/messages', message('alice', 'first'))
  messageId = (sent.body as { id: string }).id
  foreign = await otherProject()
})
afterAll(() => cloud.close())

const message = (fromUserId: string, clientMessageId: string, to = conversationId) => ({
  conversationId: to,
  fromUserId,
  clientMessageId,
  content: { type: 'text', text: 'hello' },
})

const endpoints = Object.entries(contracts)
  .filter(([name]) => name.endsWith('Endpoints'))
  .flatMap(([, table]) => Object.values(table as Record<string, Endpoint>))
  .filter((endpoint) => !endpoint.path.startsWith('/v1/rtc/'))

async function otherProject() {
  const { body } = await cloud.call(
    'POST',
    '/v1/projects',
    { name: 'Other' },
    { token: await operatorToken() },
  )
  const { project, key } = body as { project: { id: string }; key: { id: string; secret: string } }
  return { projectId: project.id, keyId: key.id, keySecret: key.secret }
}

async function operatorToken(): Promise<string> {
  const { MasterKey } = await import('@parley/core/secrets')
  return MasterKey.load({ dataDir: cloud.dataDir }).derive('operator').toString('hex')
}

const basic = (keyId: string, secret: string): string =>
  `Basic ${Buffer.from(`${keyId}:${secret}`).toString('base64')}`

/** The log must stay dense and the first message what it was, whatever is thrown at the server. */
async function logIsWhole(): Promise<void> {
  const { body } = await cloud.call(
    'GET',
    `/v1/conversations/${conversationId}/messages?afterSeq=0&limit=200`,
  )
  const { items } = body as { items: { seq: number; id: string }[] }
  expect(items.map((item) => item.seq)).toEqual(items.map((_, index) => index + 1))
  expect(items[0]?.id).toBe(messageId)
}

test('no REST input gives a 5xx, a crash or half a change', async () => {
  await fuzzEndpoints({
    url: cloud.url,
    // Tokens and keys in use must outlive the run.
    endpoints: endpoints.filter(
      ({ name }) => !['revokeKey', 'revokeUserTokens', 'eraseUser', 'updateProject'].includes(name),
    ),
    credentials: {
      key: basic(cloud.keyId, cloud.keySecret),
      user: `Bearer ${await cloud.token('alice')}`,
      operator: `Bearer ${await operatorToken()}`,
    },
    knownIds: ['alice', 'bob', conversationId, messageId],
    runsPerEndpoint: 25,
    invariant: logIsWhole,
  })
}, 240_000)

const bodySchemaOf = (type: ClientFrameType): object =>
  z.toJSONSchema(clientFrames[type], { io: 'input', unrepresentable: 'any' })

test('no realtime frame gives an internal error or ends the process', async () => {
  const token = await cloud.token('alice')
  let client = await RealtimeClient.connect(cloud.url, token, 'fuzz')
  let open = true
  const types = Object.keys(clientFrames).filter((type) => type !== 'auth' && !type.startsWith('rtc.'))
  const frame = fc.constantFrom(...(types as ClientFrameType[])).chain((type) =>
    fc.record({
      type: fc.constant(type),
      body: fc.oneof(valueFor(bodySchemaOf(type), { odd: true }), fc.dictionary(oddId, oddValue)),
    }),
  )
  await fc.assert(
    fc.asyncProperty(frame, async ({ type, body }) => {
      if (!open) client = await RealtimeClient.connect(cloud.url, token, 'fuzz')
      open = true
      const answered = client.request(type, body as never).then(
        () => 'ok',
        (error: { code?: string }) => error.code ?? 'closed',
      )
      const outcome = await answered
      if (outcome === 'closed') open = false
      expect(outcome).not.toBe('internal-error')
    }),
    { numRuns: 400, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true },
  )
  await client.close()
  await logIsWhole()
}, 120_000)

test('CHAT-15: a foreign key and a foreign token see nothing and change nothing', async () => {
  const authorization = basic(foreign.keyId, foreign.keySecret)
  const as = (method: string, path: string, body?: unknown) =>
    cloud.call(method, path, body, { headers: { authorization } })
  for (const id of ['alice', 'mallory']) await as('POST', '/v1/users', { id })
  const made = await cloud.call('POST', '/v1/conversations', { type: 'group', memberIds: ['alice', 'bob'] })
  const { id: target } = made.body as { id: string }
  const sent = await cloud.call('POST', '/v1/messages', message('alice', 'to be kept', target))
  const { id: kept } = sent.body as { id: string }
  const attempts: [string, string, unknown?][] = [
    ['GET', `/v1/conversations/${target}`],
    ['GET', `/v1/conversations/${target}/messages`],
    ['GET', `/v1/conversations/${target}/members`],
    ['PATCH', `/v1/conversations/${target}`, { name: 'mine' }],
    ['POST', `/v1/conversations/${target}/members`, { userIds: ['mallory'] }],
    ['POST', '/v1/messages', message('alice', 'foreign', target)],
    ['GET', `/v1/messages/${kept}`],
    ['PATCH', `/v1/messages/${kept}`, { content: { type: 'text', text: 'changed' } }],
    ['POST', `/v1/messages/${kept}/recall`, {}],
    ['PUT', `/v1/conversations/${target}/read-cursor`, { seq: 1, userId: 'alice' }],
    ['DELETE', `/v1/keys/${cloud.keyId}`],
    ['GET', '/v1/users/bob'],
  ]
  for (const [method, path, body] of attempts) {
    expect((await as(method, path, body)).status, `${method} ${path}`).toBeOneOf([403, 404])
  }
  const { body } = await cloud.call('GET', `/v1/messages/${kept}`)
  expect(body).toMatchObject({ content: { type: 'text', text: 'hello' } })
  await logIsWhole()
})

test('forged, expired, foreign and unsigned tokens open nothing', async () => {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: cloud.keyId, sub: 'alice', iat: now, exp: now + 600 }
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const sign = (header: unknown, payload: unknown, secret: string | Buffer, hash = 'sha256'): string => {
    const body = `${part(header)}.${part(payload)}`
    return `${body}.${createHmac(hash, secret).update(body).digest('base64url')}`
  }
  const hs256 = { alg: 'HS256', typ: 'JWT' }
  const bad = {
    'alg none': `${part({ alg: 'none' })}.${part(claims)}.`,
    'another secret': sign(hs256, claims, 'not the secret'),
    'another hash': sign({ alg: 'HS512' }, claims, cloud.keySecret, 'sha512'),
    expired: sign(hs256, { ...claims, iat: now - 700, exp: now - 100 }, cloud.keySecret),
    'without end': sign(hs256, { iss: cloud.keyId, sub: 'alice' }, cloud.keySecret),
    'longer than the ceiling': sign(hs256, { ...claims, exp: now + 400 * 86_400 }, cloud.keySecret),
    'foreign key': sign(hs256, { ...claims, iss: foreign.keyId }, cloud.keySecret),
  }
  for (const [name, token] of Object.entries(bad)) {
    expect((await cloud.call('GET', '/v1/conversations', undefined, { token })).status, name).toBe(401)
    await expect(RealtimeClient.connect(cloud.url, token), name).rejects.toThrow()
  }
  const good = sign(hs256, claims, cloud.keySecret)
  expect((await cloud.call('GET', '/v1/conversations', undefined, { token: good })).status).toBe(200)
})

test('CHAT-14: overload is refused before the ack, says when to come again, and stores nothing', async () => {
  const small = await startDevCloud({
    env: { PARLEY_CHAT_APPEND_QUEUE: '5', PARLEY_CHAT_APPEND_BATCH: '1', PARLEY_CHAT_APPEND_LANES: '1' },
  })
  try {
    const client = await RealtimeClient.connect(small.url, await small.token('ann'))
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        client
          .request('message.send', {
            toUserId: 'ann',
            clientMessageId: `m${index}`,
            content: { type: 'text', text: 'x' },
          })
          .then(
            ({ seq }) => ({ seq }),
            (error: { code: string; error: { retryAfterMs?: number } }) => error,
          ),
      ),
    )
    const refused = outcomes.filter((outcome) => 'code' in outcome)
    const accepted = outcomes.filter((outcome) => 'seq' in outcome)
    expect(refused.length).toBeGreaterThan(0)
    for (const outcome of refused) {
      expect(outcome.code).toBe('overloaded')
      expect(outcome.error.retryAfterMs).toBeGreaterThan(0)
    }
    expect(accepted.map((outcome) => outcome.seq).sort((a, b) => a - b)).toEqual(
      accepted.map((_, index) => index + 1),
    )
    await client.close()
  } finally {
    await small.close()
  }
})

test('a call that offers HTTP/2 is answered, and realtime without WebSocket says what it wants', async () => {
  const { request } = await import('node:http')
  const status = (path: string, headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      const sent = request(new URL(path, cloud.url), { headers }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
      sent.on('error', reject)
      sent.end()
    })
  expect(await status('/healthz', { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c' })).toBe(200)
  expect(await status('/v1/realtime', {})).toBe(426)
})
