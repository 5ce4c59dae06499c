import { expect, test } from 'vitest'
import { FramePace } from './frame-pace.ts'

function framesTaken(pace: FramePace, everyMs: number, lengthMs: number): number {
  let taken = 0
  for (let nowMs = 0; nowMs < lengthMs; nowMs += everyMs) if (pace.takes(nowMs)) taken++
  return taken
}

test('RTC-122: never more frames a second than asked for, and all of a slower camera', () => {
  expect(framesTaken(new FramePace({ framesPerSecond: 24 }), 1000 / 60, 10_000)).toBeLessThanOrEqual(243)
  expect(framesTaken(new FramePace({ framesPerSecond: 24 }), 1000 / 60, 10_000)).toBeGreaterThan(220)
  expect(framesTaken(new FramePace({ framesPerSecond: 24 }), 1000 / 24, 10_000)).toBeGreaterThanOrEqual(239)
  expect(framesTaken(new FramePace({ framesPerSecond: 24 }), 100, 10_000)).toBe(100)
})

test('RTC-122: pictures get smaller while they take too long, and larger again when they would fit', () => {
  const pace = new FramePace({ framesPerSecond: 25 })
  const take = (frames: number, ms: number) => {
    for (let frame = 0; frame < frames; frame++) pace.took(ms)
  }
  take(19, 30)
  expect(pace.scale).toBe(1)
  take(1, 30)
  expect(pace.scale).toBe(0.75)
  take(200, 30)
  expect(pace.scale).toBe(0.375)
  take(1_000, 20)
  expect(pace.scale).toBe(0.375)
  take(1_300, 5)
  expect(pace.scale).toBe(0.5)
  take(6_000, 5)
  expect(pace.scale).toBe(1)
})
