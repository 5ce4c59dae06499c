import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Batcher } from './batcher.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('each item gets its own answer, batches stay within their size and lanes', async () => {
  const shape = fc.record({
    items: fc.integer({ min: 1, max: 60 }),
    maxBatch: fc.integer({ min: 1, max: 9 }),
    lanes: fc.integer({ min: 1, max: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(shape, async ({ items, maxBatch, lanes }) => {
      let running = 0
      const batcher = new Batcher<number, number>({
        maxBatch,
        lanes,
        maxQueued: 100,
        run: async (batch) => {
          running++
          expect(running).toBeLessThanOrEqual(lanes)
          expect(batch.length).toBeLessThanOrEqual(maxBatch)
          await turn()
          running--
          return batch.map((item) => item * 2)
        },
      })
      const numbers = Array.from({ length: items }, (_, index) => index)
      const answers = await Promise.all(numbers.map((item) => batcher.submit(item)))
      expect(answers).toEqual(numbers.map((item) => item * 2))
      await batcher.settled()
    }),
    { numRuns: 30 },
  )
})

test('what arrives in one turn goes together, in order', async () => {
  const batches: number[][] = []
  const batcher = new Batcher<number, undefined>({
    maxBatch: 10,
    maxQueued: 10,
    run: async (batch) => {
      batches.push(batch)
      return batch.map(() => undefined)
    },
  })
  await Promise.all([1, 2, 3].map((item) => batcher.submit(item)))
  await batcher.submit(4)
  expect(batches).toEqual([[1, 2, 3], [4]])
})

test('a failed batch fails its items and no others; a full queue is overloaded', async () => {
  const batcher = new Batcher<string, string>({
    maxBatch: 2,
    maxQueued: 3,
    run: async (batch) => {
      if (batch.includes('bad')) throw new Error('no')
      return batch
    },
  })
  const outcomes = await Promise.allSettled(
    ['bad', 'with it', 'alone', 'too many'].map((item) => batcher.submit(item)),
  )
  expect(outcomes).toMatchObject([
    { status: 'rejected', reason: { message: 'no' } },
    { status: 'rejected', reason: { message: 'no' } },
    { status: 'fulfilled', value: 'alone' },
    { status: 'rejected', reason: { code: 'overloaded' } },
  ])
})
