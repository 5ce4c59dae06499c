import { expect, test } from 'vitest'
import { PacketResults } from './packet-results.ts'
import { type Feedback, SentLog } from './sent-log.ts'

const packet = (sequence: number) => ({ sequence, sizeBytes: 1_000, sentAtUs: sequence * 10_000 })

/** Sent times name the packets. */
function take(log: SentLog, feedback: Feedback) {
  const results = new PacketResults()
  log.take(feedback, results)
  return Array.from({ length: results.length }, (_, index) => ({
    sequence: (results.sentAtUs[index] ?? 0) / 10_000,
    receivedAtUs: results.receivedAtUs[index],
    late: results.late[index] === 1,
  }))
}

test('feedback is matched over the wrap of sequences and of the reference time', () => {
  const log = new SentLog()
  for (let sequence = 65_530; sequence < 65_545; sequence++) log.add(packet(sequence))
  const before = take(log, { baseSequence: 65_530, referenceTime: 2 ** 24 - 1, deltas: [0, 4, 4] })
  expect(before.map(({ sequence }) => sequence)).toEqual([65_530, 65_531, 65_532])
  const after = take(log, { baseSequence: 4, referenceTime: 0, deltas: [0, 4] })
  expect(after.map(({ sequence }) => sequence)).toEqual([65_540, 65_541])
  expect((after[0]?.receivedAtUs ?? 0) - (before[0]?.receivedAtUs ?? 0)).toBe(64_000)
})

test('a packet told as missing counts once, and is late when it comes', () => {
  const log = new SentLog()
  for (let sequence = 0; sequence < 3; sequence++) log.add(packet(sequence))
  expect(log.inFlightBytes).toBe(3_000)
  expect(take(log, { baseSequence: 0, referenceTime: 0, deltas: [0, null, 4] })).toMatchObject([
    { sequence: 0, late: false },
    { sequence: 1, receivedAtUs: Number.NaN, late: false },
    { sequence: 2, late: false },
  ])
  expect(log.inFlightBytes).toBe(0)
  expect(take(log, { baseSequence: 1, referenceTime: 0, deltas: [null] })).toEqual([])
  expect(take(log, { baseSequence: 1, referenceTime: 1, deltas: [0] })).toMatchObject([
    { sequence: 1, receivedAtUs: 64_000, late: true },
  ])
  expect(take(log, { baseSequence: 0, referenceTime: 1, deltas: [0, 0, 0] })).toEqual([])
  expect(log.inFlightBytes).toBe(0)
})

test('feedback on what was never sent says nothing', () => {
  const log = new SentLog()
  expect(take(log, { baseSequence: 7, referenceTime: 0, deltas: [0] })).toEqual([])
  log.add(packet(10))
  expect(take(log, { baseSequence: 11, referenceTime: 0, deltas: [0, 0] })).toEqual([])
})

test('RTC-150: what is never answered is forgotten in the end', () => {
  const log = new SentLog()
  for (let sequence = 0; sequence < 40_000; sequence++) log.add(packet(sequence))
  expect(log.inFlightBytes).toBe(32_768_000)
})

test('RTC-150: what feedback has passed without a word makes room, what it has not come to does not', () => {
  const log = new SentLog()
  for (let sequence = 0; sequence < 5_000; sequence++) {
    log.add(packet(sequence))
    // Of every ten one is told, of the others the feedback was lost.
    if (sequence % 10 === 9) take(log, { baseSequence: sequence, referenceTime: 0, deltas: [0] })
  }
  expect(log.inFlightBytes).toBeLessThan(1_024_000)
  for (let sequence = 5_000; sequence < 9_000; sequence++) log.add(packet(sequence))
  expect(take(log, { baseSequence: 5_000, referenceTime: 0, deltas: [0] })).toMatchObject([
    { sequence: 5_000 },
  ])
})

test('feedback before the first number says nothing', () => {
  const log = new SentLog()
  log.add(packet(1))
  expect(take(log, { baseSequence: 65_530, referenceTime: 0, deltas: [0, 0, 0] })).toEqual([])
})
