import { AppError, defaultProjectSettings } from '@parley/contracts'
import { InProcessBus } from '@parley/core/bus'
import type { Gateway } from '@parley/core/gateway'
import { readSettings, Scope, silentLogger } from '@parley/core/kernel'
import { Outbox } from '@parley/core/outbox'
import type { Database } from '@parley/core/store'
import { openTestDatabase } from '@parley/testing/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { chatSettings } from './config.ts'
import { chatMigrations } from './migrations/index.ts'
import type { ChatPorts, SendGuard } from './ports.ts'
import { ChatService } from './service.ts'
import { startUserChanges } from './sync/user-changes.ts'

const projectId = 'proj_a'
let database: Database
let chat: ChatService
let scope: Scope
let closeDatabase: () => Promise<void>

/** Nobody is connected: these tests are about what is stored. Delivery is tested over real sockets. */
const nobodyOnline = {
  online: () => new Map(),
  encode: () => undefined,
  deliver: () => undefined,
} as unknown as Gateway

let guard: SendGuard['check'] = async ({ content }) => content
let newMembersSeeHistory = true

const ports: ChatPorts = {
  users: { ensure: async () => undefined },
  projects: { settings: async () => ({ ...defaultProjectSettings, newMembersSeeHistory }) },
  attachments: { describe: async () => new Map(), signUrl: () => '' },
  sendGuards: [{ check: (message) => guard(message) }],
}

beforeAll(async () => {
  const opened = await openTestDatabase({ migrations: [chatMigrations] })
  database = opened.database
  closeDatabase = opened.close
  scope = new Scope('test', silentLogger)
  const bus = new InProcessBus({ logger: silentLogger })
  const outbox = await Outbox.open({ database, bus, logger: silentLogger, scope })
  const settings = readSettings(chatSettings, { read: () => undefined })
  chat = new ChatService({
    database,
    outbox,
    bus,
    gateway: nobodyOnline,
    logger: silentLogger,
    settings,
    ports,
  })
  scope.own('chat', chat)
  startUserChanges(outbox, database)
})
afterAll(async () => {
  await scope.close()
  await closeDatabase()
})

const say = (text: string) => ({ type: 'text' as const, text })
const asUser = (userId: string) => ({ projectId, userId })
let made = 0
const group = (...memberIds: string[]) =>
  chat.groups.create({ projectId, userId: undefined }, { type: 'group', memberIds, id: `group-${++made}` })
const send = (senderId: string, conversationId: string, text: string, clientMessageId = `c-${++made}`) =>
  chat.sender.send({ projectId, senderId, conversationId, clientMessageId, content: say(text) })

test('CHAT-2: seq is dense from 1 under concurrent senders', async () => {
  const { id } = await group('ann', 'bob', 'cid')
  const sent = await Promise.all(
    Array.from({ length: 300 }, (_, index) =>
      send(['ann', 'bob', 'cid'][index % 3] ?? 'ann', id, `m${index}`),
    ),
  )
  expect(sent.map((answer) => answer.seq).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 300 }, (_, i) => i + 1),
  )
  const page = await chat.history.list(projectId, id, 'ann', { afterSeq: 0, limit: 200 })
  expect(page.items.map((item) => item.seq)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
  expect(page.headSeq).toBe(300)
})

test('CHAT-22: a group is made without an entry; what comes first has seq 1', async () => {
  const { id } = await group('ann', 'bob')
  const made = await chat.history.list(projectId, id, 'bob', { limit: 10 })
  expect(made).toMatchObject({ items: [], headSeq: 0 })
  expect((await send('ann', id, 'first')).seq).toBe(1)
})

test('CHAT-3: sends of one sender keep their order', async () => {
  const { id } = await group('ann')
  await Promise.all(Array.from({ length: 100 }, (_, index) => send('ann', id, `m${index}`)))
  const page = await chat.history.list(projectId, id, 'ann', { afterSeq: 0, limit: 200 })
  expect(page.items.map((item) => item.content)).toEqual(
    Array.from({ length: 100 }, (_, index) => say(`m${index}`)),
  )
})

