import { afterAll, expect, test } from 'vitest'
import { MediaFlow } from './flows.ts'
import { Link, randomOf, VirtualClock } from './simulation.ts'
import { StallingReceiver, type StallOptions } from './stalls.ts'

const rows: Record<string, string | number>[] = []

afterAll(() => {
  if (process.env.PARLEY_TABLES !== undefined) console.table(rows)
})

/** One flow to a receiver that stalls, for two minutes; what it made of all but the beginning. */
function through(
  capacity: number,
  stalls: Partial<StallOptions>,
  seed: number,
  encoder = { min: 150_000, max: 1_500_000 },
) {
  const clock = new VirtualClock()
  const forward = new StallingReceiver(clock, new Link(clock, { capacity, jitterMs: 1, seed }), {
    ...{ lasting: [50, 300], everyMs: 2_000, takingMs: 0.1, random: randomOf(seed + 1) },
    ...stalls,
  })
  const backward = new Link(clock, { capacity: 1e9 })
  const flow = new MediaFlow({
    clock,
    forward,
    backward,
    encoder,
    random: randomOf(seed + 2),
    initial: 2_500_000,
  })
  clock.runUntil(120e6)
  const { bitrate, queueMs, loss, target } = flow.over(20, 120)
  const lowest = Math.min(...flow.seconds.slice(20, 119).map((second) => second.target))
  const share = bitrate / Math.min(capacity, encoder.max)
  const { random: _, lasting = [50, 300], ...more } = stalls
  rows.push({ capacity, lasting: lasting.join(), ...more, seed, share, queueMs, loss, target, lowest })
  return { share, queueMs, loss, target, lowest }
}

const seeds = Array.from({ length: 12 }, (_, index) => index + 1)
/** A receiver that stands still most of the time. */
const mostly: Partial<StallOptions> = { everyMs: 250 }
const kinds: Partial<StallOptions>[] = [
  {},
  { everyMs: 500 },
  { takingMs: 1 },
  { lasting: [20, 60], everyMs: 150 },
]

test.each([...kinds, mostly])(
  'RTC-145: a receiver that stalls on a path without a limit costs no rate: %o',
  (stalls) => {
    for (const seed of seeds) {
      const { share, lowest } = through(1e9, stalls, seed)
      expect.soft(share).toBeGreaterThan(0.97)
      expect.soft(lowest).toBeGreaterThan(1_500_000)
    }
  },
)

test.each([...kinds, mostly])('RTC-145: little that is sent keeps its room through stalls: %o', (stalls) => {
  for (const seed of seeds) {
    const { lowest } = through(1e9, stalls, seed, { min: 700_000, max: 700_000 })
    expect.soft(lowest).toBeGreaterThan(700_000)
  }
})

test.each(kinds)(
  'RTC-146: a narrow path is used, and its queue is short, behind a receiver that stalls: %o',
  (stalls) => {
    for (const seed of seeds) {
      const { share, queueMs, loss } = through(1e6, stalls, seed)
      expect.soft(share).toBeGreaterThan(0.75)
      expect.soft(queueMs).toBeLessThan(60)
      expect.soft(loss).toBeLessThan(0.02)
    }
  },
)
