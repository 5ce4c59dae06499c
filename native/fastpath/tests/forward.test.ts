import { playoutDelay } from '@parley/protocols/rtp'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type EgressStream,
  type EgressStreamOptions,
  type IngressTrack,
  type NativeAddon,
  readSentPackets,
} from '../src/index.ts'
import { addon } from './built-addon.ts'
import {
  nackedBy,
  readVp8,
  type SimulatedPeer,
  Simulation,
  vp8,
  writeNack,
  writePli,
  writeRtcp,
  writeVerdicts,
} from './simulation.ts'

const ssrcs = [1001, 1002, 1003] as const
const rtxSsrc = 2001

function transportNumber(packet: { extension: Map<number, Uint8Array> } | undefined): number {
  const value = packet?.extension.get(5)
  if (value === undefined) throw new Error('not numbered')
  return Buffer.from(value).readUInt16BE(0)
}

describe.skipIf(!addon)('forwarding, on a virtual clock', () => {
  let w: Simulation
  let publisher: SimulatedPeer
  let track: IngressTrack

  beforeEach(() => {
    w = new Simulation(addon as NativeAddon)
    publisher = w.join()
    track = publisher.transport.createTrack({
      kind: 'video',
      mid: 'v',
      extensions: {
        mid: 1,
        absSendTime: 2,
        transportSequence: 3,
        rid: 4,
        playoutDelay: 6,
        videoOrientation: 7,
      },
      payloads: [{ payloadType: 96, codec: 'vp8', clockRate: 90000, rtxPayloadType: 97 }],
      layers: [
        { rid: 'q', ssrc: ssrcs[0], rtxSsrc },
        { rid: 'h', ssrc: ssrcs[1] },
        { rid: 'f', ssrc: ssrcs[2] },
      ],
    })
  })
  afterEach(() => w.close())

  const subscribe = (options: Partial<EgressStreamOptions> = {}, peerOptions = {}) => {
    const peer = w.join({ pacingBitrate: 0, ...peerOptions })
    const stream = peer.transport.createStream(track, {
      kind: 'video',
      mid: '7',
      extensions: { mid: 9, absSendTime: 8, transportSequence: 5, playoutDelay: 6, videoOrientation: 11 },
      payloads: [{ from: 96, payloadType: 120, rtxPayloadType: 121 }],
      ...options,
    })
    return { peer, stream }
  }

  type Frame = { sequence: number; layer?: number; timestamp?: number; marker?: boolean } & Parameters<
    typeof vp8
  >[0]
  const sendFrame = ({
    sequence,
    layer = 0,
    timestamp = sequence * 3000,
    marker = true,
    ...frame
  }: Frame) => {
    publisher.sendRtp({
      payloadType: 96,
      sequence,
      timestamp,
      ssrc: ssrcs[layer] ?? 0,
      marker,
      payload: vp8(frame),
    })
  }

  it('FAST-20: a packet leaves with the subscriber’s SSRC, payload type, extensions and gapless numbers', () => {
    const { peer, stream } = subscribe()
    const orientation = Uint8Array.of(2)
    for (let n = 0; n < 5; n++) {
      publisher.sendRtp({
        payloadType: 96,
        sequence: 65533 + n,
        timestamp: 4294967000 + n * 3000,
        ssrc: ssrcs[0],
        marker: n % 2 === 0,
        extensions: [
          [1, Buffer.from('v')],
          [7, orientation],
        ],
        payload: vp8({ key: n === 0, picture: 100 + n }),
      })
    }
    w.run(1)
    const { rtp } = peer.takeInbox()
    expect(rtp).toHaveLength(5)
    const [first] = rtp
    rtp.forEach((packet, n) => {
      expect(packet.ssrc).toBe(stream.ssrc)
      expect(packet.payloadType).toBe(120)
      expect(packet.marker).toBe(n % 2 === 0)
      expect(packet.sequence).toBe(((first?.sequence ?? 0) + n) & 0xffff)
      expect((packet.timestamp - (first?.timestamp ?? 0)) >>> 0).toBe(n * 3000)
      expect(Buffer.from(packet.extension.get(9) ?? []).toString()).toBe('7')
      expect(packet.extension.get(11)).toEqual(orientation)
      expect(packet.extension.get(8)).toHaveLength(3)
      expect(packet.extension.get(5)).toHaveLength(2)
      expect(readVp8(packet.payload).picture).toBe(100 + n)
      expect(packet.payload.slice(5)).toEqual(vp8({ key: n === 0, picture: 100 + n }).slice(5))
    })
  })

  it('FAST-170: receivers are told how long to wait, else what the publisher says', () => {
    const { peer, stream } = subscribe()
    let sequence = 0
    const told = (own?: Uint8Array) => {
      const [extensions, timestamp] = [own ? ([[6, own]] as const) : [], ++sequence * 3000]
      const payload = vp8({ key: sequence === 1, picture: sequence })
      const fields = { payloadType: 96, sequence, timestamp, ssrc: ssrcs[0], marker: true, payload }
      publisher.sendRtp({ ...fields, extensions })
      w.run(1)
      const value = peer.takeInbox().rtp.at(-1)?.extension.get(6)
      return value && playoutDelay.parse(value)
    }
    const published = playoutDelay.serialize({ minMs: 50, maxMs: 400 })
    expect([told(), told(published)]).toEqual([undefined, { minMs: 50, maxMs: 400 }])
    stream.setPlayoutDelay({ minMs: 172, maxMs: 10_000 })
    expect([told(), told(published)]).toEqual(Array(2).fill({ minMs: 170, maxMs: 10_000 }))
    stream.setPlayoutDelay(undefined)
    expect([told(), told(published)]).toEqual([undefined, { minMs: 50, maxMs: 400 }])
  })

  it('FAST-21: video starts at a key frame only, and one is asked for', () => {
    const { peer } = subscribe()
    sendFrame({ sequence: 1, picture: 1 })
    w.run(1)
    expect(peer.takeInbox().rtp).toEqual([])
    sendFrame({ sequence: 2, picture: 2, key: true })
    w.run(1)
    expect(peer.takeInbox().rtp).toHaveLength(1)
    expect(publisher.takeInbox().rtcp.filter((p) => p.type === 206 && p.count === 1).length).toBeGreaterThan(
      0,
    )
  })

  it('FAST-22: a subscriber’s NACK is answered by RTX with the original number in front', () => {
    const { peer, stream } = subscribe()
    for (let n = 0; n < 10; n++) sendFrame({ sequence: 10 + n, picture: n, key: n === 0 })
    w.run(1)
    const { rtp } = peer.takeInbox()
    const lost = rtp[4]
    if (!lost) throw new Error('no packet')
    peer.sendRtcp(writeNack(stream.ssrc, [lost.sequence]))
    w.run(1)
    const again = peer.takeInbox().rtp
    expect(again).toHaveLength(1)
    expect(again[0]).toMatchObject({
      ssrc: stream.rtxSsrc,
      payloadType: 121,
      timestamp: lost.timestamp,
      marker: lost.marker,
    })
    const payload = Buffer.from(again[0]?.payload ?? [])
    expect(payload.readUInt16BE(0)).toBe(lost.sequence)
    expect(Uint8Array.from(payload.subarray(2))).toEqual(lost.payload)
    // Asked again at once: one answer is under way already. Too old: not held any more.
    peer.sendRtcp(writeNack(stream.ssrc, [lost.sequence]))
    w.run(1)
    expect(peer.takeInbox().rtp).toEqual([])
    w.run(1500)
    peer.sendRtcp(writeNack(stream.ssrc, [lost.sequence]))
    w.run(1)
    expect(peer.takeInbox().rtp).toEqual([])
    expect(w.sfu.stats().streams[0]).toMatchObject({ retransmissions: 1, retransmissionMisses: 1, nacks: 3 })
  })

  it('FAST-23: without RTX a resend is the identical ciphertext', () => {
    const { peer, stream } = subscribe({ payloads: [{ from: 96, payloadType: 120 }] })
    for (let n = 0; n < 3; n++) sendFrame({ sequence: 10 + n, picture: n, key: n === 0 })
    w.run(1)
    const inbox = peer.takeInbox()
    peer.sendRtcp(writeNack(stream.ssrc, [inbox.rtp[1]?.sequence ?? 0]))
    w.run(1)
    expect(peer.takeInbox().wire).toEqual([inbox.wire[1]])
  })

  it('FAST-24: a gap is asked for, more and more slowly, ten times at most, and the answer goes on as if never lost', () => {
    const { peer } = subscribe()
    sendFrame({ sequence: 1, picture: 1, key: true })
    sendFrame({ sequence: 2, picture: 2 })
    sendFrame({ sequence: 5, picture: 5 })
    w.run(4)
    publisher.takeInbox()
    const asked: number[][] = []
    for (let ms = 0; ms < 4_000; ms++) {
      w.run(1)
      for (const packet of publisher.takeInbox().rtcp) {
        if (packet.type === 205 && packet.count === 1) asked.push(nackedBy(packet))
      }
    }
    expect(asked).toEqual(Array.from({ length: 10 }, () => [3, 4]))
    const before = peer.takeInbox().rtp
    publisher.sendRtp({
      payloadType: 97,
      sequence: 500,
      timestamp: 3 * 3000,
      ssrc: rtxSsrc,
      payload: Buffer.concat([Buffer.from([0, 3]), vp8({ picture: 3 })]),
    })
    w.run(1)
    const [late] = peer.takeInbox().rtp
    expect(late?.sequence).toBe(((before[1]?.sequence ?? 0) + 1) & 0xffff)
    expect(late && readVp8(late.payload).picture).toBe(3)
    expect(w.sfu.stats().tracks[0]?.layers[0]).toMatchObject({ recovered: 1, nacks: 20 })
  })

  it('FAST-25: key frame requests within 500 ms become one, and a key frame answers them all', () => {
    const [a, b] = [subscribe(), subscribe()]
    sendFrame({ sequence: 1, picture: 1, key: true })
    w.run(600)
    publisher.takeInbox()
    const plis = () => publisher.takeInbox().rtcp.filter((p) => p.type === 206 && p.count === 1)
    a.peer.sendRtcp(writePli(a.stream.ssrc))
    b.peer.sendRtcp(writePli(b.stream.ssrc))
    w.run(5)
    expect(plis()).toHaveLength(1)
    a.peer.sendRtcp(writePli(a.stream.ssrc))
    w.run(100)
    expect(plis()).toHaveLength(0)
    sendFrame({ sequence: 2, picture: 2, key: true })
    w.run(2000)
    expect(plis()).toHaveLength(0)
    b.peer.sendRtcp(writeRtcp(206, 4, 1, Buffer.from([0, 0, 0, 0, ...u32(b.stream.ssrc), 1, 0, 0, 0])))
    w.run(5)
    expect(plis()).toHaveLength(1)
    w.run(520)
    expect(plis(), 'an unanswered request is repeated').toHaveLength(1)
  })

  it('FAST-68: video that waited too long before us is left out until a timely key frame, without a hole', () => {
    const { peer, stream } = subscribe()
    const frame = (sequence: number, waitedMs: number, key = false) => {
      sendFrame({ sequence, picture: sequence, key })
      for (const packet of w.toSfu) packet.receivedAt = w.now + 1_000 - waitedMs * 1_000
      w.run(1)
    }
    frame(1, 0, true)
    w.run(600)
    // A pause: many at once.
    for (const n of [2, 3, 4]) frame(n, 900)
    frame(5, 0)
    // A queue that stays.
    frame(6, 250)
    w.run(200)
    frame(7, 250)
    const before = peer.takeInbox().rtp
    expect(before.map((p) => readVp8(p.payload).picture)).toEqual([1, 2, 3, 4, 5, 6, 7])
    publisher.takeInbox()
    w.run(98)
    frame(8, 201)
    frame(9, 500, true)
    frame(10, 0)
    frame(11, 250)
    expect(peer.takeInbox().rtp).toEqual([])
    frame(12, 0, true)
    frame(13, 250)
    frame(14, 0)
    const after = peer.takeInbox().rtp
    expect(after.map((p) => readVp8(p.payload).picture)).toEqual([12, 13, 14])
    expect(after.map((p) => (p.sequence - (before[0]?.sequence ?? 0)) & 0xffff)).toEqual([7, 8, 9])
    expect(publisher.takeInbox().rtcp.filter((p) => p.type === 206 && p.count === 1)).not.toEqual([])
    expect(w.sfu.stats().tracks[0]?.layers[0]).toMatchObject({ lateDrops: 4 })
    // Nothing is missing in the row: nobody asks for what was left out.
    expect(w.sfu.stats().streams.find(({ id }) => id === stream.id)?.packets).toBe(10)
  })

  describe('FAST-69: with a frame hold the packets of a frame leave together', () => {
    beforeEach(() => {
      w.close()
      w = new Simulation(addon as NativeAddon, { frameHoldMs: 5 })
      publisher = w.join()
      track = publisher.transport.createTrack({
        ...{ kind: 'video', mid: 'v', extensions: {} },
        payloads: [{ payloadType: 96, codec: 'vp8', clockRate: 90000 }],
        layers: [{ ssrc: ssrcs[0] }],
      })
    })
    const part = (sequence: number, options: { key?: boolean; start?: boolean; marker?: boolean }) => {
      const { marker = false, key = false, start = false } = options
      sendFrame({ sequence, timestamp: 3000, picture: 1, key, start, marker })
    }
    const order = (peers: readonly SimulatedPeer[]) => {
      const seen: number[] = []
      for (const [index, peer] of peers.entries()) {
        peer.passes = (direction) => {
          if (direction === 'to-peer') seen.push(index)
          return true
        }
      }
      return seen
    }

    it('at its last packet, one subscriber after the other', () => {
      const subscribers = [subscribe(), subscribe()]
      part(1, { key: true, start: true })
      part(2, { key: true })
      w.run(1)
      for (const { peer } of subscribers) expect(peer.takeInbox().rtp).toEqual([])
      const seen = order(subscribers.map(({ peer }) => peer))
      part(3, { key: true, marker: true })
      w.run(1)
      expect(seen).toEqual([0, 0, 0, 1, 1, 1])
    })

    it('or when the time is over, a lost last packet or not; padding keeps its place', () => {
      const { peer } = subscribe()
      part(1, { key: true, start: true })
      publisher.sendRtp({
        ...{ payloadType: 96, sequence: 2, timestamp: 3000, ssrc: ssrcs[0], padding: 20 },
        payload: new Uint8Array(0),
      })
      part(3, { key: true })
      w.run(3)
      expect(peer.takeInbox().rtp).toEqual([])
      w.run(4)
      const { rtp } = peer.takeInbox()
      expect(rtp.map((p) => (p.sequence - (rtp[0]?.sequence ?? 0)) & 0xffff)).toEqual([0, 1])
    })

    it('audio of the same turn goes first, and a closed track leaves nothing behind', () => {
      const voice = publisher.transport.createTrack({
        ...{ kind: 'audio', mid: 'a', extensions: {}, layers: [{ ssrc: 77 }] },
        payloads: [{ payloadType: 111, codec: 'opus', clockRate: 48000 }],
      })
      const { peer } = subscribe()
      peer.transport.createStream(voice, {
        ...{ kind: 'audio', mid: '8', extensions: {} },
        payloads: [{ from: 111, payloadType: 111 }],
      })
      part(1, { key: true, start: true, marker: true })
      publisher.sendRtp({
        ...{ payloadType: 111, sequence: 1, timestamp: 960, ssrc: 77 },
        payload: Uint8Array.of(1, 2, 3),
      })
      w.run(1)
      expect(peer.takeInbox().rtp.map((p) => p.payloadType)).toEqual([111, 120])
      part(2, { start: true })
      w.run(1)
      track.close()
      w.run(20)
      expect(peer.takeInbox().rtp).toEqual([])
    })
  })

  describe('FAST-67: a viewer begins at the key frame that was kept', () => {
    const viewer = (options: Partial<EgressStreamOptions> = {}) =>
      subscribe({ startFromCache: true, ...options })
    const plis = () => publisher.takeInbox().rtcp.filter((p) => p.type === 206 && p.count === 1).length
    const pictures = ({ peer }: { peer: SimulatedPeer }) =>
      peer.takeInbox().rtp.map((p) => readVp8(p.payload).picture)
    let next = 0
    const frames = (count: number, key = false) => {
      for (let n = 0; n < count; n++, next++) {
        sendFrame({ sequence: 100 + next, picture: next, key: key && n === 0 })
        w.run(1)
      }
    }
    beforeEach(() => {
      next = 0
    })

    it('without asking the publisher, without a hole, and nothing comes twice', () => {
      const first = viewer()
      frames(6, true)
      expect(pictures(first)).toEqual([0, 1, 2, 3, 4, 5])
      plis()
      w.run(600)
      const second = viewer()
      w.run(1)
      frames(2)
      const { rtp } = second.peer.takeInbox()
      expect(rtp.map((p) => readVp8(p.payload).picture)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
      expect(rtp.map((p) => (p.sequence - (rtp[0]?.sequence ?? 0)) & 0xffff)).toEqual([
        0, 1, 2, 3, 4, 5, 6, 7,
      ])
      expect(rtp.map((p) => p.timestamp - (rtp[0]?.timestamp ?? 0))).toEqual(
        rtp.map((_, index) => index * 3000),
      )
      expect(pictures(first)).toEqual([6, 7])
      expect(plis()).toBe(0)
      // What went out from the cache is held for retransmission like anything else.
      const lost = rtp[3]
      if (lost === undefined) throw new Error('no packet')
      second.peer.sendRtcp(writeNack(second.stream.ssrc, [lost.sequence]))
      w.run(1)
      expect(second.peer.takeInbox().rtp).toHaveLength(1)
    })

    it('a paused one at its resuming, and one whose transport connects later', () => {
      viewer()
      frames(3, true)
      const paused = viewer({ paused: true })
      frames(1)
      expect(pictures(paused)).toEqual([])
      paused.stream.setPaused(false)
      frames(1)
      expect(pictures(paused)).toEqual([0, 1, 2, 3, 4])
      // Pausing again must not show again what was shown.
      paused.stream.setPaused(true)
      paused.stream.setPaused(false)
      frames(1)
      expect(pictures(paused)).toEqual([])
      const peer = w.addPeer({ pacingBitrate: 0 })
      peer.transport.createStream(track, {
        ...{ kind: 'video', mid: '7', extensions: {}, startFromCache: true },
        payloads: [{ from: 96, payloadType: 120 }],
      })
      w.run(1)
      w.connect(peer)
      // Its keys are known only after the first packets are on their way.
      expect(peer.inbox.wire.length).toBeGreaterThanOrEqual(6)
    })

    it('others ask, and nothing is kept without such viewers, over a closed gate, or past the bounds', () => {
      frames(3, true)
      plis()
      const alone = viewer()
      w.run(600)
      expect(pictures(alone)).toEqual([])
      expect(plis()).toBeGreaterThan(0)
      frames(3, true)
      expect(pictures(alone)).toEqual([3, 4, 5])
      plis()
      w.run(600)
      const member = subscribe()
      w.run(1)
      expect(pictures(member)).toEqual([])
      expect(plis()).toBe(1)
      frames(1, true)
      track.setGate(false)
      track.setGate(true)
      expect(pictures(viewer())).toEqual([])
      frames(1, true)
      w.run(1501)
      expect(pictures(viewer())).toEqual([])
      frames(513, true)
      const late = viewer()
      w.run(1)
      expect(pictures(late)).toEqual([])
      frames(512, true)
      const full = viewer()
      w.run(1)
      expect(pictures(full)).toHaveLength(512)
    })

    it('for ten seconds more the pictures are kept for the next one', () => {
      const first = viewer()
      frames(3, true)
      first.stream.close()
      w.run(1)
      const second = viewer()
      w.run(1)
      expect(pictures(second)).toEqual([0, 1, 2])
      second.stream.close()
      w.run(9_990)
      frames(2, true)
      w.run(20)
      frames(2)
      expect(pictures(viewer())).toEqual([])
    })

    it('padding in between leaves no hole, and the layer below serves where the wanted one has nothing', () => {
      viewer()
      sendFrame({ sequence: 1, picture: 1, key: true })
      publisher.sendRtp({
        ...{ payloadType: 96, sequence: 2, timestamp: 3000, ssrc: ssrcs[0], padding: 20 },
        payload: new Uint8Array(0),
      })
      sendFrame({ sequence: 3, picture: 2 })
      w.run(1)
      const { peer } = viewer({ layer: 2 })
      w.run(1)
      const { rtp } = peer.takeInbox()
      expect(rtp.map((p) => (p.sequence - (rtp[0]?.sequence ?? 0)) & 0xffff)).toEqual([0, 1])
    })
  })

  it('FAST-26: layers switch at a key frame with continuous numbers, times and picture ids', () => {
    const { peer, stream } = subscribe()
    const switched: number[] = []
    stream.on('layer.switched', ({ layer }) => switched.push(layer))
    const base = [1000, 900_000, 77_000_000]
    const starts = [100, 30_000, 64_000]
    let tick = 0
    const round = (keyLayer?: number) => {
      for (let layer = 0; layer < 3; layer++) {
        sendFrame({
          layer,
          sequence: (starts[layer] ?? 0) + tick,
          timestamp: (base[layer] ?? 0) + tick * 3000,
          picture: (layer * 9000 + 32_760 + tick) & 0x7fff,
          tl0: layer * 50 + tick,
          key: tick === 0 || keyLayer === layer,
        })
      }
      tick += 1
      w.run(33)
    }
    for (let n = 0; n < 10; n++) round()
    stream.selectLayer(2)
    for (let n = 0; n < 3; n++) round()
    round(2)
    for (let n = 0; n < 5; n++) round()
    stream.selectLayer(1)
    round(1)
    for (let n = 0; n < 5; n++) round()
    const { rtp } = peer.takeInbox()
    expect(switched).toEqual([0, 2, 1])
    // Switching up, the same picture leaves in the old layer and, as key frame, in the new one.
    expect(rtp).toHaveLength(26)
    for (let n = 1; n < rtp.length; n++) {
      const [previous, current] = [rtp[n - 1], rtp[n]]
      if (!previous || !current) throw new Error('gap')
      expect(current.sequence).toBe((previous.sequence + 1) & 0xffff)
      const step = (current.timestamp - previous.timestamp) >>> 0
      expect(step, `time step before packet ${n}`).toBeGreaterThanOrEqual(n === 14 ? 90 : 2500)
      expect(step, `time step before packet ${n}`).toBeLessThan(3500)
      const [a, b] = [readVp8(previous.payload), readVp8(current.payload)]
      expect(b.picture).toBe((a.picture + 1) & 0x7fff)
      expect(b.tl0).toBe((a.tl0 + 1) & 0xff)
    }
  })

  it('FAST-27: sender reports of both layers make the time step of a switch exact', () => {
    const { peer, stream } = subscribe()
    const base = [5000, 4_000_000_000]
    const report = (layer: number, seconds: number) => {
      const body = Buffer.alloc(20)
      body.writeUInt32BE(3_900_000_000 + Math.floor(seconds), 0)
      body.writeUInt32BE(Math.floor((seconds % 1) * 2 ** 32), 4)
      body.writeUInt32BE(((base[layer] ?? 0) + Math.round(seconds * 90_000)) >>> 0, 8)
      publisher.sendRtcp(writeRtcp(200, 0, ssrcs[layer] ?? 0, body))
    }
    const at = (layer: number, tick: number) => ((base[layer] ?? 0) + tick * 3000) >>> 0
    sendFrame({ layer: 0, sequence: 1, timestamp: at(0, 0), picture: 1, key: true })
    sendFrame({ layer: 1, sequence: 1, timestamp: at(1, 0), picture: 1, key: true })
    report(0, 0.01)
    report(1, 0.01)
    w.run(33)
    sendFrame({ layer: 0, sequence: 2, timestamp: at(0, 1), picture: 2 })
    stream.selectLayer(1)
    // Held up by 60 ms on the way: arrival alone would misplace it.
    w.run(93)
    sendFrame({ layer: 1, sequence: 2, timestamp: at(1, 2), picture: 2, key: true })
    w.run(1)
    const { rtp } = peer.takeInbox()
    expect(rtp).toHaveLength(3)
    const steps = rtp.slice(1).map((packet, n) => (packet.timestamp - (rtp[n]?.timestamp ?? 0)) >>> 0)
    expect(Math.abs((steps[0] ?? 0) - 3000)).toBeLessThanOrEqual(1)
    expect(Math.abs((steps[1] ?? 0) - 3000)).toBeLessThanOrEqual(2)
  })

  it('FAST-28: temporal layers are left out without holes and come back at a sync point', () => {
    const { peer, stream } = subscribe()
    stream.selectLayer(0, 0)
    const pattern = [0, 2, 1, 2]
    for (let n = 0; n < 12; n++) {
      sendFrame({
        sequence: 1 + n,
        picture: n,
        temporal: pattern[n % 4] ?? 0,
        key: n === 0,
        tl0: Math.floor(n / 4),
      })
    }
    w.run(1)
    const base = peer.takeInbox().rtp
    expect(base).toHaveLength(3)
    expect(base.map((p) => readVp8(p.payload).temporal)).toEqual([0, 0, 0])
    const numbers = (list: typeof base) =>
      list.map((p) => [p.sequence - (list[0]?.sequence ?? 0), readVp8(p.payload).picture])
    expect(numbers(base)).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ])
    stream.selectLayer(0, 2)
    for (let n = 12; n < 20; n++) {
      const temporal = pattern[n % 4] ?? 0
      sendFrame({
        sequence: 1 + n,
        picture: n,
        temporal,
        sync: n >= 16 && temporal > 0,
        tl0: Math.floor(n / 4),
      })
    }
    w.run(1)
    const all = peer.takeInbox().rtp
    expect(all.map((p) => readVp8(p.payload).temporal)).toEqual([0, 0, 2, 1, 2])
    expect(numbers(all).map(([sequence]) => sequence)).toEqual([0, 1, 2, 3, 4])
    expect(all.map((p) => readVp8(p.payload).picture)).toEqual([3, 4, 5, 6, 7])
  })

  it('FAST-20: large packets of a frame leave in equal sizes, and arrive as they were', () => {
    const { peer } = subscribe()
    const plain = subscribe({ equalSizes: false })
    const sizes = [987, 988, 988, 989, 300]
    sizes.forEach((size, n) => {
      sendFrame({
        sequence: n,
        timestamp: 3000,
        picture: 1,
        key: n === 0,
        start: n === 0,
        marker: n === 4,
        size,
      })
    })
    w.run(1)
    const { rtp, wire } = peer.takeInbox()
    expect(new Set(wire.slice(0, 4).map((packet) => packet.length)).size).toBe(1)
    expect(rtp.map((packet) => packet.payload.length)).toEqual(sizes.map((size) => size + 6))
    expect(plain.peer.takeInbox().rtp.map((packet) => packet.padding)).toEqual([0, 0, 0, 0, 0])
  })

  it('FAST-21: when the shown layer stops, the next lower one takes over; a slow source does not look stopped', () => {
    const { peer, stream } = subscribe({ layer: 2 })
    const switched: number[] = []
    stream.on('layer.switched', ({ layer }) => switched.push(layer))
    const plisFor = (ssrc: number) =>
      publisher
        .takeInbox()
        .rtcp.filter((p) => p.type === 206 && p.count === 1 && p.body.readUInt32BE(0) === ssrc).length
    let n = 0
    const frame = (layers: number[], key = false) => {
      for (const layer of layers) sendFrame({ layer, sequence: n, timestamp: n * 90_000, picture: n, key })
      n += 1
    }
    frame([2, 1, 0], true)
    w.run(1000)
    for (let second = 0; second < 5; second++) {
      frame([0, 1, 2])
      w.run(1000)
    }
    expect(plisFor(ssrcs[1])).toBe(0)
    for (let tick = 0; tick < 20; tick++) {
      frame([0, 1])
      w.run(33)
    }
    expect(plisFor(ssrcs[1])).toBeGreaterThan(0)
    frame([0, 1], true)
    w.run(33)
    frame([0, 1, 2], true)
    w.run(33)
    expect(switched).toEqual([2, 1, 2])
    const numbers = peer.takeInbox().rtp.map((p) => p.sequence)
    expect(numbers.slice(1)).toEqual(numbers.slice(0, -1).map((number) => (number + 1) & 0xffff))
  })

  it('FAST-29: padding-only packets leave no hole', () => {
    const { peer } = subscribe()
    sendFrame({ sequence: 1, picture: 1, key: true })
    publisher.sendRtp({
      payloadType: 96,
      sequence: 2,
      timestamp: 3000,
      ssrc: ssrcs[0],
      payload: new Uint8Array(),
      padding: 200,
    })
    sendFrame({ sequence: 3, picture: 2 })
    w.run(1)
    const { rtp } = peer.takeInbox()
    expect(rtp.map((p) => p.sequence - (rtp[0]?.sequence ?? 0))).toEqual([0, 1])
  })

  it('FAST-30: duplicates are forwarded once, packets out of order keep their place', () => {
    const { peer } = subscribe()
    sendFrame({ sequence: 1, picture: 1, key: true })
    sendFrame({ sequence: 3, picture: 3 })
    sendFrame({ sequence: 2, picture: 2 })
    publisher.sendRtp({
      payloadType: 97,
      sequence: 1,
      timestamp: 9000,
      ssrc: rtxSsrc,
      payload: Buffer.concat([Buffer.from([0, 3]), vp8({ picture: 3 })]),
    })
    w.run(1)
    const { rtp } = peer.takeInbox()
    expect(rtp.map((p) => p.sequence - (rtp[0]?.sequence ?? 0))).toEqual([0, 2, 1])
  })

  it('FAST-31: pausing sends nothing, resuming goes on without a hole', () => {
    const { peer, stream } = subscribe()
    sendFrame({ sequence: 1, picture: 1, key: true })
    w.run(1)
    stream.setPaused(true)
    sendFrame({ sequence: 2, picture: 2 })
    w.run(1)
    stream.setPaused(false)
    sendFrame({ sequence: 3, picture: 3 })
    sendFrame({ sequence: 4, picture: 4, key: true })
    w.run(1)
    const { rtp } = peer.takeInbox()
    expect(rtp.map((p) => p.sequence - (rtp[0]?.sequence ?? 0))).toEqual([0, 1])
    expect(rtp.map((p) => readVp8(p.payload).picture)).toEqual([1, 2])
  })

  it('FAST-32: sequence numbers stay continuous over many turns of the 16 bits', () => {
    const { peer } = subscribe({ historyPackets: 64 })
    let expected = -1
    for (let n = 0; n < 150_000; n++) {
      sendFrame({ sequence: n, timestamp: n * 90, picture: n & 0x7fff, key: n === 0, size: 12 })
      if (n % 500 !== 499) continue
      w.now += 1000
      w.exchange()
      for (const packet of peer.takeInbox().rtp) {
        if (expected >= 0) expect(packet.sequence).toBe(expected)
        expected = (packet.sequence + 1) & 0xffff
      }
    }
    expect(w.sfu.stats().streams[0]?.packets).toBe(150_000)
  })

  it('FAST-33: a key frame leaves at the pacing rate, not at line rate', () => {
    const { peer } = subscribe({}, { pacingBitrate: 4_000_000 })
    for (let n = 0; n < 100; n++) {
      sendFrame({
        sequence: n,
        timestamp: 3000,
        picture: 1,
        key: n === 0,
        start: n === 0,
        marker: n === 99,
        size: 1000,
      })
    }
    w.run(1)
    expect(peer.takeInbox().rtp.length).toBeLessThan(12)
    w.run(99)
    const early = peer.takeInbox().rtp.length
    expect(early).toBeGreaterThan(40)
    expect(early).toBeLessThan(60)
    w.run(150)
    expect(early + peer.takeInbox().rtp.length).toBeGreaterThan(85)
  })

  it('FAST-34: a stream fed from another track goes on without a hole', () => {
    const { peer, stream } = subscribe()
    const second = w.join()
    const other = second.transport.createTrack({
      kind: 'video',
      mid: 'v',
      extensions: {},
      payloads: [{ payloadType: 96, codec: 'vp8', clockRate: 90000 }],
      layers: [{ ssrc: 5001 }],
    })
    for (let n = 0; n < 3; n++) sendFrame({ sequence: n, picture: n, key: n === 0 })
    w.run(33)
    stream.setSource(other)
    for (let n = 0; n < 3; n++) {
      second.sendRtp({
        payloadType: 96,
        sequence: 40_000 + n,
        timestamp: 123_456 + n * 3000,
        ssrc: 5001,
        marker: true,
        payload: vp8({ key: n === 0, picture: 20_000 + n }),
      })
    }
    w.run(1)
    const { rtp } = peer.takeInbox()
    expect(rtp.map((p) => p.sequence - (rtp[0]?.sequence ?? 0))).toEqual([0, 1, 2, 3, 4, 5])
    expect(rtp.map((p) => readVp8(p.payload).picture)).toEqual([0, 1, 2, 3, 4, 5])
    expect((((rtp[3]?.timestamp ?? 0) - (rtp[2]?.timestamp ?? 0)) >>> 0) / 90).toBeCloseTo(33, 0)
  })

  it('FAST-35: sender reports reach subscribers in their SSRC and time', () => {
    const { peer, stream } = subscribe()
    sendFrame({ sequence: 1, timestamp: 50_000, picture: 1, key: true })
    const body = Buffer.alloc(20)
    body.writeUInt32BE(3_900_000_000, 0)
    body.writeUInt32BE(50_000, 8)
    publisher.sendRtcp(writeRtcp(200, 0, ssrcs[0], body))
    const sentAt = w.now
    w.run(1)
    const [packet] = peer.takeInbox().rtp
    let report: { ntp: number; rtp: number } | undefined
    for (let ms = 0; ms < 1500 && !report; ms++) {
      w.run(1)
      const sr = peer.takeInbox().rtcp.find((p) => p.type === 200 && p.ssrc === stream.ssrc)
      if (sr)
        report = {
          ntp: sr.body.readUInt32BE(0) + sr.body.readUInt32BE(4) / 2 ** 32,
          rtp: sr.body.readUInt32BE(8),
        }
    }
    const passed = (w.now - sentAt) / 1e6
    expect((report?.ntp ?? 0) - 3_900_000_000).toBeCloseTo(passed, 2)
    expect(((report?.rtp ?? 0) - (packet?.timestamp ?? 0)) >>> 0).toBeGreaterThan((passed - 0.01) * 90_000)
    expect(((report?.rtp ?? 0) - (packet?.timestamp ?? 0)) >>> 0).toBeLessThan((passed + 0.01) * 90_000)
  })

  it('FAST-73: with bursts a request is answered again over half a round trip, and once more each time', () => {
    const { peer, stream } = subscribe()
    stream.setRepair({ bursts: true })
    for (let n = 0; n < 5; n++) sendFrame({ sequence: 10 + n, picture: n, key: n === 0 })
    w.run(1)
    const lost = peer.takeInbox().rtp[2]
    if (!lost) throw new Error('no packet')
    peer.sendRtcp(writeNack(stream.ssrc, [lost.sequence]))
    w.run(100)
    expect(peer.takeInbox().rtp).toHaveLength(2)
    peer.sendRtcp(writeNack(stream.ssrc, [lost.sequence]))
    w.run(200)
    expect(peer.takeInbox().rtp).toHaveLength(3)
    expect(w.sfu.stats().streams[0]).toMatchObject({ missed: 1, nacks: 2 })
  })

  it('FAST-73: feedback that tells of a loss begins a round, and ends one when a copy arrived', () => {
    const { peer, stream } = subscribe()
    stream.setRepair({ bursts: true })
    for (let n = 0; n < 5; n++) sendFrame({ sequence: 10 + n, picture: n, key: n === 0 })
    w.run(1)
    const sent = peer.takeInbox().rtp
    peer.sendRtcp(writeVerdicts(transportNumber(sent[0]), [true, true, false, true, true]))
    w.run(100)
    const first = peer.takeInbox().rtp
    expect(first.map((packet) => Buffer.from(packet.payload).readUInt16BE(0))).toEqual(
      Array(2).fill(sent[2]?.sequence),
    )
    // The loss of the copy before the last one says nothing yet.
    peer.sendRtcp(writeVerdicts(transportNumber(first[0]), [false]))
    w.run(100)
    expect(peer.takeInbox().rtp).toEqual([])
    peer.sendRtcp(writeVerdicts(transportNumber(first[1]), [false]))
    w.run(1)
    const [again] = peer.takeInbox().rtp
    // Its copies still wait when feedback tells that it arrived.
    peer.sendRtcp(writeVerdicts(transportNumber(again), [true]))
    w.run(200)
    expect(peer.takeInbox().rtp).toEqual([])
    peer.sendRtcp(writeVerdicts(transportNumber(again), [false]))
    w.run(200)
    expect(peer.takeInbox().rtp).toEqual([])
  })

  it('FAST-73: without bursts feedback is left to congestion control', () => {
    const { peer } = subscribe()
    for (let n = 0; n < 3; n++) sendFrame({ sequence: 10 + n, picture: n, key: n === 0 })
    w.run(1)
    const sent = peer.takeInbox().rtp
    peer.sendRtcp(writeVerdicts(transportNumber(sent[0]), [false, false, false]))
    w.run(100)
    expect(peer.takeInbox().rtp).toEqual([])
  })

  it('FAST-74: what would come too late, or the budget does not allow, is not sent again', () => {
    const { peer, stream } = subscribe()
    stream.setRepair({ deadlineMs: 300 })
    for (let n = 0; n < 5; n++) sendFrame({ sequence: 10 + n, picture: n, key: n === 0 })
    w.run(1)
    const { rtp } = peer.takeInbox()
    w.run(320)
    peer.sendRtcp(writeNack(stream.ssrc, [rtp[1]?.sequence ?? 0]))
    w.run(1)
    expect(peer.takeInbox().rtp).toEqual([])
    stream.setRepair({})
    peer.transport.setRepairBudget(1)
    peer.sendRtcp(writeNack(stream.ssrc, [rtp[2]?.sequence ?? 0]))
    w.run(1)
    expect(peer.takeInbox().rtp).toEqual([])
    expect(w.sfu.stats().streams[0]).toMatchObject({ lateRepairs: 1, refusedRepairs: 1, retransmissions: 0 })
    peer.transport.setRepairBudget(0)
    peer.sendRtcp(writeNack(stream.ssrc, [rtp[2]?.sequence ?? 0]))
    w.run(1)
    expect(peer.takeInbox().rtp).toHaveLength(1)
  })

  it('FAST-36: every numbered packet is reported before the feedback that refers to it', () => {
    const { peer } = subscribe({}, { reportSent: true, reportRtcp: true })
    const order: string[] = []
    const sizes: number[] = []
    peer.transport.on('packets.sent', ({ bytes }) => {
      order.push('sent')
      for (const packet of readSentPackets(bytes)) sizes.push(packet.size)
    })
    peer.transport.on('rtcp.received', () => order.push('rtcp'))
    for (let n = 0; n < 4; n++) sendFrame({ sequence: n, picture: n, key: n === 0 })
    w.run(1)
    const wire = peer.takeInbox().wire.map((packet) => packet.length)
    peer.sendRtcp(writeRtcp(205, 15, 1, Buffer.from([0, 0, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0x20, 4, 0, 0])))
    w.run(1)
    expect(order).toEqual(['sent', 'rtcp'])
    expect(sizes).toEqual(wire)
  })

  it('FAST-37: probing sends padding on the RTX stream, also when nothing is forwarded', () => {
    const { peer, stream } = subscribe()
    peer.transport.sendProbe(20_000, 2_000_000)
    w.run(50)
    const half = peer.takeInbox().rtp
    const bytes = half.reduce((sum, packet) => sum + (packet.padding ?? 0), 0)
    expect(bytes).toBeGreaterThan(8_000)
    expect(bytes).toBeLessThan(16_000)
    expect(half.every((p) => p.ssrc === stream.rtxSsrc && p.payload.length === 0)).toBe(true)
    w.run(200)
    expect(
      w.sfu.stats().transports.find((t) => t.id === peer.transport.id)?.paddingSent,
    ).toBeGreaterThanOrEqual(20_000)
    w.run(50)
    peer.takeInbox()
    w.run(100)
    expect(peer.takeInbox().rtp).toEqual([])
  })

  it('FAST-38: rids name layers whose SSRCs were not announced; a stranger is dropped', () => {
    const late = publisher.transport.createTrack({
      kind: 'video',
      mid: 'w',
      extensions: { mid: 1, rid: 4, repairedRid: 5 },
      payloads: [{ payloadType: 100, codec: 'vp8', clockRate: 90000, rtxPayloadType: 101 }],
      layers: [{ rid: 'a' }, { rid: 'b' }],
    })
    const started: [number, number][] = []
    late.on('layer.started', ({ layer, ssrc }) => started.push([layer, ssrc]))
    const send = (ssrc: number, rid: string, mid = 'w') =>
      publisher.sendRtp({
        payloadType: 100,
        sequence: 1,
        timestamp: 1,
        ssrc,
        extensions: [
          [1, Buffer.from(mid)],
          [4, Buffer.from(rid)],
        ],
        payload: vp8({ picture: 1, key: true }),
      })
    send(9001, 'b')
    send(9000, 'a')
    send(9002, 'zzz')
    send(9003, 'a', 'other')
    w.run(1)
    expect(started).toEqual([
      [1, 9001],
      [0, 9000],
    ])
    expect(w.sfu.stats().transports.find((t) => t.id === publisher.transport.id)?.unroutable).toBe(2)
  })

  it('FAST-39: closing a track silences its streams, closing a transport ends what it owns', () => {
    const { peer, stream } = subscribe()
    sendFrame({ sequence: 1, picture: 1, key: true })
    w.run(1)
    track.close()
    sendFrame({ sequence: 2, picture: 2 })
    w.run(1)
    expect(peer.takeInbox().rtp).toHaveLength(1)
    expect(stream.closed).toBe(false)
    peer.transport.close()
    w.run(1)
    expect(stream.closed).toBe(true)
    const stats = w.sfu.stats()
    expect([stats.transports.length, stats.tracks.length, stats.streams.length]).toEqual([1, 0, 0])
  })
})

