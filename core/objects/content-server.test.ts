import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Scope, silentLogger } from '@parley/core/kernel'
import { Metrics } from '@parley/core/metrics'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { basic, startTestServer } from '../http/test-server/index.ts'
import { configSource, readSettings } from '../kernel/index.ts'
import { ContentServer } from './content-server.ts'
import { FileSystemObjectStore } from './file-system-object-store.ts'
import { objectMigrations } from './migrations/index.ts'
import { addObjectRoutes } from './object-routes.ts'
import { ObjectService } from './object-service.ts'
import { objectSettings } from './settings.ts'

const settings = {
  ...readSettings(objectSettings, configSource({})),
  minFreeBytes: 0,
  maxObjectBytes: 5_000_000,
  maxUnfinished: 40,
  maxUploadsPerAddress: 3,
  contentIdleMs: 1_000,
}

let folder: string
let scope: Scope
let api: Awaited<ReturnType<typeof startTestServer>>
let content: { url: string; port: number }
let objects: ObjectService
let nowMs = Date.now()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-content-'))
  scope = new Scope('content', silentLogger)
  const store = new FileSystemObjectStore({ folder, minFreeBytes: 0 })
  api = await startTestServer({
    migrations: [objectMigrations],
    addRoutes: (http) => addObjectRoutes(http, lazy as ObjectService),
  })
  objects = new ObjectService({
    database: api.database,
    store,
    masterKey: api.masterKey,
    contentUrl: () => content.url,
    limits: settings,
    now: () => nowMs,
  })
  const server = new ContentServer({ logger: silentLogger, scope, metrics: new Metrics(), objects, settings })
  content = await server.listen({ port: 0, host: '127.0.0.1' })
})
afterAll(async () => {
  await scope.close()
  await api.close()
  await rm(folder, { recursive: true })
})

/** The routes are added before the service that needs the database of the same server. */
const lazy: Pick<ObjectService, 'createUpload' | 'find'> = {
  createUpload: (...all) => objects.createUpload(...all),
  find: (...all) => objects.find(...all),
}

interface Announcement {
  name?: string
  contentType?: string
  sizeBytes?: number
  sha256?: string
  userId?: string
}

const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

async function announce(file: Announcement, as = basic('key_a')) {
  const response = await fetch(`${api.url}/v1/uploads`, {
    method: 'POST',
    headers: { authorization: as, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'a.png', contentType: 'image/png', sizeBytes: 1, ...file }),
  })
  return {
    status: response.status,
    ...((await response.json()) as { id: string; uploadUrl: string; code?: string }),
  }
}

const put = (url: string, bytes: Uint8Array<ArrayBuffer>) => fetch(url, { method: 'PUT', body: bytes })

async function describeObject(id: string, as = basic('key_a')) {
  const response = await fetch(`${api.url}/v1/objects/${id}`, { headers: { authorization: as } })
  return (await response.json()) as { url: string; state: string; sha256?: string; code?: string }
}

/** Announces, uploads, and answers the address to read it. */
async function store(bytes: Uint8Array<ArrayBuffer>, file: Announcement = {}) {
  const { id, uploadUrl } = await announce({ sizeBytes: bytes.length, ...file })
  expect((await put(uploadUrl, bytes)).status).toBe(200)
  return { id, url: (await describeObject(id)).url }
}

const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code

test('a file goes up by its signed address and comes down by another, byte for byte', async () => {
  const bytes = randomBytes(2_000_000)
  const { id, uploadUrl } = await announce({ sizeBytes: bytes.length, sha256: sha256Of(bytes) })
  expect(await describeObject(id)).toMatchObject({ state: 'pending' })
  const response = await put(uploadUrl, bytes)
  expect(await response.json()).toEqual({ id, sha256: sha256Of(bytes) })
  const facts = await describeObject(id)
  expect(facts).toMatchObject({ state: 'stored', sha256: sha256Of(bytes) })
  const answer = await fetch(facts.url)
  expect(answer.status).toBe(200)
  expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
})

test('what users upload gets no scripts, no origin and no guesses about its type', async () => {
  const { url } = await store(Buffer.from('x'))
  const { headers } = await fetch(url)
  expect(headers.get('content-security-policy')).toBe("sandbox; default-src 'none'")
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('access-control-allow-origin')).toBe('*')
  expect(headers.get('content-type')).toBe('image/png')
  expect(headers.get('content-disposition')).toMatch(/^inline; /)
})