test('CHAT-4: a retried clientMessageId is stored once; another body under it is a conflict', async () => {
  const { id } = await group('ann', 'bob')
  const all = await Promise.all(Array.from({ length: 5 }, () => send('ann', id, 'once', 'same')))
  expect(new Set(all.map((answer) => answer.messageId)).size).toBe(1)
  await expect(send('ann', id, 'twice', 'same')).rejects.toMatchObject({ code: 'client-message-id-conflict' })
  expect((await send('bob', id, 'mine', 'same')).seq).toBe(2)
  expect((await chat.find(projectId, 'ann', 'same')).seq).toBe(1)
})

test('CHAT-20: first messages that cross meet in one direct conversation', async () => {
  const sendTo = (senderId: string, toUserId: string) =>
    chat.sender.send({ projectId, senderId, toUserId, clientMessageId: `x-${senderId}`, content: say('hi') })
  const [a, b] = await Promise.all([sendTo('dan', 'eve'), sendTo('eve', 'dan')])
  expect(a.conversationId).toBe(b.conversationId)
  expect([a.seq, b.seq].sort()).toEqual([1, 2])
  const self = await sendTo('solo', 'solo')
  expect((await chat.conversation(projectId, self.conversationId, 'solo')).memberCount).toBe(1)
})

test('CHAT-7, CHAT-30: edit and recall change in place and take a seq; a recall leaves no text behind', async () => {
  const { id } = await group('ann', 'bob')
  const { messageId } = await send('ann', id, 'secret one')
  const edited = await chat.changes.edit(asUser('ann'), messageId, say('secret two'))
  expect(edited).toMatchObject({ seq: 1, content: say('secret two') })
  await expect(chat.changes.edit(asUser('bob'), messageId, say('x'))).rejects.toMatchObject({
    code: 'forbidden',
  })
  await chat.changes.recall(asUser('ann'), messageId)
  const page = await chat.history.list(projectId, id, 'bob', { afterSeq: 0, limit: 50 })
  expect(page.items.map((item) => item.content.type)).toEqual(['recalled', 'edit', 'recall'])
  expect(JSON.stringify(page)).not.toContain('secret')
  await expect(chat.changes.edit(asUser('ann'), messageId, say('y'))).rejects.toMatchObject({
    code: 'message-recalled',
  })
  await chat.changes.recall(asUser('ann'), messageId)
  expect((await chat.history.list(projectId, id, 'bob', { limit: 50 })).headSeq).toBe(3)
})

test('CHAT-8, CHAT-25: unread is derived, never counts own messages, recalled ones or what was there before', async () => {
  const { id } = await group('ann', 'bob')
  const first = await send('ann', id, '1')
  await send('ann', id, '2')
  await send('bob', id, 'own')
  expect((await chat.conversation(projectId, id, 'bob')).unread).toBe(2)
  await chat.changes.recall(asUser('ann'), first.messageId)
  expect((await chat.conversation(projectId, id, 'bob')).unread).toBe(1)
  expect(await chat.read(projectId, id, 'bob', 2)).toMatchObject({ readSeq: 2, unread: 0, moved: true })
  expect(await chat.read(projectId, id, 'bob', 1)).toMatchObject({ readSeq: 2, moved: false })
  expect(await chat.read(projectId, id, 'bob', 1_000_000)).toMatchObject({ readSeq: 4, unread: 0 })
  await chat.groups.add({ projectId, userId: undefined }, id, ['late'], 'member')
  expect(await chat.conversation(projectId, id, 'late')).toMatchObject({ unread: 0 })
})

test('CHAT-10: after a removal nobody speaks or reads', async () => {
  const { id } = await group('ann', 'bob')
  await send('bob', id, 'before')
  await chat.groups.remove({ projectId, userId: undefined }, id, 'bob')
  await expect(send('bob', id, 'after')).rejects.toMatchObject({ code: 'not-a-member' })
  await expect(chat.history.list(projectId, id, 'bob', { limit: 10 })).rejects.toMatchObject({
    code: 'not-a-member',
  })
  expect((await send('ann', id, 'next')).seq).toBe(3)
  await chat.groups.add({ projectId, userId: undefined }, id, ['bob'], 'member')
  expect((await send('bob', id, 'again')).seq).toBe(5)
})

