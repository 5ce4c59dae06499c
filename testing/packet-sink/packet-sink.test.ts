import { spawnSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { serializeRtp } from '@parley/protocols/rtp'
import { PeerTransport } from '@parley/testing/rtc-client'
import { afterEach, describe, expect, test } from 'vitest'
import { ensurePacketSink, monotonicMs, PacketSink, type PacketSinkOptions, type SinkPlace } from './index.ts'

const built = await ensurePacketSink()
const closing: { close(): unknown }[] = []

afterEach(() => {
  for (const one of closing.splice(0).reverse()) one.close()
})

function packetOf(ssrc: number, sequenceNumber: number, payloadType = 111): Uint8Array {
  return serializeRtp({
    ...{ marker: false, payloadType, sequenceNumber, timestamp: 0, ssrc, csrcs: [], extensions: new Map() },
    ...{ payload: new Uint8Array(20), paddingLength: 0 },
  })
}

/** An address of this machine that is not loopback, where there is one. */
const ownAddress = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address

/** What a place was handed, in order. */
function collect(place: SinkPlace): { datagram: Buffer; port: number; arrivalMs: number }[] {
  const seen: { datagram: Buffer; port: number; arrivalMs: number }[] = []
  place.open((datagram, { port }, arrivalMs) => seen.push({ datagram, port, arrivalMs }))
  return seen
}

describe.skipIf('unavailable' in built)('packet sink', () => {
  let sender: Socket
  let sink: PacketSink

  const open = async (options: PacketSinkOptions = { bufferBytes: 1 << 20 }): Promise<void> => {
    sink = await PacketSink.open(options)
    sender = createSocket('udp4')
    sender.bind(0, '127.0.0.1')
    await once(sender, 'listening')
    closing.push(sink, sender)
  }
  const send = (place: SinkPlace, bytes: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) =>
      sender.send(bytes, sink.port, place.address, (error) => (error ? reject(error) : resolve())),
    )
  const counted = (): Promise<void> => sink.countedTo(monotonicMs())

  test('media is counted by listener and SSRC, across the wrap of its numbers', async () => {
    await open()
    const [one, other] = [sink.place(100), sink.place(100)]
    for (const sequence of [65_534, 65_535, 1, 0, 2]) await send(one, packetOf(7, sequence & 0xffff))
    await send(one, packetOf(8, 10, 96))
    for (const sequence of [5, 9]) await send(other, packetOf(7, sequence))
    await counted()
    expect(one.streams()).toEqual([
      { ssrc: 7, payloadType: 111, received: 5, expected: 5, highest: 65_538 },
      { ssrc: 8, payloadType: 96, received: 1, expected: 1, highest: 10 },
    ])
    expect(other.streams()).toEqual([{ ssrc: 7, payloadType: 111, received: 2, expected: 5, highest: 9 }])
    expect(sink.statistics()).toMatchObject({ received: 8, dropped: 0, overflowed: 0 })
  })

  test('all of a stream is handed over until it is known, then one in so many, and all that is no media', async () => {
    await open()
    const place = sink.place(4)
    const seen = collect(place)
    const rtcp = Buffer.from('80c9000100000001', 'hex')
    const settled = async (count: number): Promise<void> => {
      await counted()
      await expect.poll(() => seen.length).toBe(count)
    }
    for (let sequence = 0; sequence < 3; sequence++) await send(place, packetOf(7, sequence))
    await settled(3)
    place.know(7)
    const before = sink.statistics().passed
    for (let sequence = 3; sequence < 43; sequence++) await send(place, packetOf(7, sequence))
    await counted()
    expect(sink.statistics().passed - before).toBe(10)
    await settled(13)
    await send(place, rtcp)
    await send(place, Buffer.from([22, 254, 253]))
    await settled(15)
    expect(seen[13]?.datagram).toEqual(rtcp)
    expect(seen.every(({ port }) => port === sender.address().port)).toBe(true)
  })

  test('what arrives in a span is counted by the time of the kernel, which orders it among events here', async () => {
    await open()
    const place = sink.place(1)
    const seen = collect(place)
    const before = performance.now()
    await send(place, packetOf(7, 1))
    const after = performance.now()
    await expect.poll(() => seen.length).toBe(1)
    // The two clocks are read one after the other, so they differ by a moment of the processor.
    expect(seen[0]?.arrivalMs).toBeGreaterThan(before - 20)
    expect(seen[0]?.arrivalMs).toBeLessThan(after + 20)
    const from = monotonicMs()
    sink.measure(from, from + 3_600_000)
    for (const sequence of [2, 4]) await send(place, packetOf(7, sequence))
    await counted()
    expect(place.streams()).toMatchObject([{ received: 2, expected: 3, highest: 4 }])
    sink.measure(from + 3_600_000, from + 3_700_000)
    await send(place, packetOf(7, 5))
    await counted()
    expect(place.streams()).toMatchObject([{ received: 0, expected: 0, highest: 5 }])
  })

  test('segments that stayed whole on the way are counted one by one', async () => {
    await open()
    const place = sink.place(1)
    const seen = collect(place)
    const packets = [1, 2, 3].map((sequence) => packetOf(7, sequence))
    const program = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(17, 103, ${packets[0]?.length})
s.sendto(bytes.fromhex('${Buffer.concat(packets).toString('hex')}'), ('${place.address}', ${sink.port}))`
    expect(spawnSync('python3', ['-c', program]).stderr.toString()).toBe('')
    await expect
      .poll(() => seen.map(({ datagram }) => datagram))
      .toEqual(packets.map((one) => Buffer.from(one)))
    expect(place.streams()).toMatchObject([{ received: 3, expected: 3 }])
  })

  test('a transport on a place connects and opens what it is handed', async () => {
    await open()
    const opened: number[] = []
    const listener = new PeerTransport({
      port: sink.place(2),
      onRtp: (packet) => opened.push(packet.readUInt16BE(2)),
    })
    const server = new PeerTransport({ lite: true })
    closing.push(listener, server)
    listener.connect(await server.local('passive'), 'client')
    server.connect(await listener.local('active'), 'server')
    await Promise.all([listener.connected, server.connected])
    for (let sequence = 0; sequence < 4; sequence++) server.sendRtp(packetOf(7, sequence))
    await expect.poll(() => opened).toEqual([0, 1, 2, 3])
  })

  test.skipIf(ownAddress === undefined)(
    'of servers off loopback, which answer to an address of the machine, each has its listener',
    async () => {
      await open()
      const places = [sink.place(1), sink.place(1)]
      const seen = places.map(collect)
      const servers: Socket[] = []
      for (const [index, place] of places.entries()) {
        const server = createSocket('udp4')
        closing.push(server)
        servers.push(server)
        server.on('message', (_, { address, port }) => server.send(packetOf(index + 1, 5), port, address))
        server.bind(0, ownAddress)
        await once(server, 'listening')
        place.send(new Uint8Array([index]), { address: ownAddress ?? '', port: server.address().port })
      }
      await expect.poll(() => seen.map(({ length }) => length)).toEqual([1, 1])
      expect(seen.map(([first]) => first?.port)).toEqual(servers.map((server) => server.address().port))
      expect(places.map((place) => place.streams()[0]?.ssrc)).toEqual([1, 2])
      places[0]?.close()
      servers[0]?.send(packetOf(1, 6), sink.port, ownAddress)
      servers[1]?.send(packetOf(2, 6), sink.port, ownAddress)
      await expect.poll(() => seen[1]?.length).toBe(2)
      expect(seen[0]).toHaveLength(1)
    },
  )

  test('what the kernel drops, as the buffer is full, is counted', async () => {
    await open({ bufferBytes: 1, pollMicroseconds: 999_000 })
    const place = sink.place(1)
    const total = 200
    for (let sequence = 0; sequence < total; sequence++) await send(place, packetOf(7, sequence))
    await counted()
    const { received, dropped } = sink.statistics()
    expect(dropped).toBeGreaterThan(0)
    expect(received + dropped).toBe(total)
  })

  test('a listener that left gets nothing, and closing twice is closing once', async () => {
    await open()
    const [left, stays] = [sink.place(1), sink.place(1)]
    const seen = collect(left)
    left.close()
    await send(left, packetOf(7, 1))
    await send(stays, packetOf(7, 1))
    await counted()
    expect(left.streams()).toEqual([])
    expect(stays.streams()).toHaveLength(1)
    expect(seen).toEqual([])
    sink.close()
    sink.close()
  })
})
