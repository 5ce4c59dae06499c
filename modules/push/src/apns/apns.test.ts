import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PushRequest } from '../adapter.ts'
import { ApnsAdapter } from './apns-adapter.ts'
import { ProviderTokens } from './provider-token.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const credentials = {
  key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  ...{
    keyId: 'KEY1234567',
    teamId: 'TEAM123456',
    topic: 'com.example.app',
    environment: 'production' as const,
  },
}
const deviceToken = 'ab'.repeat(32)

interface Reply {
  status: number
  headers?: Record<string, string>
  body?: unknown
}

/** APNs as its documentation describes it; anything out of order is answered with the reason it names. */
class StrictApns {
  readonly accepted: { headers: IncomingHttpHeaders; payload: Record<string, unknown> }[] = []
  readonly sessions: ServerHttp2Session[] = []
  mostAtOnce = 0
  #atOnce = 0
  reply: (stream: ServerHttp2Stream, count: number) => Reply | undefined = () => ({ status: 200 })
  #count = 0
  readonly #server: Http2Server

  constructor(maxConcurrentStreams: number) {
    this.#server = createServer({ settings: { maxConcurrentStreams } })
    this.#server.on('session', (session) => this.sessions.push(session))
    this.#server.on('stream', (stream, headers) => this.#take(stream, headers))
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    for (const session of this.sessions) session.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce)
    stream.on('close', () => this.#atOnce--)
    stream.on('error', () => undefined)
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const body = Buffer.concat(chunks)
      const reply = refusal(headers, body) ?? this.reply(stream, ++this.#count)
      if (reply === undefined || stream.destroyed) return
      stream.respond({ ':status': reply.status, ...reply.headers })
      stream.end(reply.body === undefined ? '' : JSON.stringify(reply.body))
      if (reply.status === 200) this.accepted.push({ headers, payload: JSON.parse(body.toString()) })
    })
  }
}

function refusal(headers: IncomingHttpHeaders, body: Buffer): Reply | undefined {
  const refuse = (status: number, reason: string): Reply => ({ status, body: { reason } })
  if (headers[':method'] !== 'POST') return refuse(405, 'MethodNotAllowed')
  if (!/^\/3\/device\/[0-9a-f]{64}$/.test(String(headers[':path']))) return refuse(400, 'BadDeviceToken')
  const why = wrongWithToken(headers.authorization ?? '', publicKey)
  if (why !== undefined) return refuse(403, why)
  if (headers['apns-topic'] !== credentials.topic) return refuse(400, 'BadTopic')
  if (headers['apns-push-type'] !== 'alert') return refuse(400, 'InvalidPushType')
  if (headers['apns-priority'] !== '10') return refuse(400, 'BadPriority')
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(String(headers['apns-id']))) {
    return refuse(400, 'BadMessageId')
  }
  const expiration = Number(headers['apns-expiration'])
  if (!Number.isInteger(expiration) || expiration < Date.now() / 1_000 - 5)
    return refuse(400, 'BadExpirationDate')
  if (Buffer.byteLength(String(headers['apns-collapse-id'] ?? '')) > 64) return refuse(400, 'BadCollapseId')
  if (body.length > 4096) return refuse(413, 'PayloadTooLarge')
  return undefined
}

function wrongWithToken(authorization: string, key: KeyObject): string | undefined {
  const [head = '', claims = '', signature = ''] = authorization.replace(/^bearer /, '').split('.')
  const how = { key, dsaEncoding: 'ieee-p1363' as const }
  if (!verify('sha256', Buffer.from(`${head}.${claims}`), how, Buffer.from(signature, 'base64url'))) {
    return 'InvalidProviderToken'
  }
  const { alg, kid } = JSON.parse(Buffer.from(head, 'base64url').toString())
  const { iss, iat } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  if (alg !== 'ES256' || kid !== credentials.keyId || iss !== credentials.teamId)
    return 'InvalidProviderToken'
  return Math.abs(Date.now() / 1_000 - iat) > 3_600 ? 'ExpiredProviderToken' : undefined
}

let apns: StrictApns
let adapter: ApnsAdapter
beforeEach(async () => {
  apns = new StrictApns(4)
  adapter = new ApnsAdapter({ timeoutMs: 1_000, origin: await apns.listen() })
})
afterEach(async () => {
  adapter.close()
  await apns.close()
})