describe.skipIf(!addon)('audio, on a virtual clock', () => {
  let w: Simulation
  let publisher: SimulatedPeer
  let track: IngressTrack

  beforeEach(() => {
    w = new Simulation(addon as NativeAddon)
    publisher = w.join()
    track = publisher.transport.createTrack({
      kind: 'audio',
      mid: 'a',
      extensions: { audioLevel: 1 },
      payloads: [
        { payloadType: 111, codec: 'opus', clockRate: 48000 },
        { payloadType: 63, codec: 'red', clockRate: 48000 },
      ],
      layers: [{ ssrc: 4001 }],
    })
  })
  afterEach(() => w.close())

  const listen = (
    payloads: EgressStreamOptions['payloads'],
  ): { peer: SimulatedPeer; stream: EgressStream } => {
    const peer = w.join()
    return {
      peer,
      stream: peer.transport.createStream(track, { kind: 'audio', extensions: { audioLevel: 3 }, payloads }),
    }
  }
  const speak = (sequence: number, payload: Uint8Array, payloadType = 111, level = 30) =>
    publisher.sendRtp({
      payloadType,
      sequence,
      timestamp: sequence * 960,
      ssrc: 4001,
      extensions: [[1, Uint8Array.of(0x80 | level)]],
      payload,
    })

  it('FAST-40: RED goes whole to those who take it and as its primary block to others, mixed with plain Opus', () => {
    const red = listen([
      { from: 63, payloadType: 64 },
      { from: 111, payloadType: 112 },
    ])
    const plain = listen([
      { from: 63, payloadType: 112, stripRed: true },
      { from: 111, payloadType: 112 },
    ])
    const redundant = Buffer.from('old-opus')
    const primary = Buffer.from('new-opus-frame')
    const offset = 960
    const head = Buffer.from([
      0x80 | 111,
      offset >> 6,
      ((offset & 63) << 2) | (redundant.length >> 8),
      redundant.length & 255,
      111,
    ])
    const whole = Buffer.concat([head, redundant, primary])
    speak(1, Buffer.from('plain'))
    speak(2, whole, 63)
    speak(3, Buffer.from('plain again'))
    w.run(1)
    const text = (packet: { payload: Uint8Array }) => Buffer.from(packet.payload).toString()
    const got = plain.peer.takeInbox().rtp
    expect(got.map(text)).toEqual(['plain', 'new-opus-frame', 'plain again'])
    expect(got.map((p) => p.payloadType)).toEqual([112, 112, 112])
    expect(got.map((p) => (p.sequence - (got[0]?.sequence ?? 0)) & 0xffff)).toEqual([0, 1, 2])
    const full = red.peer.takeInbox().rtp
    expect(full.map((p) => p.payloadType)).toEqual([112, 64, 112])
    expect(Buffer.from(full[1]?.payload ?? [])).toEqual(whole)
    expect(full[1]?.extension.get(3)).toEqual(Uint8Array.of(0x80 | 30))
  })

  /** RFC 2198 with blocks of one payload type, the oldest first. */
  const redOf = (frames: readonly string[], step = 960) => {
    const heads = frames.slice(0, -1).map((frame, index) => {
      const offset = (frames.length - 1 - index) * step
      return Buffer.from([
        0x80 | 111,
        offset >> 6,
        ((offset & 63) << 2) | (frame.length >> 8),
        frame.length & 255,
      ])
    })
    return Buffer.concat([...heads, Buffer.from([111]), ...frames.map((frame) => Buffer.from(frame))])
  }
  const takesRed = () =>
    listen([
      { from: 63, payloadType: 64 },
      { from: 111, payloadType: 112 },
    ])
  const textOf = ({ payload }: { payload: Uint8Array }) => Buffer.from(payload).toString('latin1')

  it('FAST-70: each packet for a subscriber with RED carries so many frames before it, in its own numbers', () => {
    const { peer, stream } = takesRed()
    const plain = listen([{ from: 111, payloadType: 112 }])
    stream.setRepair({ redDepth: 3 })
    for (let n = 1; n <= 6; n++) speak(n, Buffer.from(`frame-${n}`))
    w.run(1)
    const got = peer.takeInbox().rtp
    expect(got.map(({ payloadType }) => payloadType)).toEqual([64, 64, 64, 64, 64, 64])
    expect(textOf(got[0] ?? { payload: new Uint8Array() })).toBe('pframe-1')
    const last = got[5]?.payload ?? new Uint8Array()
    const step = ((last[1] ?? 0) << 6) | ((last[2] ?? 0) >> 2)
    expect(step % 3).toBe(0)
    expect(textOf({ payload: last }).endsWith('pframe-3frame-4frame-5frame-6')).toBe(true)
    expect([last[0], last[4], last[8], last[12]]).toEqual([0xf0, 0xf0, 0xf0, 112])
    expect(plain.peer.takeInbox().rtp.map(textOf)).toContain('frame-6')
    stream.setRepair({ redDepth: 0 })
    speak(7, Buffer.from('frame-7'))
    w.run(1)
    expect(peer.takeInbox().rtp.map(textOf)).toEqual(['frame-7'])
  })

  it('FAST-144: requests for sound are not answered while RED is made for it', () => {
    const { peer, stream } = takesRed()
    const answered = (): number | undefined => {
      const [, lost] = peer.takeInbox().rtp
      peer.sendRtcp(writeNack(stream.ssrc, [lost?.sequence ?? 0]))
      w.run(1)
      return w.sfu.stats().streams.find(({ ssrc }) => ssrc === stream.ssrc)?.retransmissions
    }
    stream.setRepair({ redDepth: 3 })
    for (let n = 1; n <= 3; n++) speak(n, Buffer.from(`frame-${n}`))
    w.run(1)
    expect(answered()).toBe(0)
    stream.setRepair({ redDepth: 0 })
    for (let n = 4; n <= 6; n++) speak(n, Buffer.from(`frame-${n}`))
    w.run(1)
    expect(answered()).toBe(1)
  })

  it('FAST-70: RED of any depth stays below the size that every path takes', () => {
    const { peer, stream } = takesRed()
    stream.setRepair({ redDepth: 17 })
    for (let n = 1; n <= 30; n++) speak(n, Buffer.alloc(120, n))
    w.run(1)
    const sizes = peer.takeInbox().rtp.map(({ payload }) => payload.length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_100)
    expect(Math.max(...sizes)).toBeGreaterThan(900)
  })

  it('FAST-70: what a publisher repeats deeper than browsers do goes one frame deep to subscribers', () => {
    const { peer, stream } = takesRed()
    for (let n = 1; n <= 4; n++) speak(n, redOf(['a', 'b', 'c', 'd'].slice(0, n)), 63)
    w.run(1)
    const texts = peer.takeInbox().rtp.map(textOf)
    expect(texts.map((text) => text.slice(-2))).toEqual(['oa', 'ab', 'bc', 'cd'])
    expect(texts.map(({ length }) => length)).toEqual([2, 7, 7, 7])
    stream.setRepair({ redDepth: 2 })
    speak(5, redOf(['a', 'b', 'c', 'd', 'e']), 63)
    w.run(1)
    expect(peer.takeInbox().rtp.map((packet) => textOf(packet).slice(-3))).toEqual(['cde'])
  })

  it('FAST-71: frames lost on the way here are brought back from RED, once, in their place', () => {
    const plain = listen([
      { from: 63, payloadType: 112, stripRed: true },
      { from: 111, payloadType: 112 },
    ])
    speak(1, redOf(['a']), 63)
    speak(4, redOf(['b', 'c', 'd']), 63)
    speak(5, redOf(['c', 'd', 'e']), 63)
    speak(3, redOf(['a', 'b', 'c']), 63)
    w.run(1)
    const got = plain.peer.takeInbox().rtp
    expect(got.map(textOf)).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(got.map((p) => (p.sequence - (got[0]?.sequence ?? 0)) & 0xffff)).toEqual([0, 1, 2, 3, 4])
    const layer = w.sfu.stats().tracks.find(({ id }) => id === track.id)?.layers[0]
    expect(layer).toMatchObject({ recovered: 2, duplicates: 1 })
  })

  it('FAST-72: copies of sound follow unasked as the identical packet', () => {
    const { peer, stream } = listen([{ from: 111, payloadType: 112 }])
    stream.setRepair({ copies: 2 })
    speak(1, Buffer.from('hello'))
    w.run(1)
    const sent = w.sfu.stats().streams.find(({ id }) => id === stream.id)?.packets ?? 0
    expect(peer.takeInbox().rtp.map(textOf)).toEqual(['hello'])
    w.run(60)
    expect(w.sfu.stats().streams.find(({ id }) => id === stream.id)).toMatchObject({
      packets: sent + 2,
      retransmissions: 2,
    })
    // SRTP takes one packet once.
    expect(peer.takeInbox().rtp).toEqual([])
  })

  it('FAST-41: levels are told each 100 ms for tracks that spoke', () => {
    const told: unknown[] = []
    w.sfu.on('levels.measured', (levels) => told.push(...levels))
    speak(1, Buffer.from('x'), 111, 40)
    speak(2, Buffer.from('x'), 111, 20)
    w.run(120)
    expect(told).toEqual([{ trackId: track.id, level: 20, mean: 30, voicePackets: 2, packets: 2 }])
    w.run(300)
    expect(told).toHaveLength(1)
  })

  it('FAST-42: a shut gate silences the whole fan-out, opening it goes on without a hole', () => {
    const { peer } = listen([{ from: 111, payloadType: 111 }])
    speak(1, Buffer.from('a'))
    w.run(1)
    track.setGate(false)
    speak(2, Buffer.from('b'))
    w.run(1)
    track.setGate(true)
    speak(3, Buffer.from('c'))
    w.run(1)
    const { rtp } = peer.takeInbox()
    expect(rtp.map((p) => Buffer.from(p.payload).toString())).toEqual(['a', 'c'])
    expect(rtp.map((p) => p.sequence - (rtp[0]?.sequence ?? 0))).toEqual([0, 1])
    expect(rtp[1] && rtp[0] && rtp[1].timestamp - rtp[0].timestamp).toBe(2 * 960)
  })

  it('FAST-43: many streams pause in one command', () => {
    const listeners = [1, 2, 3].map(() => listen([{ from: 111, payloadType: 111 }]))
    w.sfu.setPaused(
      listeners.slice(0, 2).map((l) => l.stream),
      true,
    )
    speak(1, Buffer.from('a'))
    w.run(1)
    expect(listeners.map((l) => l.peer.takeInbox().rtp.length)).toEqual([0, 0, 1])
  })
})

function u32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
}
