import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CachedRuns } from './cached-runs.ts'

test('stored entries of a conversation are always one gapless run within the bounds', () => {
  const step = fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd'),
    first: fc.integer({ min: 1, max: 400 }),
    length: fc.integer({ min: 1, max: 60 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const runs = new CachedRuns({ perConversation: 100, inAll: 200 })
      const stored = new Map<string, Set<number>>()
      for (const { id, first, length } of steps) {
        const { taken, cuts } = runs.add(id, first, first + length - 1)
        for (const { conversationId, below } of cuts)
          for (const seq of stored.get(conversationId) ?? [])
            if (seq < below) stored.get(conversationId)?.delete(seq)
        const seqs = stored.get(id) ?? new Set()
        stored.set(id, seqs)
        const from = runs.at(id)?.from ?? Number.POSITIVE_INFINITY
        if (taken) for (let seq = first; seq < first + length; seq++) if (seq >= from) seqs.add(seq)
        for (const [each, has] of stored) {
          const run = runs.at(each)
          const expected = run ? Array.from({ length: run.to - run.from + 1 }, (_, at) => run.from + at) : []
          expect([...has].sort((one, other) => one - other)).toEqual(expected)
          expect(has.size).toBeLessThanOrEqual(110)
        }
        expect([...stored.values()].reduce((sum, { size }) => sum + size, 0)).toBe(runs.count)
        expect(runs.count).toBeLessThanOrEqual(220)
      }
    }),
  )
})

test('room is made by those that rested for longest: first down to a page, then whole', () => {
  const runs = new CachedRuns({ perConversation: 200, inAll: 300 })
  runs.add('first', 1, 150)
  runs.add('second', 1, 150)
  expect(runs.add('third', 1, 150).cuts).toEqual([
    { conversationId: 'first', below: 101 },
    { conversationId: 'second', below: 101 },
  ])
  expect(runs.count).toBe(250)
  expect(runs.add('fourth', 1, 200).cuts).toEqual([
    { conversationId: 'third', below: 101 },
    { conversationId: 'first', below: 151 },
  ])
  expect(runs.at('first')).toBeUndefined()
  expect(runs.at('second')).toMatchObject({ from: 101, to: 150 })
})

test('older entries that do not reach the run are not taken, newer ones begin it anew', () => {
  const runs = new CachedRuns()
  runs.add('a', 50, 60)
  expect(runs.add('a', 10, 20).taken).toBe(false)
  expect(runs.add('a', 40, 49).taken).toBe(true)
  expect(runs.add('a', 100, 101)).toEqual({ taken: true, cuts: [{ conversationId: 'a', below: 100 }] })
  expect(runs.at('a')).toMatchObject({ from: 100, to: 101 })
})
