import { expect, test } from 'vitest'
import { CongestionController } from '../../src/congestion/index.ts'

const packetUs = 10_000
/** A unit of a delta in feedback. */
const deltaUs = 250

test('RTC-159: a path on which all was paused while its queue grew is tried out again', () => {
  const controller = new CongestionController({ initial: 1_000_000 })
  controller.setWanted(3_000_000)
  let nowUs = 1_000_000
  // Each packet waits longer than the one before it.
  for (let sequence = 0; sequence < 400; sequence++) {
    controller.handleSent({ sequence, sizeBytes: 1_200, sentAtUs: nowUs })
    nowUs += packetUs
    if (sequence % 10 !== 9) continue
    const perPacket = Math.round((packetUs * 1.3) / deltaUs)
    controller.handleFeedback(
      {
        baseSequence: sequence - 9,
        referenceTime: Math.floor(((sequence - 9) * perPacket * deltaUs) / 64_000),
        deltas: Array.from({ length: 10 }, () => perPacket),
      },
      nowUs,
    )
    if (controller.facts.use === 'overused') break
  }
  expect(controller.facts.use).toBe('overused')
  expect(controller.tick(nowUs)).toBeUndefined()
  const probes: number[] = []
  for (let ms = 0; ms < 15_000; ms += 50) {
    nowUs += 50_000
    const probe = controller.tick(nowUs)
    if (probe !== undefined) probes.push(probe.bitrate)
  }
  expect(probes.length).toBeGreaterThan(0)
  expect(Math.max(...probes)).toBeGreaterThan(controller.target)
})
