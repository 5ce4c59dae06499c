import { expect, test } from 'vitest'
import { SentLog } from './sent-log.ts'

const packet = (sequence: number) => ({ sequence, sizeBytes: 1_000, sentAtUs: sequence * 10_000 })

test('feedback is matched over the wrap of sequences and of the reference time', () => {
  const log = new SentLog()
  for (let sequence = 65_530; sequence < 65_545; sequence++) log.add(packet(sequence))
  const before = log.take({ baseSequence: 65_530, referenceTime: 2 ** 24 - 1, deltas: [0, 4, 4] })
  expect(before.map(({ sequence }) => sequence)).toEqual([65_530, 65_531, 65_532])
  const after = log.take({ baseSequence: 4, referenceTime: 0, deltas: [0, 4] })
  expect(after.map(({ sequence }) => sequence)).toEqual([65_540, 65_541])
  expect((after[0]?.receivedAtUs ?? 0) - (before[0]?.receivedAtUs ?? 0)).toBe(64_000)
})

test('a packet told as missing counts once, and is late when it comes', () => {
  const log = new SentLog()
  for (let sequence = 0; sequence < 3; sequence++) log.add(packet(sequence))
  expect(log.inFlightBytes).toBe(3_000)
  expect(log.take({ baseSequence: 0, referenceTime: 0, deltas: [0, null, 4] })).toMatchObject([
    { sequence: 0, late: false },
    { sequence: 1, receivedAtUs: undefined, late: false },
    { sequence: 2, late: false },
  ])
  expect(log.inFlightBytes).toBe(0)
  expect(log.take({ baseSequence: 1, referenceTime: 0, deltas: [null] })).toEqual([])
  expect(log.take({ baseSequence: 1, referenceTime: 1, deltas: [0] })).toMatchObject([
    { sequence: 1, receivedAtUs: 64_000, late: true },
  ])
  expect(log.take({ baseSequence: 0, referenceTime: 1, deltas: [0, 0, 0] })).toEqual([])
  expect(log.inFlightBytes).toBe(0)
})

test('feedback on what was never sent says nothing', () => {
  const log = new SentLog()
  expect(log.take({ baseSequence: 7, referenceTime: 0, deltas: [0] })).toEqual([])
  log.add(packet(10))
  expect(log.take({ baseSequence: 11, referenceTime: 0, deltas: [0, 0] })).toEqual([])
})

test('what is never answered is forgotten in the end', () => {
  const log = new SentLog()
  for (let sequence = 0; sequence < 40_000; sequence++) log.add(packet(sequence))
  expect(log.inFlightBytes).toBe(32_768_000)
})
