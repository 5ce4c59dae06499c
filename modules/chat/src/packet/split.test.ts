import fc from 'fast-check'
import { expect, test } from 'vitest'
import { splitEqually, splitRandomly } from './split.ts'

const cases = fc
  .record({ shares: fc.integer({ min: 1, max: 500 }), extra: fc.integer({ min: 0, max: 1_000_000_000_000 }) })
  .map(({ shares, extra }) => ({ shares, amount: shares + extra }))

test('CHAT-67: shares add up to the amount, and none is empty', () => {
  fc.assert(
    fc.property(cases, ({ amount, shares }) => {
      for (const split of [splitEqually(amount, shares), splitRandomly(amount, shares)]) {
        expect(split).toHaveLength(shares)
        expect(Math.min(...split)).toBeGreaterThan(0)
        expect(split.reduce((sum, share) => sum + share, 0)).toBe(amount)
      }
    }),
  )
})

test('CHAT-67: equal shares differ by at most one unit', () => {
  expect(splitEqually(100, 3)).toEqual([34, 33, 33])
})

test('CHAT-67: whatever is drawn, the rest is enough for everybody', () => {
  expect(splitRandomly(10, 10)).toEqual(Array.from({ length: 10 }, () => 1))
  expect(splitRandomly(100, 4, (max) => max - 1).reduce((sum, share) => sum + share, 0)).toBe(100)
})
