import { defaultProjectSettings, type ServerEvent } from '@parley/contracts'
import { InProcessBus } from '@parley/core/bus'
import type { Gateway } from '@parley/core/gateway'
import { readSettings, Scope, silentLogger } from '@parley/core/kernel'
import { Outbox } from '@parley/core/outbox'
import type { Database } from '@parley/core/store'
import { openTestDatabase } from '@parley/testing/postgres'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { chatSettings } from '../config.ts'
import { chatMigrations } from '../migrations/index.ts'
import type { ChatPorts } from '../ports.ts'
import { ChatService } from '../service.ts'

const projectId = 'proj_a'
let database: Database
let scope: Scope
let closeDatabase: () => Promise<void>

const ports: ChatPorts = {
  users: { ensure: async () => undefined },
  projects: { settings: async () => defaultProjectSettings },
  attachments: { describe: async () => new Map(), signUrl: () => '' },
  sendGuards: [],
}

beforeAll(async () => {
  const opened = await openTestDatabase({ migrations: [chatMigrations] })
  database = opened.database
  closeDatabase = opened.close
  scope = new Scope('test', silentLogger)
})
afterAll(async () => {
  await scope.close()
  await closeDatabase()
})

/** A process that hears nothing of the others unless the test tells it. `heard` is what its connections get. */
async function deafProcess(online: string[]) {
  const heard: { userIds: string[]; seq: number }[] = []
  const gateway = {
    online: () => new Map(online.map((userId) => [userId, new Set()])),
    encode: (event: ServerEvent) => event,
    deliver: (_project: string, userIds: Iterable<string>, event: ServerEvent) => {
      if (event.type === 'message.created')
        heard.push({ userIds: [...userIds].sort(), seq: event.message.seq })
    },
  } as unknown as Gateway
  const bus = new InProcessBus({ logger: silentLogger })
  const own = scope.child(`process of ${online.join()}`)
  const outbox = await Outbox.open({ database, bus, logger: silentLogger, scope: own })
  const settings = readSettings(chatSettings, { read: () => undefined })
  const chat = new ChatService({ database, outbox, bus, gateway, logger: silentLogger, settings, ports })
  own.own('chat', chat)
  return { chat, heard }
}

let made = 0
const send = (chat: ChatService, senderId: string, conversationId: string) =>
  chat.sender.send({
    projectId,
    senderId,
    conversationId,
    clientMessageId: `f-${++made}`,
    content: { type: 'text', text: 'x' },
  })

test('CHAT-16: an entry of another process whose news is late is not overtaken, and not told twice', async () => {
  const here = await deafProcess(['ann', 'bob'])
  const elsewhere = await deafProcess([])
  const { id } = await elsewhere.chat.groups.create(
    { projectId, userId: undefined },
    { type: 'group', memberIds: ['ann', 'bob', 'cid'] },
  )
  await send(elsewhere.chat, 'cid', id)
  await send(here.chat, 'ann', id)
  await vi.waitFor(() => expect(here.heard.map(({ seq }) => seq)).toEqual([1, 2]))
  here.chat.fanOut.handleNews(projectId, id, { fromSeq: 1, toSeq: 1, version: 1 })
  await send(elsewhere.chat, 'cid', id)
  await send(elsewhere.chat, 'cid', id)
  here.chat.fanOut.handleNews(projectId, id, { fromSeq: 4, toSeq: 4, version: 1 })
  await vi.waitFor(() => expect(here.heard.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]))
  expect(here.heard.every(({ userIds }) => userIds.join() === 'ann,bob')).toBe(true)
})

test('CHAT-10: each entry goes to whoever was a member as of it', async () => {
  const here = await deafProcess(['ann', 'bob', 'new'])
  const elsewhere = await deafProcess([])
  const admin = { projectId, userId: undefined }
  const { id } = await elsewhere.chat.groups.create(admin, { type: 'group', memberIds: ['ann', 'bob'] })
  await send(elsewhere.chat, 'ann', id)
  await elsewhere.chat.groups.add(admin, id, ['new'], 'member')
  await send(elsewhere.chat, 'ann', id)
  await elsewhere.chat.groups.remove(admin, id, 'bob')
  await send(elsewhere.chat, 'ann', id)
  here.chat.fanOut.handleNews(projectId, id, { fromSeq: 5, toSeq: 5, version: 3 })
  await vi.waitFor(() => expect(here.heard.length).toBe(3))
  expect(here.heard).toEqual([
    { seq: 1, userIds: ['ann', 'bob'] },
    { seq: 3, userIds: ['ann', 'bob', 'new'] },
    { seq: 5, userIds: ['ann', 'new'] },
  ])
})
