import { expect, test } from 'vitest'
import { UplinkRedundancy } from './uplink-redundancy.ts'

const near = { roundTripMs: 40, availableKbps: 300 }

function settled(loss: number) {
  const policy = new UplinkRedundancy()
  policy.update({ loss: 0, ...near, nowMs: 0 })
  let answer = policy.update({ loss, ...near, nowMs: 2_000 })
  for (let turn = 2; turn < 10; turn++) {
    answer = policy.update({ loss, ...near, nowMs: turn * 2_000 })
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

function following() {
  const policy = new UplinkRedundancy()
  let nowMs = 0
  return (facts: { loss: number; roundTripMs?: number; availableKbps?: number }, laterMs = 2_000) => {
    nowMs += laterMs
    return policy.update({ ...near, ...facts, nowMs })
  }
}

test('RTC-102: a queue on the path is no reason for more redundancy, and forgotten some seconds after', () => {
  const report = following()
  const queued = { loss: 0.3, roundTripMs: 400 }
  expect(report({ loss: 0.3 }).depth).toBe(4)
  expect(report(queued).depth, 'one late report is no queue').toBe(4)
  expect(report(queued)).toEqual({ depth: 1, maxBitrate: undefined, packetMs: 20 })
  expect(report({ loss: 0.3 }).depth).toBe(1)
  expect(report({ loss: 0.3 }, 8_000).depth).toBe(4)
})

test('RTC-102: a narrow path gets fewer, longer packets until the rest is over, however much is lost', () => {
  const report = following()
  const narrow = { depth: 1, maxBitrate: 16_000, packetMs: 60 }
  report({ loss: 0 })
  expect(report({ loss: 0.1, availableKbps: 54 })).toEqual(narrow)
  expect(report({ loss: 0.6, availableKbps: 75 })).toEqual(narrow)
  expect(report({ loss: 0, availableKbps: 90 }, 8_000)).toMatchObject({ depth: 1, packetMs: 20 })
})

test('RTC-100: where most is lost at random, little is granted as well, and redundancy goes on', () => {
  const report = following()
  expect(report({ loss: 0.8, availableKbps: 50 }).depth).toBe(17)
  expect(report({ loss: 0.8, availableKbps: 50, roundTripMs: 600 }).depth, 'unless it comes late').toBe(1)
})

test('RTC-102: a path that is full again soon rests longer, up to about a minute', () => {
  const report = following()
  const rests = [8, 16, 32, 64, 64].map((seconds) => {
    expect(report({ loss: 0, availableKbps: 50 }).packetMs).toBe(60)
    expect(report({ loss: 0 }, (seconds - 1) * 1_000).packetMs).toBe(60)
    return report({ loss: 0 }, 1_000).packetMs
  })
  expect(rests).toEqual([20, 20, 20, 20, 20])
  report({ loss: 0 }, 60_000)
  report({ loss: 0, availableKbps: 50 })
  expect(report({ loss: 0 }, 8_000).packetMs).toBe(20)
})

test('RTC-102: redundancy that makes the losses worse rests, then tries again', () => {
  const report = following()
  for (let turn = 0; turn < 4; turn++) expect(report({ loss: 0.1 }).depth).toBeGreaterThan(1)
  expect(report({ loss: 0.4 }).depth).toBe(1)
  expect(report({ loss: 0.1 }).depth).toBe(1)
  expect(report({ loss: 0.1 }, 8_000).depth).toBeGreaterThan(1)
})
