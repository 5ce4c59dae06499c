import { expect, test } from 'vitest'
import { UplinkRedundancy } from './uplink-redundancy.ts'

const near = { roundTripMs: 40, availableKbps: 300 }

function settled(loss: number, more: { roundTripMs?: number; availableKbps?: number } = {}) {
  const policy = new UplinkRedundancy()
  policy.update({ loss: 0, ...near, nowMs: 0 })
  let answer = policy.update({ loss, ...near, ...more, nowMs: 2_000 })
  for (let turn = 2; turn < 10; turn++) {
    answer = policy.update({ loss, ...near, ...more, nowMs: turn * 2_000 })
  }
  return answer
}

test('RTC-100: a path that loses nothing gets what the browser adds by itself, in its usual packets', () => {
  expect(settled(0)).toEqual({ depth: 1, maxBitrate: undefined, packetMs: 20 })
  expect(settled(0.02).depth).toBe(1)
})

test('RTC-100: the depth leaves three frames in a thousand lost, up to 17', () => {
  for (const loss of [0.05, 0.1, 0.3, 0.5, 0.7]) {
    const { depth } = settled(loss)
    expect(loss ** (depth + 1), `${loss}`).toBeLessThanOrEqual(0.003)
    if (depth > 1) expect(loss ** depth, `${loss}`).toBeGreaterThan(0.003)
  }
  expect(settled(0.8).depth).toBe(17)
})

test('RTC-101: the bitrate falls where all frames would not fit into a packet', () => {
  for (const loss of [0.1, 0.3, 0.5, 0.6, 0.7, 0.9]) {
    const { depth, maxBitrate = 32_000 } = settled(loss)
    const frameBytes = maxBitrate / 8 / 50
    expect(1 + frameBytes + depth * (frameBytes + 4), `${loss}`).toBeLessThanOrEqual(1_000)
  }
  expect(settled(0.5).maxBitrate).toBeUndefined()
  expect(settled(0.9).maxBitrate).toBe(20_000)
})

test('RTC-100: it comes with the first report and goes slowly', () => {
  const policy = new UplinkRedundancy()
  expect(policy.update({ loss: 0.5, ...near, nowMs: 0 }).depth).toBe(8)
  expect(policy.update({ loss: 0, ...near, nowMs: 2_000 }).depth).toBeGreaterThan(5)
  let last = 8
  for (let turn = 2; turn < 40; turn++) last = policy.update({ loss: 0, ...near, nowMs: turn * 2_000 }).depth
  expect(last).toBe(1)
})

test('RTC-102: a queue on the path is no reason for more; what is narrow gets fewer, longer packets', () => {
  expect(settled(0.2, { roundTripMs: 400 })).toEqual({ depth: 1, maxBitrate: undefined, packetMs: 20 })
  expect(settled(0.2, { roundTripMs: 400, availableKbps: 60 })).toEqual({
    depth: 1,
    maxBitrate: 16_000,
    packetMs: 60,
  })
})

test('RTC-102: one late report is no queue, and what was one is forgotten soon after', () => {
  const policy = new UplinkRedundancy()
  let nowMs = 0
  const report = (roundTripMs: number) => {
    nowMs += 2_000
    return policy.update({ ...near, loss: 0.3, roundTripMs, nowMs }).depth
  }
  expect(report(40)).toBe(4)
  expect(report(400)).toBe(4)
  expect(report(400)).toBe(1)
  expect(report(40)).toBe(1)
  nowMs += 8_000
  expect(report(40)).toBe(4)
})

test('RTC-102: redundancy that makes the losses worse rests for half a minute, then tries again', () => {
  const policy = new UplinkRedundancy()
  let nowMs = 0
  const report = (loss: number) => {
    nowMs += 2_000
    return policy.update({ loss, ...near, nowMs }).depth
  }
  for (let turn = 0; turn < 4; turn++) expect(report(0.1)).toBeGreaterThan(1)
  expect(report(0.4)).toBe(1)
  expect(report(0.1)).toBe(1)
  nowMs += 30_000
  expect(report(0.1)).toBeGreaterThan(1)
})
