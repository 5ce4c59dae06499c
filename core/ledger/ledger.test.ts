import { AppError } from '@parley/contracts'
import { openTestDatabase } from '@parley/testing/postgres'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Ledger, type LedgerFact, ledgerMigrations, toCloudEvent, type UsageInterval } from './index.ts'

let opened: Awaited<ReturnType<typeof openTestDatabase>>
let ledger: Ledger

beforeAll(async () => {
  opened = await openTestDatabase({ migrations: [ledgerMigrations] })
  ledger = await Ledger.open({ database: opened.database })
})

afterAll(() => opened?.close())

const day = Date.UTC(2026, 0, 1)
const wholeDay = { from: new Date(day), to: new Date(day + 86_400_000) }

function fact(id: string, projectId: string, overrides: Partial<LedgerFact> = {}): LedgerFact {
  return {
    id,
    projectId,
    type: 'message.created',
    subject: 'conversation/conv_1',
    occurredAt: new Date(day + 1_000),
    quantity: 1,
    data: { bytes: 256 },
    ...overrides,
  }
}

function interval(id: string, projectId: string, fromMs: number, toMs: number): UsageInterval {
  return {
    id,
    projectId,
    subscriber: 'ann',
    publication: 'pub_1',
    kind: 'rtc-video',
    from: new Date(day + fromMs),
    to: new Date(day + toMs),
    received: { width: 1_280, height: 720 },
    source: 'sfu-1',
  }
}

test('a fact is stored once for its project and id, also within a batch', async () => {
  const facts = [fact('1', 'proj_once'), fact('1', 'proj_once', { quantity: 9 }), fact('2', 'proj_once')]
  expect(await ledger.append(opened.database.system, facts)).toBe(2)
  expect(await ledger.append(opened.database.system, [fact('1', 'proj_once'), fact('1', 'proj_other')])).toBe(
    1,
  )
  const { items } = await ledger.facts('proj_once', wholeDay)
  expect(items).toEqual([fact('1', 'proj_once'), fact('2', 'proj_once')])
})

test('a project neither writes nor reads facts of another', async () => {
  const forged = ledger.append(opened.database.project('proj_x'), [fact('1', 'proj_y')])
  await expect(forged).rejects.toThrow()
  await ledger.append(opened.database.system, [fact('1', 'proj_y')])
  expect(await ledger.facts('proj_x', wholeDay)).toEqual({ items: [] })
})

test('pages by time hold each fact of the time once, also where many share an instant', async () => {
  const facts = Array.from({ length: 57 }, (_, index) =>
    fact(String(index).padStart(3, '0'), 'proj_pages', {
      occurredAt: new Date(day + Math.floor(index / 10) * 1_000),
      type: index % 2 === 0 ? 'message.created' : 'room.ended',
    }),
  )
  await ledger.append(opened.database.system, facts)
  await ledger.append(opened.database.system, [fact('late', 'proj_pages', { occurredAt: wholeDay.to })])
  const read: LedgerFact[] = []
  let cursor: string | undefined
  do {
    const page = await ledger.facts('proj_pages', { ...wholeDay, cursor, limit: 7 })
    read.push(...page.items)
    cursor = page.nextCursor
  } while (cursor)
  expect(read).toEqual(facts)
  const rooms = await ledger.facts('proj_pages', { ...wholeDay, types: ['room.ended'] })
  expect(rooms.items).toHaveLength(28)
  const broken = ledger.facts('proj_pages', { ...wholeDay, cursor: 'nonsense' })
  await expect(broken).rejects.toThrow(AppError)
})

test('a fact reads as a CloudEvent', () => {
  expect(toCloudEvent(fact('1', 'proj_a'))).toEqual({
    specversion: '1.0',
    id: '1',
    source: '/v1/projects/proj_a',
    type: 'message.created',
    subject: 'conversation/conv_1',
    time: '2026-01-01T00:00:01.000Z',
    datacontenttype: 'application/json',
    data: { bytes: 256, quantity: 1 },
  })
})

test('a heartbeat moves the end of an interval and nothing else, never back', async () => {
  await ledger.openOrExtend([interval('1', 'proj_beat', 0, 1_000)])
  await ledger.openOrExtend([
    { ...interval('1', 'proj_beat', 500, 3_000), received: { width: 1, height: 1 }, source: 'forged' },
    interval('1', 'proj_beat', 0, 2_000),
    interval('2', 'proj_beat', 3_000, 3_000),
  ])
  await ledger.openOrExtend([interval('1', 'proj_beat', 0, 1_500)])
  const { items } = await ledger.intervals('proj_beat', wholeDay)
  expect(items).toEqual([interval('1', 'proj_beat', 0, 3_000), interval('2', 'proj_beat', 3_000, 3_000)])
})

test('heartbeats in any order, repeated and side by side give the latest end', async () => {
  let run = 0
  const batches = fc.array(
    fc.array(fc.record({ id: fc.integer({ min: 0, max: 4 }), to: fc.integer({ min: 0, max: 10_000 }) }), {
      maxLength: 8,
    }),
    { minLength: 1, maxLength: 5 },
  )
  await fc.assert(
    fc.asyncProperty(batches, async (beats) => {
      const projectId = `proj_run${run++}`
      const writes = beats.map((batch) =>
        ledger.openOrExtend(batch.map(({ id, to }) => interval(String(id), projectId, 0, to))),
      )
      await Promise.all(writes)
      const latest = new Map<string, number>()
      for (const { id, to } of beats.flat()) latest.set(String(id), Math.max(to, latest.get(String(id)) ?? 0))
      const { items } = await ledger.intervals(projectId, { from: new Date(day - 1), to: wholeDay.to })
      expect(new Map(items.map(({ id, to }) => [id, to.getTime() - day]))).toEqual(latest)
    }),
    { numRuns: 30 },
  )
})

test('intervals are found by overlap, in pages by their begin', async () => {
  const all = [0, 1, 2, 3, 4].map((n) => interval(String(n), 'proj_overlap', n * 1_000, n * 1_000 + 1_500))
  await ledger.openOrExtend(all)
  const time = { from: new Date(day + 1_500), to: new Date(day + 4_000) }
  const first = await ledger.intervals('proj_overlap', { ...time, limit: 2 })
  const second = await ledger.intervals('proj_overlap', { ...time, limit: 2, cursor: first.nextCursor })
  expect([...first.items, ...second.items]).toEqual(all.slice(1, 4))
})
