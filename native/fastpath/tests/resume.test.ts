import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EgressStreamOptions, IngressTrack, NativeAddon } from '../src/index.ts'
import { addon } from './built-addon.ts'
import { readVp8, type SimulatedPeer, Simulation, vp8 } from './simulation.ts'

const ssrcs = [1001, 1002] as const
const frameMs = 33

describe.skipIf(!addon)('members that come back to a picture, on a virtual clock', () => {
  let w: Simulation
  let publisher: SimulatedPeer
  let track: IngressTrack
  let next = 0

  beforeEach(() => {
    next = 0
    w = new Simulation(addon as NativeAddon)
    publisher = w.join()
    track = publisher.transport.createTrack({
      ...{ kind: 'video', mid: 'v', extensions: {} },
      payloads: [{ payloadType: 96, codec: 'vp8', clockRate: 90000 }],
      layers: [
        { rid: 'q', ssrc: ssrcs[0] },
        { rid: 'f', ssrc: ssrcs[1] },
      ],
    })
  })
  afterEach(() => w.close())

  const member = (options: Partial<EgressStreamOptions> = {}, pacingBitrate = 0) => {
    const peer = w.join({ pacingBitrate })
    const stream = peer.transport.createStream(track, {
      ...{ kind: 'video', mid: '7', extensions: {}, startFromCacheMs: 600 },
      payloads: [{ from: 96, payloadType: 120, rtxPayloadType: 121 }],
      ...options,
    })
    return { peer, stream }
  }
  const frames = (count: number, { key = false, layer = 0, size = 20 } = {}) => {
    for (let n = 0; n < count; n++, next++) {
      publisher.sendRtp({
        ...{ payloadType: 96, sequence: 100 + next, timestamp: next * 90 * frameMs, marker: true },
        ssrc: ssrcs[layer] ?? 0,
        payload: vp8({ picture: next & 0x7fff, key: key && n === 0, size }),
      })
      w.run(frameMs)
    }
  }
  const plis = () => publisher.takeInbox().rtcp.filter((p) => p.type === 206 && p.count === 1).length
  type Member = ReturnType<typeof member>
  const media = ({ peer, stream }: Member) =>
    peer.takeInbox().rtp.filter(({ ssrc, payload }) => ssrc === stream.ssrc && payload.length > 0)
  const pictures = (who: Member) => media(who).map((p) => readVp8(p.payload).picture)
  const steps = (numbers: readonly number[]) =>
    numbers.slice(1).map((number, index) => (number - (numbers[index] ?? 0)) & 0xffff)

  it('FAST-151: who begins soon after somebody else is shown the same key frame, unasked', () => {
    const first = member()
    frames(4, { key: true })
    expect(pictures(first)).toEqual([0, 1, 2, 3])
    plis()
    const second = member()
    frames(2)
    expect(pictures(second)).toEqual([0, 1, 2, 3, 4, 5])
    expect(plis()).toBe(0)
  })

  it('FAST-151: one that resumes goes on without a hole, in numbers, picture ids and time', () => {
    const other = member()
    const coming = member()
    frames(3, { key: true })
    coming.stream.setPaused(true)
    frames(30)
    frames(6, { key: true })
    coming.stream.setPaused(false)
    frames(2)
    const got = media(coming)
    expect(got).toHaveLength(3 + 6 + 2)
    expect(steps(got.map(({ sequence }) => sequence))).toEqual(Array(10).fill(1))
    expect(steps(got.map((p) => readVp8(p.payload).picture))).toEqual(Array(10).fill(1))
    // What was not shown has passed in time.
    expect((got[3]?.timestamp ?? 0) - (got[2]?.timestamp ?? 0)).toBe(31 * 90 * frameMs)
    expect(pictures(other)).toHaveLength(41)
  })

  it('FAST-151: what was shown, or is too old, is not shown again: the publisher is asked', () => {
    member()
    const coming = member()
    frames(3, { key: true })
    expect(pictures(coming)).toHaveLength(3)
    plis()
    w.run(600)
    coming.stream.setPaused(true)
    coming.stream.setPaused(false)
    w.run(1)
    expect(plis()).toBe(1)
    expect(pictures(coming)).toEqual([])
    frames(1, { key: true })
    expect(pictures(coming)).toHaveLength(1)
    coming.stream.setPaused(true)
    frames(1, { key: true })
    frames(20)
    plis()
    coming.stream.setPaused(false)
    w.run(1)
    expect(pictures(coming)).toEqual([])
    expect(plis()).toBe(1)
  })

  it('FAST-151: a layer below is shown at once while the wanted one is asked for', () => {
    member()
    frames(3, { key: true })
    plis()
    const coming = member({ layer: 1 })
    w.run(1)
    expect(pictures(coming)).toEqual([0, 1, 2])
    expect(plis()).toBe(1)
    frames(1, { key: true, layer: 1 })
    expect(pictures(coming)).toEqual([3])
  })

  it('FAST-152: what waits in the pacer of a stream that pauses does not leave, and numbers go on without a hole', () => {
    const coming = member({}, 100_000)
    frames(1, { key: true })
    frames(20, { size: 1_100 })
    coming.stream.setPaused(true)
    w.run(1)
    const before = media(coming)
    expect(before.length).toBeGreaterThan(1)
    expect(before.length).toBeLessThan(15)
    w.run(2_000)
    expect(media(coming)).toEqual([])
    coming.stream.setPaused(false)
    frames(3, { key: true })
    const got = [...before, ...media(coming)]
    expect(got).toHaveLength(before.length + 3)
    expect(steps(got.map(({ sequence }) => sequence))).toEqual(Array(got.length - 1).fill(1))
    expect(steps(got.map((p) => readVp8(p.payload).picture))).toEqual(Array(got.length - 1).fill(1))
    expect(steps(got.map(({ timestamp }) => timestamp / 90)).every((step) => step > 0)).toBe(true)
  })

  it('FAST-152: others keep what waits for them', () => {
    const peer = w.join({ pacingBitrate: 100_000 })
    const streamOf = (mid: string) =>
      peer.transport.createStream(track, {
        ...{ kind: 'video', mid, extensions: {}, payloads: [{ from: 96, payloadType: 120 }] },
      })
    const [one, other] = [streamOf('1'), streamOf('2')]
    frames(1, { key: true })
    frames(10, { size: 1_100 })
    one.setPaused(true)
    w.run(2_000)
    const { rtp } = peer.takeInbox()
    expect(rtp.filter(({ ssrc }) => ssrc === other.ssrc)).toHaveLength(11)
    expect(rtp.filter(({ ssrc }) => ssrc === one.ssrc).length).toBeLessThan(11)
  })
})
