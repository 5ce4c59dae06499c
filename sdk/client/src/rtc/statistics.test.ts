import { expect, test } from 'vitest'
import { factsOf, qualityOf, type StatisticsSample, statisticsBetween, withLost } from './statistics.ts'

const sample = (atMs: number, scale: number): StatisticsSample => ({
  atMs,
  publicationOfMid: (connection, mid) => `${connection} ${mid}`,
  publish: [
    {
      id: 'pair',
      type: 'candidate-pair',
      timestamp: atMs,
      nominated: true,
      state: 'succeeded',
      currentRoundTripTime: 0.04,
      availableOutgoingBitrate: 900_000,
    },
    {
      id: 'out',
      type: 'outbound-rtp',
      timestamp: atMs,
      kind: 'video',
      mid: '0',
      rid: 'f',
      bytesSent: 250_000 * scale,
      targetBitrate: 1_000_000,
      qualityLimitationReason: 'none',
    },
    { id: 'remote', type: 'remote-inbound-rtp', timestamp: atMs, localId: 'out', fractionLost: 0.02 },
  ],
  subscribe: [
    {
      id: 'video',
      type: 'inbound-rtp',
      timestamp: atMs,
      kind: 'video',
      mid: '0',
      bytesReceived: 125_000 * scale,
      packetsReceived: 95 * scale,
      packetsLost: 5 * scale,
      jitter: 0.01,
      freezeCount: scale,
      totalFreezesDuration: 0.3 * scale,
    },
    {
      id: 'audio',
      type: 'inbound-rtp',
      timestamp: atMs,
      kind: 'audio',
      mid: '1',
      bytesReceived: 8_000 * scale,
      packetsReceived: 100 * scale,
      packetsLost: 0,
      jitter: 0.002,
      totalSamplesReceived: 96_000 * scale,
      concealedSamples: 4_800 * scale,
      silentConcealedSamples: 960 * scale,
      jitterBufferDelay: 2.5 * scale,
      jitterBufferEmittedCount: 50 * scale,
    },
  ],
})

test('totals become what happened in the interval', () => {
  const statistics = statisticsBetween(sample(0, 1), sample(2_000, 2))
  expect(statistics).toMatchObject({
    intervalMs: 2_000,
    roundTripMs: 40,
    availableUplinkKbps: 900,
    publishKbps: 1_000,
    subscribeKbps: 532,
    uplinkLoss: 0.02,
    downlinkLoss: 5 / 200,
  })
  const [video, audio] = statistics.received
  expect(video).toMatchObject({
    publicationId: 'subscribe 0',
    kbps: 500,
    loss: 0.05,
    freezes: 1,
    freezeMs: 300,
    concealed: undefined,
  })
  expect(audio).toMatchObject({
    publicationId: 'subscribe 1',
    kbps: 32,
    loss: 0,
    concealed: 0.04,
    bufferMs: 50,
  })
  expect(statistics.published[0]).toMatchObject({
    publicationId: 'publish 0',
    rid: 'f',
    targetKbps: 1_000,
    loss: 0.02,
  })
})

test('a counter that began anew is not a negative rate', () => {
  const statistics = statisticsBetween(sample(0, 5), sample(2_000, 1))
  expect(statistics.publishKbps).toBe(0)
  expect(statistics.downlinkLoss).toBe(0)
})

test('facts for the server are numbers only, and what is unknown is left out', () => {
  const statistics = statisticsBetween(sample(0, 1), { ...sample(2_000, 2), publish: [] })
  const facts = factsOf(statistics, 'good')
  expect(facts).toMatchObject({
    quality: 3,
    downlinkLoss: 0.025,
    audioTracks: 1,
    videoTracks: 1,
    freezeMs: 300,
  })
  expect(facts).not.toHaveProperty('roundTripMs')
  expect(Object.values(facts).every(Number.isFinite)).toBe(true)
  expect(factsOf(statistics, 'unknown')).not.toHaveProperty('quality')
})

test('quality falls with loss, delay and freezes', () => {
  const well = { lost: false, loss: 0, roundTripMs: 40, freezeMs: 0, concealed: 0 }
  expect(qualityOf(well)).toBe('good')
  expect(qualityOf({ ...well, loss: 0.05 })).toBe('good')
  expect(qualityOf({ ...well, loss: 0.06 })).toBe('fair')
  expect(qualityOf({ ...well, roundTripMs: 321 })).toBe('fair')
  expect(qualityOf({ ...well, freezeMs: 700 })).toBe('poor')
  expect(qualityOf({ ...well, lost: true })).toBe('lost')
})

test('RTC-125: each way has a level of its own', () => {
  const levels = (change: (now: StatisticsSample, before: StatisticsSample) => void) => {
    const [before, now] = [sample(0, 1), sample(2_000, 2)]
    change(now, before)
    const { uplinkLevel, downlinkLevel } = statisticsBetween(before, now)
    return [uplinkLevel, downlinkLevel]
  }
  const set = (records: StatisticsSample['publish'], id: string, facts: Record<string, unknown>) => {
    Object.assign(records.find((record) => record.id === id) ?? {}, facts)
  }
  expect(levels(() => undefined)).toEqual([4, 4])
  expect(levels((now) => set(now.publish, 'remote', { fractionLost: 0.2 }))).toEqual([2, 4])
  expect(levels((now) => set(now.subscribe, 'video', { packetsLost: 205 }))).toEqual([4, 1])
  expect(levels((now) => set(now.publish, 'pair', { currentRoundTripTime: 0.6 }))).toEqual([2, 2])
  const full = { qualityLimitationReason: 'bandwidth' }
  expect(levels((now) => set(now.publish, 'out', full))).toEqual([4, 4])
  expect(
    levels((now, before) => {
      set(now.publish, 'out', full)
      set(before.publish, 'out', full)
    }),
  ).toEqual([3, 4])
  const lost = withLost(statisticsBetween(sample(0, 1), sample(2_000, 2)), {
    publish: true,
    subscribe: false,
  })
  expect([lost.uplinkLevel, lost.downlinkLevel]).toEqual([1, 4])
})
