import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sleep } from '@parley/core/kernel'
import { ParleyServer } from '@parley/server'
import { createTestDatabase } from '@parley/testing/postgres'
import { type ServerProcess, startServerProcess } from '@parley/testing/server-process'
import { afterEach, expect, test } from 'vitest'
import { until } from './tests/installation.ts'
import { type Received, Receiver, type Reply } from './tests/receiver.ts'

const closing: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** Attempts come back at once, and what a dead process held is free after a second. */
const quick = {
  PARLEY_WEBHOOKS_TIMEOUT_MS: '300',
  PARLEY_WEBHOOKS_LEASE_MS: '1000',
  PARLEY_WEBHOOKS_RETRY_SCALE: '0.0001',
  PARLEY_RTC: 'false',
}

function newDataDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-kill-'))
  closing.push(async () => rmSync(dataDir, { recursive: true, force: true }))
  return dataDir
}

async function receiver(): Promise<Receiver> {
  const started = await Receiver.start()
  closing.push(() => started.close())
  return started
}

function client({ url, key }: ServerProcess): ParleyServer {
  return new ParleyServer({ url, keyId: key.keyId, keySecret: key.keySecret })
}

/** Sends the numbered messages of one conversation until each is acknowledged, whatever dies meanwhile. */
class Writer {
  readonly conversationId: string
  acknowledged = 0
  readonly #server: () => ServerProcess | undefined
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  constructor(conversationId: string, server: () => ServerProcess | undefined) {
    this.conversationId = conversationId
    this.#server = server
    this.#running = this.#run()
  }

  /** Resolves once what was begun is acknowledged. */
  async end(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#send(`${this.conversationId} ${this.acknowledged + 1}`)
      this.acknowledged++
      await sleep(5)
    }
  }

  async #send(clientMessageId: string): Promise<void> {
    const message = {
      ...{ conversationId: this.conversationId, fromUserId: 'alice', clientMessageId },
      content: { type: 'text' as const, text: clientMessageId },
    }
    for (;;) {
      const server = this.#server()
      const sent =
        server &&
        (await client(server)
          .sendMessage(message, { timeoutMs: 2_000 })
          .catch(() => undefined))
      if (sent !== undefined) return
      await sleep(20)
    }
  }
}

async function conversations(server: ServerProcess, count: number): Promise<string[]> {
  const parley = client(server)
  for (const id of ['alice', 'bob']) await parley.createUser({ id })
  const made = Array.from({ length: count }, () =>
    parley.createConversation({ type: 'group', memberIds: ['alice', 'bob'] }),
  )
  return (await Promise.all(made)).map(({ id }) => id)
}

async function listen(server: ServerProcess, to: Receiver): Promise<string> {
  const made = await client(server).createWebhook({ url: to.url, events: ['message.created'] })
  to.secrets.push(made.secret)
  return made.id
}

