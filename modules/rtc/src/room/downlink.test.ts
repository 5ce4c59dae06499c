import type { PublicationSource } from '@parley/contracts'
import { expect, test } from 'vitest'
import { Downlink, type Reducible } from './downlink.ts'

class Picture implements Reducible {
  readonly source: PublicationSource
  readonly active = true
  highestLayer = Number.POSITIVE_INFINITY

  constructor(source: PublicationSource) {
    this.source = source
  }

  get layer(): number {
    return Math.min(2, this.highestLayer)
  }

  setHighestLayer(highest: number): void {
    this.highestLayer = highest
  }
}

test('RTC-17: cameras give way before a shared screen, and what is lost at random alone changes nothing', () => {
  const [camera, screen] = [new Picture('camera'), new Picture('screen')]
  const downlink = new Downlink(() => [screen, camera])
  for (let second = 0; second < 60; second += 2) downlink.look(0.06, second * 1_000)
  expect([camera.layer, screen.layer]).toEqual([2, 2])
  downlink.look(0.5, 60_000)
  expect([camera.layer, screen.layer]).toEqual([1, 2])
  downlink.look(0.2, 62_000)
  expect(camera.layer).toBe(1)
  downlink.look(0.2, 64_000)
  expect([camera.layer, screen.layer]).toEqual([0, 2])
  downlink.look(0.5, 66_000)
  expect([camera.layer, screen.layer]).toEqual([0, 1])
})

test('RTC-17: a path that recovered gets its layers back, each failed attempt waits longer', () => {
  const camera = new Picture('camera')
  const downlink = new Downlink(() => [camera])
  downlink.look(0.5, 0)
  expect(camera.layer).toBe(1)
  const raisedAfter = (from: number): number => {
    const before = camera.layer
    for (let now = from; now < from + 200_000; now += 2_000) {
      downlink.look(0, now)
      if (camera.layer > before) return now - from
    }
    return Number.POSITIVE_INFINITY
  }
  const first = raisedAfter(2_000)
  downlink.look(0.5, first + 4_000)
  const second = raisedAfter(first + 6_000)
  expect(second).toBeGreaterThan(first)
  expect(camera.layer).toBe(2)
})
