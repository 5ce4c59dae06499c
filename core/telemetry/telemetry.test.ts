import { InProcessBus } from '@parley/core/bus'
import { Jobs } from '@parley/core/jobs'
import { Scope, silentLogger, sleep } from '@parley/core/kernel'
import { openTestDatabase } from '@parley/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Telemetry, type TelemetryOptions, type TelemetryPoint } from './index.ts'

let opened: Awaited<ReturnType<typeof openTestDatabase>>
let scope: Scope

beforeEach(async () => {
  opened = await openTestDatabase()
  scope = new Scope('telemetry test', silentLogger)
})

afterEach(async () => {
  await scope?.close()
  await opened?.close()
})

async function open(options: Partial<TelemetryOptions> = {}): Promise<Telemetry> {
  const { database } = opened
  const bus = scope.own('bus', new InProcessBus({ logger: silentLogger }))
  const jobs = await Jobs.open({ database, bus, logger: silentLogger, scope })
  return Telemetry.open({ database, jobs, logger: silentLogger, scope, flushMs: 1, ...options })
}

const now = Date.now()

function point(n: number, overrides: Partial<TelemetryPoint> = {}): TelemetryPoint {
  return {
    projectId: 'proj_a',
    subject: 'room/standup',
    name: 'rtc.received',
    at: new Date(now + n),
    data: { n, lossPercent: 1.5 },
    ...overrides,
  }
}

const time = { from: new Date(now - 60_000), to: new Date(now + 60_000) }

test('points are stored soon, and read by subject, name and time of their project only', async () => {
  const telemetry = await open()
  telemetry.record([point(0), point(1), point(2, { name: 'rtc.sent' }), point(3, { projectId: 'proj_b' })])
  telemetry.record([point(4, { subject: 'room/other' }), point(60_000)])
  while (telemetry.queued > 0) await sleep(2)
  await telemetry.flush()
  expect(await telemetry.read('proj_a', { subject: 'room/standup', ...time })).toEqual([
    point(0),
    point(1),
    point(2, { name: 'rtc.sent' }),
  ])
  expect(await telemetry.read('proj_a', { subject: 'room/standup', name: 'rtc.sent', ...time })).toHaveLength(
    1,
  )
  expect(telemetry.dropped).toBe(0)
})

test('the queue is bounded: what does not fit is dropped and counted', async () => {
  const telemetry = await open({ maxQueued: 100, flushMs: 60_000 })
  telemetry.record(Array.from({ length: 70 }, (_, n) => point(n)))
  telemetry.record(Array.from({ length: 70 }, (_, n) => point(100 + n)))
  telemetry.record([point(500)])
  expect([telemetry.queued, telemetry.dropped]).toEqual([100, 41])
  await telemetry.flush()
  expect(telemetry.queued).toBe(0)
  expect(await telemetry.read('proj_a', { subject: 'room/standup', ...time })).toHaveLength(100)
})

test('closing stores what is queued, and takes no more', async () => {
  const telemetry = await open({ flushMs: 60_000 })
  telemetry.record([point(0)])
  await telemetry.close()
  telemetry.record([point(1)])
  expect(await telemetry.read('proj_a', { subject: 'room/standup', ...time })).toHaveLength(1)
  expect(telemetry.dropped).toBe(1)
})

test('when the database refuses, points are lost and counted, and later ones are stored', async () => {
  const telemetry = await open({ flushMs: 60_000 })
  telemetry.record([point(0, { name: 'nul \u0000' })])
  await telemetry.flush()
  telemetry.record([point(1)])
  await telemetry.flush()
  expect(telemetry.dropped).toBe(1)
  expect(await telemetry.read('proj_a', { subject: 'room/standup', ...time })).toEqual([point(1)])
})

test('a job deletes what is too old', async () => {
  const telemetry = await open({ keepMs: 3_600_000 })
  telemetry.record([point(0), point(0, { at: new Date(now - 7_200_000) })])
  await telemetry.flush()
  const count = async () => {
    const { rows } = await opened.database.system.query<{ count: number }>({
      text: 'select count(*) from telemetry.points',
    })
    return rows[0]?.count
  }
  await opened.database.system.query({ text: 'update jobs.schedules set next_at = now()' })
  while ((await count()) !== 1) await sleep(5)
  expect(await telemetry.read('proj_a', { subject: 'room/standup', ...time })).toEqual([point(0)])
})
