import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EgressStreamOptions, IngressTrack, NativeAddon } from '../src/index.ts'
import { addon } from './built-addon.ts'
import { type SimulatedPeer, Simulation, vp8, writeNack } from './simulation.ts'
import { UlpFecReceiver } from './ulp-fec-receiver.ts'

const red = 116
const fec = 117
const rtx = 121
const ssrcs = [1001, 1002] as const

describe.skipIf(!addon)('ULPFEC, on a virtual clock', () => {
  let w: Simulation
  let publisher: SimulatedPeer
  let track: IngressTrack

  beforeEach(() => {
    w = new Simulation(addon as NativeAddon)
    publisher = w.join()
    track = publisher.transport.createTrack({
      kind: 'video',
      mid: 'v',
      extensions: { mid: 1, absSendTime: 2, transportSequence: 3, playoutDelay: 6 },
      payloads: [
        { payloadType: 96, codec: 'vp8', clockRate: 90000, rtxPayloadType: 97 },
        { payloadType: 102, codec: 'h264', clockRate: 90000, rtxPayloadType: 103 },
      ],
      layers: [{ ssrc: ssrcs[0] }, { ssrc: ssrcs[1] }],
    })
  })
  afterEach(() => w.close())

  const subscribe = (options: Partial<EgressStreamOptions> = {}) => {
    const peer = w.join({ pacingBitrate: 0 })
    const stream = peer.transport.createStream(track, {
      kind: 'video',
      mid: '7',
      extensions: { mid: 9, absSendTime: 8, transportSequence: 5, playoutDelay: 6 },
      payloads: [
        { from: 96, payloadType: 120, rtxPayloadType: rtx },
        { from: 102, payloadType: 122, rtxPayloadType: 123 },
      ],
      redPayloadType: red,
      fecPayloadType: fec,
      ...options,
    })
    return { peer, stream }
  }

  let next = { sequence: 10, picture: 1 }
  let paceMs = 20
  beforeEach(() => {
    next = { sequence: 10, picture: 1 }
    paceMs = 20
  })
  /** A frame of so many packets, of differing sizes. */
  const sendFrame = (
    packets: number,
    options: { key?: boolean; temporal?: number; layer?: number; end?: boolean; size?: number } = {},
  ) => {
    const { key = false, temporal = 0, layer = 0, end = true, size = 410 } = options
    for (let n = 0; n < packets; n++) {
      publisher.sendRtp({
        payloadType: 96,
        sequence: next.sequence++,
        timestamp: next.picture * 3000,
        ssrc: ssrcs[layer] ?? 0,
        marker: end && n === packets - 1,
        extensions: n % 2 ? [[6, Uint8Array.of(0, 0, 1)]] : [],
        payload: vp8({ key, start: n === 0, picture: next.picture, temporal, size: size + n * 7 }),
      })
    }
    next.picture++
    w.run(paceMs)
  }

  const receiver = () =>
    new UlpFecReceiver({ redPayloadType: red, fecPayloadType: fec, lateExtensions: [8, 5] })
  /** What came, and what comes back when these are lost. */
  const withLoss = (plain: readonly Uint8Array[], lost: (index: number) => boolean) => {
    const [whole, lossy] = [receiver(), receiver()]
    for (const [index, packet] of plain.entries()) {
      whole.take(Uint8Array.from(packet))
      if (!lost(index)) lossy.take(Uint8Array.from(packet))
    }
    return { whole, lossy }
  }
  const expectGapless = (rtp: readonly { sequence: number }[]) => {
    const first = rtp[0]?.sequence ?? 0
    expect(rtp.map(({ sequence }) => sequence)).toEqual(rtp.map((_, n) => (first + n) & 0xffff))
  }
  const isFec = (packet: { payloadType: number; payload: Uint8Array }) =>
    packet.payloadType === red && packet.payload[0] === fec

  it('FAST-120: protected packets go out as the block of RED, protection behind their frame in the same row of numbers', () => {
    const { peer, stream } = subscribe()
    sendFrame(4, { key: true })
    expect(peer.takeInbox().rtp.map(({ payloadType }) => payloadType)).toEqual([120, 120, 120, 120])
    stream.setRepair({ fecShare: 0.5 })
    sendFrame(4)
    sendFrame(4)
    stream.setRepair({})
    sendFrame(2)
    const { rtp } = peer.takeInbox()
    expect(rtp.map(({ payloadType }) => payloadType)).toEqual([...new Array(12).fill(red), 120, 120])
    const blocks = rtp.slice(0, 12).map(({ payload }) => payload[0])
    const frame = [120, 120, 120, 120, fec, fec]
    expect(blocks).toEqual([...frame, ...frame])
    rtp.forEach((packet, n) => {
      expect(packet.sequence).toBe(((rtp[0]?.sequence ?? 0) + n) & 0xffff)
      expect(packet.ssrc).toBe(stream.ssrc)
      if (isFec(packet)) expect(packet.marker).toBe(false)
    })
    expect(w.sfu.stats().streams[0]).toMatchObject({ fecPackets: 4 })
  })

  it('FAST-120: other codecs, and subscribers that did not agree to it, get none', () => {
    const { peer, stream } = subscribe()
    const other = subscribe({ fecPayloadType: 0 })
    for (const one of [stream, other.stream]) one.setRepair({ fecShare: 1 })
    sendFrame(3, { key: true })
    expect(other.peer.takeInbox().rtp.map(({ payloadType }) => payloadType)).toEqual([120, 120, 120])
    expect(peer.takeInbox().rtp).toHaveLength(6)
    const key = Uint8Array.of(0x67, 1, 2, 3)
    publisher.sendRtp({
      ...{
        payloadType: 102,
        sequence: next.sequence,
        timestamp: 6000,
        ssrc: ssrcs[0],
        marker: true,
        payload: key,
      },
    })
    w.run(1)
    expect(peer.takeInbox().rtp.map(({ payloadType }) => payloadType)).toEqual([122])
  })

  it('FAST-121: any one lost packet of those that a packet protects comes back byte for byte, over the turn of numbers', () => {
    const { peer, stream } = subscribe()
    stream.setRepair({ fecShare: 0.25 })
    sendFrame(5, { key: true })
    peer.takeInbox()
    let recovered = 0
    // Nobody asks for consent here.
    paceMs = 1
    for (let frame = 0; frame < 24_000; frame++) {
      // Wide masks, single packets and upper layers among them.
      const packets = frame % 97 === 0 ? 40 : 1 + (frame % 5)
      sendFrame(packets, { temporal: frame % 4 === 3 ? 1 : 0 })
      if (frame % 8 !== 7) continue
      const { plain, rtp } = peer.takeInbox()
      const turns = rtp.some(({ sequence }) => sequence < 500 || sequence > 65_000)
      if (!turns && frame % 800 !== 7) continue
      const here = new Set(rtp.map(({ sequence }) => sequence))
      for (const [index, { sequence }] of rtp.entries()) {
        const { whole, lossy } = withLoss(plain, (at) => at === index)
        // Of rows that began before this batch the rest is not here.
        const rows = whole.rows.filter(({ numbers }) => numbers.every((number) => here.has(number)))
        const covered = rows.some(({ numbers }) => numbers.includes(sequence))
        expect(lossy.seen(sequence)).toEqual(covered ? whole.seen(sequence) : undefined)
        if (covered) recovered += 1
      }
    }
    const { streams } = w.sfu.stats()
    expect(streams[0]?.packets).toBeGreaterThan(2 ** 16)
    expect(recovered).toBeGreaterThan(1_000)
  })

  it('FAST-121: packets that are padded to equal sizes come back with their padding', () => {
    const { peer, stream } = subscribe({ equalSizes: true })
    stream.setRepair({ fecShare: 0.5 })
    sendFrame(6, { key: true, size: 1000 })
    const { plain, rtp } = peer.takeInbox()
    expect(rtp.some(({ padding }) => (padding ?? 0) > 0)).toBe(true)
    for (let lost = 0; lost < 6; lost++) {
      const { whole, lossy } = withLoss(plain, (at) => at === lost)
      expect(lossy.recovered).toEqual([whole.seen(rtp[lost]?.sequence ?? -1)])
    }
  })

  it('FAST-122: as many lost in a row as there are packets of protection come back', () => {
    const { peer, stream } = subscribe()
    stream.setRepair({ fecShare: 0.3 })
    sendFrame(2, { key: true })
    peer.takeInbox()
    sendFrame(10)
    const { plain, rtp } = peer.takeInbox()
    expect(rtp.filter(isFec)).toHaveLength(3)
    for (let from = 0; from <= 7; from++) {
      const { lossy } = withLoss(plain, (at) => at >= from && at < from + 3)
      expect(lossy.recovered).toHaveLength(3)
    }
  })

  it('FAST-123: key frames are protected twice as much as pictures others stand on, and these twice as much as the rest', () => {
    const { peer, stream } = subscribe()
    stream.setRepair({ fecShare: 0.2 })
    const protection = () => peer.takeInbox().rtp.filter(isFec).length
    sendFrame(20, { key: true })
    expect(protection()).toBe(8)
    sendFrame(20)
    expect(protection()).toBe(4)
    sendFrame(20, { temporal: 1 })
    expect(protection()).toBe(2)
    // Of a frame beyond what a mask spans, the end.
    sendFrame(80, { key: true })
    const { plain, rtp } = peer.takeInbox()
    const { whole } = withLoss(plain, () => false)
    const numbers = whole.rows.flatMap(({ numbers }) => numbers).sort((one, other) => one - other)
    expect(numbers).toEqual(rtp.slice(32, 80).map(({ sequence }) => sequence))
  })

  it('FAST-123: small frames share a packet of protection, and wait at most 100 ms for it', () => {
    const { peer, stream } = subscribe()
    stream.setRepair({ fecShare: 0.25 })
    sendFrame(1, { key: true })
    for (let frame = 0; frame < 40; frame++) sendFrame(1)
    const { rtp } = peer.takeInbox()
    expect(rtp.filter(isFec).length).toBeGreaterThanOrEqual(9)
    expect(rtp.filter(isFec).length).toBeLessThanOrEqual(11)
  })

  it('FAST-124: over a layer switch in the middle of a frame no number is missing, and all that is protected comes back', () => {
    const { peer, stream } = subscribe()
    stream.setRepair({ fecShare: 0.5 })
    sendFrame(4, { key: true })
    sendFrame(3, { end: false })
    stream.selectLayer(1)
    next.sequence = 500
    sendFrame(4, { key: true, layer: 1 })
    sendFrame(4, { layer: 1 })
    const { plain, rtp } = peer.takeInbox()
    expectGapless(rtp)
    const { whole } = withLoss(plain, () => false)
    for (const index of rtp.keys()) {
      const { lossy } = withLoss(plain, (at) => at === index)
      const sequence = rtp[index]?.sequence ?? -1
      const covered = whole.rows.some(({ numbers }) => numbers.includes(sequence))
      expect(lossy.recovered).toEqual(covered ? [whole.seen(sequence)] : [])
    }
    expect(w.sfu.stats().streams[0]).toMatchObject({ layer: 1 })
  })

  it('FAST-124: a packet that comes late keeps its place between those that are protected', () => {
    const { peer, stream } = subscribe()
    stream.setRepair({ fecShare: 0.5 })
    sendFrame(4, { key: true })
    next.sequence += 1
    sendFrame(3)
    sendFrame(4)
    const { rtp } = peer.takeInbox()
    publisher.sendRtp({
      payloadType: 96,
      sequence: 14,
      timestamp: 6000,
      ssrc: ssrcs[0],
      payload: vp8({ picture: 2 }),
    })
    w.run(1)
    const [late] = peer.takeInbox().rtp
    const all = [...rtp, ...(late ? [late] : [])].map(({ sequence }) => sequence).sort((a, b) => a - b)
    expect(all).toEqual(all.map((_, n) => (all[0] ?? 0) + n))
  })

  it('FAST-125: what protection brings back is not sent again, unless it is asked for once more or more was lost', () => {
    const { peer, stream } = subscribe()
    stream.setRepair({ fecShare: 0.25 })
    sendFrame(4, { key: true })
    sendFrame(8)
    const { rtp, plain } = peer.takeInbox()
    const { whole } = withLoss(plain, () => false)
    const [one, two] = whole.rows.slice(2).map(({ numbers }) => numbers)
    const ask = (...numbers: (number | undefined)[]) => {
      peer.sendRtcp(writeNack(stream.ssrc, numbers.map(Number)))
      w.run(120)
      return peer.takeInbox().rtp.map(({ payload }) => Buffer.from(payload).readUInt16BE(0))
    }
    expect(one).toHaveLength(4)
    expect(ask(one?.[0])).toEqual([])
    expect(ask(one?.[0])).toEqual([one?.[0]])
    expect(ask(two?.[1])).toEqual([])
    expect(ask(two?.[2])).toEqual([two?.[1], two?.[2]])
    expect(w.sfu.stats().streams[0]).toMatchObject({ leftToFec: 2, fecFailures: 2 })
    expect(rtp).toHaveLength(4 + 2 + 8 + 2)
  })

  it('FAST-125: protection that is asked for is answered by an empty packet, and what was left to it is sent', () => {
    const { peer, stream } = subscribe()
    stream.setRepair({ fecShare: 0.25, copies: 0 })
    sendFrame(2, { key: true })
    sendFrame(4)
    const { rtp } = peer.takeInbox()
    const protection = rtp.findLast(isFec)
    const lost = rtp.at(-2)?.sequence ?? 0
    peer.sendRtcp(writeNack(stream.ssrc, [lost]))
    w.run(100)
    expect(peer.takeInbox().rtp).toEqual([])
    peer.sendRtcp(writeNack(stream.ssrc, [protection?.sequence ?? 0]))
    w.run(100)
    const answers = peer.takeInbox().rtp
    expect(answers.map(({ payloadType }) => payloadType)).toEqual([rtx, rtx])
    expect(answers.map(({ payload }) => Buffer.from(payload).readUInt16BE(0))).toEqual([
      lost,
      protection?.sequence,
    ])
    expect(answers[1]?.payload).toHaveLength(2)
    // A retransmission is the media itself, without RED.
    expect(answers[0]?.payload.subarray(2)).toEqual(rtp.at(-2)?.payload.subarray(1))
  })

  it('FAST-126: protection stays within the repair budget, which keeps a part for answers', () => {
    const { peer, stream } = subscribe()
    peer.transport.setRepairBudget(100_000)
    stream.setRepair({ fecShare: 1 })
    sendFrame(1, { key: true })
    for (let frame = 0; frame < 100; frame++) sendFrame(2, { size: 1000 })
    const { rtp } = peer.takeInbox()
    const bytes = rtp.filter(isFec).reduce((sum, { payload }) => sum + payload.length + 60, 0)
    // Two seconds of the budget and, once, what of half a second of it is not kept.
    expect(bytes).toBeLessThanOrEqual((100_000 / 8) * (2.1 + 0.5 * 0.6))
    expect(bytes).toBeGreaterThan((100_000 / 8) * 1.8)
    const lost = rtp.findLast((packet) => !isFec(packet))?.sequence ?? 0
    peer.sendRtcp(writeNack(stream.ssrc, [lost]))
    w.run(60)
    peer.sendRtcp(writeNack(stream.ssrc, [lost]))
    w.run(60)
    expect(peer.takeInbox().rtp.length).toBeGreaterThan(0)
    expectGapless(rtp)
  })
})
