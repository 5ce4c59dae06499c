import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TokenBuckets } from './token-buckets.ts'

function bucketsAt(clock: { ms: number }, maxKeys = 100) {
  return new TokenBuckets({ capacity: 3, refillPerSecond: 2, maxKeys, now: () => clock.ms })
}

test('a bucket gives its capacity at once, then what time refills', () => {
  const clock = { ms: 0 }
  const buckets = bucketsAt(clock)
  expect([buckets.take('a'), buckets.take('a'), buckets.take('a')].every((taken) => taken.ok)).toBe(true)
  expect(buckets.take('a')).toEqual({ ok: false, retryAfterMs: 500 })
  clock.ms = 499
  expect(buckets.take('a').ok).toBe(false)
  clock.ms = 500
  expect(buckets.take('a')).toEqual({ ok: true, remaining: 0 })
})

test('keys do not share, and a refusal takes nothing', () => {
  const clock = { ms: 0 }
  const buckets = bucketsAt(clock)
  expect(buckets.take('a', 4).ok).toBe(false)
  expect(buckets.take('a', 3).ok).toBe(true)
  expect(buckets.take('b', 3).ok).toBe(true)
  expect(buckets.peek('b').ok).toBe(false)
  clock.ms = 60_000
  expect(buckets.peek('b', 3)).toEqual({ ok: true, remaining: 0 })
  expect(buckets.peek('b', 3)).toEqual({ ok: true, remaining: 0 })
})

test('the number of keys is bounded, and the one used longest ago goes first', () => {
  const buckets = bucketsAt({ ms: 0 }, 2)
  buckets.take('a', 3)
  buckets.take('b', 3)
  buckets.take('a', 0)
  buckets.take('c', 3)
  expect(buckets.size).toBe(2)
  expect(buckets.peek('a').ok).toBe(false)
  expect(buckets.peek('b').ok).toBe(true)
})

test('never more than capacity plus refill is granted, whatever the times and costs', () => {
  const calls = fc.array(fc.record({ afterMs: fc.nat(2_000), cost: fc.integer({ min: 1, max: 4 }) }))
  fc.assert(
    fc.property(calls, (sequence) => {
      const clock = { ms: 0 }
      const buckets = bucketsAt(clock)
      let granted = 0
      for (const call of sequence) {
        clock.ms += call.afterMs
        if (buckets.take('a', call.cost).ok) granted += call.cost
        expect(granted).toBeLessThanOrEqual(3 + (clock.ms / 1000) * 2 + 1e-6)
      }
    }),
  )
})
