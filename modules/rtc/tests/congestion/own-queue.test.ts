import { expect, test } from 'vitest'
import { MediaFlow } from './flows.ts'
import { Link, randomOf, VirtualClock } from './simulation.ts'

test.each([1, 2, 3, 4, 5, 6])(
  'RTC-147: what a probe leaves standing takes nothing from a path on which little is sent: seed %i',
  (seed) => {
    const clock = new VirtualClock()
    const forward = new Link(clock, { capacity: 400_000, oneWayMs: 20, queueMs: 600, jitterMs: 1, seed })
    const backward = new Link(clock, { capacity: 1e9, oneWayMs: 20 })
    const encoder = { min: 170_000, max: 170_000 }
    const flow = new MediaFlow({ clock, forward, backward, encoder, random: randomOf(seed) })
    flow.controller.setWanted(540_000)
    clock.runUntil(90e6)
    expect(Math.min(...flow.seconds.slice(10, 89).map(({ target }) => target))).toBeGreaterThan(250_000)
  },
)
