import { sleep } from '@parley/core/kernel'
import type { Transaction } from '@parley/core/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appendNext, type Cloud, openCloud, type Peer, Seen, until, upTo } from './tests/cloud.ts'

let cloud: Cloud
let writer: Peer
let reader: Peer

beforeAll(async () => {
  cloud = await openCloud()
  writer = await cloud.join({ poolSize: 24 })
  reader = await cloud.join({ times: { rereadMs: 3 } })
})

afterAll(() => cloud?.close())

/** A transaction in the hands of the test. */
class Held {
  readonly tx: Promise<Transaction>
  readonly #done: Promise<void>
  #finish: () => void = () => undefined

  constructor(peer: Peer) {
    let opened: (tx: Transaction) => void
    this.tx = new Promise((resolve) => {
      opened = resolve
    })
    const finished = new Promise<void>((resolve) => {
      this.#finish = resolve
    })
    this.#done = peer.database.system.transaction(async (tx) => {
      opened(tx)
      await finished
    })
  }

  static async withId(peer: Peer): Promise<Held> {
    const held = new Held(peer)
    await (await held.tx).query({ text: 'select pg_current_xact_id()' })
    return held
  }

  async append(resource: string): Promise<void> {
    await appendNext(writer.outbox, await this.tx, resource)
  }

  async commit(): Promise<void> {
    this.#finish()
    await this.#done
  }
}

test('a transaction that began first and committed last keeps its place in the order of the resource', async () => {
  const seen = new Seen()
  reader.outbox.consume('order', { handle: async (events) => seen.add(events) })
  const tailed = new Seen()
  const stop = reader.outbox.tail({ handle: (events) => tailed.add(events) })
  await reader.outbox.tailing()

  const later = await Held.withId(writer)
  const foreign = await Held.withId(writer)
  const earlier = await Held.withId(writer)
  await earlier.append('room/1')
  const waiting = later.append('room/1')
  await earlier.commit()
  await waiting
  await later.commit()
  await until(() => seen.of('room/1').length >= 2 && tailed.of('room/1').length >= 2)
  expect(seen.of('room/1')).toEqual([1, 2])
  expect(tailed.of('room/1')).toEqual([1, 2])

  await foreign.append('room/2')
  await foreign.commit()
  await until(() => seen.of('room/2').length > 0 && tailed.of('room/2').length > 0)
  expect(seen.of('room/2')).toEqual([1])
  stop()
})

test('an event whose position is lower and whose commit comes later is not skipped', async () => {
  const tailed = new Seen()
  const stop = reader.outbox.tail({ handle: (events) => tailed.add(events) })
  await reader.outbox.tailing()
  const slow = await Held.withId(writer)
  await slow.append('skip/slow')
  const quick = await Held.withId(writer)
  await quick.append('skip/quick')
  await quick.commit()
  await until(() => tailed.of('skip/quick').length === 1)
  expect(tailed.of('skip/slow')).toEqual([])
  await slow.commit()
  await until(() => tailed.of('skip/slow').length === 1)
  const [first, second] = tailed.events
  expect(BigInt(first?.position ?? 0)).toBeGreaterThan(BigInt(second?.position ?? 0))
  stop()
})

/** mulberry32 */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

describe.each([1, 2, 3, 4])('seed %i', (seed) => {
  test('writers that delay, roll back and overtake each other: nothing lost, doubled or out of order', async () => {
    const consumed = new Seen()
    const tailed = new Seen()
    // Small batches, so that windows are paged as well.
    const name = `random-${seed}`
    reader.outbox.consume(name, { batchSize: 7, handle: async (events) => consumed.add(events) })
    const stop = reader.outbox.tail({ handle: (events) => tailed.add(events) })
    await reader.outbox.tailing()
    const resources = Array.from({ length: 5 }, (_, index) => `seed${seed}/${index}`)
    const writers = Array.from({ length: 12 }, async (_, index) => {
      const next = random(seed * 1_000 + index)
      for (let round = 0; round < 25; round++) await writeOnce(next, resources)
    })
    await Promise.all(writers)

    const { rows } = await writer.database.system.query<{ name: string; count: number }>({
      text: 'select name, count from probe.resources where name = any($1)',
      values: [resources],
    })
    expect(rows).toHaveLength(resources.length)
    expect(await reader.outbox.caughtUp(name, { timeoutMs: 20_000 })).toBe(true)
    for (const { name: resource, count } of rows) {
      expect(consumed.of(resource)).toEqual(upTo(count))
      await until(() => tailed.of(resource).length >= count)
      expect(tailed.of(resource)).toEqual(upTo(count))
    }
    stop()
    await reader.outbox.forget(name)
  })
})

async function writeOnce(next: () => number, resources: readonly string[]): Promise<void> {
  const pause = () => (next() < 0.5 ? Promise.resolve() : sleep(next() * 8))
  const abandon = new Error('rolled back on purpose')
  const chosen = resources.filter(() => next() < 0.4)
  try {
    await writer.database.system.transaction(async (tx) => {
      // An id that is older than the lock: the order of ids and of commits differ.
      if (next() < 0.6) await tx.query({ text: 'select pg_current_xact_id()' })
      await pause()
      for (const resource of chosen) {
        await appendNext(writer.outbox, tx, resource, 1 + Math.floor(next() * 3))
        await pause()
      }
      if (next() < 0.2) throw abandon
    })
  } catch (error) {
    if (error !== abandon) throw error
  }
}
