import type { NativeEvent } from '@parley/fastpath'
import { type RtcpPacket, serializeRtcp } from '@parley/protocols/rtcp'
import { beforeEach, expect, test } from 'vitest'
import { type Report, reported, type SentReport } from '../../tests/path-reports.ts'
import type { PathFacts } from './messages.ts'
import { PathControl } from './path-control.ts'

const transport = 5
let told: PathFacts[]
let pacing: number[]
let probes: { bytes: number; bitrate: number }[]
let paths: PathControl
let nowMs: number
let sequence: number

beforeEach(() => {
  told = []
  pacing = []
  probes = []
  nowMs = 1_000
  sequence = 0
  paths = new PathControl(
    {
      setPacing: (_, bitrate) => pacing.push(bitrate),
      sendProbe: (_, bytes, bitrate) => probes.push({ bytes, bitrate }),
    },
    (facts) => told.push(...facts),
  )
  paths.add(transport)
})

const rtcp = (packets: RtcpPacket[]): NativeEvent =>
  reported([{ transport, atUs: nowMs * 1_000, rtcp: serializeRtcp(packets) }])

/** Sends packets of 1,000 bytes at even distances; the peer tells of those that `arrives` lets through. */
function run(
  seconds: number,
  kbps: number,
  arrives: (sequence: number) => boolean = () => true,
  waitsMs: () => number = () => 0,
): void {
  const everyMs = 8_000 / kbps
  for (const endMs = nowMs + seconds * 1_000; nowMs < endMs; ) {
    const records: { sequence: number; atMs: number }[] = []
    for (let atMs = nowMs; atMs < nowMs + 50; atMs += everyMs) records.push({ sequence: sequence++, atMs })
    const sent: SentReport[] = records.map(({ sequence, atMs }) => ({
      ...{ sequence, sizeBytes: 1_000, atUs: atMs * 1_000 },
    }))
    nowMs += 50
    paths.handleEvent(reported([{ transport, atUs: nowMs * 1_000, sent }]))
    const reference = Math.floor((records[0]?.atMs ?? 0) / 64)
    let lastTick = reference * 256
    const deltas = records.map((record) => {
      if (!arrives(record.sequence)) return null
      const tick = Math.round((record.atMs + 20 + waitsMs()) * 4)
      const delta = tick - lastTick
      lastTick = tick
      return delta
    })
    const [first] = records
    paths.handleEvent(
      rtcp([
        {
          ...{ type: 'transport-feedback', senderSsrc: 1, mediaSsrc: 2, feedbackCount: 0 },
          ...{ baseSequence: (first?.sequence ?? 0) & 0xffff, referenceTime: reference, deltas },
        },
      ]),
    )
    paths.tick(nowMs * 1_000)
  }
}

function tick(): void {
  nowMs += 50
  paths.tick(nowMs * 1_000)
}

test('RTC-50: until feedback comes nothing is limited, told or tried out', () => {
  for (let turn = 0; turn < 100; turn++) tick()
  expect([told, pacing, probes]).toEqual([[], [], []])
})

test('RTC-50: the packets of a measured path stay in this process, only what came of them is told', () => {
  run(5, 1_000)
  expect(told.length).toBeGreaterThan(3)
  expect(told.length).toBeLessThan(30)
  expect(told.at(-1)).toMatchObject({ transport, loss: 0, lossKind: 'none', queue: 'normal' })
  expect(told.at(-1)?.target).toBeGreaterThan(1_000_000)
  expect(pacing.at(-1)).toBeGreaterThan(2_000_000)
  expect(probes.length).toBeGreaterThan(0)
  expect(paths.handleEvent({ type: 'layer.started', track: 3 })).toBe(false)
  expect(paths.handleEvent(reported([{ transport: 99, atUs: 1, sent: [] }]))).toBe(true)
})

test('RTC-50: half lost at random leaves the target where it is; another path is measured anew', () => {
  // A hash in place of chance.
  run(20, 600, (number) => ((number * 2_654_435_761) >>> 0) / 2 ** 32 > 0.5)
  expect(told.at(-1)?.lossKind).toBe('random')
  expect(told.at(-1)?.loss).toBeGreaterThan(0.4)
  expect(told.at(-1)?.target).toBeGreaterThan(500_000)
  paths.handleEvent({ type: 'path.selected', transport })
  run(1, 600)
  expect(told.at(-1)).toMatchObject({ loss: 0, lossKind: 'none' })
})

/** Everything is paused: nothing is sent but probes, which arrive when they are answered. */
function rest(seconds: number): void {
  for (const endMs = nowMs + seconds * 1_000; nowMs < endMs; ) {
    const known = probes.length
    tick()
    if (probes.length > known) run(0.05, (probes.at(-1)?.bitrate ?? 0) / 1_000)
  }
}

