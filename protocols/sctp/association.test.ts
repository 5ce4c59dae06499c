import { describe, expect, it } from 'vitest'
import { ProtocolViolation } from '../violation.ts'
import type { SctpChunk } from './chunk.ts'
import { parseSctp, SctpAssociation, type SctpMessage, serializeSctp } from './index.ts'

/** The same numbers in each run. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state
  }
}

interface Link {
  /** Share of packets lost. */
  loss?: number
  delayMs?: number
  /** Delay beyond it, drawn for each packet: packets overtake each other. */
  jitterMs?: number
}

/** Two associations on a virtual clock. */
class Pair {
  nowMs = 0
  readonly received = { a: [] as SctpMessage[], b: [] as SctpMessage[] }
  readonly closed: string[] = []
  readonly resets: number[][] = []
  readonly a: SctpAssociation
  readonly b: SctpAssociation
  packets = 0
  link: Link
  readonly #random = randomFrom(4)
  readonly #onTheWay: { atMs: number; to: 'a' | 'b'; packet: Uint8Array }[] = []

  constructor(
    link: Link = {},
    options: { windowBytes?: number; maxLossyBytes?: number; firstTsn?: number } = {},
  ) {
    this.link = link
    const { firstTsn = 0xffff_fff0, ...rest } = options
    const make = (name: 'a' | 'b') => {
      const other = name === 'a' ? 'b' : 'a'
      const draws = [name === 'a' ? 11 : 22, firstTsn]
      const random = randomFrom(name === 'a' ? 1 : 2)
      return new SctpAssociation({
        ...{ role: name === 'a' ? 'initiator' : 'responder', maxMessageBytes: 100_000 },
        ...rest,
        random: () => draws.shift() ?? random(),
        sendPacket: (packet) => this.#carry(other, packet),
        onMessage: (message) => this.received[name].push(message),
        onReset: (streams) => this.resets.push([...streams]),
        onClosed: (reason) => this.closed.push(`${name} ${reason}`),
      })
    }
    this.a = make('a')
    this.b = make('b')
  }

  #carry(to: 'a' | 'b', packet: Uint8Array): void {
    this.packets += 1
    expect(packet.length).toBeLessThanOrEqual(1_100)
    const { loss = 0, delayMs = 10, jitterMs = 0 } = this.link
    const draw = (): number => this.#random() / 2 ** 32
    if (draw() < loss) return
    this.#onTheWay.push({ atMs: this.nowMs + delayMs + draw() * jitterMs, to, packet })
  }

  run(ms: number): this {
    for (const end = this.nowMs + ms; this.nowMs < end; this.nowMs++) {
      const due = this.#onTheWay.filter(({ atMs }) => atMs <= this.nowMs)
      for (const one of due) {
        this.#onTheWay.splice(this.#onTheWay.indexOf(one), 1)
        this[one.to].receive(one.packet, this.nowMs)
      }
      for (const side of [this.a, this.b]) {
        if (side.deadlineMs !== undefined && side.deadlineMs <= this.nowMs) side.advance(this.nowMs)
      }
    }
    return this
  }

  open(): this {
    this.a.connect(this.nowMs)
    for (let tries = 0; tries < 200 && !(this.a.open && this.b.open); tries++) this.run(50)
    return this
  }

  /** What one side would write. */
  forge(to: 'a' | 'b', tag: number, chunks: SctpChunk[]): void {
    this[to].receive(
      serializeSctp({ sourcePort: 5000, destinationPort: 5000, verificationTag: tag, chunks }),
      this.nowMs,
    )
  }
}

const reliable = (text: string | Uint8Array, stream = 0) => ({
  ...{ stream, protocol: 53, ordered: true },
  payload: typeof text === 'string' ? Buffer.from(text) : text,
})
const lossy = (text: string | Uint8Array, stream = 2) => ({
  ...reliable(text, stream),
  ordered: false,
  maxRetransmits: 0,
})
const texts = (messages: readonly SctpMessage[]) =>
  messages.map(({ payload }) => Buffer.from(payload).toString())
const big = (size: number, salt = 0) =>
  Uint8Array.from({ length: size }, (_, index) => (index * 7 + salt) & 0xff)

