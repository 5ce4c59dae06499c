import { createHash, randomBytes } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { startServer } from '@parley/app-server'
import { serverMigrations } from '@parley/app-server/migrations'
import type { HistoryPage, SyncAnswer } from '@parley/contracts'
import { silentLogger } from '@parley/core/kernel'
import { type DevCloud, RealtimeClient, startDevCloud } from '@parley/testing/devcloud'
import { createTestDatabase, type TestDatabase } from '@parley/testing/postgres'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { main } from '../src/main.ts'

const userIds = ['ann', 'bob', 'cid']

interface Acknowledged {
  seq: number
  messageId: string
}

let scratch: string
let cloud: DevCloud
let tokens: Record<string, string>
let conversationId: string
let folder: string
let cursorBefore: string
let target: TestDatabase
const objects = new Map<string, string>()
const acked = new Map<string, Acknowledged>()
let ackedBefore: Map<string, Acknowledged>

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'parley-backup-'))
  folder = join(scratch, 'backup')
  cloud = await startDevCloud()
  target = await createTestDatabase()
  tokens = Object.fromEntries(await Promise.all(userIds.map(async (id) => [id, await cloud.token(id)])))
  const made = await cloud.call('POST', '/v1/conversations', { type: 'group', memberIds: userIds })
  conversationId = (made.body as { id: string }).id
  for (let number = 0; number < 5; number++) await upload(randomBytes(1 + number * 70_000))
})
afterAll(async () => {
  await cloud.close()
  await target.close()
  rmSync(scratch, { recursive: true, force: true })
})

async function upload(bytes: Buffer): Promise<void> {
  const { body } = await cloud.call('POST', '/v1/uploads', {
    ...{ name: 'x.bin', contentType: 'application/octet-stream', sizeBytes: bytes.length },
  })
  const { id, uploadUrl } = body as { id: string; uploadUrl: string }
  const response = await fetch(uploadUrl, { method: 'PUT', body: new Uint8Array(bytes) })
  expect(`${response.status} ${await response.text()}`).toMatch(/^2/)
  objects.set(id, sha256(bytes))
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

async function parley(line: readonly string[], env: Record<string, string>) {
  let out = ''
  let complaints = ''
  const code = await main(line, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (complaints += text) },
    env,
  })
  return { code, out, complaints }
}

/** Sends as fast as answers come, until told to stop. */
function writeUnderLoad(): { stop(): Promise<void> } {
  let going = true
  const senders = userIds.map(async (userId) => {
    const client = await RealtimeClient.connect(cloud.url, tokens[userId] ?? '', `device-${userId}`)
    for (let number = 1; going; number++) {
      const clientMessageId = `${userId}-${number}`
      const content = { type: 'text' as const, text: `${userId} says ${number}` }
      const { seq, messageId } = await client.request('message.send', {
        ...{ conversationId, clientMessageId, content },
      })
      acked.set(clientMessageId, { seq, messageId })
    }
    await client.close()
  })
  return {
    stop: async () => {
      going = false
      await Promise.all(senders)
    },
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

const cloudEnv = () => ({ PARLEY_DATA_DIR: cloud.dataDir, PARLEY_DATABASE_URL: cloud.databaseUrl })
const targetEnv = (dataDir: string) => ({ PARLEY_DATA_DIR: dataDir, PARLEY_DATABASE_URL: target.url })

test('a backup is made while users write', async () => {
  const sync = await cloud.call('GET', '/v1/sync', undefined, { token: tokens.ann ?? '' })
  cursorBefore = (sync.body as SyncAnswer).cursor ?? ''
  const load = writeUnderLoad()
  await until(() => acked.size > 200)
  ackedBefore = new Map(acked)
  const { code, out, complaints } = await parley(
    ['backup', folder, '--with-master-key', '--json'],
    cloudEnv(),
  )
  const during = acked.size
  await until(() => acked.size > during + 20)
  await load.stop()
  expect(code, complaints).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ objects: { count: objects.size, missing: 0 }, masterKey: true })
  expect(existsSync(join(cloud.dataDir, 'last-backup.json'))).toBe(true)
  const again = await parley(['backup', folder], cloudEnv())
  expect(again).toMatchObject({ code: 1, complaints: expect.stringContaining('finished backup already') })
})

test('what is damaged, newer, or sealed by another key is refused before anything is changed', async () => {
  const attempt = async (spoil: (copy: string) => void, dataDir = join(scratch, 'refused')) => {
    const copy = mkdtempSync(join(scratch, 'copy-'))
    cpSync(folder, copy, { recursive: true })
    spoil(copy)
    return parley(['restore', copy], targetEnv(dataDir))
  }
  const edit = (copy: string, from: string | RegExp, to: string) => {
    const path = join(copy, 'manifest.json')
    const text = readFileSync(path, 'utf8')
    expect(text).toMatch(from)
    writeFileSync(path, text.replace(from, to))
  }
  const refused = (what: string) => ({ code: 1, complaints: expect.stringContaining(what) })
  expect(
    await attempt((copy) => {
      const path = join(copy, 'database/chat.entries.1.gz')
      const bytes = readFileSync(path)
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
      writeFileSync(path, bytes)
    }),
  ).toMatchObject(refused('chat.entries.1.gz of the backup is damaged'))
  expect(await attempt((copy) => edit(copy, /"formatVersion": 1/, '"formatVersion": 9'))).toMatchObject(
    refused('format 9'),
  )
  expect(await attempt((copy) => edit(copy, '"0001-log"', '"0099-later"'))).toMatchObject(
    refused('chat/0099-later, which this one does not know'),
  )
  expect(await attempt((copy) => rmSync(join(copy, 'manifest.json')))).toMatchObject(
    refused('no finished backup'),
  )
  const other = mkdtempSync(join(scratch, 'other-key-'))
  writeFileSync(join(other, 'master.key'), randomBytes(32).toString('base64'))
  expect(await attempt(() => undefined, other)).toMatchObject(refused('another master key'))
  const client = new pg.Client({ connectionString: target.url })
  await client.connect()
  const { rows } = await client.query(
    `select nspname from pg_namespace where nspname !~ '^pg_' and nspname not in ('public', 'information_schema')`,
  )
  await client.end()
  expect(rows).toEqual([])
})

