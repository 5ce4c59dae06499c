import { createHash } from 'node:crypto'
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { OutboxItem } from '../src/chat/outbox.ts'
import { memoryStorage, Parley, type ParleyOptions } from '../src/index.ts'

/** Between client and content origin: cuts each connection after so many bytes of the client. */
class CuttingProxy {
  readonly #server: Server
  readonly #target: URL
  readonly #sockets = new Set<Socket>()
  cutAfterBytes = Number.POSITIVE_INFINITY
  cuts = 0
  bytes = 0

  constructor(target: string) {
    this.#target = new URL(target)
    this.#server = createServer((client) => this.#pass(client))
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return `127.0.0.1:${address.port}`
  }

  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    this.cutAll()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #pass(client: Socket): void {
    const server = dial(Number(this.#target.port), this.#target.hostname)
    let passed = 0
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        server.destroy()
      })
    }
    server.pipe(client)
    client.on('data', (data) => {
      passed += data.length
      this.bytes += data.length
      if (passed > this.cutAfterBytes) {
        this.cuts++
        client.destroy()
        server.destroy()
      } else if (!server.write(data)) {
        client.pause()
        server.once('drain', () => client.resume())
      }
    })
  }
}

let cloud: DevCloud
let proxy: CuttingProxy
const opened: Parley[] = []
const requests: string[] = []

beforeAll(async () => {
  cloud = await startDevCloud({ servers: 1 })
  for (const userId of ['alice', 'bob']) await cloud.token(userId)
})
afterAll(async () => {
  await cloud?.close()
})

beforeEach(async () => {
  proxy = new CuttingProxy(cloud.contentUrl)
  const host = await proxy.listen()
  const origin = new URL(cloud.contentUrl).host
  const { fetch } = globalThis
  requests.length = 0
  vi.stubGlobal('fetch', (target: string | URL, init?: RequestInit) => {
    const url = new URL(target)
    if (url.host !== origin) return fetch(url, init)
    requests.push(init?.method ?? 'GET')
    url.host = host
    return fetch(url, init)
  })
})
afterEach(async () => {
  for (const parley of opened.splice(0)) await parley.close()
  await proxy.close()
  vi.unstubAllGlobals()
})

async function connect(userId: string, options: Partial<ParleyOptions> = {}): Promise<Parley> {
  const parley = await Parley.connect({ url: cloud.url, getToken: () => cloud.token(userId), ...options })
  opened.push(parley)
  return parley
}

function file(megabytes: number) {
  const bytes = new Uint8Array(megabytes * 1024 * 1024)
  for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31 + (at >> 11)) & 0xff
  const blob = new Blob([bytes], { type: 'application/octet-stream' })
  return {
    sha256: createHash('sha256').update(bytes).digest('hex'),
    blob,
    name: 'film.bin',
    contentType: blob.type,
  }
}

const factsOf = async (objectId: string) => (await cloud.call('GET', `/v1/objects/${objectId}`)).body

test('a large file goes on where it was after each lost connection, and arrives whole', async () => {
  const alice = await connect('alice')
  const film = file(20)
  proxy.cutAfterBytes = 6 * 1024 * 1024
  const shares: number[] = []
  const objectId = await alice.files.upload(film, (share) => shares.push(share))
  expect(proxy.cuts).toBeGreaterThan(0)
  expect(shares.at(-1)).toBe(1)
  // Begun anew it would never have ended: no connection carries a third of it.
  expect(requests).toContain('HEAD')
  expect(await factsOf(objectId)).toMatchObject({
    state: 'stored',
    sizeBytes: film.blob.size,
    sha256: film.sha256,
  })
})

test('an upload that was given up goes on where it was', async () => {
  const alice = await connect('alice')
  const film = file(20)
  const stop = new AbortController()
  let begun: { objectId: string; uploadUrl: string } | undefined
  const given = alice.files.upload(film, (share) => share > 0.3 && stop.abort(), {
    signal: stop.signal,
    onBegun: (upload) => {
      begun = upload
    },
  })
  await expect(given).rejects.toMatchObject({ code: 'aborted' })
  const before = proxy.bytes
  const objectId = await alice.files.upload(film, undefined, { resume: begun })
  expect(objectId).toBe(begun?.objectId)
  expect(proxy.bytes - before).toBeLessThan(16 * 1024 * 1024)
  expect(await factsOf(objectId)).toMatchObject({ sha256: film.sha256 })
})

test('an upload that the server knows no more begins anew', async () => {
  const alice = await connect('alice')
  const film = file(5)
  const gone = { objectId: 'obj_gone', uploadUrl: `${cloud.contentUrl}/upload/gone` }
  const objectId = await alice.files.upload(film, undefined, { resume: gone })
  expect(objectId).not.toBe(gone.objectId)
  expect(await factsOf(objectId)).toMatchObject({ sha256: film.sha256 })
})

test('a file that was on its way when the client was closed is gone on with by the next one, and sent', async () => {
  const kept = memoryStorage()
  const film = file(20)
  const first = await Parley.connect({
    url: cloud.url,
    getToken: () => cloud.token('alice'),
    storage: () => kept,
  })
  const toBob = await first.chat.direct('bob')
  const closed = new Promise<void>((resolve) => {
    const stop = toBob.on('changed', () => {
      if ((toBob.messages.at(-1)?.progress ?? 0) < 0.3) return
      stop()
      first.close().then(resolve)
    })
  })
  toBob.sendFile({
    name: film.name,
    contentType: film.contentType,
    bytes: new Uint8Array(await film.blob.arrayBuffer()),
  })
  await closed
  const [left] = await kept.read('outbox')
  const upload = (left?.value as OutboxItem | undefined)?.upload
  const before = proxy.bytes

  const second = await connect('alice', { storage: () => kept })
  const again = second.chat.conversation(toBob.id)
  await vi.waitFor(
    () =>
      expect(again.messages.at(-1)).toMatchObject({
        state: 'sent',
        content: { objectId: upload?.objectId ?? 'none' },
      }),
    { timeout: 15_000, interval: 50 },
  )
  expect(proxy.bytes - before).toBeLessThan(16 * 1024 * 1024)
  expect(await kept.read('outbox')).toEqual([])
})

test('a file that is taken back while it is uploaded is not sent', async () => {
  const alice = await connect('alice')
  const film = file(20)
  const toBob = await alice.chat.direct('bob')
  const sent = toBob.sendFile({
    name: film.name,
    contentType: film.contentType,
    bytes: new Uint8Array(await film.blob.arrayBuffer()),
  })
  await vi.waitFor(() => expect(toBob.messages.at(-1)?.progress).toBeGreaterThan(0), { timeout: 10_000 })
  expect(toBob.discard(sent.clientMessageId)).toBe(true)
  await expect(sent).rejects.toMatchObject({ code: 'aborted' })
  expect(toBob.messages.every(({ key }) => key !== sent.clientMessageId)).toBe(true)
})
