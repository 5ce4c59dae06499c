import { describe, expect, test } from 'vitest'
import type { PathFacts } from '../sfu/messages.ts'
import { type Allocable, Allocation } from './allocation.ts'
import type { VideoAllotment, VideoRequest } from './allocator.ts'

const facts: PathFacts = {
  ...{ transport: 1, target: 2_000_000, limit: 'delay', loss: 0.05, lossKind: 'random' },
  ...{ roundTripMs: 300, throughput: 0, queue: 'normal' },
}

/** One picture of 400 kbit/s that wants this much protection. */
function picture(protection: number): Allocable & { allotment: VideoAllotment | undefined } {
  const steps = [{ layer: 0, temporalLayer: 7, bitrate: 400_000 }]
  const request: VideoRequest = { id: 'p', source: 'camera', speaking: false, pixels: undefined, steps }
  return {
    publication: { id: 'p', kind: 'video' },
    audioBitrate: 0,
    protection,
    allotment: undefined,
    videoRequest: () => request,
    setAllotment(allotment) {
      this.allotment = allotment
    },
  }
}

function allocate(target: number, protection: number) {
  const wanted: number[] = []
  const one = picture(protection)
  const allocation = new Allocation({
    subscriptions: () => [one],
    setWanted: (bitrate) => wanted.push(bitrate),
    now: () => 10_000,
  })
  allocation.handleFacts({ ...facts, target })
  return { ...allocation.protection, wanted: wanted.at(-1) ?? 0, allotment: one.allotment }
}

describe('RTC-111: protection gets what media and answers leave', () => {
  test('with room enough what is wanted', () => {
    expect(allocate(2_000_000, 0.5)).toMatchObject({ bitrate: 200_000, most: 3.6 })
    expect(allocate(2_000_000, 0)).toMatchObject({ bitrate: 0, most: 3.6 })
  })

  test('what the answers take is not for it, and without room there is none', () => {
    const { bitrate, most } = allocate(500_000, 0.5)
    expect(bitrate).toBeCloseTo(500_000 * (1 - 0.075) - 400_000)
    expect(most).toBeCloseTo(bitrate / 400_000)
    expect(allocate(432_500, 0.5).most).toBeLessThan(0.001)
  })

  test('it is wanted of the path, but takes no layer away', () => {
    expect(allocate(2_000_000, 0.5).wanted / allocate(2_000_000, 0).wanted).toBeCloseTo(1.5)
    expect(allocate(450_000, 0.5).allotment).toEqual(allocate(450_000, 0).allotment)
  })
})

test('RTC-160: on a path that just began a screen comes in its small layer first', () => {
  let nowMs = 10_000
  const steps = [
    { layer: 0, temporalLayer: 7, bitrate: 200_000 },
    { layer: 1, temporalLayer: 7, bitrate: 1_000_000 },
  ]
  const one = { ...picture(0) }
  one.videoRequest = () => ({ id: 'p', source: 'screen', speaking: false, pixels: undefined, steps })
  const allocation = new Allocation({
    subscriptions: () => [one],
    setWanted: () => undefined,
    now: () => nowMs,
  })
  const layerAfter = (ms: number) => {
    nowMs += ms
    allocation.handleFacts({ ...facts, lossKind: 'none' })
    return one.allotment?.step?.layer
  }
  expect([layerAfter(0), layerAfter(1_500), layerAfter(2_000)]).toEqual([0, 0, 1])
})