function push(text = 'hi'): PushRequest {
  const notification = {
    ...{ title: 'Ann', body: text, badge: 3, collapseId: 'conv_1' },
    data: { conversationId: 'conv_1', aps: 'not mine' },
  }
  return { pushId: 'push_1', token: deviceToken.toUpperCase(), ttlMs: 60_000, notification }
}
const send = (request = push()) => adapter.send(credentials, request, new AbortController().signal)

test('PUSH-22: APNs takes the push: token, headers and payload are as it demands', async () => {
  expect(await send()).toEqual({ kind: 'sent', detail: '200' })
  const [{ payload, headers } = { payload: {}, headers: {} }] = apns.accepted
  expect(payload).toMatchObject({
    conversationId: 'conv_1',
    aps: { alert: { title: 'Ann', body: 'hi' }, badge: 3 },
  })
  expect(headers['apns-collapse-id']).toBe('conv_1')
  expect(await send(push('长'.repeat(5_000)))).toEqual({ kind: 'sent', detail: '200' })
})

test('PUSH-22: one connection carries all, within the limit of streams', async () => {
  await send()
  apns.reply = (stream) => {
    setTimeout(() => {
      if (!stream.destroyed) {
        stream.respond({ ':status': 200 })
        stream.end()
      }
    }, 5)
    return undefined
  }
  const outcomes = await Promise.all(Array.from({ length: 40 }, () => send()))
  expect(outcomes.every(({ kind }) => kind === 'sent')).toBe(true)
  expect(apns.sessions).toHaveLength(1)
  expect(apns.mostAtOnce).toBeLessThanOrEqual(4)
})

test('PUSH-22: after GOAWAY what runs is answered and the next push takes another connection', async () => {
  apns.reply = (stream, count) => {
    if (count === 1) stream.session?.goaway(0)
    return { status: 200 }
  }
  expect((await send()).kind).toBe('sent')
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect((await send()).kind).toBe('sent')
  expect(apns.sessions).toHaveLength(2)
})

test('PUSH-22: a cut, a reset and silence are tried again later, on a connection that works', async () => {
  apns.reply = (stream, count) => {
    if (count === 1) stream.session?.destroy()
    else if (count === 2) stream.close(2)
    else if (count > 3) return { status: 200 }
    return undefined
  }
  expect((await send()).kind).toBe('later')
  expect((await send()).kind).toBe('later')
  expect(await send()).toMatchObject({ kind: 'later', detail: 'no answer within 1000 ms' })
  expect((await send()).kind).toBe('sent')
})

test('PUSH-22: what APNs answers decides', async () => {
  const replies: [Reply, object][] = [
    [
      { status: 410, body: { reason: 'Unregistered', timestamp: 1_700_000_000_000 } },
      { kind: 'gone', reason: 'unregistered', sinceMs: 1_700_000_000_000 },
    ],
    [
      { status: 400, body: { reason: 'BadDeviceToken' } },
      { kind: 'gone', reason: 'invalid-token' },
    ],
    [
      { status: 403, body: { reason: 'InvalidProviderToken' } },
      { kind: 'refused', reason: 'credentials' },
    ],
    [
      { status: 403, body: { reason: 'ExpiredProviderToken' } },
      { kind: 'later', retryAfterMs: 0 },
    ],
    [
      { status: 413, body: { reason: 'PayloadTooLarge' } },
      { kind: 'refused', reason: 'payload-too-large' },
    ],
    [
      { status: 429, headers: { 'retry-after': '7' }, body: { reason: 'TooManyRequests' } },
      { kind: 'later', retryAfterMs: 7_000 },
    ],
    [{ status: 503, body: { reason: 'Shutdown' } }, { kind: 'later' }],
    [
      { status: 400, body: { reason: 'BadPriority' } },
      { kind: 'refused', reason: 'rejected' },
    ],
    [{ status: 500, body: 'nonsense' }, { kind: 'later' }],
  ]
  for (const [reply, outcome] of replies) {
    apns.reply = () => reply
    expect(await send()).toMatchObject(outcome)
  }
})

test('PUSH-22: a provider token serves for 40 minutes, and one that is refused is made anew', () => {
  const tokens = new ProviderTokens()
  const start = Date.now()
  const first = tokens.get(credentials, start)
  expect(tokens.get(credentials, start + 39 * 60_000)).toBe(first)
  expect(tokens.get(credentials, start + 41 * 60_000)).not.toBe(first)
  const second = tokens.get(credentials, start)
  tokens.forget(credentials, 'another')
  expect(tokens.get(credentials, start)).toBe(second)
})
