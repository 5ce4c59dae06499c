import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultProjectSettings } from '@parley/contracts'
import { basic, testAuthenticator } from '@parley/core/http/test-server'
import { configSource, kernelSettings, readSettings, Scope, silentLogger, sleep } from '@parley/core/kernel'
import { createFoundation, createPlatform } from '@parley/core/platform'
import { messageSendGuard } from '@parley/core/webhooks'
import { createTestDatabase } from '@parley/testing/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { webhooks as sdkWebhooks } from '../../../sdk/server/src/index.ts'
import { createChat } from '../src/index.ts'

const projectId = 'proj_a'
const logger = silentLogger
const scope = new Scope('test', logger)
const dataDir = mkdtempSync(join(tmpdir(), 'parley-chat-webhooks-'))
let databaseClose: () => Promise<void>
let serverUrl: string
let receiver: Server
let url: string
let secret = ''
// biome-ignore lint/suspicious/noExplicitAny: events are looked into by tests
const heard: any[] = []

beforeAll(async () => {
  const testDatabase = await createTestDatabase()
  databaseClose = testDatabase.close
  const source = configSource({
    PARLEY_DATABASE_URL: testDatabase.url,
    PARLEY_DATA_DIR: dataDir,
    PARLEY_WEBHOOKS_RETRY_SCALE: '0.0001',
  })
  const kernel = readSettings(kernelSettings, source)
  const options = { source, kernel, logger, scope, version: '0', onStep: () => undefined }
  const foundation = await createFoundation(options)
  const platform = await createPlatform(foundation, testAuthenticator, '0')
  const { http, webhooks } = platform
  await createChat(platform, {
    users: { ensure: async () => undefined },
    projects: { settings: async () => defaultProjectSettings },
    attachments: platform.objects,
    sendGuards: [messageSendGuard(webhooks.hooks)],
  })
  webhooks.start()
  serverUrl = (await http.listen({ port: 0, host: '127.0.0.1' })).url
  await startReceiver()
})

afterAll(async () => {
  await scope.close()
  receiver?.closeAllConnections()
  receiver?.close()
  await databaseClose?.()
  rmSync(dataDir, { recursive: true, force: true })
})

/** Answers blocking questions by the text, and keeps events. */
async function startReceiver(): Promise<void> {
  receiver = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      // biome-ignore lint/suspicious/noExplicitAny: events are looked into by tests
      const event: any = sdkWebhooks.verify(Buffer.concat(chunks), incoming.headers, { secret })
      if (event.type !== 'message.before-send') {
        heard.push(event)
        response.end()
        return
      }
      const { text } = event.data.content
      const verdict = text.includes('forbidden')
        ? { verdict: 'reject', detail: 'we do not say that' }
        : text.includes('rude')
          ? { verdict: 'replace', data: { type: 'text', text: text.replace('rude', '****') } }
          : { verdict: 'allow' }
      response.end(JSON.stringify(verdict))
    })
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
}

async function rest(method: string, path: string, body?: unknown) {
  const response = await fetch(serverUrl + path, {
    method,
    headers: {
      authorization: basic('key_a'),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by tests
  return { status: response.status, body: (await response.json()) as any }
}

async function call(method: string, path: string, body?: unknown) {
  const answer = await rest(method, path, body)
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
  return answer.body
}

async function heardOf(count: number): Promise<void> {
  while (heard.length < count) await sleep(5)
}

let sent = 0
const send = (conversationId: string, text: string) =>
  call('POST', '/v1/messages', {
    conversationId,
    fromUserId: 'alice',
    clientMessageId: `c${++sent}`,
    content: { type: 'text', text },
  })

test('CHAT-12: what happens in a conversation is told from its log, in its order, signed', async () => {
  const webhook = await call('POST', '/v1/webhooks', { url, events: ['message.*', 'conversation.changed'] })
  secret = webhook.secret
  const { id } = await call('POST', '/v1/conversations', { type: 'group', memberIds: ['alice', 'bob'] })
  const first = await send(id, 'one')
  await Promise.all(Array.from({ length: 20 }, (_, index) => send(id, `many ${index}`)))
  await call('PATCH', `/v1/messages/${first.id}`, { content: { type: 'text', text: 'uno' } })
  await call('POST', `/v1/messages/${first.id}/recall`, {})
  await call('POST', `/v1/conversations/${id}/members`, { userIds: ['carol'] })
  const history = await call('GET', `/v1/conversations/${id}/messages?afterSeq=0&limit=100`)
  await heardOf(history.items.length)
  expect(heard.map(({ data }) => data.seq)).toEqual(history.items.map((item: { seq: number }) => item.seq))
  expect(heard.map(({ data }) => data.id)).toEqual(history.items.map((item: { id: string }) => item.id))
  expect(heard.map(({ type }) => type).slice(-3)).toEqual([
    'message.edited',
    'message.recalled',
    'conversation.changed',
  ])
  const told = heard.find(({ type }) => type === 'message.edited')
  expect(told).toMatchObject({ subject: `message/${first.id}`, source: `/projects/${projectId}` })
  expect(new Set(heard.map((event) => event.id)).size).toBe(heard.length)
  await call('DELETE', `/v1/webhooks/${webhook.id}`)
})

test('CHAT-11: a message that the blocking hook rejects gets no seq; one that it replaces is stored replaced', async () => {
  const webhook = await call('POST', '/v1/webhooks', {
    url,
    events: [],
    blocking: { hooks: ['message.before-send'], timeoutMs: 2_000, onTimeout: 'reject' },
  })
  secret = webhook.secret
  const { id } = await call('POST', '/v1/conversations', { type: 'group', memberIds: ['alice', 'bob'] })
  const before = await send(id, 'fine')
  const refused = await rest('POST', '/v1/messages', {
    conversationId: id,
    fromUserId: 'alice',
    clientMessageId: 'refused',
    content: { type: 'text', text: 'forbidden words' },
  })
  expect(refused).toMatchObject({ status: 403, body: { code: 'forbidden', detail: 'we do not say that' } })
  const after = await send(id, 'rude words')
  expect(after.seq).toBe(before.seq + 1)
  const stored = await call('GET', `/v1/messages/${after.id}`)
  expect(stored.content.text).toBe('**** words')
})
