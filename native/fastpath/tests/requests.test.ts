import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { IngressTrack, NativeAddon } from '../src/index.ts'
import { addon } from './built-addon.ts'
import { nackedBy, type SimulatedPeer, Simulation, vp8, writeRtcp } from './simulation.ts'

const ssrc = 1001
const rtxSsrc = 2001

describe.skipIf(!addon)('requests to publishers, on a virtual clock', () => {
  let w: Simulation
  let publisher: SimulatedPeer
  let track: IngressTrack

  beforeEach(() => {
    w = new Simulation(addon as NativeAddon)
    publisher = w.join()
    track = publisher.transport.createTrack({
      kind: 'video',
      extensions: {},
      payloads: [{ payloadType: 96, codec: 'vp8', clockRate: 90000, rtxPayloadType: 97 }],
      layers: [{ ssrc, rtxSsrc }],
    })
  })
  afterEach(() => w.close())

  const send = (sequence: number) => {
    const payload = vp8({ key: sequence === 1, picture: sequence })
    publisher.sendRtp({ payloadType: 96, sequence, timestamp: sequence * 3000, ssrc, marker: true, payload })
  }
  const answer = (sequence: number) => {
    const payload = Buffer.concat([Buffer.from([0, sequence]), vp8({ picture: sequence })])
    publisher.sendRtp({ payloadType: 97, sequence: 500 + sequence, timestamp: 3, ssrc: rtxSsrc, payload })
  }
  /** Milliseconds at which a number was asked for, counted from now. */
  const asksFor = (sequence: number, milliseconds: number) => {
    const times: number[] = []
    for (let ms = 1; ms <= milliseconds; ms++) {
      w.run(1)
      const asked = publisher.takeInbox().rtcp.flatMap((packet) => {
        return packet.type === 205 && packet.count === 1 ? nackedBy(packet) : []
      })
      if (asked.includes(sequence)) times.push(ms)
    }
    return times
  }
  const distances = (times: readonly number[]) => times.slice(1).map((time, n) => time - (times[n] ?? 0))
  /** Sender of sound and pictures that answers a reference time when so many milliseconds have passed. */
  const reportRoundTrip = (milliseconds: number, delayMs = 0) => {
    for (let waited = 0; waited < 2_000; waited++) {
      w.run(1)
      const reference = publisher.takeInbox().rtcp.find(({ type }) => type === 207)
      if (reference === undefined) continue
      expect(reference.body.readUInt32BE(0)).toBe(0x04000002)
      w.run(milliseconds)
      const body = Buffer.alloc(16)
      body.writeUInt32BE(0x05000003, 0)
      body.writeUInt32BE(reference.ssrc, 4)
      body.writeUInt32BE(
        (reference.body.readUInt32BE(4) * 2 ** 16 + (reference.body.readUInt32BE(8) >>> 16)) >>> 0,
        8,
      )
      body.writeUInt32BE(Math.round((delayMs / 1000) * 65536), 12)
      publisher.sendRtcp(writeRtcp(207, 0, ssrc, body))
      w.run(1)
      return
    }
    throw new Error('no reference time')
  }
  const layer = () => w.sfu.stats().tracks[0]?.layers[0]

  it('FAST-127: the publisher answers reference times, and requests are repeated when their answer is overdue', () => {
    send(1)
    reportRoundTrip(350, 50)
    expect(layer()?.rttMs).toBeGreaterThan(299)
    expect(layer()?.rttMs).toBeLessThan(304)
    send(2)
    send(4)
    const times = asksFor(3, 8_000)
    expect(times).toHaveLength(10)
    expect(times[0]).toBeLessThanOrEqual(7)
    const [first = 0, ...others] = distances(times)
    expect(first).toBeGreaterThanOrEqual(375)
    expect(first).toBeLessThanOrEqual(385)
    for (const [n, distance] of others.entries())
      expect(distance).toBeGreaterThanOrEqual(Math.min(1_000, first + 90 * n))
    expect(track.closed).toBe(false)
  })

  it('FAST-127: what it takes until an answer is there counts, when that is more', () => {
    send(1)
    reportRoundTrip(20)
    send(2)
    send(4)
    w.run(200)
    // Its second request may be what was answered: nothing is learnt of that.
    answer(3)
    w.run(1)
    expect(layer()?.rttMs).toBeLessThan(25)
    send(6)
    w.run(20)
    answer(5)
    w.run(1)
    expect(layer()).toMatchObject({ recovered: 2 })
    send(8)
    const [, second] = asksFor(7, 100)
    expect(second).toBeGreaterThan(24)
    expect(second).toBeLessThan(40)
  })

  it('FAST-127: what waits to be asked for again does not keep a new gap waiting', () => {
    send(1)
    reportRoundTrip(500)
    send(3)
    w.run(50)
    publisher.takeInbox()
    send(5)
    expect(asksFor(4, 100)[0]).toBeLessThanOrEqual(7)
  })

  it('FAST-127: while nothing is known requests slow down, and the first answer tells at least a bound', () => {
    send(1)
    send(3)
    const times = asksFor(2, 700)
    expect(distances(times).slice(0, 4)).toEqual([
      expect.closeTo(40, -1),
      expect.closeTo(80, -1),
      expect.closeTo(160, -1),
      expect.closeTo(320, -1),
    ])
    answer(2)
    w.run(1)
    expect(layer()?.rttMs).toBeGreaterThan(690)
    expect(layer()?.rttMs).toBeLessThan(702)
  })

  it('FAST-127: answers to other times, or garbled ones, say nothing', () => {
    send(1)
    w.run(1_500)
    const body = Buffer.alloc(16)
    body.writeUInt32BE(0x05000003, 0)
    body.writeUInt32BE(0x1234, 8)
    for (const cut of [16, 12, 8, 4]) publisher.sendRtcp(writeRtcp(207, 0, ssrc, body.subarray(0, cut)))
    w.run(10)
    expect(layer()?.rttMs).toBe(-1)
  })
})
