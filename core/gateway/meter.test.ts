import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Meter, meterRate } from './meter.ts'

test('GATE-18: a meter grants its burst at once, then its rate', () => {
  const rate = meterRate(10, 5)
  const meter = new Meter()
  for (let taken = 0; taken < 5; taken++) expect(meter.take(rate, 1_000)).toBe(0)
  expect(meter.take(rate, 1_000)).toBe(100)
  expect(meter.take(rate, 1_099)).toBe(1)
  expect(meter.take(rate, 1_100)).toBe(0)
  expect(meter.take(rate, 1_100)).toBe(100)
  expect(meter.take(rate, 100_000, 5)).toBe(0)
  expect(meter.take(rate, 100_000, 2)).toBe(200)
})

test('GATE-18: whatever the calls, no more than burst and rate allow is granted, and the wait is enough', () => {
  const calls = fc.array(fc.tuple(fc.nat({ max: 500 }), fc.integer({ min: 1, max: 3 })), { maxLength: 100 })
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 3, max: 50 }),
      calls,
      (perSecond, burst, all) => {
        const rate = meterRate(perSecond, burst)
        const meter = new Meter()
        let nowMs = 5_000
        let granted = 0
        for (const [pauseMs, cost] of all) {
          nowMs += pauseMs
          const waitMs = meter.take(rate, nowMs, cost)
          if (waitMs === 0) granted += cost
          else {
            nowMs += waitMs
            expect(meter.take(rate, nowMs, cost)).toBe(0)
            granted += cost
          }
        }
        expect(granted).toBeLessThanOrEqual(burst + ((nowMs - 5_000) / 1_000) * perSecond + 0.001)
      },
    ),
  )
})
