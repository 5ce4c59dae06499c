import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EgressStream, IngressTrack, NativeAddon, RepairOptions } from '../src/index.ts'
import { addon } from './built-addon.ts'
import {
  type readRtp,
  type SimulatedPeer,
  Simulation,
  vp8,
  writeNack,
  writeRtcp,
  writeVerdicts,
} from './simulation.ts'

type Rtp = ReturnType<typeof readRtp>

const publisherSsrc = 1001

function transportNumber(packet: Rtp | undefined): number {
  const value = packet?.extension.get(5)
  if (value === undefined) throw new Error('not numbered')
  return Buffer.from(value).readUInt16BE(0)
}

describe.skipIf(!addon)('answers to losses, on a virtual clock', () => {
  let w: Simulation
  let publisher: SimulatedPeer
  let peer: SimulatedPeer
  let track: IngressTrack
  let stream: EgressStream

  beforeEach(() => {
    w = new Simulation(addon as NativeAddon)
    publisher = w.join()
    track = publisher.transport.createTrack({
      ...{ kind: 'video', mid: 'v', extensions: {}, layers: [{ ssrc: publisherSsrc }] },
      payloads: [{ payloadType: 96, codec: 'vp8', clockRate: 90_000 }],
    })
    peer = w.join({ pacingBitrate: 0 })
    stream = peer.transport.createStream(track, {
      ...{ kind: 'video', mid: '7', extensions: { mid: 9, transportSequence: 5 } },
      payloads: [{ from: 96, payloadType: 120, rtxPayloadType: 121 }],
    })
  })
  afterEach(() => w.close())

  /** Pictures of one packet at once; what went out of them. */
  const send = (first: number, count: number, repair: RepairOptions): Rtp[] => {
    stream.setRepair(repair)
    for (let picture = first; picture < first + count; picture++) {
      publisher.sendRtp({
        ...{
          payloadType: 96,
          sequence: picture,
          timestamp: picture * 3_000,
          ssrc: publisherSsrc,
          marker: true,
        },
        payload: vp8({ picture, key: picture === 0 }),
      })
    }
    w.run(1)
    return peer.takeInbox().rtp
  }
  const received = (): number => peer.takeInbox().rtp.length
  const tell = (packet: Rtp | undefined, arrived: readonly boolean[]): void =>
    peer.sendRtcp(writeVerdicts(transportNumber(packet), arrived))

  /** Reports until the round trip is known, which is none here but for what the report says. */
  const makeRoundTrip = (milliseconds: number): void => {
    for (let ms = 0; ms < 3_000; ms++) {
      w.run(1)
      const report = peer.takeInbox().rtcp.find(({ type }) => type === 200)
      if (report === undefined) continue
      w.run(milliseconds)
      const block = Buffer.alloc(24)
      block.writeUInt32BE(stream.ssrc, 0)
      block.writeUInt32BE(report.body.readUInt32BE(2), 16)
      peer.sendRtcp(writeRtcp(201, 1, 1, block))
      w.run(1)
      return
    }
    throw new Error('no sender report')
  }

  it('FAST-140: the n-th round has n times as many packets, within milliseconds', () => {
    const sent = send(0, 3, { bursts: true, answers: 3 })
    tell(sent[0], [true, false, true])
    w.run(4)
    const round = peer.takeInbox().rtp
    expect(round).toHaveLength(3)
    tell(round[0], [false, false, false])
    w.run(8)
    expect(received()).toBe(6)
  })

  it('FAST-140: copies of video follow within milliseconds as well', () => {
    send(0, 1, { bursts: true, copies: 1, answers: 2 })
    w.run(2)
    expect(received()).toBe(1)
  })

  it('FAST-141: what is not known to have arrived has so many attempts on the way at the end', () => {
    const sent = send(0, 2, { bursts: true, answers: 2, attempts: 5, attemptsWithinMs: 200 })
    tell(sent[0], [true, false])
    w.run(10)
    expect(received()).toBe(2)
    w.run(170)
    expect(received()).toBe(0)
    // Nothing was told of the two; the first picture arrived.
    w.run(40)
    expect(received()).toBe(3)
    w.run(400)
    expect(received()).toBe(0)
  })

  it('FAST-141: without feedback nothing is sent on suspicion', () => {
    send(0, 2, { bursts: true, attempts: 5, attemptsWithinMs: 500 })
    w.run(1_000)
    expect(received()).toBe(0)
  })

  it('FAST-142: what feedback does not reach to counts as lost once it would have arrived before', () => {
    const repair = { bursts: true, answers: 1 }
    send(0, 1, repair)
    makeRoundTrip(20)
    const [first, second, third] = send(1, 3, repair)
    w.run(10)
    tell(first, [true])
    w.run(5)
    expect(received()).toBe(0)
    w.run(30)
    tell(second, [true])
    w.run(1)
    expect(received()).toBe(1)
    // Told late, it is no second loss.
    tell(third, [false])
    w.run(5)
    expect(received()).toBe(0)
  })

  it('FAST-143: what arrived as far as feedback tells is sent again at the second request only', () => {
    const sent = send(0, 2, { bursts: true })
    tell(sent[0], [true, true])
    w.run(30)
    const ask = () => peer.sendRtcp(writeNack(stream.ssrc, [sent[1]?.sequence ?? 0]))
    ask()
    w.run(30)
    expect(received()).toBe(0)
    ask()
    w.run(1)
    expect(received()).toBe(1)
  })
})
