import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { append, appendNext, type Cloud, openCloud, probeEvent, Seen, until, upTo } from './tests/cloud.ts'

let cloud: Cloud

beforeEach(async () => {
  cloud = await openCloud()
})

afterEach(() => cloud?.close())

/** Ends every connection to the database but its own. */
async function killConnections(): Promise<number> {
  const client = new pg.Client({ connectionString: cloud.url })
  await client.connect()
  try {
    const { rowCount } = await client.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and usename = current_user`)
    return rowCount ?? 0
  } finally {
    await client.end()
  }
}

test('an event is stored with its transaction only, and read as it was written', async () => {
  const peer = await cloud.join()
  const seen = new Seen()
  peer.outbox.tail({ types: ['user.created'], handle: (events) => seen.add(events) })
  await peer.outbox.tailing()
  const failing = peer.database.project('proj_a').transaction(async (tx) => {
    await peer.outbox.append(tx, [probeEvent('user/lost', 1)])
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  await peer.database.project('proj_a').transaction((tx) =>
    peer.outbox.append(tx, [
      { projectId: 'proj_a', resource: 'key/1', type: 'key.revoked', data: { keyId: 'key_1' } },
      { projectId: 'proj_a', resource: 'user/ü"\\', type: 'user.created', data: { userId: 'ü"\\,{}' } },
    ]),
  )
  await until(() => seen.events.length > 0)
  expect(seen.events).toEqual([
    {
      id: expect.stringMatching(/^evt_/),
      position: expect.stringMatching(/^\d+$/),
      projectId: 'proj_a',
      resource: 'user/ü"\\',
      type: 'user.created',
      data: { userId: 'ü"\\,{}' },
      occurredAt: expect.any(Date),
    },
  ])
})

test('a project cannot append an event of another', async () => {
  const peer = await cloud.join()
  const forged = peer.database
    .project('proj_b')
    .transaction((tx) => peer.outbox.append(tx, [probeEvent('user/1', 1)]))
  await expect(forged).rejects.toThrow()
})

test('a tail sees everything although every wake-up is lost', async () => {
  const [writer, reader] = [await cloud.join(), await cloud.join()]
  const seen = new Seen()
  await append(writer, 'user/before')
  reader.outbox.tail({ handle: (events) => seen.add(events) })
  await reader.outbox.tailing()
  for (let round = 0; round < 20; round++) await append(writer, 'user/1', 3)
  await until(() => seen.of('user/1').length >= 60)
  expect(seen.of('user/1')).toEqual(upTo(60))
  expect(seen.of('user/before')).toEqual([])
})

test('a tail that joins others sees its own types from the moment it has joined', async () => {
  const peer = await cloud.join()
  peer.outbox.tail({ types: ['key.revoked'], handle: () => undefined })
  await peer.outbox.tailing()
  for (let round = 0; round < 20; round++) {
    const seen = new Seen()
    const running = append(peer, `busy/${round}`, 5)
    const stop = peer.outbox.tail({ types: ['user.created'], handle: (events) => seen.add(events) })
    await Promise.all([running, peer.outbox.tailing()])
    await append(peer, `join/${round}`, 2)
    await until(() => seen.of(`join/${round}`).length === 2)
    stop()
  }
})

test('a tail that fails gets the same events again, and does not disturb another', async () => {
  const peer = await cloud.join()
  const [failing, other] = [new Seen(), new Seen()]
  let failures = 2
  peer.outbox.tail({
    handle: (events) => {
      if (failures-- > 0) throw new Error('not now')
      failing.add(events)
    },
  })
  peer.outbox.tail({ handle: (events) => other.add(events) })
  await peer.outbox.tailing()
  await append(peer, 'user/1', 3)
  await until(() => failing.of('user/1').length === 3)
  expect(other.of('user/1')).toEqual([1, 2, 3])
})

test('a long backlog is paged in order, and a new process goes on in the middle of it', async () => {
  const first = await cloud.join()
  for (let round = 0; round < 5; round++) await append(first, `user/${round % 2}`, 200)
  const seen = new Seen()
  first.outbox.consume('pages', {
    batchSize: 64,
    handle: async (events) => {
      expect(events.length).toBeLessThanOrEqual(64)
      if (seen.events.length >= 400) throw new Error('enough')
      seen.add(events)
    },
  })
  await until(() => seen.events.length >= 400)
  await first.close()
  const count = seen.events.length
  expect(count).toBeLessThan(1_000)
  const second = await cloud.join()
  second.outbox.consume('pages', { batchSize: 64, handle: async (events) => seen.add(events) })
  expect(await second.outbox.caughtUp('pages', { timeoutMs: 20_000 })).toBe(true)
  expect(seen.of('user/0')).toEqual(upTo(600))
  expect(seen.of('user/1')).toEqual(upTo(400))
})

test('a failing consumer gets the same events again before any later one', async () => {
  const peer = await cloud.join()
  const calls: number[][] = []
  peer.outbox.consume('failing', {
    batchSize: 1,
    handle: async (events) => {
      calls.push(events.map((event) => Number((event.data as { userId: string }).userId)))
      if (calls.length < 4) throw new Error('not now')
    },
  })
  await append(peer, 'user/1', 3)
  await until(() => calls.length >= 6)
  expect(calls).toEqual([[1], [1], [1], [1], [2], [3]])
})

test('one process at a time consumes; when it closes, another goes on where it stood', async () => {
  const peers = [await cloud.join(), await cloud.join(), await cloud.join()]
  const seen = peers.map(() => new Seen())
  for (const [index, peer] of peers.entries())
    peer.outbox.consume('one', { handle: async (events) => seen[index]?.add(events) })
  const [writer] = peers
  if (!writer) throw new Error('no writer')
  for (let round = 0; round < 10; round++) await append(writer, 'user/1')
  expect(await writer.outbox.caughtUp('one', { timeoutMs: 20_000 })).toBe(true)
  const holder = seen.findIndex((one) => one.events.length > 0)
  expect(seen.filter((one) => one.events.length > 0)).toHaveLength(1)
  expect(seen[holder]?.of('user/1')).toEqual(upTo(10))
  await peers[holder]?.close()
  const other = peers[(holder + 1) % 3]
  if (!other) throw new Error('no other')
  await append(other, 'user/1')
  await until(() => seen.reduce((sum, one) => sum + one.of('user/1').length, 0) === 11)
  expect(seen[holder]?.of('user/1')).toHaveLength(10)
})

test('when all connections of the holder are cut, consuming goes on and nothing is lost', async () => {
  const peer = await cloud.join()
  const seen = new Seen()
  peer.outbox.consume('cut', { batchSize: 5, handle: async (events) => seen.add(events) })
  for (let round = 1; round <= 10; round++) {
    // A pooled connection may be found dead; a commit whose answer was lost counts as well.
    const sent = () =>
      append(peer, 'user/1', 3)
        .then(() => true)
        .catch(() => false)
    await until(sent)
    if (round % 2 === 0) await until(() => seen.of('user/1').includes(round * 3 - 1))
    expect(await killConnections()).toBeGreaterThan(0)
  }
  await until(() =>
    append(peer, 'user/1').then(
      () => true,
      () => false,
    ),
  )
  const { rows } = await peer.database.system.query<{ count: number }>({
    text: 'select count from probe.resources',
  })
  const count = rows[0]?.count ?? 0
  expect(count).toBeGreaterThan(30)
  await until(() => seen.of('user/1').includes(count))
  expect([...new Set(seen.of('user/1'))]).toEqual(upTo(count))
})

test('when the holder dies, another process takes over and nothing is lost', async () => {
  const [holder, heir] = [await cloud.join(), await cloud.join()]
  const [before, after] = [new Seen(), new Seen()]
  holder.outbox.consume('dying', { handle: async (events) => before.add(events) })
  await append(holder, 'user/1', 3)
  await until(() => before.of('user/1').length === 3)
  heir.outbox.consume('dying', { handle: async (events) => after.add(events) })
  expect(await heir.outbox.caughtUp('dying', { timeoutMs: 20_000 })).toBe(true)
  await holder.cutOff()
  await append(heir, 'user/1', 3)
  await until(() => after.of('user/1').includes(6))
  expect(after.of('user/1')).toEqual([4, 5, 6])
})

test('a crash after handling and before the cursor is saved delivers the same events again', async () => {
  const [holder, heir] = [await cloud.join(), await cloud.join()]
  const [before, after] = [new Seen(), new Seen()]
  let dead = false
  holder.outbox.consume('crash', {
    handle: async (events) => {
      before.add(events)
      await holder.cutOff()
      dead = true
    },
  })
  await append(heir, 'user/1', 4)
  await until(() => dead)
  heir.outbox.consume('crash', { handle: async (events) => after.add(events) })
  await until(() => after.events.length >= 4)
  expect(before.of('user/1')).toEqual(upTo(4))
  expect(after.of('user/1')).toEqual(upTo(4))
  expect(after.events.map(({ id }) => id)).toEqual(before.events.map(({ id }) => id))
})

test('a holder that lost its lease is told, and cannot move the cursor any more', async () => {
  const [holder, witness] = [await cloud.join(), await cloud.join()]
  let released = false
  let told: AbortSignal | undefined
  holder.outbox.consume('fenced', {
    handle: async (_, { signal }) => {
      told = signal
      await until(() => released)
    },
  })
  await append(witness, 'user/1', 2)
  await until(() => told !== undefined)
  await witness.database.system.query({
    text: `update outbox.consumers set holder = 'proc_rival', generation = generation + 1,
      lease_until = clock_timestamp() + interval '1 hour'`,
  })
  await until(() => told?.aborted === true)
  await append(witness, 'user/1')
  await witness.database.system.query({ text: 'update outbox.consumers set seen = pg_current_snapshot()' })
  expect(await witness.outbox.lag()).toEqual([{ name: 'fenced', events: 0, lagMs: 0 }])
  const closing = holder.close()
  released = true
  await closing
  expect(await witness.outbox.lag()).toEqual([{ name: 'fenced', events: 0, lagMs: 0 }])
})

test('caughtUp answers for what was committed before the question, and false when time runs out', async () => {
  const peer = await cloud.join()
  let held = false
  const seen = new Seen()
  peer.outbox.consume('slow', {
    handle: async (events, { signal }) => {
      await until(() => !held || signal.aborted)
      seen.add(events)
    },
  })
  expect(await peer.outbox.caughtUp('slow', { timeoutMs: 20_000 })).toBe(true)
  held = true
  await append(peer, 'user/1', 2)
  expect(await peer.outbox.caughtUp('slow', { timeoutMs: 100 })).toBe(false)
  const lag = await peer.outbox.lag()
  expect(lag).toEqual([{ name: 'slow', events: 2, lagMs: expect.any(Number) }])
  expect(lag[0]?.lagMs).toBeGreaterThanOrEqual(100)
  const many = Promise.all(
    Array.from({ length: 200 }, () => peer.outbox.caughtUp('slow', { timeoutMs: 20_000 })),
  )
  held = false
  expect(new Set(await many)).toEqual(new Set([true]))
  expect(seen.of('user/1')).toEqual([1, 2])
  expect(await peer.outbox.lag()).toEqual([{ name: 'slow', events: 0, lagMs: 0 }])
  expect(await peer.outbox.caughtUp('unknown', { timeoutMs: 50 })).toBe(false)
})

test('retention deletes what every consumer has handled, and nothing else', async () => {
  const peer = await cloud.join({ times: { keepMs: 0, retentionMs: 20 } })
  const count = async () => {
    const { rows } = await peer.database.system.query<{ count: number }>({
      text: 'select count(*) from outbox.events',
    })
    return rows[0]?.count
  }
  let blocked = true
  peer.outbox.consume('quick', { handle: async () => undefined })
  peer.outbox.consume('blocked', {
    handle: async () => {
      if (blocked) throw new Error('not yet')
    },
  })
  await until(async () => (await peer.outbox.lag()).length === 2)
  await append(peer, 'user/1', 3)
  expect(await peer.outbox.caughtUp('quick', { timeoutMs: 20_000 })).toBe(true)
  expect(await peer.outbox.caughtUp('blocked', { timeoutMs: 150 })).toBe(false)
  expect(await count()).toBe(3)
  blocked = false
  await until(async () => (await count()) === 0)
})

test('moved to another cluster, cursors are reset by position: nothing is lost, order stays', async () => {
  const old = await cloud.join()
  const before = new Seen()
  old.outbox.consume('moved', { handle: async (events) => before.add(events) })
  await append(old, 'user/1', 3)
  expect(await old.outbox.caughtUp('moved', { timeoutMs: 20_000 })).toBe(true)
  await old.close()
  const copy = await cloud.join()
  await append(copy, 'user/1', 3)
  // As a dump of a busier cluster: its transaction ids are far ahead of ours.
  await copy.database.system.query({
    text: `update outbox.consumers set seen = '900000:900000:'`,
  })
  await copy.database.system.query({
    text: `update outbox.events set txid = case when position <= 3 then '899000' else '900001' end::xid8`,
  })
  await copy.database.system.query({ text: `update outbox.history set system_identifier = '1'` })
  await copy.close()

  const moved = await cloud.join()
  const after = new Seen()
  expect(copy.outbox.epoch).toBe(old.outbox.epoch)
  expect(moved.outbox.epoch).not.toBe(old.outbox.epoch)
  moved.outbox.consume('moved', { handle: async (events) => after.add(events) })
  await moved.database.system.transaction((tx) => appendNext(moved.outbox, tx, 'user/1', 2))
  await until(() => after.of('user/1').length >= 5)
  expect(before.of('user/1')).toEqual([1, 2, 3])
  expect(after.of('user/1')).toEqual([4, 5, 6, 7, 8])
})
