import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { burstLoss, type Fate, type Impairment, ImpairmentModel } from './impairment.ts'

function run(
  impairment: Impairment,
  packets: number,
  options: { seed?: number; everyMs?: number } = {},
): Fate[] {
  const { seed = 7, everyMs = 1 } = options
  const model = new ImpairmentModel(impairment, { seed })
  return Array.from({ length: packets }, (_, index) => model.decide(index * everyMs, 1_000))
}

const lost = (fates: readonly Fate[]) => fates.filter(({ kind }) => kind === 'dropped').length
const times = (fates: readonly Fate[]) =>
  fates.flatMap((fate) => (fate.kind === 'delivered' ? fate.atMs : []))

test('without impairment every packet is delivered at once', () => {
  expect(times(run({}, 100))).toEqual(Array.from({ length: 100 }, (_, index) => index))
})

test('one seed gives one sequence of decisions, another seed another', () => {
  const impairment = {
    loss: 0.3,
    jitterMs: 20,
    duplicate: 0.1,
    reorder: 0.1,
    bursts: burstLoss({ loss: 0.1, meanLength: 3 }),
  }
  expect(run(impairment, 500)).toEqual(run(impairment, 500))
  expect(run(impairment, 500)).not.toEqual(run(impairment, 500, { seed: 8 }))
})

test('switching something else on leaves the losses where they were', () => {
  const pattern = (impairment: Impairment) => run(impairment, 1000).map(({ kind }) => kind)
  expect(pattern({ loss: 0.2, jitterMs: 50, duplicate: 0.5, delayMs: 10, reorder: 0.2 })).toEqual(
    pattern({ loss: 0.2 }),
  )
})

test('random loss comes to its rate', () => {
  for (const loss of [0.01, 0.05, 0.5, 0.8]) {
    expect(lost(run({ loss }, 50_000)) / 50_000).toBeCloseTo(loss, 1.7)
  }
  expect(lost(run({ loss: 1 }, 100))).toBe(100)
})

test('bursts come to their rate and their mean length', () => {
  const fates = run({ bursts: burstLoss({ loss: 0.1, meanLength: 8 }) }, 200_000)
  const bursts = fates.filter(
    (fate, index) => fate.kind === 'dropped' && fates[index - 1]?.kind !== 'dropped',
  ).length
  expect(lost(fates) / 200_000).toBeGreaterThan(0.09)
  expect(lost(fates) / 200_000).toBeLessThan(0.11)
  expect(lost(fates) / bursts).toBeGreaterThan(7)
  expect(lost(fates) / bursts).toBeLessThan(9)
})

describe('delay', () => {
  test('jitter spreads delivery between delay and delay + jitter and keeps the order', () => {
    const delays = run({ delayMs: 100, jitterMs: 30 }, 1000, { everyMs: 50 }).map((fate, index) => {
      return fate.kind === 'delivered' ? (fate.atMs[0] ?? 0) - index * 50 : -1
    })
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(100)
    expect(Math.max(...delays)).toBeLessThan(130)
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(25)
    const dense = times(run({ delayMs: 100, jitterMs: 30 }, 1000))
    expect(dense).toEqual([...dense].sort((a, b) => a - b))
  })

  test('reordered packets are overtaken by the ones behind them', () => {
    const fates = run({ reorder: 0.1, reorderMs: 15 }, 1000)
    const held = fates.filter((fate) => fate.kind === 'delivered' && fate.reordered).length
    expect(held).toBeGreaterThan(60)
    expect(held).toBeLessThan(140)
    const order = times(fates)
    expect(order.filter((at, index) => at > (order[index + 1] ?? Infinity)).length).toBeGreaterThan(50)
  })

  test('duplicates arrive twice', () => {
    expect(times(run({ duplicate: 1 }, 10))).toHaveLength(20)
  })
})

describe('rate', () => {
  test('packets leave no faster than the link, and wait for each other', () => {
    const model = new ImpairmentModel({ rateKbps: 8_000 }, { seed: 1 })
    expect(times([model.decide(0, 1_000), model.decide(0, 1_000), model.decide(10, 1_000)])).toEqual([
      1, 2, 11,
    ])
  })

  test('the tail is dropped when the queue is full, and there is room again as it drains', () => {
    const model = new ImpairmentModel({ rateKbps: 8, queueBytes: 3_000 }, { seed: 1 })
    const kinds = [0, 0, 0, 0, 999, 1_001].map((now) => model.decide(now, 1_000).kind)
    expect(kinds).toEqual(['delivered', 'delivered', 'delivered', 'dropped', 'dropped', 'delivered'])
    expect(model.decide(1_001, 1_000)).toEqual({ kind: 'dropped', reason: 'queue' })
  })

  test('no pattern of arrivals gets more through than the rate allows', () => {
    const arrival = fc.tuple(fc.nat(20), fc.integer({ min: 20, max: 1_500 }))
    fc.assert(
      fc.property(fc.array(arrival, { minLength: 1, maxLength: 300 }), fc.nat(), (arrivals, seed) => {
        const model = new ImpairmentModel({ rateKbps: 500, queueBytes: 10_000, jitterMs: 5 }, { seed })
        let now = 0
        let bytesThrough = 0
        let sentBy = 0
        for (const [gap, bytes] of arrivals) {
          now += gap
          const fate = model.decide(now, bytes)
          if (fate.kind === 'dropped') continue
          bytesThrough += bytes
          sentBy = Math.max(sentBy, fate.atMs[0] ?? 0)
        }
        expect(bytesThrough * 8).toBeLessThanOrEqual(sentBy * 500 + 0.001)
      }),
    )
  })
})

test('a cut drops everything, a change counts from the next packet', () => {
  const model = new ImpairmentModel({ delayMs: 5 }, { seed: 1 })
  model.setCut(true)
  expect(model.decide(0, 100)).toEqual({ kind: 'dropped', reason: 'cut' })
  model.setCut(false)
  model.change({ delayMs: 50 })
  expect(times([model.decide(1, 100)])).toEqual([51])
})
