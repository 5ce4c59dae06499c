import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type EgressStream,
  type EgressStreamOptions,
  FastpathCore,
  type IngressTrack,
  type NativeAddon,
  type Transport,
} from '../src/index.ts'
import { addon } from './built-addon.ts'
import { type SimulatedPeer, Simulation, vp8 } from './simulation.ts'

const near = { address: '10.1.0.1', port: 4000 }
const far = { address: '10.1.0.1', port: 4001 }
const payloads = [{ payloadType: 96, codec: 'vp8' as const, clockRate: 90_000, rtxPayloadType: 97 }]

describe.skipIf(!addon)('a relay leg between two workers, on a virtual clock', () => {
  let w: Simulation
  let other: FastpathCore
  let ends: { near: Transport; far: Transport }
  let publisher: SimulatedPeer
  let track: IngressTrack
  let picture = 0
  let lostOnLeg = false

  beforeEach(() => {
    w = new Simulation(addon as NativeAddon)
    other = new FastpathCore(addon as NativeAddon)
    other.step(w.now)
    ends = {
      near: w.sfu.createTransport({ peer: far, pacingBitrate: 0 }),
      far: other.createTransport({ peer: near, pacingBitrate: 0 }),
    }
    ends.far.setRemote({ dtlsRole: 'server', fingerprints: [w.sfu.fingerprint] })
    ends.near.setRemote({ dtlsRole: 'client', fingerprints: [other.fingerprint] })
    run(50)
    publisher = w.join()
    track = publisher.transport.createTrack({
      kind: 'video',
      mid: 'v',
      extensions: { mid: 1 },
      payloads,
      layers: [{ ssrc: 1001 }, { ssrc: 1002 }],
    })
  })
  afterEach(() => {
    other.close()
    w.close()
  })

  /** Time passes for both workers; what one sends to the address of the other reaches it. */
  const run = (milliseconds: number): void => {
    for (let step = 0; step < milliseconds; step++) {
      w.now += 1_000
      const toSfu = w.toSfu.splice(0)
      let fromSfu = w.sfu.step(w.now, toSfu)
      for (let turn = 0; turn < 6; turn++) {
        const across = fromSfu.filter(({ port }) => port === far.port && !lostOnLeg)
        for (const packet of fromSfu)
          if (packet.address === publisher?.address) publisher.receive(packet.data)
        const back = other.step(
          w.now,
          across.map(({ data }) => ({ local: 0, ...near, data })),
        )
        if (back.length === 0 && across.length === 0) break
        fromSfu = w.sfu.step(
          w.now,
          back.map(({ data }) => ({ local: 0, ...far, data })),
        )
      }
    }
  }
  const sendFrame = (layer: 0 | 1, sequence: number, key = false): void => {
    const size = layer === 0 ? { width: 320, height: 180 } : { width: 640, height: 360 }
    publisher.sendRtp({
      ...{ payloadType: 96, sequence, timestamp: sequence * 3_000, ssrc: 1001 + layer, marker: true },
      payload: vp8({ key, picture: picture++, ...size }),
    })
    run(2)
  }
  const relay = (ssrc: number, options: Partial<EgressStreamOptions> = {}): EgressStream =>
    ends.near.createStream(track, {
      ...{ kind: 'video', ssrc, rtxSsrc: ssrc + 1, exactLayer: true, equalSizes: false, extensions: {} },
      payloads: [{ from: 96, payloadType: 96, rtxPayloadType: 97 }],
      ...options,
    })
  const receive = (ssrc: number): IngressTrack =>
    ends.far.createTrack({ kind: 'video', extensions: {}, payloads, layers: [{ ssrc, rtxSsrc: ssrc + 1 }] })
  const framesOf = (at: IngressTrack) =>
    other.stats().tracks.find(({ id }) => id === at.id)?.layers[0]?.frames ?? 0

  it('FAST-100: two workers reach each other without ICE, prove each other by DTLS, and stay without consent', () => {
    expect(ends.near.connected && ends.far.connected).toBe(true)
    relay(1)
    const there = receive(1)
    sendFrame(0, 1, true)
    sendFrame(0, 2)
    expect(framesOf(there)).toBe(2)
    run(40_000)
    expect(publisher.transport.closed).toBe(true)
    expect(ends.near.closed || ends.far.closed).toBe(false)
  })

  it('FAST-100: another certificate is refused', () => {
    const wrong = new FastpathCore(addon as NativeAddon)
    const reasons: string[] = []
    ends.near.close()
    ends.far.close()
    run(5)
    const again = {
      near: w.sfu.createTransport({ peer: far }),
      far: other.createTransport({ peer: near }),
    }
    again.near.on('closed', ({ reason }) => reasons.push(reason))
    again.far.setRemote({ dtlsRole: 'server', fingerprints: [w.sfu.fingerprint] })
    again.near.setRemote({ dtlsRole: 'client', fingerprints: [wrong.fingerprint] })
    run(100)
    expect(reasons).toEqual(['fingerprint-mismatch'])
    wrong.close()
  })

  it('FAST-100: a worker that is started anew at its old address gets a leg of its own', () => {
    ends.near.close()
    other.close()
    run(5)
    other = new FastpathCore(addon as NativeAddon)
    other.step(w.now)
    ends = {
      near: w.sfu.createTransport({ peer: far, pacingBitrate: 0 }),
      far: other.createTransport({ peer: near, pacingBitrate: 0 }),
    }
    ends.near.setRemote({ dtlsRole: 'client', fingerprints: [other.fingerprint] })
    // The first greeting comes before the other side knows whom to expect.
    run(20)
    ends.far.setRemote({ dtlsRole: 'server', fingerprints: [w.sfu.fingerprint] })
    run(300)
    expect(ends.near.connected && ends.far.connected).toBe(true)
    relay(1)
    const there = receive(1)
    sendFrame(0, 1, true)
    expect(framesOf(there)).toBe(1)
  })

  it('FAST-101: what was not declared is not opened, and nobody else takes the path of a leg', () => {
    relay(1)
    sendFrame(0, 1, true)
    const stats = () => other.stats().transports.find(({ id }) => id === ends.far.id)
    expect(stats()).toMatchObject({ unroutable: 1, authFailures: 0 })
    const there = receive(1)
    sendFrame(0, 2, true)
    expect(framesOf(there)).toBe(1)
    // Somebody with valid credentials of another transport speaks from the leg's address.
    const failures: string[] = []
    other.on('command.failed', ({ reason }) => failures.push(reason))
    other.createTransport({ peer: near })
    run(2)
    expect(failures).toEqual(['the path is taken'])
    sendFrame(0, 3)
    expect(framesOf(there)).toBe(2)
  })

  it('FAST-102: with exactLayer a lower layer never comes in place of the chosen one', () => {
    relay(1, { layer: 1 })
    relay(3, { layer: 0 })
    const best = receive(1)
    const least = receive(3)
    sendFrame(0, 1, true)
    sendFrame(0, 2)
    expect([framesOf(best), framesOf(least)]).toEqual([0, 2])
    sendFrame(1, 1, true)
    sendFrame(1, 2)
    // The better layer stops: nothing takes its place.
    for (let sequence = 3; sequence < 400; sequence++) sendFrame(0, sequence, sequence % 50 === 0)
    expect(framesOf(best)).toBe(2)
    expect(framesOf(least)).toBeGreaterThan(390)
  })

  it('FAST-103: what is lost on a leg is repaired on it, and a key frame asked for at its end reaches the publisher', () => {
    relay(1)
    const there = receive(1)
    sendFrame(0, 1, true)
    lostOnLeg = true
    sendFrame(0, 2)
    lostOnLeg = false
    sendFrame(0, 3)
    run(60)
    const layer = other.stats().tracks.find(({ id }) => id === there.id)?.layers[0]
    expect(layer).toMatchObject({ recovered: 1 })
    publisher.takeInbox()
    run(600)
    there.requestKeyFrame(0)
    run(5)
    const plis = publisher.takeInbox().rtcp.filter(({ type, count }) => type === 206 && count === 1)
    expect(plis).toHaveLength(1)
  })

  it('FAST-104: thousands of streams pass over a leg one after the other, in both directions under one number', () => {
    for (let index = 0; index < 1_500; index++) {
      const ssrc = 1 + index * 2
      const there = receive(ssrc)
      const stream = relay(ssrc)
      const mirrored = ends.near.createTrack({
        ...{ kind: 'video', extensions: {}, payloads, layers: [{ ssrc, rtxSsrc: ssrc + 1 }] },
      })
      sendFrame(0, 1 + index * 2, true)
      mirrored.close()
      sendFrame(0, 2 + index * 2)
      expect(framesOf(there)).toBe(2)
      stream.close()
      there.close()
    }
    expect(other.stats().transports.find(({ id }) => id === ends.far.id)).toMatchObject({ replays: 0 })
    expect(other.stats().tracks).toEqual([])
  }, 60_000)
})
