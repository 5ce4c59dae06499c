import type { Message } from '@parley/contracts'
import { InProcessBus } from '@parley/core/bus'
import { configSource, readSettings, Scope, silentLogger } from '@parley/core/kernel'
import { Metrics } from '@parley/core/metrics'
import { Outbox, outboxMigrations } from '@parley/core/outbox'
import { MasterKey } from '@parley/core/secrets'
import { type Database, openDatabase } from '@parley/core/store'
import { OutgoingGuard } from '@parley/core/webhooks'
import { createTestDatabase } from '@parley/testing/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type PushPorts, PushService, pushMigrations, pushSettings } from '../src/index.ts'
import { PushServiceDouble, until } from './push-service.ts'

const projectId = 'proj_faults'
const conversationId = 'conv_1'
const members = Array.from({ length: 6 }, (_, index) => `user${index}`)

let url: string
let closeDatabase: () => Promise<void>
let gateway: PushServiceDouble
beforeAll(async () => {
  ;({ url, close: closeDatabase } = await createTestDatabase({
    migrations: [outboxMigrations, pushMigrations],
  }))
  gateway = await PushServiceDouble.start()
})
afterAll(async () => {
  await gateway?.close()
  await closeDatabase?.()
})

const messageAt = (seq: number): Message => ({
  ...{ id: `msg_${seq}`, conversationId, seq, messageNo: seq, senderId: 'user0' },
  ...{ content: { type: 'text', text: `message ${seq}` }, createdAt: new Date().toISOString() },
})

const ports: PushPorts = {
  conversations: {
    describe: async () => ({ type: 'group', name: 'Crew', memberCount: members.length }),
    entries: async (_project, _conversation, fromSeq, toSeq) =>
      Array.from({ length: toSeq - fromSeq + 1 }, (_, index) => messageAt(fromSeq + index)),
    audience: async (_project, _conversation, _seq, { afterUserId, limit }) =>
      members.filter((userId) => userId > afterUserId).slice(0, limit),
    audienceAmong: async (_project, _conversation, _seq, userIds) => [...userIds],
    unreadTotal: async () => 1,
  },
  deliveries: { taken: async () => new Set() },
  users: { ensure: async () => undefined, names: async () => new Map() },
  blocks: { whoBlocks: async () => new Set() },
}

interface Process {
  database: Database
  outbox: Outbox
  push: PushService
  /** Nothing of it reaches the database any more. */
  kill(): Promise<void>
}

async function startProcess(): Promise<Process> {
  const logger = silentLogger
  const outer = new Scope('database', logger)
  const database = await openDatabase({ url, logger, scope: outer, poolSize: 6 })
  const scope = new Scope('process', logger)
  const bus = scope.own('bus', new InProcessBus({ logger }))
  const times = { rereadMs: 50, gatherMs: 1, retryMs: 10, maxRetryMs: 50, leaseMs: 600, idleSaveMs: 0 }
  const outbox = await Outbox.open({ database, bus, logger, scope, times })
  const push = new PushService({
    ...{ database, outbox, bus, logger, scope, metrics: new Metrics() },
    masterKey: new MasterKey(Buffer.alloc(32, 1)),
    settings: { ...readSettings(pushSettings, configSource({})), delayMs: 0, retryMs: 10, timeoutMs: 500 },
    guard: new OutgoingGuard({ allowLoopback: true }),
    ports,
  })
  return {
    ...{ database, outbox, push },
    kill: async () => {
      await outer.close()
      await scope.close()
    },
  }
}

const append = ({ database, outbox }: Process, seq: number) =>
  database.system.transaction((tx) =>
    outbox.append(tx, [
      {
        ...{ projectId, resource: `conversation/${conversationId}`, type: 'conversation.appended' as const },
        data: { conversationId, fromSeq: seq, toSeq: seq, version: 1 },
      },
    ]),
  )

test('PUSH-50, PUSH-51: whenever a process is killed, every message is pushed to every device; what comes twice collapses', {
  timeout: 60_000,
}, async () => {
  const first = await startProcess()
  const project = first.database.project(projectId)
  await first.push.providers.put(project, 'http', { url: gateway.origin })
  for (const userId of members) {
    const token = `token-${userId}`
    await first.push.devices.put(project, {
      ...{ userId, deviceId: 'phone', provider: 'http', token, identity: token },
    })
  }
  let calls = 0
  // Every third push is refused and every fifth gets no answer, so that attempts repeat as well.
  gateway.reply = () => {
    calls++
    if (calls % 3 === 0) return 500
    if (calls % 5 === 0) return (response) => void response.socket?.destroy()
    return 202
  }
  let process = first
  const messages = 24
  const kills = 4
  for (let seq = 1; seq <= messages; seq++) {
    await append(process, seq)
    await new Promise((resolve) => setTimeout(resolve, seq % 3))
    if (seq % (messages / kills) !== 0) continue
    await process.kill()
    process = await startProcess()
    // What the dead process had claimed would be due after its lease: the test does not wait for that.
    const due = 'set due_at = clock_timestamp()'
    await process.database.system.query({ text: `update push.runs ${due}` })
    await process.database.system.query({ text: `update push.deliveries ${due} where state = 'waiting'` })
  }
  const wanted = messages * (members.length - 1)
  await until(async () => {
    const { rows } = await process.database.system.query<{ count: number }>({
      text: `select count(*)::int as count from push.deliveries where project_id = $1 and state = 'sent'`,
      values: [projectId],
    })
    return rows[0]?.count === wanted
  })
  const { rows: texts } = await process.database.system.query({
    text: 'select notification from push.deliveries where notification is not null',
  })
  expect(texts).toEqual([])
  const pushes = gateway.received.map(({ body }) => JSON.parse(body.toString()))
  const keys = new Map<string, Set<string>>()
  for (const { data, token, pushId, collapseId } of pushes) {
    const key = `${data.messageId} ${token}`
    keys.set(key, (keys.get(key) ?? new Set()).add(`${pushId} ${collapseId}`))
  }
  expect(keys.size).toBe(wanted)
  expect([...keys.values()].every((ids) => ids.size === 1)).toBe(true)
  expect([...keys.keys()].some((key) => key.endsWith('token-user0'))).toBe(false)
  await process.kill()
})

test('PUSH-40: another project sees and moves nothing, whatever it names', async () => {
  const process = await startProcess()
  const { database, push } = process
  const [own, foreign] = [database.project(projectId), database.project('proj_other')]
  const page = { userId: 'user1', limit: 10 }
  const { items } = await push.deliveries.receipts(own, page)
  const [known] = items
  expect(known).toBeDefined()
  expect(await push.devices.list(own, 'user1')).toHaveLength(1)
  expect(await push.devices.list(foreign, 'user1')).toEqual([])
  expect(await push.devices.remove(foreign, 'user1', 'phone')).toBe(false)
  expect(await push.providers.list(foreign)).toEqual([])
  expect(await push.deliveries.receipts(foreign, page)).toEqual({ items: [] })
  const opened = [{ pushId: known?.pushId ?? '', event: 'opened' as const }]
  expect(await push.deliveries.report(foreign, 'user1', opened)).toBe(0)
  // The second lock: a query that forgets the project sees nothing of others.
  for (const table of ['devices', 'providers', 'deliveries']) {
    const text = `select count(*)::int as count from push.${table}`
    expect((await foreign.query<{ count: number }>({ text })).rows).toEqual([{ count: 0 }])
    expect((await own.query<{ count: number }>({ text })).rows[0]?.count).toBeGreaterThan(0)
  }
  await process.kill()
})
