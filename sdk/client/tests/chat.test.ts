import { AppError, type Message } from '@parley/contracts'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { memoryStorage, Parley, type StorageChange } from '../src/index.ts'
import { MemoryStorage } from '../src/storage/memory-storage.ts'
import { connect, pass } from './client.ts'
import { FakeServer } from './fake-server.ts'

let server: FakeServer
const opened: Parley[] = []

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
})

afterEach(async () => {
  for (const parley of opened.splice(0)) await parley.close()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

/** Its removals take until they are let go, as a busy disk's do. */
class SlowRemovals extends MemoryStorage {
  held = false
  #waiting: (() => void)[] = []

  letGo(): void {
    this.held = false
    for (const go of this.#waiting.splice(0)) go()
  }

  override async write(changes: readonly StorageChange[]): Promise<void> {
    const removes = changes.some((change) => 'delete' in change && change.table === 'outbox')
    if (this.held && removes) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    await super.write(changes)
  }
}

async function client(userId: string, options: Parameters<typeof connect>[2] = {}): Promise<Parley> {
  const parley = await connect(server, userId, options)
  opened.push(parley)
  return parley
}

const texts = (messages: readonly { content: Message['content'] }[]) =>
  messages.map(({ content }) => (content.type === 'text' ? content.text : content.type))

test('a message is shown at once, and sent once the server has stored it', async () => {
  const alice = await client('alice')
  const chat = await alice.chat.direct.bind(alice.chat)
  const opening = chat('bob')
  await pass(50)
  const conversation = await opening
  const sending = conversation.send({ text: 'hello' })
  expect(conversation.messages).toMatchObject([{ state: 'sending', content: { text: 'hello' } }])
  const { key } = conversation.messages[0] ?? {}
  await pass(50)
  expect(await sending).toMatchObject({ seq: 1, content: { text: 'hello' } })
  expect(conversation.messages).toMatchObject([{ state: 'sent', seq: 1, key }])
})

test('sends made without a connection leave in their order, and once each', async () => {
  server.group('g', ['alice', 'bob'])
  const alice = await client('alice')
  const conversation = alice.chat.conversation('g')
  server.unreachable = true
  server.cut()
  await pass(50)
  expect(alice.state.status).toBe('reconnecting')
  for (let number = 0; number < 30; number++) conversation.send({ text: String(number) })
  server.unreachable = false
  await pass(60_000)
  expect(texts(server.entries('g'))).toEqual(Array.from({ length: 30 }, (_, number) => String(number)))
  expect(conversation.messages.every(({ state }) => state === 'sent')).toBe(true)
})

test('a send whose answer was lost is resent under its id and stored once', async () => {
  server.group('g', ['alice', 'bob'])
  const alice = await client('alice')
  let cuts = 2
  server.verdict = ({ type }) => (type === 'message.send' && cuts-- > 0 ? 'cut-after' : undefined)
  const sent = alice.chat.conversation('g').send({ text: 'once' })
  await pass(60_000)
  expect(await sent).toMatchObject({ seq: 1 })
  expect(server.entries('g')).toHaveLength(1)
})

test('an overloaded server is asked again after the time it names; a refusal fails the message for good', async () => {
  server.group('g', ['alice', 'bob'])
  const alice = await client('alice')
  const conversation = alice.chat.conversation('g')
  let overloads = 1
  const sends: number[] = []
  server.verdict = ({ type }) => {
    if (type !== 'message.send') return undefined
    sends.push(Date.now())
    return overloads-- > 0 ? new AppError('overloaded', 'busy', { retryAfterMs: 5_000 }) : undefined
  }
  const sent = conversation.send({ text: 'patient' })
  await pass(20_000)
  expect(await sent).toMatchObject({ seq: 1 })
  expect((sends[1] ?? 0) - (sends[0] ?? 0)).toBeGreaterThanOrEqual(5_000)

  server.verdict = ({ type }) => (type === 'message.send' ? new AppError('muted') : undefined)
  const refused = conversation.send({ text: 'no' })
  await pass(100)
  await expect(refused).rejects.toMatchObject({ code: 'muted' })
  expect(conversation.messages.at(-1)).toMatchObject({ state: 'failed', error: { code: 'muted' } })
  server.verdict = () => undefined
  const again = conversation.retry(refused.clientMessageId)
  await pass(100)
  expect(await again).toMatchObject({ seq: 2 })
  expect(conversation.messages.map(({ state }) => state)).toEqual(['sent', 'sent'])
})

test('a gap in the events is filled by exactly the missing range', async () => {
  server.group('g', ['alice', 'bob'])
  const alice = await client('alice')
  const heard: number[] = []
  alice.chat.conversation('g').on('message', ({ seq }) => heard.push(seq))
  await pass(50)
  let count = 0
  server.fate = () => (++count >= 3 && count <= 5 ? 'drop' : 'deliver')
  for (let number = 1; number <= 7; number++)
    server.append('g', 'bob', { type: 'text', text: String(number) })
  server.frames.length = 0
  await pass(1_000)
  expect(heard).toEqual([1, 2, 3, 4, 5, 6, 7])
  const lists = server.frames.filter(({ type }) => type === 'message.list')
  expect(lists).toMatchObject([{ afterSeq: 2, limit: 3 }])
})

test('an edit changes the message it names, once, also when its event was lost', async () => {
  server.group('g', ['alice', 'bob'])
  server.append('g', 'bob', { type: 'text', text: 'one' })
  const alice = await client('alice')
  const conversation = alice.chat.conversation('g')
  const loading = conversation.load()
  await pass(50)
  await loading
  const updates: string[] = []
  conversation.on('updated', (message) => updates.push(...texts([message])))
  server.edit('g', 1, { type: 'text', text: 'two' })
  await pass(50)
  expect(texts(conversation.messages)).toEqual(['two'])
  server.fate = () => 'drop'
  server.edit('g', 1, { type: 'text', text: 'three' })
  server.fate = () => 'deliver'
  server.append('g', 'bob', { type: 'text', text: 'next' })
  await pass(1_000)
  expect(texts(conversation.messages)).toEqual(['three', 'next'])
  expect(updates).toEqual(['two', 'three'])
})

test('unread counts what others wrote after the read cursor, and reading on another device counts', async () => {
  server.group('g', ['alice', 'bob'])
  const alice = await client('alice')
  const other = await client('alice')
  const conversation = alice.chat.conversation('g')
  for (let number = 0; number < 3; number++) server.append('g', 'bob', { type: 'text', text: 'x' })
  conversation.send({ text: 'mine' })
  await pass(500)
  expect(conversation.view?.unread).toBe(3)
  other.chat.conversation('g').markRead()
  await pass(500)
  expect(conversation.view).toMatchObject({ unread: 0, readSeq: 4 })
})

test('a client opened again on its storage shows list, messages and unsent ones before it is connected', async () => {
  server.group('g', ['alice', 'bob'])
  for (let number = 1; number <= 60; number++)
    server.append('g', 'bob', { type: 'text', text: String(number) })
  const kept = memoryStorage()
  const first = await connect(server, 'alice', { kept })
  const loading = first.chat.conversation('g').load()
  await pass(50)
  await loading
  server.unreachable = true
  server.cut()
  await pass(20)
  first.chat.conversation('g').send({ text: 'unsent' })
  await pass(20)
  await first.close()

  const second = await Parley.open({
    url: 'http://localhost',
    userId: 'alice',
    getToken: () => server.tokenOf('alice'),
    openSocket: server.openSocket,
    storage: () => kept,
  })
  opened.push(second)
  const conversation = second.chat.conversation('g')
  await conversation.load()
  expect(second.chat.conversations().map(({ id }) => id)).toEqual(['g'])
  expect(conversation.messages).toHaveLength(51)
  expect(conversation.messages.at(-1)).toMatchObject({ state: 'sending', content: { text: 'unsent' } })
  server.append('g', 'bob', { type: 'text', text: 'meanwhile' })
  server.unreachable = false
  await pass(60_000)
  expect(texts(conversation.messages).slice(-3)).toEqual(['60', 'meanwhile', 'unsent'])
})

test('a cursor the server cannot continue is told as reloaded and replaces what was kept', async () => {
  server.group('g', ['alice', 'bob'])
  server.append('g', 'bob', { type: 'text', text: 'one' })
  const alice = await client('alice')
  const kinds: string[] = []
  alice.chat.on('sync', ({ kind }) => kinds.push(kind))
  const conversation = alice.chat.conversation('g')
  const loading = conversation.load()
  await pass(50)
  await loading
  server.cut()
  await pass(5_000)
  server.moves += 10
  server.oldestCursor = server.moves
  server.cut()
  await pass(10_000)
  expect(kinds).toEqual(['resumed', 'reloaded'])
  expect(texts(conversation.messages)).toEqual(['one'])
})

test('a conversation that began while the client was away is heard from its first message', async () => {
  const alice = await client('alice')
  const heard: string[] = []
  alice.chat.on('message', ({ message }) => heard.push(...texts([message])))
  alice.suspend()
  const bob = await client('bob')
  const opening = bob.chat.direct('alice')
  await pass(50)
  const conversation = await opening
  for (const text of ['one', 'two']) conversation.send({ text })
  await pass(500)
  alice.resume()
  await pass(60_000)
  expect(heard).toEqual(['one', 'two'])
})

test('an event that overtakes the first sync is kept', async () => {
  server.group('g', ['alice', 'bob'])
  const receive = server.receive.bind(server)
  server.receive = (socket, text) => {
    // The snapshot is taken now and answered late, behind what happens after it.
    const late = text.includes('conversation.sync')
    if (late) server.latencyMs = 100
    receive(socket, text)
    if (late) server.latencyMs = 5
  }
  const alice = await Parley.open({
    url: 'http://localhost',
    userId: 'alice',
    getToken: () => server.tokenOf('alice'),
    openSocket: server.openSocket,
  })
  opened.push(alice)
  const conversation = alice.chat.conversation('g')
  const loading = conversation.load()
  await pass(60)
  await loading
  server.append('g', 'bob', { type: 'text', text: 'early bird' })
  await pass(500)
  expect(texts(conversation.messages)).toEqual(['early bird'])
  expect(conversation.view).toMatchObject({ headSeq: 1, unread: 1, lastMessage: { seq: 1 } })
})

test('a gap that could not be fetched at first is fetched later, without another event', async () => {
  server.group('g', ['alice', 'bob'])
  const alice = await client('alice')
  const heard: number[] = []
  alice.chat.conversation('g').on('message', ({ seq }) => heard.push(seq))
  await pass(50)
  let refusals = 2
  server.verdict = ({ type }) =>
    type === 'message.list' && refusals-- > 0 ? new AppError('overloaded') : undefined
  server.fate = () => 'drop'
  server.append('g', 'bob', { type: 'text', text: 'lost' })
  server.fate = () => 'deliver'
  server.append('g', 'bob', { type: 'text', text: 'next' })
  await pass(10_000)
  expect(heard).toEqual([1, 2])
})

test('older pages are loaded until the beginning', async () => {
  server.group('g', ['alice', 'bob'])
  for (let number = 1; number <= 130; number++)
    server.append('g', 'bob', { type: 'text', text: String(number) })
  const alice = await client('alice')
  const conversation = alice.chat.conversation('g')
  const all = (async () => {
    await conversation.load()
    while (await conversation.loadOlder()) await Promise.resolve()
  })()
  await pass(1_000)
  await all
  expect(conversation.messages.map(({ seq }) => seq)).toEqual(
    Array.from({ length: 130 }, (_, index) => index + 1),
  )
  const history = conversation.history({ limit: 10, beforeSeq: 100 })
  await pass(50)
  expect((await history).map(({ seq }) => seq)).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99])
})

test('a message on its way has one line, whatever it waits for and however often the outbox is read', async () => {
  server.group('g', ['alice', 'bob'])
  const kept = new SlowRemovals()
  const alice = await client('alice', { kept })
  const conversation = alice.chat.conversation('g')
  await pass(50)
  const lines: number[] = []
  conversation.on('changed', () =>
    lines.push(conversation.messages.filter(({ key }) => key === 'mine').length),
  )
  // The entry itself does not come: the message stays acknowledged and unseen.
  server.fate = () => 'drop'
  server.verdict = ({ type }) => (type === 'message.list' ? new AppError('overloaded') : undefined)
  kept.held = true
  conversation.send({ text: 'once', clientMessageId: 'mine', expiresAfterMs: 60_000 })
  await pass(50)
  server.cut()
  await pass(5_000)
  kept.letGo()
  await pass(5_000)
  server.verdict = () => undefined
  await pass(10_000)
  expect(server.frames.filter(({ type }) => type === 'message.send')).toHaveLength(1)
  expect(new Set(lines)).toEqual(new Set([1]))
  expect(conversation.messages).toMatchObject([{ key: 'mine', state: 'sent' }])
})

test('a conversation that nobody looks at keeps its newest entries only, in memory and in the cache', async () => {
  server.group('g', ['alice', 'bob'])
  const kept = memoryStorage()
  const alice = await client('alice', { kept })
  const conversation = alice.chat.conversation('g')
  let heard = 0
  alice.chat.on('message', () => heard++)
  await pass(50)
  for (let sent = 0; sent < 100_000; sent += 500) {
    for (let number = 0; number < 500; number++) server.append('g', 'bob', { type: 'text', text: 'x' })
    await pass(20)
  }
  await pass(5_000)
  expect(heard).toBe(100_000)
  expect(conversation.messages).toHaveLength(200)
  expect((await kept.read('entries')).length).toBeLessThanOrEqual(1_100)

  const loading = conversation.load()
  await pass(50)
  await loading
  const older = conversation.loadOlder()
  await pass(50)
  expect(await older).toBe(true)
  expect(conversation.messages.map(({ seq }) => seq)).toEqual(
    Array.from({ length: 300 }, (_, at) => 100_000 - 299 + at),
  )
  conversation.unload()
  expect(conversation.messages).toHaveLength(200)
}, 60_000)

test('every listener sees each message exactly once and in order, whatever the network does', async () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('bob' as const), count: fc.integer({ min: 1, max: 5 }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('alice' as const), count: fc.integer({ min: 1, max: 12 }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), silently: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('answer-lost' as const) }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
    },
  )
  const fates = fc.infiniteStream(
    fc.constantFrom(
      'deliver' as const,
      'deliver' as const,
      'drop' as const,
      'duplicate' as const,
      'late' as const,
    ),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fates, async (steps, stream) => {
      server = new FakeServer()
      server.group('g', ['alice', 'bob'])
      const alice = await connect(server, 'alice')
      const heard: Message[] = []
      alice.chat.on('message', ({ message }) => heard.push(message))
      const conversation = alice.chat.conversation('g')
      server.fate = () => stream.next().value ?? 'deliver'
      let sent = 0
      for (const action of steps) {
        if (action.do === 'bob') {
          for (let index = 0; index < action.count; index++)
            server.append('g', 'bob', { type: 'text', text: 'b' })
        } else if (action.do === 'alice') {
          for (let index = 0; index < action.count; index++) conversation.send({ text: `a${sent++}` })
        } else if (action.do === 'cut') server.cut(action.silently)
        else if (action.do === 'answer-lost') {
          let lost = false
          server.verdict = ({ type }) => {
            if (type !== 'message.send' || lost) return undefined
            lost = true
            return 'cut-after'
          }
        } else await pass(action.ms)
        await pass(1)
      }
      server.fate = () => 'deliver'
      server.append('g', 'bob', { type: 'text', text: 'last' })
      await pass(240_000)
      expect(heard.map(({ seq }) => seq)).toEqual(server.entries('g').map(({ seq }) => seq))
      const own = texts(server.entries('g').filter(({ senderId }) => senderId === 'alice'))
      expect(own).toEqual(Array.from({ length: sent }, (_, index) => `a${index}`))
      expect(conversation.messages.every(({ state }) => state === 'sent')).toBe(true)
      await alice.close()
    }),
    { numRuns: 60 },
  )
})
