import { afterEach, expect, test } from 'vitest'
import { WriteRounds, type Writer } from './write-rounds.ts'

let rounds: WriteRounds
afterEach(() => rounds.close())

function start(): WriteRounds {
  rounds = new WriteRounds({ slotMs: 2, ceilingMs: 100 })
  return rounds
}

/** Notes its name when it is flushed, and keeps the processor for a while. */
function writer(name: string, log: string[], busyMs = 0): Writer {
  return {
    writeSlot: 0,
    awaitsUrgentRound: false,
    awaitsRound: false,
    flush: () => {
      const untilMs = performance.now() + busyMs
      while (performance.now() < untilMs);
      log.push(name)
    },
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

test('GATE-21: at rest writers write at once, each once a slot, and only a few in one', () => {
  start()
  const log: string[] = []
  const one = writer('one', log)
  expect(rounds.mayWriteNow(one)).toBe(true)
  expect(rounds.mayWriteNow(one)).toBe(false)
  const others = Array.from({ length: 100 }, () => rounds.mayWriteNow(writer('other', log)))
  expect(others.filter(Boolean)).toHaveLength(31)
})

test('GATE-21: who asks twice is flushed once, and a later slot opens again', async () => {
  start()
  const log: string[] = []
  const one = writer('one', log)
  rounds.ask(one, false)
  rounds.ask(one, false)
  await until(() => log.length > 0)
  expect(log).toEqual(['one'])
  await until(() => rounds.mayWriteNow(one))
})

test('GATE-21: a round that takes long makes events wait longer, up to the ceiling, but not answers', async () => {
  start()
  const log: string[] = []
  rounds.ask(writer('heavy', log, 20), false)
  await until(() => log.length === 1 && rounds.pauseMs > 0)
  expect(rounds.pauseMs).toBeGreaterThanOrEqual(40)
  expect(rounds.pauseMs).toBeLessThanOrEqual(100)
  rounds.ask(writer('event', log), false)
  rounds.ask(writer('answer', log), true)
  await until(() => log.length === 3)
  expect(log).toEqual(['heavy', 'answer', 'event'])
})

test('GATE-21: other work runs between the slices of a long round, and nobody is left out', async () => {
  start()
  const log: string[] = []
  let between = 0
  let running = true
  const count = () => {
    if (log.length > 0 && log.length < 640) between++
    if (running) setImmediate(count)
  }
  count()
  for (let index = 0; index < 640; index++) rounds.ask(writer(String(index), log, 0.2), false)
  await until(() => log.length === 640)
  running = false
  expect(between).toBeGreaterThan(2)
  expect(log).toEqual(Array.from({ length: 640 }, (_, index) => String(index)))
})

test('GATE-28: closed rounds flush nobody', async () => {
  start()
  const log: string[] = []
  rounds.ask(writer('one', log), false)
  rounds.close()
  rounds.ask(writer('two', log), true)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(log).toEqual([])
})
