import { expect, test } from 'vitest'
import { LayerState } from './layer-state.ts'
import { chooseLayer } from './layers.ts'
import { videoSteps } from './video-steps.ts'

function layers(...heights: number[]): LayerState[] {
  return heights.map((height) => {
    const state = new LayerState()
    state.change({ running: true, width: (height * 16) / 9, height })
    return state
  })
}

const bitrates = (list: readonly LayerState[]) =>
  videoSteps(list, list.length - 1, 'screen').map(({ bitrate }) => bitrate)

test('RTC-158: a page that bursts does not make the small layer of a screen dear', () => {
  const [small, sharp] = layers(540, 1080)
  if (small === undefined || sharp === undefined) throw new Error('no layers')
  for (let second = 0; second < 60; second++) {
    const turns = second % 8 === 0
    small.measure({ bitrate: turns ? 700_000 : 50_000, temporal: false })
    sharp.measure({ bitrate: turns ? 2_500_000 : 100_000, temporal: false })
  }
  const [cost = 0, sharpCost = 0] = bitrates([small, sharp])
  expect(cost).toBeLessThan(200_000)
  // Still for four seconds, and yet its next page takes a megabit.
  expect(sharpCost).toBeGreaterThan(900_000)
  expect(sharpCost).toBeLessThan(1_500_000)
  // Nobody turns pages for minutes.
  for (let second = 0; second < 400; second++) sharp.measure({ bitrate: 60_000, temporal: false })
  expect(bitrates([small, sharp])[1]).toBeLessThan(220_000)
})

test('RTC-157: the small layer of a screen is for thumbnails', () => {
  const list = layers(540, 1080)
  const of = (width: number, source: 'screen' | 'camera') =>
    chooseLayer(list, { width, height: (width * 9) / 16 }, source)
  expect([of(480, 'screen'), of(900, 'screen'), of(1920, 'screen')]).toEqual([0, 1, 1])
  expect([of(480, 'camera'), of(900, 'camera'), of(1920, 'camera')]).toEqual([0, 0, 1])
})
