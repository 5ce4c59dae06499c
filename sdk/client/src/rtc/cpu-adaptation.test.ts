import { expect, test } from 'vitest'
import { CpuAdaptation } from './cpu-adaptation.ts'
import type { PublishedLayer, ReceivedTrack } from './statistics.ts'

const layer = (facts: Partial<PublishedLayer>) =>
  ({ publicationId: 'p', kind: 'video', ...facts }) as PublishedLayer
const track = (facts: Partial<ReceivedTrack>) =>
  ({ kind: 'video', loss: 0, framesDropped: 0, framesDecoded: 60, ...facts }) as ReceivedTrack

const idle = { published: [layer({ encodeBusy: 0.1 })], received: [track({ decodeBusy: 0.1 })] }

function after(
  adaptation: CpuAdaptation,
  intervals: number,
  statistics: Parameters<CpuAdaptation['update']>[0],
) {
  return Array.from({ length: intervals }, () => adaptation.update(statistics)).flat()
}

test('RTC-124: an encoder that the browser limits, or that takes all its time, gives up layers by steps', () => {
  const adaptation = new CpuAdaptation()
  const limited = { ...idle, published: [layer({ limitation: 'cpu' })] }
  expect(after(adaptation, 1, limited)).toEqual([])
  expect(after(adaptation, 1, limited)).toEqual([
    { direction: 'sent', step: 1, steps: 3, reason: 'cpu-limited' },
  ])
  // The layers of one publication add up, those of different ones do not.
  const busy = { ...idle, published: [layer({ encodeBusy: 0.5 }), layer({ encodeBusy: 0.4 })] }
  expect(after(adaptation, 2, busy)).toMatchObject([{ step: 2, reason: 'encode-time' }])
  const apart = {
    ...idle,
    published: [layer({ encodeBusy: 0.5 }), layer({ publicationId: 'q', encodeBusy: 0.4 })],
  }
  expect(after(adaptation, 2, apart)).toEqual([])
  after(adaptation, 20, limited)
  expect(adaptation.sendStep).toBe(3)
})

test('RTC-124: bandwidth limits are no matter of the processor', () => {
  const adaptation = new CpuAdaptation()
  expect(after(adaptation, 10, { ...idle, published: [layer({ limitation: 'bandwidth' })] })).toEqual([])
  const lossy = { ...idle, received: [track({ loss: 0.1, framesDropped: 30, framesDecoded: 30 })] }
  expect(after(adaptation, 10, lossy)).toEqual([])
})

test('RTC-124: a decoder that is late, or frames that are dropped without loss, ask for smaller videos', () => {
  const adaptation = new CpuAdaptation()
  expect(after(adaptation, 2, { ...idle, received: [track({ decodeBusy: 0.9 })] })).toEqual([
    { direction: 'received', step: 1, steps: 2, reason: 'decode-time' },
  ])
  const dropping = { ...idle, received: [track({ framesDropped: 20, framesDecoded: 40 })] }
  expect(adaptation.update(dropping, true)).toEqual([])
  expect(adaptation.update(dropping, true)).toEqual([])
  expect(after(adaptation, 2, dropping)).toMatchObject([{ step: 2, reason: 'frames-dropped' }])
})

test('RTC-124: it goes up after ten quiet seconds, and after each relapse it waits twice as long', () => {
  const adaptation = new CpuAdaptation()
  const limited = { ...idle, published: [layer({ limitation: 'cpu' })] }
  const quiet = () => {
    for (let intervals = 1; intervals <= 100; intervals++) {
      if (adaptation.update(idle).some(({ reason }) => reason === 'recovered')) return intervals
    }
    return undefined
  }
  after(adaptation, 2, limited)
  expect(quiet()).toBe(5)
  after(adaptation, 2, limited)
  expect(quiet()).toBe(10)
  for (let relapse = 0; relapse < 10; relapse++) {
    after(adaptation, 2, limited)
    quiet()
  }
  after(adaptation, 2, limited)
  expect(quiet()).toBe(60)
})
