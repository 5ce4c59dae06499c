import { expect, test } from 'vitest'
import { LayerState } from './layer-state.ts'

const second = 1_000

test('RTC-52: a layer nobody watches is switched off after ten seconds, and stays to be had', () => {
  const layer = new LayerState()
  layer.change({ running: true, width: 640, height: 360 })
  expect(layer.setWatched(false, 0)).toBe(false)
  expect(layer.setWatched(false, 9 * second)).toBe(false)
  expect(layer.setWatched(false, 10 * second)).toBe(true)
  expect(layer.wanted).toBe(false)
  layer.change({ running: false })
  expect(layer.available).toBe(true)
})

test('RTC-52: who looks away for a moment finds it running', () => {
  const layer = new LayerState()
  layer.change({ running: true })
  layer.setWatched(false, 0)
  expect(layer.setWatched(true, 5 * second)).toBe(false)
  expect(layer.setWatched(false, 6 * second)).toBe(false)
  expect(layer.setWatched(false, 14 * second)).toBe(false)
  expect(layer.setWatched(false, 16 * second)).toBe(true)
})

test('RTC-52: asked for again it is counted on, and not for long if it does not come', () => {
  const layer = new LayerState()
  layer.change({ running: true })
  layer.setWatched(false, 0)
  layer.setWatched(false, 10 * second)
  layer.change({ running: false })
  expect(layer.setWatched(true, 20 * second)).toBe(true)
  expect(layer.available).toBe(true)
  layer.setWatched(true, 24 * second)
  expect(layer.available).toBe(false)
  layer.change({ running: true })
  expect(layer.available).toBe(true)
})

test('RTC-52: a layer that its publisher stopped by itself is not to be had', () => {
  const layer = new LayerState()
  layer.change({ running: true })
  layer.change({ running: false })
  layer.setWatched(false, 60 * second)
  expect(layer.wanted).toBe(true)
  expect(layer.available).toBe(false)
})

test('a bitrate rises at once and falls slowly; silence says nothing', () => {
  const layer = new LayerState()
  layer.measure({ bitrate: 1_000, temporal: true })
  layer.measure({ bitrate: 0, temporal: true })
  expect(layer.bitrate).toBe(1_000)
  layer.measure({ bitrate: 500, temporal: true })
  expect(layer.bitrate).toBe(900)
})