test.each([
  'text/html',
  'image/svg+xml',
  'application/xhtml+xml',
  'text/xml',
  'text/javascript',
  'text/css',
  'application/pdf',
  'multipart/x-mixed-replace',
  'TEXT/HTML',
  'Image/SVG+xml',
])('%s is saved, never shown in place', async (contentType) => {
  const { url } = await store(Buffer.from('<script>alert(1)</script>'), { contentType, name: 'evil.html' })
  const { headers } = await fetch(url)
  expect(headers.get('content-type')).toBe('application/octet-stream')
  expect(headers.get('content-disposition')).toMatch(/^attachment; /)
})

test.each(['a".html', 'ü😀\u202e.png', '..', 'a\r\nSet-Cookie: x=1', "it's; 100% (x)*", '/etc/passwd'])(
  'the name %j cannot break out of its header or its address',
  async (name) => {
    const { url } = await store(Buffer.from('x'), { name })
    const response = await fetch(url)
    expect(response.status).toBe(200)
    expect(response.headers.get('set-cookie')).toBeNull()
    const encoded = /filename\*=UTF-8''(\S+)$/.exec(response.headers.get('content-disposition') ?? '')?.[1]
    expect(decodeURIComponent(encoded ?? '')).toBe(name)
  },
)

test.each([
  ['bytes=0-0', 206, 'bytes 0-0/1000', 0, 1],
  ['bytes=100-199', 206, 'bytes 100-199/1000', 100, 200],
  ['bytes=990-', 206, 'bytes 990-999/1000', 990, 1000],
  ['bytes=-10', 206, 'bytes 990-999/1000', 990, 1000],
  ['bytes=-5000', 206, 'bytes 0-999/1000', 0, 1000],
  ['bytes=0-99999', 206, 'bytes 0-999/1000', 0, 1000],
  ['bytes=5-2', 200, null, 0, 1000],
  ['bytes=0-1,5-6', 200, null, 0, 1000],
  ['lines=1-2', 200, null, 0, 1000],
  ['bytes=-', 200, null, 0, 1000],
])('the range %s answers %i', async (range, status, contentRange, start, end) => {
  const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 256))
  rangeUrl ??= (await store(bytes)).url
  const response = await fetch(rangeUrl, { headers: { range } })
  expect(response.status).toBe(status)
  expect(response.headers.get('content-range')).toBe(contentRange)
  expect(Buffer.from(await response.arrayBuffer()).equals(bytes.subarray(start, end))).toBe(true)
})
let rangeUrl: string | undefined

test('a range past the end is a 416 that tells the size', async () => {
  const { url } = await store(Buffer.from('abc'))
  for (const range of ['bytes=3-', 'bytes=-0']) {
    const response = await fetch(url, { headers: { range } })
    expect(response.status).toBe(416)
    expect(response.headers.get('content-range')).toBe('bytes */3')
  }
})

test('If-Range with another tag gives the whole file', async () => {
  const { url } = await store(Buffer.from('abc'))
  const tag = (await fetch(url)).headers.get('etag') ?? ''
  const status = async (value: string) =>
    (await fetch(url, { headers: { range: 'bytes=0-0', 'if-range': value } })).status
  expect(await status(tag)).toBe(206)
  expect(await status('"else"')).toBe(200)
})

test('a reader that has the bytes gets a 304', async () => {
  const { url } = await store(Buffer.from('abc'))
  const first = await fetch(url)
  const tag = first.headers.get('etag') ?? ''
  const date = first.headers.get('last-modified') ?? ''
  const status = async (headers: Record<string, string>) => (await fetch(url, { headers })).status
  expect(await status({ 'if-none-match': tag })).toBe(304)
  expect(await status({ 'if-none-match': `"x", W/${tag}` })).toBe(304)
  expect(await status({ 'if-none-match': '"x"' })).toBe(200)
  expect(await status({ 'if-modified-since': date })).toBe(304)
  expect(await status({ 'if-modified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' })).toBe(200)
  expect(await status({ 'if-none-match': '"x"', 'if-modified-since': date })).toBe(200)
})

