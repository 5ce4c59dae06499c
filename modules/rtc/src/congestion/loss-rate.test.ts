import { expect, test } from 'vitest'
import { randomOf } from '../../tests/congestion/simulation.ts'
import { LossRate } from './loss-rate.ts'
import { PacketResults } from './packet-results.ts'

const delayBitrate = 2_500_000
const feedbackUs = 62_000
const sizeBytes = 800

/** The share of the time in which the losses limit to less than half, on a path that loses whatever is sent. */
function limitedShare(loss: number, bitrate: number, seed: number): number {
  const random = randomOf(seed)
  const rate = new LossRate(delayBitrate, { min: 30_000, max: 50_000_000 })
  const results = new PacketResults()
  let atUs = 0
  let limited = 0
  const feedbacks = 1_000
  for (let feedback = 0; feedback < feedbacks; feedback++) {
    const count = Math.max(1, Math.round((bitrate * (0.5 + random()) * feedbackUs) / (8e6 * sizeBytes)))
    results.clear()
    for (let packet = 0; packet < count; packet++) {
      atUs += feedbackUs / count
      results.add(sizeBytes, atUs, random() < loss ? Number.NaN : atUs + 20_000, false)
    }
    rate.update(results, delayBitrate, bitrate, { limitedByApplication: true, queueMs: 0 })
    if ((rate.bitrate ?? delayBitrate) < delayBitrate / 2) limited++
  }
  return limited / feedbacks
}

test.each([
  [0.1, 1_500_000],
  [0.3, 300_000],
  [0.5, 300_000],
  [0.7, 300_000],
  [0.7, 1_500_000],
])('RTC-136: chance does not limit a path that loses %f of %i bit/s by itself', (loss, bitrate) => {
  for (let seed = 1; seed <= 4; seed++) expect(limitedShare(loss, bitrate, seed)).toBeLessThan(0.01)
})