/** The messages of a conversation by the order of their first arrival among those accepted. */
function arrivals({ accepted }: Receiver, conversationId: string): number[] {
  const own = accepted.filter(({ data }) => data.conversationId === conversationId)
  const texts = own.map(({ data }) => String(data.clientMessageId))
  return [...new Set(texts)].map((text) => Number(text.split(' ')[1]))
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

/** Waits until all is there, and holds it against what was acknowledged. */
async function expectAll(to: Receiver, writers: readonly Writer[]): Promise<void> {
  await until(() =>
    writers.every(({ conversationId, acknowledged }) => arrivals(to, conversationId).length >= acknowledged),
  )
  for (const { conversationId, acknowledged } of writers) {
    expect(acknowledged).toBeGreaterThan(0)
    expect(arrivals(to, conversationId)).toEqual(numbered(acknowledged))
  }
  expect(to.unverified).toEqual([])
}

test('HOOK-1, HOOK-2, HOOK-15: SIGKILL of everything at any moment and every fault of a receiver lose nothing and keep the order', async () => {
  const dataDir = newDataDir()
  let server: ServerProcess | undefined
  closing.push(() => server?.kill())
  server = await startServerProcess({ dataDir, env: quick })
  const [main, leaving, inside] = [await receiver(), await receiver(), await receiver()]
  await listen(server, main)
  const leavingId = await listen(server, leaving)

  const met = new Map<string, number>()
  let requests = 0
  const faults: readonly ((event: Received) => Reply)[] = [
    () => 500,
    () => () => undefined,
    () => (_response, incoming) => void incoming.socket.destroy(),
    (event) => (response) => {
      main.accepted.push(event)
      response.socket?.destroy()
    },
    () => (response) => void response.writeHead(307, { location: inside.url }).end(),
    () => (response) => void setTimeout(() => response.writeHead(204).end(), 100),
  ]
  main.reply = (event) => {
    const times = met.get(event.id) ?? 0
    const fault = faults[requests++ % 14]
    if (fault === undefined || times >= 2) return 200
    met.set(event.id, times + 1)
    const reply = fault(event)
    if (requests % 14 === 6) main.accepted.push(event)
    return reply
  }
  // Goes for good after a while: what comes from then on waits for it.
  leaving.reply = () => (leaving.accepted.length >= 12 ? 410 : 200)

  const writers = (await conversations(server, 3)).map((id) => new Writer(id, () => server))
  for (let cycle = 0; cycle < 5; cycle++) {
    await sleep(150 + Math.random() * 600)
    if (cycle === 2) await main.down()
    const dying = server
    server = undefined
    await dying?.kill()
    server = await startServerProcess({ dataDir, env: quick })
    if (cycle === 2) await main.up()
  }
  await Promise.all(writers.map((writer) => writer.end()))
  await expectAll(main, writers)
  expect(inside.received.length + inside.unverified.length).toBe(0)

  const parley = client(server)
  expect(await parley.getWebhook({ webhookId: leavingId })).toMatchObject({
    enabled: false,
    disabledReason: 'gone',
  })
  const before = leaving.received.length
  leaving.reply = () => 200
  await parley.updateWebhook({ webhookId: leavingId, enabled: true })
  // While it was disabled nothing new was taken; what waited for it comes in order, without a gap.
  await until(async () => {
    const waiting = await parley.listWebhookDeliveries({ webhookId: leavingId, state: 'waiting' })
    return waiting.items.length === 0
  })
  expect(leaving.received.length).toBeGreaterThan(before)
  for (const { conversationId } of writers) {
    const came = arrivals(leaving, conversationId)
    expect(came).toEqual(numbered(came.length))
  }
}, 120_000)

test('HOOK-15: a holder that stands still is replaced; when it comes back it does no harm beyond a repeat', async () => {
  const database = await createTestDatabase()
  closing.push(() => database.close())
  const options = { dataDir: newDataDir(), env: { ...quick, PARLEY_DATABASE_URL: database.url } }
  const stalled = await startServerProcess(options)
  closing.push(() => stalled.kill())
  const other = await startServerProcess(options)
  closing.push(() => other.kill())
  const to = await receiver()
  const webhookId = await listen(other, to)
  // Long enough that the one that is stopped has deliveries under way.
  to.reply = () => (response) => void setTimeout(() => response.writeHead(200).end(), 50)
  const take = to.reply
  to.reply = (event) => {
    to.accepted.push(event)
    return take(event)
  }
  const writers = (await conversations(other, 12)).map((id) => new Writer(id, () => other))
  await until(() => to.received.length > 50)
  process.kill(stalled.pid, 'SIGSTOP')
  const at = to.received.length
  // Everything that is acknowledged while it stands still arrives through the other one.
  await until(() => to.received.length > at + 200)
  await Promise.all(writers.map((writer) => writer.end()))
  await expectAll(to, writers)
  process.kill(stalled.pid, 'SIGCONT')

  const more = (await conversations(other, 4)).map((id) => new Writer(id, () => stalled))
  await until(() => more.every(({ acknowledged }) => acknowledged > 5))
  await Promise.all(more.map((writer) => writer.end()))
  await expectAll(to, [...writers, ...more])
  const parley = client(other)
  const page = await parley.listWebhookDeliveries({ webhookId, state: 'dead' })
  expect(page.items).toEqual([])
  await until(async () => {
    const { items } = await parley.listWebhookDeliveries({ webhookId, state: 'waiting' })
    return items.length === 0
  })
}, 240_000)