test('HEAD tells what GET would, without the bytes', async () => {
  const { url } = await store(Buffer.from('abc'))
  const response = await fetch(url, { method: 'HEAD' })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-length')).toBe('3')
  expect(response.headers.get('accept-ranges')).toBe('bytes')
  expect(await response.text()).toBe('')
})

test('an empty file is a file', async () => {
  const { url } = await store(new Uint8Array())
  const response = await fetch(url)
  expect(response.status).toBe(200)
  expect(await response.text()).toBe('')
})

test('all readers of a day share one address, which holds for at least a day', async () => {
  const dayMs = 86_400_000
  const noon = Math.floor(nowMs / dayMs) * dayMs + dayMs / 2
  const sign = (ms: number) => objects.signUrl('proj_a', 'obj_1', 'a.png', ms)
  expect(sign(noon)).toBe(sign(noon + 1000))
  expect(sign(noon)).not.toBe(sign(noon + dayMs))
  const expires = Number(new URL(sign(noon)).searchParams.get('expires'))
  expect(expires - noon).toBeGreaterThanOrEqual(dayMs)
})

test('an address opens nothing but what it was signed for, and only in its time', async () => {
  const { id, url } = await store(Buffer.from('mine'))
  const other = await store(Buffer.from('other'))
  const { uploadUrl } = await announce({ sizeBytes: 1 })
  const refused = async (address: string, method = 'GET') => {
    const response = await fetch(address, { method })
    expect(response.status).toBe(403)
    expect(await codeOf(response)).toBe('forbidden')
  }
  await refused(url.replace(id, other.id))
  await refused(url.replace('proj_a', 'proj_b'))
  await refused(url.replace(/expires=\d/, 'expires=9'))
  await refused(url.replace(/signature=./, (found) => `signature=${found.endsWith('0') ? '1' : '0'}`))
  await refused(url.replace(/\?.*/, ''))
  await refused(url.replace('/files/', '/uploads/').replace(/\/[^/]*\?/, '?'), 'PUT')
  await refused(uploadUrl.replace('/uploads/', '/files/'))
  const before = nowMs
  nowMs += 3 * 86_400_000
  await refused(url)
  await refused(uploadUrl, 'PUT')
  nowMs = before
})

test('a file that was announced and has not come is not found', async () => {
  const { id } = await announce({ sizeBytes: 1 })
  const response = await fetch(objects.signUrl('proj_a', id, 'x'))
  expect(response.status).toBe(404)
  await expect(
    objects.describe(api.database.project('proj_a'), [id], { requireStored: true }),
  ).rejects.toMatchObject({ code: 'object-not-found' })
  await expect(
    objects.describe(api.database.project('proj_b'), [id], { requireStored: false }),
  ).rejects.toMatchObject({ code: 'object-not-found' })
})

test('wrong sizes and hashes are refused, and the upload may be tried again', async () => {
  const bytes = Buffer.from('right')
  const { id, uploadUrl } = await announce({ sizeBytes: 5, sha256: sha256Of(bytes) })
  expect(await codeOf(await put(uploadUrl, Buffer.from('too long')))).toBe('size-mismatch')
  expect(await codeOf(await put(uploadUrl, Buffer.from('x')))).toBe('size-mismatch')
  expect(await codeOf(await put(uploadUrl, Buffer.from('wrong')))).toBe('checksum-mismatch')
  expect((await describeObject(id)).state).toBe('pending')
  expect((await put(uploadUrl, bytes)).status).toBe(200)
})

test('the same bytes again are fine, other bytes do not replace them', async () => {
  const { uploadUrl } = await announce({ sizeBytes: 5 })
  expect((await put(uploadUrl, Buffer.from('first'))).status).toBe(200)
  expect((await put(uploadUrl, Buffer.from('first'))).status).toBe(200)
  expect(await codeOf(await put(uploadUrl, Buffer.from('other')))).toBe('already-exists')
})