test('CHAT-15: the same ids in another project are another world', async () => {
  const { id } = await group('ann')
  await expect(chat.history.list('proj_b', id, 'ann', { limit: 10 })).rejects.toMatchObject({
    code: 'conversation-not-found',
  })
  await expect(
    chat.sender.send({
      projectId: 'proj_b',
      senderId: 'ann',
      conversationId: id,
      clientMessageId: 'q',
      content: say('x'),
    }),
  ).rejects.toMatchObject({ code: 'conversation-not-found' })
})

test('CHAT-40: sync lists everything once, then what moved', async () => {
  const one = await group('syn', 'ann')
  const two = await group('syn', 'bob')
  const first = await chat.syncs.sync({ projectId, userId: 'syn', limit: 1 })
  expect(first).toMatchObject({ full: true, more: true })
  const second = await chat.syncs.sync({ projectId, userId: 'syn', limit: 1, cursor: first.cursor })
  expect([...first.conversations, ...second.conversations].map((view) => view.id).sort()).toEqual(
    [one.id, two.id].sort(),
  )
  expect(second.more).toBe(false)
  await send('ann', one.id, 'moved')
  const third = await chat.syncs.sync({ projectId, userId: 'syn', limit: 10, cursor: second.cursor })
  expect(third.full).toBe(false)
  expect(third.conversations.find((view) => view.id === one.id)).toMatchObject({ unread: 1, headSeq: 1 })
  await chat.groups.remove({ projectId, userId: undefined }, one.id, 'syn')
  const fourth = await chat.syncs.sync({ projectId, userId: 'syn', limit: 10, cursor: third.cursor })
  expect(fourth.removed).toEqual([one.id])
})

test('CHAT-41: a cursor of another cluster, or garbage, is answered in full', async () => {
  for (const cursor of ['garbage', Buffer.from('["c","0","1",""]').toString('base64url')]) {
    expect(await chat.syncs.sync({ projectId, userId: 'syn', limit: 10, cursor })).toMatchObject({
      full: true,
    })
  }
})

test('CHAT-50: an edit passes the guards and tells them so; one that is refused changes nothing', async () => {
  const { id } = await group('ann', 'bob')
  const { messageId } = await send('ann', id, 'polite')
  const seen: unknown[] = []
  guard = async ({ operation, senderId, conversationType, content }) => {
    seen.push([operation, senderId, conversationType])
    if (content.type === 'text' && content.text === 'rude') throw new AppError('muted')
    return content.type === 'text' ? say(content.text.toUpperCase()) : content
  }
  try {
    await expect(chat.changes.edit(asUser('ann'), messageId, say('rude'))).rejects.toMatchObject({
      code: 'muted',
    })
    expect((await chat.history.get(projectId, messageId, 'bob')).content).toEqual(say('polite'))
    await chat.changes.edit(asUser('ann'), messageId, say('kind'))
  } finally {
    guard = async ({ content }) => content
  }
  expect(seen).toEqual([
    ['edit', 'ann', 'group'],
    ['edit', 'ann', 'group'],
  ])
  expect((await chat.history.get(projectId, messageId, 'bob')).content).toEqual(say('KIND'))
})

test('CHAT-51: whoever has an entry delivered or read has taken it', async () => {
  const { id } = await group('ann', 'bob', 'cid', 'dan')
  for (const text of ['one', 'two', 'three']) await send('ann', id, text)
  await chat.delivered(projectId, id, 'bob', 2)
  await chat.read(projectId, id, 'cid', 3)
  const taken = (seq: number) => chat.taken(projectId, id, seq, ['bob', 'cid', 'dan', 'eve'])
  expect(await taken(2)).toEqual(new Set(['bob', 'cid']))
  expect(await taken(3)).toEqual(new Set(['cid']))
})

