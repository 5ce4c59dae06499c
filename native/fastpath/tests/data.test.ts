import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { NativeAddon } from '../src/index.ts'
import { addon } from './built-addon.ts'
import { type SimulatedPeer, Simulation, vp8, writePli } from './simulation.ts'

describe.skipIf(!addon)('application data, on a virtual clock', () => {
  let w: Simulation
  beforeEach(() => {
    w = new Simulation(addon as NativeAddon)
  })
  afterEach(() => w.close())

  const countAt = (transport: SimulatedPeer['transport']) => {
    const got: Uint8Array[] = []
    transport.on('data.received', ({ bytes }) => got.push(bytes))
    return got
  }
  const statsOf = (peer: SimulatedPeer) => w.sfu.stats().transports.find(({ id }) => id === peer.transport.id)
  const flood = (peer: SimulatedPeer, count: number) => {
    for (let n = 0; n < count; n++) peer.ownTransport.sendData(Buffer.from(`datagram ${n}`))
  }

  it('FAST-110: nothing is told before data is allowed, then a quarter at once and the rate after it', () => {
    const peer = w.join()
    const got = countAt(peer.transport)
    flood(peer, 10)
    w.run(2)
    expect(got).toHaveLength(0)
    expect(statsOf(peer)).toMatchObject({ dataReceived: 0, dataDropped: 10 })

    peer.transport.allowData(400)
    flood(peer, 300)
    w.run(1)
    expect(got).toHaveLength(100)
    w.run(100)
    flood(peer, 300)
    w.run(1)
    expect(got.length).toBeGreaterThanOrEqual(139)
    expect(got.length).toBeLessThanOrEqual(142)
    expect(Buffer.from(got[0] ?? []).toString()).toBe('datagram 0')
    expect(statsOf(peer)?.dataDropped).toBe(610 - got.length)

    peer.transport.allowData(0)
    w.run(1000)
    const before = got.length
    flood(peer, 10)
    w.run(1)
    expect(got).toHaveLength(before)
  })

  it('FAST-111: 1,100 bytes stay within 1,200 on the wire, more is refused', () => {
    const peer = w.join()
    peer.ownTransport.allowData(100)
    const got = countAt(peer.ownTransport)
    const failures: string[] = []
    w.sfu.on('command.failed', ({ command }) => failures.push(command))
    const wire: number[] = []
    peer.passes = (direction, packet) => {
      if (direction === 'to-peer' && packet[0] === 23) wire.push(packet.length)
      return true
    }
    peer.transport.sendData(new Uint8Array(1101))
    peer.transport.sendData(new Uint8Array(1100).fill(7))
    w.run(2)
    expect(failures).toEqual(['sendData'])
    expect(got.map(({ length }) => length)).toEqual([1100])
    expect(Math.max(...wire)).toBeLessThanOrEqual(1200)
    expect(statsOf(peer)?.dataSent).toBe(1)
  })

  it('FAST-112: a flood of data holds up no media', () => {
    const publisher = w.join()
    const track = publisher.transport.createTrack({
      kind: 'video',
      extensions: {},
      payloads: [{ payloadType: 96, codec: 'vp8', clockRate: 90000 }],
      layers: [{ ssrc: 1001 }],
    })
    const subscriber = w.join({ pacingBitrate: 0 })
    subscriber.transport.createStream(track, {
      kind: 'video',
      extensions: {},
      payloads: [{ from: 96, payloadType: 96 }],
    })
    publisher.transport.allowData(1000)
    for (let n = 0; n < 50; n++) {
      flood(publisher, 100)
      publisher.sendRtp({
        ...{ payloadType: 96, sequence: n, timestamp: n * 3000, ssrc: 1001, marker: true },
        payload: vp8({ key: n === 0, picture: n }),
      })
      w.run(20)
    }
    expect(subscriber.inbox.rtp).toHaveLength(50)
    expect(statsOf(publisher)?.dataReceived).toBeLessThanOrEqual(1251)
  })

  it('FAST-113: data follows the peer to another address and over an ICE restart', () => {
    const peer = w.join()
    peer.transport.allowData(100)
    peer.ownTransport.allowData(100)
    const [up, down] = [countAt(peer.transport), countAt(peer.ownTransport)]
    peer.transport.restartIce()
    peer.port = 6000
    peer.bind()
    peer.sendRtcp(writePli(1))
    w.run(2)
    peer.transport.sendData(Buffer.from('down'))
    peer.ownTransport.sendData(Buffer.from('up'))
    w.run(2)
    expect(up).toHaveLength(1)
    expect(down).toHaveLength(1)
  })

  it('FAST-114: data before the connection and after its end is dropped', () => {
    const peer = w.addPeer()
    peer.transport.allowData(100)
    const got = countAt(peer.transport)
    peer.transport.sendData(Buffer.from('too early'))
    peer.ownTransport.sendData(Buffer.from('too early'))
    w.connect(peer)
    expect(peer.transport.connected).toBe(true)
    expect(got).toEqual([])
    expect(statsOf(peer)?.dataSent).toBe(0)
    peer.transport.close()
    peer.transport.sendData(Buffer.from('too late'))
    w.run(2)
    expect(w.sfu.stats().transports).toEqual([])
  })
})
