import type { LayerStats } from '@parley/fastpath'
import { expect, test } from 'vitest'
import { PublicationLayers } from './publication-layers.ts'

const sizes = [
  { width: 320, height: 180 },
  { width: 640, height: 360 },
  { width: 1280, height: 720 },
]
const told = (count: number) => {
  const spatial = sizes.slice(0, count)
  return { layer: 0, ...(spatial.at(-1) ?? { width: 0, height: 0 }), spatial }
}
const counted = (spatialBitrates: number[], temporalLayers = 3): LayerStats[] => {
  const bitrate = spatialBitrates.reduce((sum, one) => sum + one, 0)
  // What is measured here is a part of what is counted.
  return [{ layer: 0, bitrate, spatialBitrates, temporalLayers } as LayerStats]
}
const running = ({ list }: PublicationLayers) => list.map((layer) => layer.running)

test('RTC-70: spatial layers of one stream become layers once they are told, each with the bits of all below', () => {
  const layers = new PublicationLayers(1)
  layers.handleStarted(0)
  expect(layers.packetLayer(0)).toEqual({ layer: 0, spatialLayer: 7 })
  layers.handleResized(told(3))
  expect(layers.list.map(({ width }) => width)).toEqual([320, 640, 1280])
  expect(layers.packetLayer(1)).toEqual({ layer: 0, spatialLayer: 1 })
  layers.measure(counted([100, 200, 400]))
  expect(layers.list.map(({ bitrate, temporal }) => [bitrate, temporal])).toEqual([
    [100, true],
    [300, true],
    [700, true],
  ])
})

test('RTC-70: simulcast streams are layers by themselves', () => {
  const layers = new PublicationLayers(3)
  layers.handleStarted(2)
  layers.handleResized({ layer: 2, width: 1280, height: 720, spatial: [{ width: 1280, height: 720 }] })
  expect(layers.packetLayer(2)).toEqual({ layer: 2, spatialLayer: 7 })
  expect(running(layers)).toEqual([false, false, true])
  layers.handleStopped(2)
  expect(running(layers)).toEqual([false, false, false])
})

test('RTC-71: a spatial layer that is not sent any more is not to be had, nor is it when others rest', () => {
  const layers = new PublicationLayers(1)
  layers.handleResized(told(3))
  layers.measure(counted([100, 200, 0]))
  expect(running(layers)).toEqual([true, true, true])
  layers.measure(counted([0, 0, 0]))
  layers.measure(counted([100, 200, 0]))
  expect(running(layers)).toEqual([true, true, false])
  layers.measure(counted([100, 200, 400]))
  expect(running(layers)).toEqual([true, true, true])
  layers.handleResized(told(2))
  expect(running(layers)).toEqual([true, true, false])
})

test('RTC-72: of spatial layers those below a watched one are watched too', () => {
  const layers = new PublicationLayers(1)
  layers.handleResized(told(3))
  expect(layers.setWatched([1], 0)).toBe(false)
  expect(layers.setWatched([1], 10_000)).toBe(true)
  expect(layers.list.map(({ available }) => available)).toEqual([true, true, true])
  // The publisher sends fewer now: the third is to be had all the same.
  layers.handleResized(told(2))
  expect(layers.list.map(({ available }) => available)).toEqual([true, true, true])
  expect(layers.setWatched([2], 11_000)).toBe(true)
  expect(layers.setWatched([], 12_000)).toBe(false)
  expect(layers.setWatched([], 22_000)).toBe(true)
})
