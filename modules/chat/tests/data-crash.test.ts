import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { createGunzip, gzipSync } from 'node:zlib'
import type { LongOperation } from '@parley/contracts'
import { sleep } from '@parley/core/kernel'
import { type ServerProcess, startServerProcess } from '@parley/testing/server-process'
import { afterAll, expect, test } from 'vitest'

const messages = 100_000
const dataDir = mkdtempSync(join(tmpdir(), 'parley-data-'))
const env = { NODE_OPTIONS: '--max-old-space-size=160' }
let server: ServerProcess | undefined
afterAll(async () => {
  await server?.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

async function call<Body>(method: string, path: string, body?: unknown): Promise<Body> {
  if (server === undefined) throw new Error('no server')
  const { keyId, keySecret } = server.key
  const response = await fetch(new URL(path, server.url), {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${keyId}:${keySecret}`).toString('base64')}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return JSON.parse(text) as Body
}

/** Until the operation is past so much, or has ended. */
async function reach(id: string, done: number): Promise<LongOperation> {
  for (;;) {
    const operation = await call<LongOperation>('GET', `/v1/operations/${id}`)
    if (operation.endedAt !== undefined || operation.progress.done >= done) return operation
    await sleep(100)
  }
}

async function killAndRestart(): Promise<void> {
  await server?.kill()
  server = await startServerProcess({ dataDir, env })
}

const end = Number.MAX_SAFE_INTEGER

function linesOf(conversationId: string): Buffer {
  const lines: object[] = [
    { type: 'conversation', id: conversationId, members: [{ userId: 'ann' }, { userId: 'bob' }] },
  ]
  for (let n = 1; n <= messages; n++) {
    lines.push({
      ...{ type: 'message', conversationId, senderId: n % 2 ? 'ann' : 'bob', externalId: `m${n}` },
      createdAt: new Date(Date.UTC(2021, 0, 1) + n * 1_000).toISOString(),
      content: { type: 'text', text: `message ${n} of a long history that was written elsewhere` },
    })
  }
  return gzipSync(lines.map((line) => JSON.stringify(line)).join('\n'))
}

test('CHAT-402, CHAT-432, CHAT-414: kill -9 in the middle of import, export and erasure of 100,000 messages in a small heap loses and doubles nothing', async () => {
  server = await startServerProcess({ dataDir, env })
  const file = linesOf('long')
  const offer = await call<{ id: string; uploadUrl: string }>('POST', '/v1/uploads', {
    ...{ name: 'history.jsonl.gz', contentType: 'application/gzip', sizeBytes: file.length },
  })
  expect((await fetch(offer.uploadUrl, { method: 'PUT', body: new Uint8Array(file) })).ok).toBe(true)
  const beganMs = performance.now()
  const imported = await call<LongOperation>('POST', '/v1/imports', { objectId: offer.id, createUsers: true })
  await reach(imported.id, messages / 4)
  await killAndRestart()
  const importEnd = await reach(imported.id, end)
  console.log(`import with one crash: ${Math.round(performance.now() - beganMs)} ms`)
  expect(importEnd.result).toMatchObject({ messages, repeated: 0, errors: 0, conversations: 1 })

  const exported = await call<LongOperation>('POST', '/v1/exports', { conversationId: 'long' })
  await reach(exported.id, 1)
  await killAndRestart()
  expect((await reach(exported.id, end)).state).toBe('succeeded')
  const { url } = await call<{ url: string }>('GET', `/v1/exports/${exported.id}`)
  const body = (await fetch(url)).body
  if (body === null) throw new Error('an export has content')
  const unpacked = Readable.fromWeb(body as never).pipe(createGunzip())
  let next = 1
  for await (const line of createInterface({ input: unpacked })) {
    const record = JSON.parse(line) as { type: string; seq?: number; content?: { text: string } }
    if (record.type !== 'message') continue
    if (record.seq !== next || !record.content?.text.startsWith(`message ${next} `)) {
      throw new Error(`line ${line} stands where seq ${next} should`)
    }
    next += 1
  }
  expect(next).toBe(messages + 1)

  const erasure = await call<LongOperation>('POST', '/v1/users/ann/erasure', {})
  await reach(erasure.id, messages / 8)
  await killAndRestart()
  const erased = await reach(erasure.id, end)
  expect(erased.state).toBe('succeeded')
  const places = (erased.result as { places: { place: string; count: number }[] }).places
  expect(places.find(({ place }) => place === 'chat.messages')?.count).toBe(messages / 2)
  expect(await call('GET', `/v1/erasures/${erasure.id}?userId=ann`)).toMatchObject({
    ...{ verified: true, subjectMatches: true },
  })
}, 300_000)
