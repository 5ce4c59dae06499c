import { parseRoomData, roomDataLabels, serializeRoomData } from '@parley/protocols/room-data'
import {
  parseDataChannelControl,
  payloadProtocols,
  SctpAssociation,
  type SctpMessage,
  serializeDataChannelControl,
  serializeSctp,
} from '@parley/protocols/sctp'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DataControl } from './data-control.ts'
import type { DataNews, DataOptions } from './messages.ts'

const options: DataOptions = {
  ...{ dtlsRole: 'server', port: 5_000, maxMessageBytes: 80_000 },
  ...{ messagesPerSecond: 20, bytesPerSecond: 100_000, queueBytes: 100_000 },
}

/** A browser's side of the data channels of one connection. */
class Peer {
  readonly messages: SctpMessage[] = []
  readonly labels: string[] = []
  readonly association: SctpAssociation
  lost = false

  constructor(control: DataControl, transport: number) {
    let draw = transport
    this.association = new SctpAssociation({
      ...{ role: 'initiator', maxMessageBytes: 262_144 },
      random: () => {
        draw = (Math.imul(draw, 1_664_525) + 1_013_904_223) >>> 0
        return draw
      },
      sendPacket: (bytes) => {
        if (!this.lost) control.handleEvent({ type: 'data.received', transport, bytes })
      },
      onMessage: (message) => this.#take(message),
    })
  }

  #take(message: SctpMessage): void {
    const { stream, protocol, payload } = message
    if (protocol !== payloadProtocols.control) {
      this.messages.push(message)
      return
    }
    const control = parseDataChannelControl(payload)
    if (control.type === 'open')
      this.labels.push(`${stream} ${control.channel.label} ${control.channel.ordered}`)
    this.write(stream, serializeDataChannelControl({ type: 'ack' }), payloadProtocols.control)
  }

  write(stream: number, payload: Uint8Array, protocol: number = payloadProtocols.binary): void {
    this.association.send({ stream, protocol, payload, ordered: true }, Date.now())
  }

  get headers(): Record<string, unknown>[] {
    return this.messages.map(({ payload }) => parseRoomData(payload).header)
  }
}

