import { ensureFastpath, loadFastpath, type NativeAddon } from '@parley/fastpath'
import { burstLoss, type Impairment, ImpairmentModel } from '@parley/testing/weaknet'
import { describe, expect, test } from 'vitest'
import { fecShareOf } from '../src/room/fec-share.ts'
import { repairOf } from '../src/room/repair.ts'
import { randomOf } from './congestion/simulation.ts'
import { watchPicture } from './watched-picture.ts'

const built = await ensureFastpath()
const addon = 'path' in built ? await loadFastpath() : undefined

/**
 * From forwarding to arrival. Capture, encoder, the way up, decoder and the screen take 100 ms of the 400 ms from the making of a
 * picture to its showing, and 20 ms are left over.
 */
const withinUs = 280_000
/** What the client SDK lets pictures wait on a path of long round trips, less what decoder and screen take of it. */
const farWaitUs = 85_000

describe.skipIf(!addon)('pictures over a path that loses packets, on a virtual clock', () => {
  test.each([
    [0.1, 0.995, 1.3],
    [0.3, 0.995, 2],
    [0.5, 0.995, 3.1],
    [0.7, 0.99, 5],
  ])(
    'RTC-134, FAST-140: at a loss of %f, a share of %f in time for %f times the bytes',
    (loss, share, most) => {
      const path = { loss, lossKind: 'random', roundTripMs: 60, most: 0.6 } as const
      const random = randomOf(70)
      const { onTime, bytes } = watchPicture(addon as NativeAddon, {
        repair: repairOf('video', path, { red: false }),
        ...{ seconds: 60, wayDownUs: 20_000, wayUpUs: 20_000, assumedRoundTripUs: 100_000, withinUs },
        isLost: () => random() < loss,
        packetsOf: (picture) => 1 + (picture % 3),
      })
      expect(onTime).toBeGreaterThanOrEqual(share)
      expect(bytes).toBeLessThanOrEqual(most)
    },
  )

  const far = (
    impairment: Impairment,
    loss: number,
    more: { copies?: number; copyDistanceMs?: number } = {},
  ) => {
    const path = { loss, lossKind: 'random', roundTripMs: 380, most: 3.6 } as const
    const fecShare = fecShareOf({ ...path, requestsPerLoss: 1, recovery: undefined })
    const losses = new ImpairmentModel(impairment, { seed: 5 })
    return watchPicture(addon as NativeAddon, {
      repair: { ...repairOf('video', path, { red: false, fecShare }), ...more },
      ...{ seconds: 60, wayDownUs: 300_000, wayUpUs: 20_000, assumedRoundTripUs: 330_000 },
      withinUs: 300_000 + farWaitUs,
      isLost: () => losses.decide(0, 1).kind === 'dropped',
      // The lower the layer in time, the larger.
      packetsOf: (picture) => [4, 2, 2, 1, 3, 1, 2, 1][picture % 8] ?? 1,
    })
  }
  const bursts = { bursts: burstLoss({ loss: 0.05, meanLength: 3 }) }

  test.each([
    ['5 %', { loss: 0.05 }, 0.05, 0.99, 2.5],
    ['10 %', { loss: 0.1 }, 0.1, 0.98, 2.6],
    ['bursts of 3, 5 %', bursts, 0.05, 0.98, 2.5],
    ['20 %', { loss: 0.2 }, 0.2, 0.95, 3.7],
  ])(
    'RTC-175: with 300 ms and %s lost pictures come with their copies, and without waiting for answers',
    (_name, impairment, loss, share, most) => {
      const { onTime, bytes } = far(impairment, loss)
      expect(onTime).toBeGreaterThanOrEqual(share)
      expect(bytes).toBeLessThanOrEqual(most)
    },
  )

  test('RTC-175, FAST-175: copies that leave when a burst is over bring back what others do not', () => {
    const { onTime } = far(bursts, 0.05)
    expect(far(bursts, 0.05, { copyDistanceMs: 5 }).onTime).toBeLessThan(onTime - 0.02)
    expect(far(bursts, 0.05, { copies: 0 }).onTime).toBeLessThan(onTime - 0.05)
  })
})