/** A queue fills: each packet waits longer than the one before. */
let waitMs = 0

test('RTC-147: a path that seemed full when all was paused is tried out again, and found free', () => {
  run(5, 1_000)
  for (let turn = 0; turn < 20; turn++) run(0.05, 1_000, undefined, () => (waitMs += 2))
  const { target: full = 0, queue } = told.at(-1) ?? {}
  expect(queue).toBe('overused')
  waitMs = 0
  rest(12)
  expect(told.at(-1)?.target).toBeGreaterThan(1.9 * full)
  expect(told.at(-1)?.queue).toBe('normal')
})

test('RTC-147: a pause is no outage, and a probe that nobody answered lowers the target once', () => {
  run(5, 1_000)
  const { target: before = 0 } = told.at(-1) ?? {}
  paths.setWanted(transport, 100_000)
  rest(20)
  expect(told.at(-1)?.target).toBe(before)
  expect(probes.length).toBeLessThan(5)
  const atUs = nowMs * 1_000
  paths.handleEvent(reported([{ transport, atUs, sent: [{ sequence: sequence++, sizeBytes: 1_000, atUs }] }]))
  rest(20)
  expect(told.at(-1)?.target).toBe(Math.round(before / 2))
})

test('RTC-50: who speaks only REMB is believed', () => {
  const estimate = { senderSsrc: 1, mediaSsrc: 0, ssrcs: [2] }
  paths.handleEvent(rtcp([{ type: 'receiver-estimate', ...estimate, bitrate: 400_000 }]))
  tick()
  expect(told.at(-1)).toMatchObject({ target: 400_000, limit: 'receiver' })
  expect(probes).toEqual([])
})

test('RTC-12: garbled RTCP says nothing, and a transport that ended is forgotten', () => {
  const feedback = [0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 9, 0, 0, 0, 0]
  for (const bytes of [
    [1, 2, 3],
    // Longer than it is, reserved statuses, deltas that are cut off, an estimate without its bitrate.
    [0x8f, 205, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2],
    [...feedback, 0x60, 9, 0, 0],
    [...feedback, 0x20, 9, 0, 0],
    [0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0x52, 0x45, 0x4d, 0x42],
  ]) {
    expect(paths.handleEvent(reported([{ transport, atUs: 1, rtcp: Uint8Array.from(bytes) }]))).toBe(true)
    tick()
  }
  paths.handleEvent({ type: 'transport.closed', transport, reason: 'dtls-closed' })
  expect(paths.size).toBe(0)
  tick()
  expect(told).toEqual([])
})

test('RTC-151: decisions do not depend on how reports are bundled', () => {
  const bundled = reportsOf(60)
  const decide = (events: readonly NativeEvent[]): unknown[] => {
    const decisions: unknown[] = []
    const control = new PathControl(
      {
        setPacing: (...values) => decisions.push(values),
        sendProbe: (...values) => decisions.push(values),
      },
      (facts) => decisions.push(facts),
    )
    for (const each of [1, 2, 3]) control.add(each)
    events.forEach((event, index) => {
      control.handleEvent(event)
      if (index % (events.length / 60) === events.length / 60 - 1) control.tick(2e6 + index * 1_000)
    })
    return decisions
  }
  const single = bundled.flat().map((report) => reported([report]))
  const whole = bundled.flatMap((reports) => [
    ...Array.from({ length: reports.length - 1 }, () => reported([])),
    reported(reports),
  ])
  const decisions = decide(single)
  expect(decisions.length).toBeGreaterThan(5)
  expect(decide(whole)).toEqual(decisions)
})

/** Rounds of reports of three paths, of ten packets each; every seventh packet is lost. */
function reportsOf(rounds: number): Report[][] {
  return Array.from({ length: rounds }, (_, round) =>
    [1, 2, 3].flatMap((transport): Report[] => {
      const beginUs = 1e6 + round * 80_000
      const sent = Array.from({ length: 10 }, (_, index) => ({
        ...{ sequence: round * 10 + index, sizeBytes: 1_000, atUs: beginUs + index * 8_000 },
      }))
      const reference = Math.floor(beginUs / 64_000)
      let before = reference * 256
      const deltas = sent.map(({ sequence, atUs }) => {
        if (sequence % 7 === 6) return null
        const tick = Math.round((atUs + transport * 10_000) / 250)
        const delta = tick - before
        before = tick
        return delta
      })
      const feedback: RtcpPacket = {
        ...{ type: 'transport-feedback', senderSsrc: 1, mediaSsrc: 2, feedbackCount: round & 0xff },
        ...{ baseSequence: round * 10, referenceTime: reference, deltas },
      }
      const atUs = beginUs + 120_000
      return [
        { transport, atUs, sent },
        { transport, atUs, rtcp: serializeRtcp([feedback]) },
      ]
    }),
  )
}