describe('data channels of a media worker', () => {
  let control: DataControl
  let news: DataNews[] = []
  const peers = new Map<number, Peer>()
  const allowed = new Map<number, number>()

  beforeEach(() => {
    vi.useFakeTimers()
    news = []
    peers.clear()
    control = new DataControl({
      native: {
        allowData: (transport, perSecond) => allowed.set(transport, perSecond),
        sendData: (transport, packet) => {
          const peer = peers.get(transport)
          // As a network would: later, and a copy.
          const bytes = Uint8Array.from(packet)
          setTimeout(() => {
            if (peer && !peer.lost) peer.association.receive(bytes, Date.now())
          }, 1)
        },
      },
      tell: (told) => news.push(...told),
      nowMs: () => Date.now(),
      random: () => 12_345,
    })
  })
  afterEach(() => {
    control.close()
    vi.useRealTimers()
  })

  const run = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10) {
      await vi.advanceTimersByTimeAsync(10)
      for (const { association } of peers.values()) association.advance(Date.now())
    }
  }
  const join = async (transport: number, more: Partial<DataOptions> = {}): Promise<Peer> => {
    const peer = new Peer(control, transport)
    peers.set(transport, peer)
    control.open(transport, { ...options, ...more })
    peer.association.connect(Date.now())
    await run(100)
    return peer
  }
  const messages = () => news.flatMap((one) => (one.type === 'message' ? [one] : []))
  const frame = (id: number, size = 10) => serializeRoomData({ type: 'send', id }, new Uint8Array(size))

  test('RTC-90: opens a reliable and a lossy channel on the streams of its DTLS role, and tells when both stand', async () => {
    const browser = await join(1)
    expect(browser.labels).toEqual([`1 ${roomDataLabels.reliable} true`, `3 ${roomDataLabels.lossy} false`])
    const client = await join(2, { dtlsRole: 'client' })
    expect(client.labels.map((label) => label[0])).toEqual(['0', '2'])
    expect(news).toEqual([
      { transport: 1, type: 'open' },
      { transport: 2, type: 'open' },
    ])
    expect([...allowed.keys()]).toEqual([1, 2])
  })

  test('RTC-92: a message goes to all who are named, in the order of sending', async () => {
    for (let transport = 1; transport <= 5; transport++) await join(transport)
    for (let id = 0; id < 200; id++) control.send([1, 2, 3, 99, 5], true, frame(id, 100))
    await run(2_000)
    for (const transport of [1, 2, 3, 5]) {
      expect(peers.get(transport)?.headers.map(({ id }) => id)).toEqual(
        Array.from({ length: 200 }, (_, id) => id),
      )
    }
    expect(peers.get(4)?.messages).toEqual([])
  })

  test('RTC-93: more than a participant may send is refused and does not reach the server', async () => {
    const peer = await join(1)
    for (let id = 0; id < 60; id++) peer.write(1, frame(id))
    await run(500)
    expect(messages()).toHaveLength(20)
    const refused = peer.headers.filter(({ type }) => type === 'refused')
    expect(refused.length).toBeGreaterThanOrEqual(20)
    expect(refused[0]).toMatchObject({ code: 'rate-limited', id: 20 })
    await run(1_000)
    peer.write(1, frame(100))
    await run(100)
    expect(messages()).toHaveLength(21)
    // Bytes count as well: two of these are more than a second's worth.
    await run(2_000)
    for (const id of [200, 201, 202]) peer.write(1, frame(id, 45_000))
    await run(500)
    expect(peer.headers.filter(({ id, code }) => code === 'rate-limited' && Number(id) >= 200)).toHaveLength(
      1,
    )
  })

  test('RTC-93: a receiver that answers nothing costs its bound, and hears afterwards what it missed', async () => {
    const slow = await join(1)
    const quick = await join(2)
    slow.lost = true
    for (let id = 0; id < 50; id++) {
      control.send([1, 2], true, frame(id, 10_000))
      control.send([1, 2], false, frame(1_000 + id, 1_000))
      await run(20)
    }
    await run(2_000)
    expect(quick.headers.filter(({ id }) => Number(id) < 1_000)).toHaveLength(50)
    slow.lost = false
    await run(30_000)
    const arrived = slow.headers.filter(({ id }) => Number(id) < 1_000).map(({ id }) => id)
    expect(arrived).toEqual(Array.from({ length: 9 }, (_, id) => id))
    expect(slow.headers.filter(({ type }) => type === 'missed')).toEqual([{ type: 'missed', count: 41 }])
  })

  test('RTC-95: a peer that closes a channel gets no more; others go on', async () => {
    const [leaver, stayer] = [await join(1), await join(2)]
    const reset = Uint8Array.of(0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1)
    expect(leaver.association.open).toBe(true)
    // What a browser sends when its application closes the channel on stream 1.
    control.handleEvent({
      ...{ type: 'data.received', transport: 1 },
      bytes: serializeSctp({
        ...{ sourcePort: 5_000, destinationPort: 5_000, verificationTag: 12_345 },
        chunks: [{ type: 'reconfig', parameters: [{ kind: 13, value: reset }] }],
      }),
    })
    await run(20)
    expect(news.at(-1)).toEqual({ transport: 1, type: 'closed', reason: 'shut-down' })
    control.send([1, 2], true, frame(1))
    await run(100)
    expect([leaver.messages.length, stayer.messages.length]).toEqual([0, 1])
  })

  test('RTC-95: whatever comes in, nothing is thrown and other connections go on', async () => {
    const mallory = await join(1)
    const alice = await join(2)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_200 }), (bytes) => {
        control.handleEvent({ type: 'data.received', transport: 1, bytes })
      }),
      { numRuns: 500 },
    )
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.integer({ min: 0, max: 5 }),
        fc.constantFrom(...Object.values(payloadProtocols), 0, 99),
        (bytes, stream, protocol) => mallory.write(stream, bytes, protocol),
      ),
      { numRuns: 300 },
    )
    control.handleEvent({ type: 'data.received', transport: 77, bytes: new Uint8Array(3) })
    await run(1_000)
    alice.write(1, frame(1))
    control.send([2], true, frame(2))
    await run(100)
    expect(messages().filter(({ transport }) => transport === 2)).toHaveLength(1)
    expect(alice.headers).toEqual([{ type: 'send', id: 2 }])
  })

  test('RTC-95: an ended connection leaves nothing behind', async () => {
    await join(1)
    await join(2)
    control.handleEvent({ type: 'transport.closed', transport: 1 })
    control.remove(2)
    expect(control.size).toBe(0)
    control.send([1, 2], true, frame(1))
    await run(200)
    expect(vi.getTimerCount()).toBe(0)
  })
})