test('two uploads at once leave one of them, with its own hash', async () => {
  const { id, uploadUrl } = await announce({ sizeBytes: 100_000 })
  const contents = [Buffer.alloc(100_000, 1), Buffer.alloc(100_000, 2), Buffer.alloc(100_000, 2)]
  const statuses = await Promise.all(contents.map(async (bytes) => (await put(uploadUrl, bytes)).status))
  const { url, sha256 } = await describeObject(id)
  const kept = Buffer.from(await (await fetch(url)).arrayBuffer())
  expect(sha256Of(kept)).toBe(sha256)
  statuses.forEach((status, index) => {
    expect(status).toBe(contents[index]?.equals(kept) ? 200 : 409)
  })
})

/** A PUT without Content-Length whose bytes are sent by hand. */
function chunkedPut(url: string) {
  const { pathname, search } = new URL(url)
  const outgoing = request({ port: content.port, host: '127.0.0.1', method: 'PUT', path: pathname + search })
  const answer = new Promise<{ status: number; body: string }>((resolve, reject) => {
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      let body = ''
      incoming.on('data', (chunk) => {
        body += chunk
      })
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body }))
    })
  })
  return { outgoing, answer }
}

test('a body without a length is cut at the announced size, and the reason still arrives', async () => {
  const { id, uploadUrl } = await announce({ sizeBytes: 100_000 })
  const { outgoing, answer } = chunkedPut(uploadUrl)
  for (let sent = 0; sent < 20; sent++) outgoing.write(Buffer.alloc(100_000))
  outgoing.end()
  expect(await answer).toMatchObject({ status: 422, body: expect.stringContaining('size-mismatch') })
  expect((await describeObject(id)).state).toBe('pending')
})

test('an uploader that goes away in the middle leaves nothing, and may come again', async () => {
  const { id, uploadUrl } = await announce({ sizeBytes: 200_000 })
  const { outgoing, answer } = chunkedPut(uploadUrl)
  outgoing.write(Buffer.alloc(100_000))
  await expect.poll(() => readdir(join(folder, 'incoming'))).toHaveLength(1)
  outgoing.destroy()
  await expect(answer).rejects.toThrow()
  await expect.poll(() => readdir(join(folder, 'incoming'))).toEqual([])
  expect((await describeObject(id)).state).toBe('pending')
  expect((await put(uploadUrl, Buffer.alloc(200_000))).status).toBe(200)
})

test('an upload in which nothing moves is cut', async () => {
  const { uploadUrl } = await announce({ sizeBytes: 200_000 })
  const { outgoing, answer } = chunkedPut(uploadUrl)
  outgoing.write(Buffer.alloc(10))
  await expect(answer).rejects.toThrow()
  await expect.poll(() => readdir(join(folder, 'incoming'))).toEqual([])
})

test('one address uploads only so many files at once', async () => {
  const { uploadUrl } = await announce({ sizeBytes: 100 })
  const running = Array.from({ length: 3 }, () => chunkedPut(uploadUrl))
  for (const { outgoing } of running) outgoing.write('x')
  await expect.poll(() => readdir(join(folder, 'incoming'))).toHaveLength(3)
  expect(await codeOf(await put(uploadUrl, Buffer.alloc(100)))).toBe('too-many-connections')
  for (const { outgoing, answer } of running) {
    outgoing.destroy()
    await expect(answer).rejects.toThrow()
  }
  await expect.poll(() => readdir(join(folder, 'incoming'))).toEqual([])
  await expect.poll(async () => (await put(uploadUrl, Buffer.alloc(100))).status).toBe(200)
})

test('limits of size and of unfinished uploads are told when the file is announced', async () => {
  expect(await announce({ sizeBytes: 5_000_001 })).toMatchObject({ status: 413, code: 'body-too-large' })
  const asUser = 'Bearer user:proj_a:collector'
  for (let count = 0; count < 40; count++) expect((await announce({}, asUser)).status).toBe(201)
  expect(await announce({}, asUser)).toMatchObject({ status: 422, code: 'limit-exceeded' })
  expect((await announce({}, 'Bearer user:proj_a:anna')).status).toBe(201)
})

test('an object is seen by its project and by its owner only', async () => {
  const { id } = await announce({ sizeBytes: 1 }, 'Bearer user:proj_a:anna')
  expect((await describeObject(id, 'Bearer user:proj_a:anna')).state).toBe('pending')
  expect((await describeObject(id, 'Bearer user:proj_a:ben')).code).toBe('object-not-found')
  expect((await describeObject(id, basic('key_a'))).state).toBe('pending')
  expect((await describeObject(id, basic('key_b'))).code).toBe('object-not-found')
  expect(await announce({ userId: 'ben' }, 'Bearer user:proj_a:anna')).toMatchObject({ code: 'forbidden' })
})

