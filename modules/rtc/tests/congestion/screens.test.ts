import { expect, test } from 'vitest'
import { ScreenPath } from './screens.ts'

const seeds = Array.from({ length: 12 }, (_, index) => index + 1)
const wide = 8e6
const thin = 300_000

test.each([1, 0.7, 0.3])(
  'RTC-180: all lines of a screen are back soon after its path widens: %d of its bits where it stands still',
  (stillShare) => {
    for (const seed of seeds) {
      const screen = new ScreenPath({ capacity: wide, seed, stillShare })
      screen.secondsUntil(1, 30)
      screen.run(10)
      for (const thinSeconds of [5, 20, 60]) {
        screen.forward.capacity = thin
        expect.soft(screen.secondsUntil(0, 60)).toBeLessThan(15)
        screen.run(thinSeconds)
        expect.soft(screen.layer).toBe(0)
        screen.forward.capacity = wide
        expect.soft(screen.secondsUntil(1, 60)).toBeLessThan(10)
        screen.run(10)
      }
    }
  },
)
