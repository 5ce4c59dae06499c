import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createWeakNetwork, type WeakNetwork } from '@parley/testing/weaknet'
import { cases, rowOf, type Stage } from '../../modules/rtc/tests/congestion/rfc-8867-cases.ts'
import type { Clock, LinkOptions, Way } from '../../modules/rtc/tests/congestion/simulation.ts'

const usPerMs = 1_000
const numberBytes = 4
const defaults = { oneWayMs: 50, queueMs: 300, jitterMs: 0, loss: 0, seed: 1 }

/** The system's clock, with its timers; `close` stops them all. */
class SystemClock implements Clock {
  readonly #beganAtMs = performance.now()
  readonly #timers = new Set<NodeJS.Timeout>()
  #closed = false

  get nowUs(): number {
    return (performance.now() - this.#beganAtMs) * usPerMs
  }

  after(delayUs: number, run: () => void): void {
    if (this.#closed) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, delayUs / usPerMs)
    this.#timers.add(timer)
  }

  at(atUs: number, run: () => void): void {
    this.after(Math.max(0, atUs - this.nowUs), run)
  }

  every(periodUs: number, run: () => void): void {
    let nextUs = this.nowUs
    const again = (): void => {
      run()
      nextUs += periodUs
      this.at(nextUs, again)
    }
    this.after(periodUs, again)
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
  }
}

/** Datagrams from one socket to another through testing/weaknet. */
class SocketWay implements Way {
  readonly #clock: SystemClock
  readonly #options: Required<LinkOptions>
  readonly #from: Socket
  readonly #to: Socket
  readonly #network: WeakNetwork
  readonly #waiting = new Map<
    number,
    { sentAtUs: number; extraOneWayMs: number; deliver: (queueMs: number) => void }
  >()
  #capacity: number
  #last = 0
  #shortestUs = Number.POSITIVE_INFINITY

  private constructor(
    clock: SystemClock,
    options: Required<LinkOptions>,
    parts: { from: Socket; to: Socket; network: WeakNetwork },
  ) {
    this.#clock = clock
    this.#options = options
    this.#capacity = options.capacity
    this.#from = parts.from
    this.#to = parts.to
    this.#network = parts.network
    this.#to.on('message', (datagram) => this.#arrived(datagram.readUInt32BE(0)))
  }

  static async open(clock: SystemClock, wish: LinkOptions): Promise<SocketWay> {
    const options = { ...defaults, ...wish }
    const [from, to] = [createSocket('udp4'), createSocket('udp4')]
    to.bind(0, '127.0.0.1')
    from.bind(0, '127.0.0.1')
    await Promise.all([once(to, 'listening'), once(from, 'listening')])
    const { port } = to.address() as AddressInfo
    const up = impairmentOf(options, options.capacity)
    const network = await createWeakNetwork({
      target: { address: '127.0.0.1', port },
      up,
      seed: options.seed,
    })
    return new SocketWay(clock, options, { from, to, network })
  }

  get capacity(): number {
    return this.#capacity
  }

  set capacity(capacity: number) {
    this.#capacity = capacity
    this.#network.change({ up: impairmentOf(this.#options, capacity) })
  }

  send(bytes: number, deliver: (queueMs: number) => void, extraOneWayMs = 0): void {
    const number = this.#last++
    this.#waiting.set(number, { sentAtUs: this.#clock.nowUs, extraOneWayMs, deliver })
    const datagram = Buffer.alloc(Math.max(numberBytes, bytes))
    datagram.writeUInt32BE(number, 0)
    this.#from.send(datagram, this.#network.port, '127.0.0.1')
  }

  close(): void {
    this.#network.close()
    this.#from.close()
    this.#to.close()
  }

  #arrived(number: number): void {
    const sent = this.#waiting.get(number)
    if (sent === undefined) return
    this.#waiting.delete(number)
    const tookUs = this.#clock.nowUs - sent.sentAtUs
    this.#shortestUs = Math.min(this.#shortestUs, tookUs)
    const queueMs = (tookUs - this.#shortestUs) / usPerMs
    if (sent.extraOneWayMs === 0) sent.deliver(queueMs)
    else this.#clock.after(sent.extraOneWayMs * usPerMs, () => sent.deliver(queueMs))
  }
}

function impairmentOf({ oneWayMs, queueMs, jitterMs, loss }: Required<LinkOptions>, capacity: number) {
  return {
    ...{ delayMs: oneWayMs, jitterMs, loss },
    rateKbps: capacity / 1_000,
    queueBytes: Math.max(3_000, (capacity / 8) * (queueMs / 1_000)),
  }
}

/**
 * The cases of RFC 8867 over real sockets, some at a time: what the suite asserts on a virtual clock, with a real
 * scheduler and real queues in between. `say` gets a line a case.
 */
export async function playCases(
  pattern: RegExp,
  atOnce: number,
  say: (line: string) => void,
): Promise<Record<string, string>[]> {
  const chosen = cases.filter(({ name }) => pattern.test(name))
  const rows: Record<string, string>[][] = chosen.map(() => [])
  const waiting = chosen.map((each, index) => ({ each, index }))
  const runner = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { each, index } = next
      rows[index] = await play(each)
      say(`${each.name}: played`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, runner))
  return rows.flat()
}

async function play({ name, seconds, begin }: (typeof cases)[number]): Promise<Record<string, string>[]> {
  // A case says what it needs as it begins; sockets take a moment. So it is asked first, and begun with them at hand.
  const wishes: LinkOptions[] = []
  const idle: Clock = { nowUs: 0, after: () => undefined, at: () => undefined, every: () => undefined }
  const paper = (options: LinkOptions): Way => {
    wishes.push(options)
    return { capacity: options.capacity, send: () => undefined }
  }
  begin({ clock: idle, way: paper })
  const clock = new SystemClock()
  const ways = await Promise.all(wishes.map((wish) => SocketWay.open(clock, wish)))
  const left = [...ways]
  const stage: Stage = {
    clock,
    way: () => {
      const way = left.shift()
      if (way === undefined) throw new Error(`${name} asks for more ways than at first`)
      return way
    },
  }
  try {
    const judge = begin(stage)
    await sleep(seconds * 1_000)
    return judge().map((outcome) => rowOf(name, outcome))
  } finally {
    clock.close()
    for (const way of ways) way.close()
  }
}