describe('SCTP association', () => {
  it('opens, carries messages both ways over the turn of its numbers, and is silent when idle', () => {
    const pair = new Pair().open()
    expect([pair.a.open, pair.b.open]).toEqual([true, true])
    const sent = Array.from({ length: 100 }, (_, index) => `message ${index}`)
    for (const text of sent) pair.a.send(reliable(text), pair.nowMs)
    pair.b.send(reliable('back'), pair.nowMs)
    pair.run(500)
    expect(texts(pair.received.b)).toEqual(sent)
    expect(texts(pair.received.a)).toEqual(['back'])
    expect([pair.a.reliableBytes, pair.a.deadlineMs, pair.b.deadlineMs]).toEqual([0, undefined, undefined])
    const { packets } = pair
    pair.run(60_000)
    expect(pair.packets).toBe(packets)
  })

  it('opens over a path that loses every third packet', () => {
    const pair = new Pair({ loss: 0.33 }).open()
    expect([pair.a.open, pair.b.open]).toEqual([true, true])
  })

  it('gives up opening when nobody answers', () => {
    const pair = new Pair({ loss: 1 }).open()
    pair.run(15_000)
    expect(pair.closed).toEqual(['a no-answer'])
  })

  for (const link of [
    {},
    { loss: 0.1 },
    { loss: 0.3, delayMs: 50 },
    { loss: 0.05, jitterMs: 80 },
  ] as Link[]) {
    it(`keeps reliable messages of any size whole and in order at ${JSON.stringify(link)}`, () => {
      const pair = new Pair().open()
      pair.link = link
      const sizes = [1, 60_000, 10, 1_072, 1_073, 99_000, 5, 30_000]
      for (const [index, size] of sizes.entries()) pair.a.send(reliable(big(size, index)), pair.nowMs)
      pair.run(240_000)
      expect(pair.received.b.map(({ payload }) => payload.length)).toEqual(sizes)
      for (const [index, { payload }] of pair.received.b.entries()) {
        expect(Buffer.from(payload).equals(big(payload.length, index))).toBe(true)
      }
      expect(pair.a.reliableBytes).toBe(0)
    })
  }

  it('gives lossy messages up that do not arrive at once, and holds nothing up for them', () => {
    const pair = new Pair().open()
    pair.link = { loss: 0.2, delayMs: 30 }
    const count = 500
    for (let index = 0; index < count; index++) {
      pair.a.send(lossy(`state ${index}`), pair.nowMs)
      if (index % 10 === 0) pair.a.send(reliable(`sure ${index}`), pair.nowMs)
      pair.run(20)
    }
    pair.run(10_000)
    const all = texts(pair.received.b)
    const states = all.filter((text) => text.startsWith('state'))
    expect(states.length).toBeGreaterThan(count * 0.7)
    expect(states.length).toBeLessThan(count * 0.9)
    expect(new Set(states).size).toBe(states.length)
    expect(all.filter((text) => text.startsWith('sure'))).toEqual(
      Array.from({ length: count / 10 }, (_, index) => `sure ${index * 10}`),
    )
    expect(pair.b.heldBytes).toBe(0)
    expect(pair.a.deadlineMs).toBeUndefined()
  })

  it('gives a lossy message of many pieces up as a whole', () => {
    const pair = new Pair().open()
    pair.link = { loss: 0.1, delayMs: 20 }
    for (let index = 0; index < 100; index++) {
      pair.a.send(lossy(big(8_000, index)), pair.nowMs)
      pair.run(100)
    }
    pair.run(5_000)
    expect(pair.received.b.length).toBeGreaterThan(20)
    expect(pair.received.b.length).toBeLessThan(80)
    expect(pair.received.b.every(({ payload }) => payload.length === 8_000)).toBe(true)
    expect(pair.b.heldBytes).toBe(0)
  })

  it('drops the oldest lossy messages that wait beyond their bound', () => {
    const pair = new Pair({}, { maxLossyBytes: 10_000 }).open()
    pair.link = { loss: 1 }
    for (let index = 0; index < 100; index++) pair.a.send(lossy(big(1_000, index)), pair.nowMs)
    expect(pair.a.dropped).toBeGreaterThan(80)
    pair.link = {}
    pair.run(10_000)
    expect(pair.received.b.at(-1)?.payload).toEqual(big(1_000, 99))
  })

  it('goes on after an outage of a minute', () => {
    const pair = new Pair().open()
    pair.link = { loss: 1 }
    for (let index = 0; index < 20; index++) pair.a.send(reliable(big(5_000, index)), pair.nowMs)
    pair.run(60_000)
    expect(pair.received.b).toEqual([])
    pair.link = {}
    pair.run(6_000)
    expect(pair.received.b).toHaveLength(20)
  })

  it('fills a path of 100 ms within seconds, though one packet in a hundred is lost', () => {
    const pair = new Pair().open()
    pair.link = { delayMs: 50, loss: 0.01 }
    for (let index = 0; index < 40; index++) pair.a.send(reliable(big(50_000, index)), pair.nowMs)
    const startMs = pair.nowMs
    while (pair.received.b.length < 40 && pair.nowMs - startMs < 120_000) pair.run(100)
    expect(pair.received.b).toHaveLength(40)
  })

  it('holds no more of a peer than twice its window, and ends with one that never finishes', () => {
    const pair = new Pair({}, { windowBytes: 20_000, firstTsn: 100 }).open()
    const piece = (tsn: number, extra: Partial<SctpChunk> = {}): SctpChunk =>
      ({
        ...{ type: 'data', tsn, stream: 0, sequence: 0, protocol: 53, payload: big(1_000) },
        ...{ beginning: false, ending: false, unordered: false, immediate: false, ...extra },
      }) as SctpChunk
    for (let tsn = 102; tsn < 3_000; tsn++) pair.forge('b', 22, [piece(tsn)])
    expect(pair.b.heldBytes).toBeLessThanOrEqual(20_000)
    for (let stream = 0, tsn = 100; stream < 100 && !pair.b.closed; stream++, tsn++) {
      pair.forge('b', 22, [piece(tsn, { stream, beginning: true })])
      expect(pair.b.heldBytes).toBeLessThanOrEqual(40_000)
    }
    expect(pair.closed).toEqual(['b violation'])
  })

  it('ends with a peer whose message is larger than was agreed', () => {
    const pair = new Pair().open()
    pair.a.send(reliable(big(100_001)), pair.nowMs)
    pair.run(5_000)
    expect(pair.closed).toEqual(['b violation', 'a aborted'])
    expect(pair.received.b).toEqual([])
  })

  it('minds no packet with another tag, and none that cannot be read', () => {
    const pair = new Pair().open()
    pair.forge('b', 23, [{ type: 'abort', reflected: false }])
    pair.forge('b', 0, [{ type: 'abort', reflected: false }])
    expect(() => pair.b.receive(new Uint8Array(40), pair.nowMs)).toThrow(ProtocolViolation)
    pair.a.send(reliable('still here'), pair.nowMs)
    pair.run(100)
    expect(texts(pair.received.b)).toEqual(['still here'])
  })

  it('survives any well-formed nonsense', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = randomFrom(seed)
      const pair = new Pair({}, { firstTsn: 100, windowBytes: 30_000 }).open()
      const near = (): number => (90 + (random() >>> 27)) >>> 0
      const u16 = (): number => random() >>> 16
      const makers: (() => SctpChunk)[] = [
        () => ({
          ...{ type: 'data', tsn: near(), stream: u16() & 3, sequence: u16() & 7, protocol: random() },
          ...{ beginning: random() > 2 ** 31, ending: random() > 2 ** 31, unordered: random() > 2 ** 31 },
          ...{ immediate: false, payload: big(1 + (random() >>> 23)) },
        }),
        () => ({
          ...{ type: 'sack', cumulative: near(), window: random(), duplicates: [random()] },
          gaps: Array.from({ length: 5 }, () => [u16() & 15, u16() & 15] as const),
        }),
        () => ({ type: 'forward-tsn', cumulative: near(), streams: [[u16() & 3, u16() & 7]] }),
        () => ({ type: 'heartbeat', info: big(u16() & 63) }),
        () => ({ type: 'reconfig', parameters: [{ kind: 13, value: big(u16() & 31) }] }),
        () => ({ type: 'cookie-echo', cookie: big(16) }),
        () => ({ type: 'error' }),
        () => ({ type: 'shutdown-ack' }),
      ]
      pair.b.send(reliable(big(20_000)), pair.nowMs)
      for (let count = 0; count < 300; count++) {
        const make = makers[(random() >>> 16) % makers.length]
        if (make) pair.forge('b', 22, [make()])
        if (count % 10 === 0) pair.b.send(lossy('x'), pair.nowMs)
        pair.run(5)
        expect(pair.b.heldBytes).toBeLessThanOrEqual(60_000)
      }
    }
  })

  it('answers a heartbeat, a reset of streams and a repeated opening', () => {
    const packets: SctpChunk[] = []
    const resets: number[][] = []
    const side = new SctpAssociation({
      ...{ role: 'responder', maxMessageBytes: 1_000, random: () => 7, onMessage: () => undefined },
      sendPacket: (packet) => packets.push(...parseSctp(packet).chunks),
      onReset: (streams) => resets.push([...streams]),
    })
    const give = (tag: number, chunk: SctpChunk) =>
      side.receive(
        serializeSctp({ sourcePort: 5000, destinationPort: 5000, verificationTag: tag, chunks: [chunk] }),
        0,
      )
    const init: SctpChunk = {
      type: 'init',
      ...{ tag: 9, window: 100_000, initialTsn: 1, parameters: [] },
      ...{ outboundStreams: 10, inboundStreams: 10 },
    }
    give(0, init)
    give(0, init)
    const cookie = packets.flatMap((chunk) => (chunk.type === 'init-ack' ? chunk.parameters : []))
    const echo = {
      type: 'cookie-echo',
      cookie: cookie.find(({ kind }) => kind === 7)?.value ?? big(1),
    } as const
    give(7, { type: 'cookie-echo', cookie: big(16) })
    expect(side.open).toBe(false)
    give(7, echo)
    give(7, echo)
    expect(side.open).toBe(true)
    give(7, { type: 'heartbeat', info: Uint8Array.of(1, 2, 3, 4) })
    const request = Uint8Array.of(0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3)
    give(7, { type: 'reconfig', parameters: [{ kind: 13, value: request }] })
    give(7, { type: 'reconfig', parameters: [{ kind: 13, value: request }] })
    expect(resets).toEqual([[3]])
    expect(packets.map(({ type }) => type)).toEqual([
      ...['init-ack', 'init-ack', 'cookie-ack', 'cookie-ack', 'heartbeat-ack', 'reconfig', 'reconfig'],
    ])
    give(7, { type: 'shutdown', cumulative: 0 })
    give(7, { type: 'shutdown-complete', reflected: false })
    expect(side.closed).toBe(true)
    expect(side.send(reliable('late'), 0)).toBe(false)
  })
})
