import { generateKeyPairSync, verify } from 'node:crypto'
import { OutgoingCalls, OutgoingGuard } from '@parley/core/webhooks'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PushServiceDouble, type ReceivedPush } from '../../tests/push-service.ts'
import { FcmAdapter } from './fcm-adapter.ts'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

let google: PushServiceDouble
let calls: OutgoingCalls
let adapter: FcmAdapter
let tokensMade: number
let answer: { status: number; body?: unknown; headers?: Record<string, string> }
beforeEach(async () => {
  google = await PushServiceDouble.start()
  calls = new OutgoingCalls(new OutgoingGuard({ allowLoopback: true }), { socketsPerHost: 4 })
  adapter = new FcmAdapter({ calls, timeoutMs: 1_000, origin: google.origin })
  tokensMade = 0
  answer = { status: 200, body: { name: 'projects/p/messages/1' } }
  google.reply = (push) => (response) => {
    const { status, body, headers } = push.path === '/token' ? grant(push) : accept(push)
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body ?? {}))
  }
})
afterEach(async () => {
  calls.close()
  await google.close()
})

/** The token endpoint: RFC 7523. */
function grant({ body, headers }: ReceivedPush): typeof answer {
  const form = new URLSearchParams(body.toString())
  const [head = '', claims = '', signature = ''] = (form.get('assertion') ?? '').split('.')
  const signed = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    publicKey,
    Buffer.from(signature, 'base64url'),
  )
  const { iss, scope, aud, iat, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  const good =
    signed &&
    headers['content-type'] === 'application/x-www-form-urlencoded' &&
    form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer' &&
    iss === 'sender@p.iam.gserviceaccount.com' &&
    scope === 'https://www.googleapis.com/auth/firebase.messaging' &&
    aud === `${google.origin}/token` &&
    exp - iat <= 3_600
  if (!good) return { status: 400, body: { error: 'invalid_grant' } }
  return { status: 200, body: { access_token: `at-${++tokensMade}`, expires_in: 3_600 } }
}

function accept({ path, headers, body }: ReceivedPush): typeof answer {
  const { message } = JSON.parse(body.toString())
  const textual = Object.values(message.data).every((value) => typeof value === 'string')
  const good = path === '/v1/projects/p/messages:send' && textual && message.token === 'device-1'
  if (!good || body.length > 4_096) return { status: 400, body: { error: { status: 'INVALID_ARGUMENT' } } }
  if (headers.authorization !== `Bearer at-${tokensMade}`) return { status: 401 }
  return answer
}

const send = (changes: { private_key?: string } = {}) =>
  adapter.send(
    {
      serviceAccount: {
        ...{ project_id: 'p', client_email: 'sender@p.iam.gserviceaccount.com', private_key: key },
        token_uri: `${google.origin}/token`,
        ...changes,
      },
    },
    {
      ...{ pushId: 'push_1', token: 'device-1', ttlMs: 60_000 },
      notification: {
        title: 'Ann',
        body: '长'.repeat(3_000),
        data: { seq: '1' },
        collapseId: 'conv_1',
        badge: 2,
      },
    },
    new AbortController().signal,
  )
const fcmError = (status: number, errorCode: string, headers = {}) => ({
  ...{ status, headers },
  body: {
    error: { code: status, status: errorCode, message: 'm', details: [{ '@type': 'FcmError', errorCode }] },
  },
})

test('PUSH-25: a push goes out under one access token, asked for once', async () => {
  const outcomes = await Promise.all([send(), send(), send()])
  expect(outcomes.map(({ kind }) => kind)).toEqual(['sent', 'sent', 'sent'])
  expect(tokensMade).toBe(1)
  const push = google.received.find(({ path }) => path !== '/token')
  expect(JSON.parse(push?.body.toString() ?? '').message).toMatchObject({
    android: {
      priority: 'HIGH',
      collapse_key: 'conv_1',
      notification: { tag: 'conv_1', notification_count: 2 },
    },
  })
})

test('PUSH-25: what FCM answers decides', async () => {
  answer = fcmError(404, 'UNREGISTERED')
  expect(await send()).toMatchObject({ kind: 'gone', reason: 'unregistered' })
  answer = fcmError(429, 'QUOTA_EXCEEDED', { 'retry-after': '9' })
  expect(await send()).toMatchObject({ kind: 'later', retryAfterMs: 9_000 })
  answer = fcmError(429, 'QUOTA_EXCEEDED')
  expect(await send()).toMatchObject({ kind: 'later', retryAfterMs: 60_000 })
  answer = fcmError(503, 'UNAVAILABLE')
  expect(await send()).toMatchObject({ kind: 'later' })
  answer = fcmError(403, 'SENDER_ID_MISMATCH')
  expect(await send()).toMatchObject({ kind: 'refused', reason: 'credentials' })
  const violation = {
    details: [{ fieldViolations: [{ field: 'message.token' }] }],
    status: 'INVALID_ARGUMENT',
  }
  answer = { status: 400, body: { error: violation } }
  expect(await send()).toMatchObject({ kind: 'gone', reason: 'invalid-token' })
})

test('PUSH-25: an access token that is refused is asked for anew; an account that is refused is not', async () => {
  expect((await send()).kind).toBe('sent')
  answer = { status: 401 }
  expect((await send()).kind).toBe('later')
  answer = { status: 200 }
  expect((await send()).kind).toBe('sent')
  expect(tokensMade).toBe(2)
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const private_key = stranger.export({ type: 'pkcs8', format: 'pem' }).toString()
  expect(await send({ private_key })).toMatchObject({ kind: 'refused', reason: 'credentials' })
})

test('PUSH-41: a token endpoint inside the network is not called', async () => {
  calls.close()
  calls = new OutgoingCalls(new OutgoingGuard({ allowLoopback: false }), { socketsPerHost: 4 })
  adapter = new FcmAdapter({ calls, timeoutMs: 1_000, origin: google.origin })
  expect(await send()).toMatchObject({ kind: 'refused', reason: 'rejected' })
  expect(google.received).toEqual([])
})
