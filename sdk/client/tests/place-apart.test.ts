import type { Message } from '@parley/contracts'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Conversation, Parley } from '../src/index.ts'
import { connect, pass } from './client.ts'
import { FakeServer } from './fake-server.ts'

const total = 5_000

let server: FakeServer
let alice: Parley
let conversation: Conversation

const seqs = (messages: readonly { seq?: number }[] | undefined) => messages?.map(({ seq }) => seq)
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at)
const asked = () => server.frames.filter(({ type }) => type === 'message.list').length

/** The outcome of work that needs the clock to go on. */
async function done<T>(work: Promise<T>): Promise<T> {
  await pass(1_000)
  return work
}

beforeEach(async () => {
  vi.useFakeTimers({ now: Date.parse('2026-01-01T00:00:00Z') })
  server = new FakeServer()
  server.group('g', ['alice', 'bob'])
  for (let number = 1; number <= total; number++) {
    server.append('g', 'bob', { type: 'text', text: String(number) })
    vi.setSystemTime(Date.now() + 60_000)
  }
  alice = await connect(server, 'alice')
  conversation = alice.chat.conversation('g')
  await done(conversation.load())
})

afterEach(async () => {
  await alice.close()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

test('a place far back costs one page, and what is newest stays loaded beside it', async () => {
  const before = asked()
  await done(conversation.loadAround(1_000))
  expect(asked() - before).toBe(1)
  expect(seqs(conversation.messagesApart)).toEqual(range(950, 1_049))
  expect(seqs(conversation.messages)).toEqual(range(total - 49, total))

  server.append('g', 'bob', { type: 'text', text: 'meanwhile' })
  server.edit('g', 1_000, { type: 'text', text: 'changed far back' })
  await pass(50)
  expect(conversation.messages.at(-1)?.content).toEqual({ type: 'text', text: 'meanwhile' })
  expect(conversation.messagesApart?.find(({ seq }) => seq === 1_000)?.content).toEqual({
    type: 'text',
    text: 'changed far back',
  })

  expect(await done(conversation.loadOlder(200))).toBe(true)
  expect(await done(conversation.loadNewer(100))).toBe(true)
  expect(seqs(conversation.messagesApart)).toEqual(range(750, 1_149))

  conversation.backToPresent()
  expect(conversation.messagesApart).toBeUndefined()
  expect(conversation.messages.at(-1)?.content).toEqual({ type: 'text', text: 'meanwhile' })
})

test('where the place meets what is newest, both are one', async () => {
  await done(conversation.loadAround(total - 700))
  expect(conversation.messagesApart).toBeDefined()
  let apart = true
  for (let page = 0; page < 10 && apart; page++) apart = await done(conversation.loadNewer(200))
  expect(apart).toBe(false)
  expect(conversation.messagesApart).toBeUndefined()
  expect(seqs(conversation.messages)).toEqual(range(total - 750, total))
})

test('a place close by is reached by older pages, one that is here already by nothing', async () => {
  await done(conversation.loadAround(total - 300))
  expect(conversation.messagesApart).toBeUndefined()
  expect(conversation.messages[0]?.seq).toBeLessThanOrEqual(total - 300)
  const before = asked()
  await done(conversation.loadAround(total - 10))
  expect(asked()).toBe(before)
})

test('the last of several jumps counts, and leaving while one is under way leads nowhere', async () => {
  const jumps = [conversation.loadAround(500), conversation.loadAround(2_500)]
  await done(Promise.all(jumps))
  expect(seqs(conversation.messagesApart)).toEqual(range(2_450, 2_549))
  const late = conversation.loadAround(100)
  conversation.backToPresent()
  await done(late)
  expect(conversation.messagesApart).toBeUndefined()
})

test('a time is found in the log by few questions', async () => {
  const before = asked()
  const at = Date.parse('2026-01-01T00:00:00Z') + 1_233.5 * 60_000
  expect(await done(conversation.seqSince(new Date(at)))).toBe(1_235)
  expect(asked() - before).toBeLessThanOrEqual(Math.ceil(Math.log2(total)))
  expect(await done(conversation.seqSince(new Date(0)))).toBe(1)
  expect(await done(conversation.seqSince(new Date(Date.now() + 60_000)))).toBeUndefined()
})

test('when the log is read anew, the place apart is given up with it', async () => {
  await done(conversation.loadAround(1_000))
  alice.suspend()
  for (let number = 0; number < 1_500; number++) server.append('g', 'bob', { type: 'text', text: 'more' })
  const reloaded = vi.fn()
  conversation.on('reloaded', reloaded)
  alice.resume()
  await pass(5_000)
  expect(reloaded).toHaveBeenCalled()
  expect(conversation.messagesApart).toBeUndefined()
  expect(conversation.messages.at(-1)?.seq).toBe(total + 1_500)
})

test('what cannot be had between two places ends the asking', async () => {
  await done(conversation.loadAround(1_000))
  const log = server.entries('g') as Message[]
  log.splice(1_049, total - 50 - 1_049)
  expect(await done(conversation.loadNewer(200))).toBe(false)
  expect(conversation.messagesApart).toBeUndefined()
  await done(conversation.loadAround(total - 300))
  expect(conversation.messages[0]?.seq).toBe(total - 49)
})