test('files that never came are forgotten after their time, stored ones stay', async () => {
  const pending = await announce({ sizeBytes: 1 })
  const stored = await store(Buffer.from('stays'))
  const before = nowMs
  nowMs += settings.unfinishedTtlMs + 60_000
  expect(await objects.collect()).toBeGreaterThan(0)
  expect(await objects.collect()).toBe(0)
  nowMs = before
  expect((await describeObject(pending.id)).code).toBe('object-not-found')
  expect(await codeOf(await put(pending.uploadUrl, Buffer.from('x')))).toBe('object-not-found')
  expect(await (await fetch(stored.url)).text()).toBe('stays')
})

test('an upload that ends while its file is being forgotten stores nothing', async () => {
  const { uploadUrl } = await announce({ sizeBytes: 20 })
  const { outgoing, answer } = chunkedPut(uploadUrl)
  outgoing.write(Buffer.alloc(10))
  await expect.poll(() => readdir(join(folder, 'incoming'))).toHaveLength(1)
  const filesBefore = await storedFiles()
  const before = nowMs
  nowMs += settings.unfinishedTtlMs + 60_000
  await objects.collect()
  nowMs = before
  outgoing.end(Buffer.alloc(10))
  expect(await answer).toMatchObject({ status: 404 })
  expect(await storedFiles()).toBe(filesBefore)
})

const storedFiles = async () =>
  (await readdir(join(folder, 'stored'), { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  ).length

test('pages of any origin may PUT and GET', async () => {
  const { uploadUrl } = await announce({ sizeBytes: 1 })
  const preflight = await fetch(uploadUrl, { method: 'OPTIONS', headers: { origin: 'https://app.example' } })
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-methods')).toContain('PUT')
  expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
})

test('Expect: 100-continue is told the reason before a byte of the file is sent', async () => {
  const { uploadUrl } = await announce({ sizeBytes: 10 })
  const { pathname, search } = new URL(uploadUrl)
  const head = (path: string, length: number) =>
    `PUT ${path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`
  expect(await talk(head(pathname + search, 9))).toMatch(/^HTTP\/1.1 422 /)
  expect(await talk(head(pathname, 10))).toMatch(/^HTTP\/1.1 403 /)
  expect(await talk(`${head(pathname + search, 10)}0123456789`)).toMatch(
    /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /,
  )
})

function talk(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(content.port, '127.0.0.1', () => socket.write(bytes))
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

test('no address, method or header brings the content origin to a 5xx', async () => {
  const { url } = await store(Buffer.from('abc'))
  const { uploadUrl } = await announce({ sizeBytes: 3 })
  const targets = fc.oneof(
    fc.constantFrom(url, uploadUrl).map((address) => new URL(address).pathname + new URL(address).search),
    fc.webUrl({ withQueryParameters: true }).map((address) => `/files/${address.slice(8)}`),
    fc
      .string()
      .map(
        (text) =>
          `/uploads/${encodeURIComponent(text.toWellFormed())}/x?expires=1&signature=${'0'.repeat(64)}`,
      ),
    fc.constantFrom(
      '/',
      '/files',
      '/files/%ff/%zz/x',
      '/uploads/../../etc/passwd',
      '//',
      '/?',
      '/files/a/b/c/d',
    ),
  )
  const calls = fc.record({
    target: targets,
    method: fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'),
    range: fc.oneof(
      fc.string({ unit: 'grapheme-ascii' }),
      fc.constantFrom('bytes=-1', 'bytes=9999999999999999999-'),
    ),
    etag: fc.string({ unit: 'grapheme-ascii' }),
  })
  await fc.assert(
    fc.asyncProperty(calls, async ({ target, method, range, etag }) => {
      const head = `${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nRange: ${range}\r\nIf-None-Match: ${etag}\r\n\r\n`
      expect(await talk(head)).toMatch(/^HTTP\/1.1 [234]\d\d /)
    }),
    { numRuns: 150 },
  )
})
