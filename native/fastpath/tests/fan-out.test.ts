import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { IngressTrack, NativeAddon } from '../src/index.ts'
import { addon } from './built-addon.ts'
import { readVp8, type SimulatedPeer, Simulation, vp8 } from './simulation.ts'

describe.skipIf(!addon)('FAST-132: pictures reach many in pieces, on a virtual clock', () => {
  let w: Simulation
  let publisher: SimulatedPeer
  let camera: IngressTrack
  let subscribers: { peer: SimulatedPeer; close: () => void }[]
  /** Who got what, in the order of sending. */
  let seen: string[]

  beforeEach(() => {
    w = new Simulation(addon as NativeAddon, { frameHoldMs: 5, piecePackets: 4 })
    publisher = w.join()
    camera = publisher.transport.createTrack({
      ...{ kind: 'video', mid: 'v', extensions: {}, layers: [{ ssrc: 1001 }] },
      payloads: [{ payloadType: 96, codec: 'vp8', clockRate: 90000 }],
    })
    const voice = publisher.transport.createTrack({
      ...{ kind: 'audio', mid: 'a', extensions: {}, layers: [{ ssrc: 77 }] },
      payloads: [{ payloadType: 111, codec: 'opus', clockRate: 48000 }],
    })
    subscribers = Array.from({ length: 6 }, () => {
      const peer = w.join({ pacingBitrate: 0 })
      const stream = peer.transport.createStream(camera, {
        ...{ kind: 'video', mid: '1', extensions: {}, payloads: [{ from: 96, payloadType: 120 }] },
      })
      peer.transport.createStream(voice, {
        ...{ kind: 'audio', mid: '2', extensions: {}, payloads: [{ from: 111, payloadType: 111 }] },
      })
      return { peer, close: () => stream.close() }
    })
    picture(1, true)
    w.run(10)
    seen = []
    for (const [index, { peer }] of subscribers.entries()) {
      peer.takeInbox()
      peer.passes = (direction, packet) => {
        const type = (packet[1] ?? 0) & 0x7f
        if (direction === 'to-peer' && type >= 111 && type <= 120)
          seen.push(`${type === 111 ? 'a' : 'v'}${index}`)
        return true
      }
    }
  })
  afterEach(() => w.close())

  /** Of two packets. */
  const picture = (number: number, key = false) => {
    for (const start of [true, false]) {
      publisher.sendRtp({
        ...{ payloadType: 96, sequence: number * 2 + (start ? 0 : 1), timestamp: number * 3000, ssrc: 1001 },
        ...{ marker: !start, payload: vp8({ picture: number, key, start }) },
      })
    }
  }
  const sound = (sequence: number) =>
    publisher.sendRtp({
      ...{ payloadType: 111, sequence, timestamp: sequence * 960, ssrc: 77, payload: Uint8Array.of(1, 2, 3) },
    })
  const pictures = (index: number) => seen.filter((entry) => entry === `v${index}`).length

  it('sound that comes meanwhile goes first', () => {
    picture(2)
    w.run(1)
    expect(seen).toEqual(['v0', 'v0', 'v1', 'v1'])
    sound(1)
    w.run(1)
    expect(seen.slice(4)).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'v2', 'v2', 'v3', 'v3'])
    w.run(5)
    for (const index of subscribers.keys()) expect(pictures(index)).toBe(2)
  })

  it('a second picture stays behind the first, and who leaves takes nothing from others', () => {
    picture(2)
    w.exchange()
    picture(3)
    w.exchange()
    subscribers[0]?.close()
    w.exchange()
    subscribers[4]?.close()
    w.run(10)
    expect([0, 1, 2, 3, 4, 5].map(pictures)).toEqual([2, 4, 4, 4, 2, 4])
    for (const index of [1, 2, 3, 5]) {
      const { rtp } = subscribers[index]?.peer.takeInbox() ?? { rtp: [] }
      const numbers = rtp.filter((p) => p.payloadType === 120)
      expect(numbers.map((p) => readVp8(p.payload).picture)).toEqual([2, 2, 3, 3])
      expect(numbers.map((p) => (p.sequence - (numbers[0]?.sequence ?? 0)) & 0xffff)).toEqual([0, 1, 2, 3])
    }
  })

  it('what waits too long is sent on whole, and a track that ends leaves nothing behind', () => {
    picture(2)
    w.exchange()
    const begun = seen.length
    w.now += 25_000
    w.exchange()
    expect(seen.length - begun).toBe(8)
    picture(3)
    w.run(1)
    camera.close()
    seen.length = 0
    w.run(10)
    expect(seen).toEqual([])
  })
})