test('a restored installation has what was acknowledged, once, and goes on', async () => {
  const dataDir = join(scratch, 'restored')
  const restored = await parley(['restore', folder], targetEnv(dataDir))
  expect(restored.code, restored.complaints).toBe(0)
  expect(await parley(['restore', folder], targetEnv(dataDir))).toMatchObject({
    code: 1,
    complaints: expect.stringContaining('not empty'),
  })

  const second = join(scratch, 'second')
  expect((await parley(['backup', second], targetEnv(dataDir))).code).toBe(0)
  expect(rowsOf(second)).toEqual(rowsOf(folder))

  const server = await startServer({
    env: {
      ...targetEnv(dataDir),
      ...{ PARLEY_PORT: '0', PARLEY_CONTENT_PORT: '0', PARLEY_MEDIA_PORT: '0', PARLEY_HOST: '127.0.0.1' },
    },
    logger: silentLogger,
  })
  try {
    const get = async <T>(path: string, init: RequestInit = {}): Promise<T> => {
      const headers = { authorization: `Bearer ${tokens.ann}`, 'content-type': 'application/json' }
      const response = await fetch(new URL(path, server.url), { headers, ...init })
      expect(response.status).toBeLessThan(300)
      return (await response.json()) as T
    }
    const log: HistoryPage['items'] = []
    for (;;) {
      const path = `/v1/conversations/${conversationId}/messages?afterSeq=${log.length}&limit=200`
      const { items } = await get<HistoryPage>(path)
      if (items.length === 0) break
      log.push(...items)
    }
    // CHAT-2, CHAT-4: dense, each once.
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1))
    const byId = new Map(log.map((message) => [message.clientMessageId, message]))
    expect(byId.size).toBe(log.length)
    // CHAT-1: what was acknowledged before the snapshot, where it was.
    for (const [id, { seq, messageId }] of ackedBefore)
      expect(byId.get(id)).toMatchObject({ seq, id: messageId })
    // CHAT-3, and nothing but what was sent.
    for (const { clientMessageId = '', seq, id } of log)
      expect(acked.get(clientMessageId)).toEqual({ seq, messageId: id })
    expect(log.length).toBeLessThan(acked.size)

    const ann = await RealtimeClient.connect(server.url, tokens.ann ?? '', 'device-ann')
    const bob = await RealtimeClient.connect(server.url, tokens.bob ?? '', 'device-bob')
    const [firstId] = ackedBefore.keys()
    const sender = { ann, bob }[firstId?.split('-')[0] ?? '']
    if (sender !== undefined && firstId !== undefined) {
      const text = firstId.replace('-', ' says ')
      const retried = await sender.request('message.send', {
        ...{ conversationId, clientMessageId: firstId, content: { type: 'text', text } },
      })
      expect(retried).toMatchObject(ackedBefore.get(firstId) ?? {})
    }
    const sent = await ann.request('message.send', {
      ...{ conversationId, clientMessageId: 'after', content: { type: 'text', text: 'we are back' } },
    })
    expect(sent.seq).toBe(log.length + 1)
    await bob.waitFor('message.created', ({ message }) => message.id === sent.messageId)
    await ann.close()
    await bob.close()

    expect(cursorBefore).not.toBe('')
    const sync = await get<SyncAnswer>(`/v1/sync?cursor=${encodeURIComponent(cursorBefore)}`)
    expect(sync.full).toBe(true)
    expect(sync.conversations[0]).toMatchObject({ id: conversationId, headSeq: log.length + 1 })

    for (const [id, hash] of objects) {
      const basic = `Basic ${Buffer.from(`${cloud.keyId}:${cloud.keySecret}`).toString('base64')}`
      const { url } = await get<{ url: string }>(`/v1/objects/${id}`, { headers: { authorization: basic } })
      expect(sha256(Buffer.from(await (await fetch(url)).arrayBuffer()))).toBe(hash)
    }
  } finally {
    await server.close()
  }
})

/** Contents of every table but those that name the line of history, by name. */
function rowsOf(backup: string): Record<string, string> {
  const contents: Record<string, string> = {}
  for (const name of readdirSync(join(backup, 'database')).sort()) {
    const table = name.replace(/\.\d+\.gz$/, '')
    if (table === 'outbox.history') continue
    const bytes = gunzipSync(readFileSync(join(backup, 'database', name)))
    contents[table] = sha256(Buffer.concat([Buffer.from(contents[table] ?? ''), bytes]))
  }
  expect(statSync(join(backup, 'database', 'chat.entries.1.gz')).size).toBeGreaterThan(0)
  return contents
}

test('every schema of the server is known to restore', async () => {
  const client = new pg.Client({ connectionString: cloud.databaseUrl })
  await client.connect()
  const { rows } = await client.query<{ schema: string }>(
    `select table_schema as schema from information_schema.tables where table_name = 'schema_migrations'`,
  )
  await client.end()
  expect(serverMigrations.map(({ schema }) => schema).sort()).toEqual(rows.map(({ schema }) => schema).sort())
})
