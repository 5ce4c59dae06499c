import { Scope, silentLogger, sleep } from '@parley/core/kernel'
import { openDatabase } from '@parley/core/store'
import { createTestDatabase } from '@parley/testing/postgres'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Bus, busPayloadLimit, InProcessBus, type Json, PostgresBus, Wake } from './index.ts'

let testDatabase: { url: string; close(): Promise<void> }

beforeAll(async () => {
  testDatabase = await createTestDatabase()
})

afterAll(() => testDatabase?.close())

/** Each call is another process: a bus on connections of its own. */
async function openPostgresBus(scope: Scope): Promise<Bus> {
  const database = await openDatabase({ url: testDatabase.url, logger: silentLogger, scope, poolSize: 1 })
  return scope.own('bus', await PostgresBus.open({ database, logger: silentLogger }))
}

const adapters: { name: string; open: (scope: Scope) => Promise<Bus> }[] = [
  {
    name: 'InProcessBus',
    open: async (scope) => scope.own('bus', new InProcessBus({ logger: silentLogger })),
  },
  { name: 'PostgresBus', open: openPostgresBus },
]

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2)
}

function collect(bus: Bus, topic: string): Json[] {
  const heard: Json[] = []
  bus.subscribe(topic, (payload) => heard.push(payload))
  return heard
}

let scope: Scope

beforeEach(() => {
  scope = new Scope('bus test', silentLogger)
})

afterEach(() => scope.close())

describe.each(adapters)('contract of a bus: $name', ({ open }) => {
  test('a process hears its own publishes once, in order, after the call returned', async () => {
    const bus = await open(scope)
    const heard = collect(bus, 'a')
    const payloads: Json[] = [1, 'two', { three: [3, null, true] }, null, 'ü"\\\'']
    for (const payload of payloads) bus.publish('a', payload)
    expect(heard).toEqual([])
    await until(() => heard.length >= payloads.length)
    bus.publish('b', null)
    const other = collect(bus, 'b')
    await until(() => other.length === 1)
    expect(heard).toEqual(payloads)
  })

  test('topics are apart, and an ended subscription hears nothing', async () => {
    const bus = await open(scope)
    const [first, second] = [collect(bus, 'a'), collect(bus, 'b')]
    const ended: Json[] = []
    const stop = bus.subscribe('b', (payload) => ended.push(payload))
    stop()
    stop()
    bus.publish('b', 1)
    await until(() => second.length === 1)
    expect(first).toEqual([])
    expect(ended).toEqual([])
  })

  test('a handler that throws harms no other', async () => {
    const bus = await open(scope)
    bus.subscribe('a', () => {
      throw new Error('broken handler')
    })
    const heard = collect(bus, 'a')
    bus.publish('a', 1)
    await until(() => heard.length === 1)
  })

  test('a payload that is too large arrives as a bare wake-up, the largest that fits as it is', async () => {
    const bus = await open(scope)
    const heard = collect(bus, 'a')
    const fits = 'x'.repeat(busPayloadLimit - '["a",""]'.length)
    bus.publish('a', fits)
    bus.publish('a', `${fits}x`)
    bus.publish('a', 'ü'.repeat(busPayloadLimit / 2))
    await until(() => heard.length === 3)
    expect(heard).toEqual([fits, null, null])
  })

  test('a closed bus is silent, and closing twice is no error', async () => {
    const bus = await open(scope)
    const heard = collect(bus, 'a')
    await bus.close()
    await bus.close()
    bus.publish('a', 1)
    await new Promise(setImmediate)
    expect(heard).toEqual([])
  })
})

describe('PostgresBus between processes', () => {
  test('each process hears each publish once, those of one sender in order', async () => {
    const buses = [await openPostgresBus(scope), await openPostgresBus(scope), await openPostgresBus(scope)]
    const heard = buses.map((bus) => collect(bus, 'a'))
    const count = 3_000
    for (let n = 0; n < count; n++) for (const [sender, bus] of buses.entries()) bus.publish('a', [sender, n])
    await until(() => heard.every((payloads) => payloads.length >= buses.length * count))
    for (const payloads of heard) {
      expect(payloads).toHaveLength(buses.length * count)
      for (const sender of buses.keys()) {
        const numbers = payloads.filter((payload) => Array.isArray(payload) && payload[0] === sender)
        expect(numbers).toEqual(Array.from({ length: count }, (_, n) => [sender, n]))
      }
    }
  })

  test('large and small payloads cross as they are', async () => {
    const [sender, receiver] = [await openPostgresBus(scope), await openPostgresBus(scope)]
    const heard = collect(receiver, 'a')
    const large = 'ü"'.repeat(1_500)
    for (const payload of [large, 1, large, 'x'.repeat(9_000)]) sender.publish('a', payload)
    await until(() => heard.length === 4)
    expect(heard).toEqual([large, 1, large, null])
  })

  test('equal bare wake-ups that wait together arrive as one', async () => {
    const [sender, receiver] = [await openPostgresBus(scope), await openPostgresBus(scope)]
    const [wakes, marks, own] = [
      collect(receiver, 'wake'),
      collect(receiver, 'mark'),
      collect(sender, 'wake'),
    ]
    for (let n = 0; n < 1_000; n++) sender.publish('wake', null)
    sender.publish('mark', 1)
    await until(() => marks.length === 1)
    expect(wakes).toEqual([null])
    expect(own).toHaveLength(1_000)
  })

  test('more than can be sent becomes a gap for the others', async () => {
    const [sender, receiver] = [await openPostgresBus(scope), await openPostgresBus(scope)]
    let gaps = 0
    receiver.onGap(() => gaps++)
    for (let n = 0; n < 10_002; n++) sender.publish('a', n)
    await until(() => gaps === 1)
  })

  test('a lost connection is a gap, and what is published after it arrives', async () => {
    const [sender, receiver] = [await openPostgresBus(scope), await openPostgresBus(scope)]
    let gaps = 0
    const stop = receiver.onGap(() => gaps++)
    receiver.onGap(() => undefined)
    const heard = collect(receiver, 'a')
    const client = new pg.Client({ connectionString: testDatabase.url })
    await client.connect()
    await client.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and usename = current_user`)
    await client.end()
    await until(() => gaps > 0)
    stop()
    const again = setInterval(() => sender.publish('a', 'back'), 20)
    await until(() => heard.length > 0)
    clearInterval(again)
    expect(heard[0]).toBe('back')
  })
})

describe('Wake', () => {
  test('what is set before the wait counts once, what is set in it ends it', async () => {
    const wake = new Wake()
    wake.set()
    wake.set()
    await wake.wait(60_000)
    let ended = false
    const waiting = wake.wait(60_000).then(() => {
      ended = true
    })
    await new Promise(setImmediate)
    expect(ended).toBe(false)
    wake.set()
    await waiting
  })

  test('time and an abort end it', async () => {
    const wake = new Wake()
    await wake.wait(1)
    const abort = new AbortController()
    const waiting = wake.wait(60_000, abort.signal)
    abort.abort()
    await waiting
    await wake.wait(60_000, abort.signal)
  })
})