test('CHAT-11: a guard that refuses leaves nothing behind, one that replaces decides what is stored', async () => {
  const { id } = await group('ann', 'bob')
  guard = async ({ content }) => {
    if (content.type === 'text' && content.text === 'forbidden') throw new AppError('blocked')
    return content.type === 'text' ? say(content.text.replace('rude', '****')) : content
  }
  try {
    await expect(send('ann', id, 'forbidden', 'guarded')).rejects.toMatchObject({ code: 'blocked' })
    const { rows } = await database.project(projectId).query<{ n: number }>({
      text: `select count(*)::int as n from chat.send_keys where client_message_id = 'guarded'`,
    })
    expect(rows[0]?.n).toBe(0)
    expect((await send('ann', id, 'so rude', 'guarded')).seq).toBe(1)
    expect((await chat.history.list(projectId, id, 'bob', { limit: 5 })).items[0]?.content).toEqual(
      say('so ****'),
    )
  } finally {
    guard = async ({ content }) => content
  }
})

test('CHAT-23: If-Match with another version changes nothing', async () => {
  const { id, version } = await group('ann')
  const admin = { projectId, userId: undefined }
  const renamed = await chat.groups.update(admin, id, { name: 'one' }, version)
  expect(renamed).toMatchObject({ name: 'one', version: version + 1 })
  await expect(chat.groups.update(admin, id, { name: 'two' }, version)).rejects.toMatchObject({
    code: 'version-mismatch',
  })
  expect(await chat.conversation(projectId, id, 'ann')).toMatchObject({ name: 'one', headSeq: 1 })
})

test('CHAT-21: roles decide who may add, remove and rename', async () => {
  const { id } = await chat.groups.create(asUser('own'), { type: 'group', memberIds: ['adm', 'mem'] })
  await chat.groups.add(asUser('own'), id, ['adm2'], 'admin')
  await expect(chat.groups.add(asUser('mem'), id, ['x'], 'member')).rejects.toMatchObject({
    code: 'forbidden',
  })
  await expect(chat.groups.add(asUser('adm2'), id, ['x'], 'admin')).rejects.toMatchObject({
    code: 'forbidden',
  })
  await expect(chat.groups.add(asUser('stranger'), id, ['x'], 'member')).rejects.toMatchObject({
    code: 'not-a-member',
  })
  await expect(chat.groups.remove(asUser('adm2'), id, 'own')).rejects.toMatchObject({ code: 'forbidden' })
  await chat.groups.remove(asUser('adm2'), id, 'mem')
  await chat.groups.remove(asUser('adm'), id, 'adm')
  expect((await chat.members(projectId, id, 'own', { limit: 10 })).items.map((item) => item.userId)).toEqual([
    'adm2',
    'own',
  ])
})

test('CHAT-24: newcomers see from their joining on where the project says so', async () => {
  newMembersSeeHistory = false
  const { id } = await group('ann')
  newMembersSeeHistory = true
  const old = await send('ann', id, 'before')
  await chat.groups.add({ projectId, userId: undefined }, id, ['new'], 'member')
  await send('ann', id, 'after')
  const page = await chat.history.list(projectId, id, 'new', { afterSeq: 0, limit: 10 })
  expect(page).toMatchObject({ visibleFromSeq: 2, items: [{ seq: 2 }, { seq: 3 }] })
  await expect(chat.history.get(projectId, old.messageId, 'new')).rejects.toMatchObject({
    code: 'message-not-found',
  })
  expect(await chat.conversation(projectId, id, 'new')).toMatchObject({ unread: 1 })
})

test('CHAT-42: a large conversation writes nothing per member on a send and is named at every sync', async () => {
  const memberIds = Array.from({ length: 600 }, (_, index) => `large-${index}`)
  const { id } = await group(...memberIds)
  const { cursor } = await chat.syncs.sync({ projectId, userId: 'large-7', limit: 10 })
  const changesBefore = await countChanges(id)
  await send('large-1', id, 'to all')
  const next = await chat.syncs.sync({ projectId, userId: 'large-7', limit: 10, cursor })
  expect(next.conversations.find((view) => view.id === id)).toMatchObject({ headSeq: 1, unread: 1 })
  expect(await countChanges(id)).toBe(changesBefore)
})

async function countChanges(conversationId: string): Promise<number> {
  const { rows } = await database.project(projectId).query<{ n: number }>({
    text: 'select count(*)::int as n from chat.user_changes where conversation_id = $1',
    values: [conversationId],
  })
  return rows[0]?.n ?? 0
}
