import { SeededRandom } from '@parley/testing/weaknet'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EgressStream, IngressTrack, NativeAddon } from '../src/index.ts'
import { addon } from './built-addon.ts'
import { l2t2KeyChained, writeDescriptor } from './layered-packets.ts'
import { type SimulatedPeer, Simulation } from './simulation.ts'

const ssrc = 1001
const frameMs = 33
/** What is not answered by then is given up: ten requests, half a second apart at most. */
const givenUpMs = 6_000
/** Of the lower spatial layer, then of the upper one: key frame, lower and upper temporal layer. */
const templates = { key: [0, 3], even: [1, 4], odd: [2, 5] } as const

/** One frame as the publisher made it. */
interface Frame {
  spatial: number
  packets: number[]
  references: number[]
}

describe.skipIf(!addon)('chains of frames, on a virtual clock', () => {
  let w: Simulation
  let publisher: SimulatedPeer
  let subscriber: SimulatedPeer
  let track: IngressTrack
  let stream: EgressStream
  /** By frame number. */
  let frames: Map<number, Frame>
  let sequence: number
  let number: number
  let tick: number
  let sinceKey: number
  /** Which packets the subscriber has. */
  let arrived: Set<number>

  beforeEach(() => {
    w = new Simulation(addon as NativeAddon)
    publisher = w.join()
    track = publisher.transport.createTrack({
      ...{ kind: 'video', mid: 'v', extensions: { dependencyDescriptor: 12 } },
      payloads: [{ payloadType: 96, codec: 'av1', clockRate: 90000 }],
      layers: [{ ssrc }],
    })
    subscriber = w.join({ pacingBitrate: 0 })
    stream = subscriber.transport.createStream(track, {
      ...{ kind: 'video', mid: '7', extensions: { mid: 9, dependencyDescriptor: 5 } },
      payloads: [{ from: 96, payloadType: 120 }],
    })
    frames = new Map()
    arrived = new Set()
    sequence = 100
    number = 65_000
    tick = 0
    sinceKey = 0
  })
  afterEach(() => w.close())

  const plis = () =>
    publisher.takeInbox().rtcp.filter(({ type, count }) => type === 206 && count === 1).length

  /** Makes the packets of a picture: two of the lower layer, two of the upper one. `own`: tells its chains itself. */
  function picture({ key = tick === 0, own = false } = {}): Map<number, () => void> {
    if (key) sinceKey = 0
    const kind = key ? 'key' : sinceKey % 2 ? 'odd' : 'even'
    const packets = new Map<number, () => void>()
    for (const spatial of [0, 1]) {
      const template = templates[kind][spatial] ?? 0
      const [, , , distances, chains] = l2t2KeyChained[template] ?? []
      const frame: Frame = {
        ...{ spatial, packets: [sequence, sequence + 1] },
        references: (distances ?? []).map((distance) => number - distance),
      }
      frames.set(number, frame)
      for (const [index, own16] of frame.packets.entries()) {
        const isFirst = index === 0
        const structured = key && spatial === 0 && isFirst
        const descriptor = writeDescriptor({
          ...{ template, number, start: isFirst, end: !isFirst },
          ...(structured && {
            structure: { templates: l2t2KeyChained, protectedBy: [0, 0, 1, 1] },
          }),
          ...(own && chains && { chains }),
        })
        const payload = Buffer.alloc(40)
        payload[0] = structured ? 0x18 : 0x10
        payload.writeUInt32BE(own16, 4)
        const fields = {
          ...{ payloadType: 96, sequence: own16, timestamp: tick * 3000, ssrc },
          ...{ marker: spatial === 1 && !isFirst, payload },
          wideExtensions: [[12, descriptor]] as const,
        }
        packets.set(own16, () => publisher.sendRtp(fields))
      }
      sequence += 2
      number += 1
    }
    tick += 1
    sinceKey += 1
    return packets
  }

  /** Lets time pass; answers what reached the subscriber, as numbers of the publisher. */
  function run(milliseconds = frameMs): { packet: number; marker: boolean }[] {
    w.run(milliseconds)
    const got = subscriber.takeInbox().rtp.map(({ payload, marker }) => ({
      packet: Buffer.from(payload).readUInt32BE(4),
      marker: marker ?? false,
    }))
    for (const { packet } of got) arrived.add(packet)
    return got
  }

  function decodable(frame: number): boolean {
    const facts = frames.get(frame)
    return facts?.packets.every((packet) => arrived.has(packet)) === true && facts.references.every(decodable)
  }

  const frameOf = (packet: number) => {
    for (const [frame, { packets }] of frames) if (packets.includes(packet)) return frame
    throw new Error(`no frame has packet ${packet}`)
  }
  const spatialOf = ({ packet }: { packet: number }) => frames.get(frameOf(packet))?.spatial

  /** Sends a picture without some of its packets, by their place in it. */
  function sendWithout(lost: readonly number[], options: { key?: boolean; own?: boolean } = {}): void {
    for (const [index, send] of [...picture(options).values()].entries()) if (!lost.includes(index)) send()
  }

  for (const [what, lost] of [
    ['a part', [3]],
    ['all', [2, 3]],
  ] as const) {
    it(`FAST-160: when ${what} of an upper frame is lost for good, the lower layer goes on alone until a key frame`, () => {
      sendWithout([])
      sendWithout([])
      sendWithout(lost)
      sendWithout([])
      expect(
        run().filter((one) => spatialOf(one) === 1),
        'it may still come',
      ).not.toEqual([])
      run(givenUpMs)
      plis()
      const got: { packet: number; marker: boolean }[] = []
      for (let n = 0; n < 6; n++) {
        sendWithout([], { own: n % 2 === 0 })
        got.push(...run())
      }
      expect(got.map(spatialOf)).toEqual(Array.from({ length: 12 }, () => 0))
      expect(got.map(({ marker }) => marker)).toEqual(Array.from({ length: 6 }, () => [false, true]).flat())
      expect(plis()).toBe(1)
      sendWithout([], { key: true })
      sendWithout([])
      expect(run().map(spatialOf)).toEqual([0, 0, 1, 1, 0, 0, 1, 1])
    })
  }

  it('FAST-160: when a lower frame is lost for good nothing is sent, and a key frame asked for, until it is there', () => {
    sendWithout([])
    sendWithout([])
    sendWithout([0])
    run(givenUpMs)
    plis()
    sendWithout([])
    sendWithout([])
    expect(run()).toEqual([])
    expect(plis()).toBe(1)
    sendWithout([], { key: true })
    expect(run().map(spatialOf)).toEqual([0, 0, 1, 1])
  })

  it('FAST-161: what no other frame stands on may be lost, and what comes late mends the chain', () => {
    sendWithout([])
    sendWithout([0, 2])
    const late = [...picture().values()]
    late[1]?.()
    run()
    late[0]?.()
    late[2]?.()
    late[3]?.()
    run(givenUpMs)
    plis()
    sendWithout([])
    sendWithout([])
    expect(run()).toHaveLength(8)
    expect(plis()).toBe(0)
  })

  it('FAST-161: a layer that ceases to be sent is not lost', () => {
    sendWithout([])
    run()
    plis()
    for (let n = 0; n < 20; n++) {
      const at = sequence
      const [first, second] = [...picture().values()]
      first?.()
      second?.()
      // Their numbers are used by what follows.
      sequence = at + 2
    }
    expect(run(givenUpMs)).toHaveLength(40)
    expect(plis()).toBe(0)
  })

  it('FAST-163: up goes only on a frame before which that of its chain was let through', () => {
    stream.selectLayer(0, 7, 0)
    sendWithout([])
    sendWithout([])
    expect(run().filter((one) => spatialOf(one) === 1)).toEqual([])
    stream.selectLayer(0, 7, 1)
    const upper = (chain: number) => {
      for (const send of [...picture().values()].slice(0, 2)) send()
      for (const start of [true, false]) {
        const own = sequence - (start ? 2 : 1)
        const payload = Buffer.alloc(40)
        payload[0] = 0x10
        payload.writeUInt32BE(own, 4)
        // Stands on the frame below alone, and is a switch to its layer.
        const fields = { template: 3, number: number - 1, chains: [1, chain], start, end: !start }
        publisher.sendRtp({
          ...{ payloadType: 96, sequence: own, timestamp: (tick - 1) * 3000, ssrc, marker: !start, payload },
          wideExtensions: [[12, writeDescriptor(fields)]],
        })
      }
      return run().map(spatialOf)
    }
    expect(upper(4), 'its chain has a frame that was left out').toEqual([0, 0])
    expect(upper(1), 'its chain goes on from the frame below').toEqual([0, 0, 1, 1])
  })

  for (let seed = 1; seed <= 12; seed++) {
    it(`FAST-162: what follows a loss that is not repaired can be decoded, or is not sent (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      const resent: { at: number; send: () => void }[] = []
      /** Until then what is missing may still be waited for. */
      let openUntil = 0
      let unrepaired = 0
      let keyAt = Number.POSITIVE_INFINITY
      const judged: number[] = []
      for (let turn = 0; turn < 1_000; turn++) {
        const now = turn * frameMs
        const lossy = turn > 0 && turn < 660 && turn % 300 < 30
        const isKey = turn === 0 || now >= keyAt
        if (isKey) keyAt = Number.POSITIVE_INFINITY
        for (const send of picture({ key: isKey, own: random.next() < 0.3 }).values()) {
          // The frame that says how all of it is laid out is another matter.
          const isLost = lossy && !isKey && random.next() < 0.15
          if (!isLost) send()
          else if (random.next() < 0.6) resent.push({ at: now + 40 + random.next() * 400, send })
          else {
            openUntil = now + givenUpMs
            unrepaired += 1
          }
        }
        for (const one of resent.splice(0)) {
          if (one.at <= now) one.send()
          else resent.push(one)
        }
        const got = run()
        // Whoever publishes takes its time.
        if (plis() > 0 && keyAt === Number.POSITIVE_INFINITY) keyAt = now + random.next() * 4_000
        if (now > openUntil && resent.length === 0) judged.push(...got.map(({ packet }) => packet))
      }
      expect(unrepaired).toBeGreaterThan(0)
      expect(judged.length).toBeGreaterThan(200)
      expect(judged.map(frameOf).filter((frame) => !decodable(frame))).toEqual([])
      // And the whole of it came back.
      expect(spatialOf({ packet: Math.max(...judged) })).toBe(1)
    })
  }
})
