import { afterAll, expect, test } from 'vitest'
import { MediaFlow } from './flows.ts'
import { cases, missed, type Outcome, rowOf } from './rfc-8867-cases.ts'
import { Link, type LinkOptions, randomOf, VirtualClock } from './simulation.ts'

const rows: Record<string, string>[] = []

afterAll(() => {
  if (process.env.PARLEY_TABLES !== undefined) console.table(rows)
})

test.each(cases)('RTC-50, RFC 8867 $name', ({ name, seconds, begin }) => {
  const clock = new VirtualClock()
  const judge = begin({ clock, way: (options) => new Link(clock, options) })
  clock.runUntil(seconds * 1e6)
  const outcomes = judge()
  rows.push(...outcomes.map((outcome) => rowOf(name, outcome)))
  expect(outcomes.filter((outcome) => missed(outcome).length > 0)).toEqual([])
})

/** One flow for a minute; what it made of the last 40 seconds. */
function alone(capacity: number, options: Partial<LinkOptions>) {
  const clock = new VirtualClock()
  const forward = new Link(clock, { capacity, jitterMs: 5, seed: 7, ...options })
  const backward = new Link(clock, { capacity: 1e9 })
  const flow = new MediaFlow({ clock, forward, backward, random: randomOf(11) })
  clock.runUntil(60e6)
  const seconds = [20, 60] as const
  const { bitrate, queueMs, loss } = flow.over(...seconds)
  const outcome = (what: string, available: number): Outcome & { share: number } => ({
    ...{ what, seconds, queueMs, loss },
    share: bitrate / available,
  })
  return { outcome, lossKind: flow.controller.facts.lossKind }
}

test('RTC-50: random loss does not push the rate down, and is told apart', () => {
  for (const loss of [0.02, 0.1, 0.3, 0.5, 0.7]) {
    const { outcome, lossKind } = alone(3e6, { loss })
    const { share, ...rest } = outcome(`random loss ${loss * 100} %`, 1.5e6 * (1 - loss))
    rows.push(rowOf('random loss', { share, ...rest }))
    expect(share).toBeGreaterThan(0.8)
    expect(lossKind).toBe('random')
  }
})

test('RTC-50: loss by a queue too short to be seen by its delay pushes the rate down', () => {
  const { outcome, lossKind } = alone(0.8e6, { queueMs: 25, jitterMs: 0 })
  const judged = outcome('short queue', 0.8e6)
  rows.push(rowOf('short queue', judged))
  expect(judged.loss).toBeLessThan(0.1)
  expect(judged.share).toBeGreaterThan(0.55)
  expect(lossKind).not.toBe('random')
})
