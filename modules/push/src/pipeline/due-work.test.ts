import { Scope, silentLogger } from '@parley/core/kernel'
import { expect, test, vi } from 'vitest'
import { DueWork } from './due-work.ts'

interface Item {
  key: string
  number: number
}

test('PUSH-42: what goes to one slow service leaves room for what goes to others', async () => {
  const waiting: Item[] = [
    ...Array.from({ length: 100 }, (_, number) => ({ key: 'slow', number })),
    ...Array.from({ length: 10 }, (_, number) => ({ key: 'fast', number })),
  ]
  const done: Item[] = []
  let slow = 0
  let mostSlow = 0
  const scope = new Scope('push', silentLogger)
  new DueWork<Item>({
    ...{ name: 'send', scope, logger: silentLogger, rereadMs: 60_000, drainMs: 0 },
    ...{ concurrency: 8, batch: 3, perKey: 3 },
    keyOf: ({ key }) => key,
    claim: async (limit, busy) => {
      const items = waiting.filter(({ key }) => !busy.includes(key)).slice(0, limit)
      for (const item of items) waiting.splice(waiting.indexOf(item), 1)
      return items
    },
    nextDueMs: async () => (waiting.length > 0 ? 0 : undefined),
    work: async (item, signal) => {
      if (item.key === 'fast') return void done.push(item)
      slow += 1
      mostSlow = Math.max(mostSlow, slow)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
  })
  await vi.waitFor(() => expect(done).toHaveLength(10))
  // A claim may take a batch beside those that run.
  expect(mostSlow).toBeLessThanOrEqual(5)
  await scope.close()
})
