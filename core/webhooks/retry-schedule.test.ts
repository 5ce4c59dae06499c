import { expect, test } from 'vitest'
import { parseRetryAfter, pauseAfter } from './retry-schedule.ts'

test('HOOK-4: the pauses are those of the schedule, up to a tenth longer, and end', () => {
  const pauses = Array.from({ length: 11 }, (_, index) => pauseAfter(index, { scale: 1, random: 0 }))
  const hours = (count: number) => count * 3_600_000
  expect(pauses.slice(0, 4)).toEqual([0, 5_000, 300_000, 1_800_000])
  expect(pauses.slice(4, 10)).toEqual([2, 5, 10, 14, 20, 24].map(hours))
  expect(pauses[10]).toBeUndefined()
  expect(pauseAfter(1, { scale: 1, random: 1 })).toBeCloseTo(5_500)
})

test('HOOK-4: a receiver may ask for a longer pause, up to a day, and for no further attempt', () => {
  const asked = (retryAfterMs: number, attempts = 1) =>
    pauseAfter(attempts, { scale: 1, random: 0, retryAfterMs })
  expect(asked(1_000)).toBe(5_000)
  expect(asked(60_000)).toBe(60_000)
  expect(asked(10 * 86_400_000)).toBe(86_400_000)
  expect(asked(60_000, 10)).toBeUndefined()
})

test('Retry-After is seconds or a date', () => {
  const nowMs = Date.parse('2026-01-01T00:00:00Z')
  expect(parseRetryAfter('120', nowMs)).toBe(120_000)
  expect(parseRetryAfter('Thu, 01 Jan 2026 00:01:00 GMT', nowMs)).toBe(60_000)
  expect(parseRetryAfter('Thu, 01 Jan 2015 00:01:00 GMT', nowMs)).toBe(0)
  expect(parseRetryAfter('soon', nowMs)).toBeUndefined()
  expect(parseRetryAfter(undefined, nowMs)).toBeUndefined()
})
