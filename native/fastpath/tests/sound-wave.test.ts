import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { IngressTrack, NativeAddon } from '../src/index.ts'
import { addon } from './built-addon.ts'
import { type SimulatedPeer, Simulation, writeNack } from './simulation.ts'

const audience = 200

describe.skipIf(!addon)('sound of several speakers to a large audience, on a virtual clock', () => {
  let w: Simulation
  let publisher: SimulatedPeer
  let speakers: IngressTrack[]
  let listeners: SimulatedPeer[]

  beforeEach(() => {
    w = new Simulation(addon as NativeAddon)
    publisher = w.join()
    speakers = [0, 1, 2].map((n) =>
      publisher.transport.createTrack({
        ...{ kind: 'audio', mid: `a${n}`, extensions: {}, layers: [{ ssrc: 100 + n }] },
        payloads: [{ payloadType: 111 + n, codec: 'opus', clockRate: 48000 }],
      }),
    )
    const crowd = w.join()
    listeners = [w.join(), w.join()]
    for (const speaker of speakers) {
      for (let n = 0; n < audience; n++) listen(crowd, speaker)
      for (const listener of listeners) listen(listener, speaker)
    }
  })
  afterEach(() => w.close())

  const listen = (peer: SimulatedPeer, track: IngressTrack) =>
    peer.transport.createStream(track, {
      ...{ kind: 'audio', mid: '1', extensions: { mid: 9 } },
      payloads: [111, 112, 113].map((from) => ({ from, payloadType: from })),
    })

  const say = (speaker: number, sequence: number, size: number) => {
    publisher.sendRtp({
      ...{ payloadType: 111 + speaker, sequence, timestamp: sequence * 960, ssrc: 100 + speaker },
      payload: new Uint8Array(size).fill(speaker + 1),
    })
  }
  /** All speak, so that waves begin. */
  const begin = () => {
    for (const speaker of [0, 1, 2]) say(speaker, 1, 80)
    w.run(20)
    for (const listener of listeners) listener.takeInbox()
  }
  const whoIsReached = () => {
    const seen: number[] = []
    for (const [index, listener] of listeners.entries()) {
      listener.passes = (direction, packet) => {
        const type = (packet[1] ?? 0) & 0x7f
        if (direction === 'to-peer' && type >= 111 && type <= 113) seen.push(index)
        return true
      }
    }
    return seen
  }

  it('FAST-130: leaves together after a few milliseconds, one listener after the other, the largest first', () => {
    begin()
    const seen = whoIsReached()
    say(0, 2, 70)
    w.run(1)
    say(1, 2, 90)
    expect(seen).toEqual([])
    w.run(3)
    expect(seen).toEqual([0, 0, 1, 1])
    for (const listener of listeners) {
      const { rtp } = listener.takeInbox()
      expect(rtp.map((p) => p.payload[0])).toEqual([2, 1])
      expect(rtp.map((p) => p.payload.length)).toEqual([90, 70])
    }
  })

  it('FAST-130: nobody waits for a speaker who is alone, nor where few listen', () => {
    const seen = whoIsReached()
    for (let n = 1; n <= 5; n++) {
      say(0, n, 80)
      w.exchange()
      expect(seen).toHaveLength(2 * n)
      w.run(20)
    }
    begin()
    for (const speaker of speakers.slice(1)) speaker.close()
    w.run(120)
    seen.length = 0
    say(0, 6, 80)
    w.exchange()
    expect(seen).toHaveLength(2)
  })

  it('FAST-130: order and numbers hold when a speaker has several to send, and when its gate or track closes', () => {
    begin()
    say(0, 2, 80)
    say(0, 3, 80)
    say(0, 5, 80)
    say(1, 2, 80)
    w.run(5)
    const [first] = listeners
    const heard = (first as SimulatedPeer).takeInbox().rtp.filter((p) => p.payload[0] === 1)
    expect(heard.map((p) => (p.sequence - (heard[0]?.sequence ?? 0)) & 0xffff)).toEqual([0, 1, 3])
    say(0, 6, 80)
    say(1, 3, 80)
    w.exchange()
    speakers[0]?.setGate(false)
    speakers[1]?.close()
    w.run(20)
    // What came before the gate closed is sent, what a closed track held is not.
    expect((first as SimulatedPeer).takeInbox().rtp.map((p) => p.payload[0])).toEqual([1])
  })

  it('FAST-131: is padded to one size, but for the last and where that takes over 64 bytes; a repetition is identical', () => {
    begin()
    const [first] = listeners
    const listener = first as SimulatedPeer
    say(0, 2, 120)
    say(1, 2, 100)
    say(2, 2, 60)
    w.run(5)
    const { wire, rtp } = listener.takeInbox()
    const sizes = wire.map((packet) => packet.length)
    expect(sizes[1]).toBe(sizes[0])
    expect(sizes[2]).toBeLessThan(sizes[0] ?? 0)
    expect(rtp.map((p) => p.payload.length)).toEqual([120, 100, 60])
    const [, padded] = rtp
    const sealed = Buffer.from(wire[1] ?? [])
    expect(padded?.padding).toBeGreaterThan(0)
    listener.sendRtcp(writeNack(padded?.ssrc ?? 0, [padded?.sequence ?? 0]))
    w.run(5)
    expect(listener.takeInbox().wire.some((packet) => sealed.equals(packet))).toBe(true)
    say(0, 3, 200)
    say(1, 3, 100)
    say(2, 3, 90)
    w.run(5)
    const apart = listener.takeInbox().wire.map((packet) => packet.length)
    expect((apart[0] ?? 0) - (apart[1] ?? 0)).toBeGreaterThan(64)
  })
})
