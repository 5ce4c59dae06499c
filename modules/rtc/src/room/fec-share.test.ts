import { describe, expect, test } from 'vitest'
import { FecShare, fecShareOf } from './fec-share.ts'
import { repairOf } from './repair.ts'

const path = { loss: 0.05, lossKind: 'random', roundTripMs: 320, most: 0.6 } as const
const facts = { ...path, requestsPerLoss: 1, recovery: undefined }
const none = { missed: 0, nacks: 0, leftToFec: 0, fecFailures: 0 }

describe('RTC-110: the later answers come, the more is sent ahead', () => {
  test.each([
    [40, 0],
    [100, 0],
    [200, 0.275],
    [300, 0.55],
    [600, 0.55],
  ])('at a round trip of %i ms', (roundTripMs, share) => {
    expect(fecShareOf({ ...facts, roundTripMs })).toBeCloseTo(share)
  })

  test('a round trip counts as often as a packet is asked for', () => {
    expect(fecShareOf({ ...facts, roundTripMs: 100, requestsPerLoss: 2 })).toBeCloseTo(0.275)
  })

  test.each([
    [0.02, 0],
    [0.03, 0.45],
    [0.06, 0.6],
    [0.3, 0.6],
  ])('and the more is lost: %f', (loss, share) => {
    expect(fecShareOf({ ...facts, loss })).toBeCloseTo(share)
  })
})

describe('RTC-111: protection is for random loss, within its bounds', () => {
  test('congestion is never answered with it, nor is a path without loss', () => {
    expect(fecShareOf({ ...facts, lossKind: 'congestion' })).toBe(0)
    expect(fecShareOf({ ...facts, lossKind: 'none' })).toBe(0)
  })

  test('it takes no more than there is room for', () => {
    expect(fecShareOf({ ...facts, most: 0.1 })).toBe(0.1)
    const share = new FecShare()
    expect(share.update({ ...path, most: 0.1 }, 0)).toBeCloseTo(0.1)
    expect(share.wanted).toBeCloseTo(0.55)
    expect(share.update({ ...path, most: 0 }, 500)).toBe(0)
  })

  test('it ends at once with congestion, and slowly with the loss', () => {
    const share = new FecShare()
    share.update(path, 0)
    expect(share.update({ ...path, lossKind: 'none', loss: 0.01 }, 500)).toBeGreaterThan(0.4)
    let last = 1
    for (let nowMs = 1_000; nowMs < 30_000; nowMs += 500) {
      last = share.update({ ...path, lossKind: 'none', loss: 0 }, nowMs)
    }
    expect(last).toBe(0)
    share.update(path, 30_000)
    expect(share.update({ ...path, lossKind: 'congestion' }, 30_500)).toBe(0)
  })

  test('it goes along with copies, and is for pictures alone', () => {
    const random = { loss: 0.5, lossKind: 'random' } as const
    expect(repairOf('video', random, { red: false })).toMatchObject({ copies: 1, fecShare: 0 })
    expect(repairOf('video', random, { red: false, fecShare: 0.4 })).toMatchObject({
      copies: 1,
      fecShare: 0.4,
    })
    expect(repairOf('audio', random, { red: true, fecShare: 0.4 })).not.toHaveProperty('fecShare')
  })
})

describe('RTC-112: what it brings back decides whether it goes on', () => {
  test('poor recovery asks for shorter rows', () => {
    const share = new FecShare()
    share.count({ ...none, leftToFec: 40, fecFailures: 16 })
    expect(share.update({ ...path, loss: 0.03 }, 0)).toBeCloseTo(0.6)
  })

  test('useless protection rests for half a minute', () => {
    const share = new FecShare()
    share.update(path, 0)
    share.count({ ...none, leftToFec: 40, fecFailures: 35 })
    for (let nowMs = 0; nowMs < 20_000; nowMs += 500) share.update(path, nowMs)
    expect(share.update(path, 20_000)).toBe(0)
    expect(share.update(path, 31_000)).toBeGreaterThan(0.5)
  })

  test('few losses say nothing, and long ago counts less', () => {
    const share = new FecShare()
    share.count({ ...none, leftToFec: 10, fecFailures: 10 })
    expect(share.update(path, 0)).toBeGreaterThan(0.5)
    share.count({ ...none, leftToFec: 400, fecFailures: 10 })
    share.count({ ...none, leftToFec: 500, fecFailures: 12 })
    expect(share.update({ ...path, loss: 0.03 }, 500)).toBeLessThan(0.6)
  })

  test('requests that had to be repeated bring protection to a short path', () => {
    const share = new FecShare()
    expect(share.update({ ...path, roundTripMs: 90 }, 0)).toBe(0)
    share.count({ ...none, missed: 40, nacks: 100 })
    expect(share.update({ ...path, roundTripMs: 90 }, 500)).toBeGreaterThan(0.3)
  })
})
