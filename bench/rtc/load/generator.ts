import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs, PacketSink, toMonotonicMs } from '@parley/testing/packet-sink'
import { createCertificate } from '@parley/testing/rtc-client'
import { Latency } from '../../chat/load/latency.ts'
import { GeneratorWatch } from '../../chat/machine/generator-watch.ts'
import { JanusDoor } from '../janus/janus-door.ts'
import { ParleyDoor } from '../parley/parley-door.ts'
import type { Door, DoorAddress } from './door.ts'
import { Player } from './player.ts'
import { type FloorAddress, Publisher } from './publisher.ts'
import { type Span, until } from './span.ts'
import { readStamp } from './stamped-packet.ts'
import { within } from './within.ts'

/** Milliseconds from asking to join. */
export interface JoinTimes {
  connectedMs: number
  firstPacketMs: number
  firstFrameMs: number
}

export interface Filled {
  /** Until all had their first packet, and until all had a whole key frame. */
  seconds: number
  joins: JoinTimes[]
  failed: string[]
  cipher: string
}

export interface DelayQuantiles {
  count: number
  p50Ms: number
  p99Ms: number
  maxMs: number
}

export interface WindowReport {
  /** Between this process's marks, which are late when it is busy: for what it counts itself. */
  seconds: number
  players: number
  silent: number
  /** By the kernel's time. */
  received: number
  expected: number
  /** By the kernel, as the sink did not take them in time. */
  dropped: number
  /** Of those that were opened, packets that did not; since the beginning. */
  refused: number
  sent: number
  audio: DelayQuantiles
  video: DelayQuantiles
  /** The same datagrams without a server, from the publisher to this process. */
  floor: DelayQuantiles
  busy: number
  lagMs: number
}

const joinWithinMs = 15_000

/** What a generator process does when it is asked. All methods are called from another process. */
export class Generator {
  readonly #players: Player[] = []
  readonly #certificate = createCertificate()
  #door: Door | undefined
  #sink: PacketSink | undefined
  #publisher: Publisher | undefined
  #audio = new Latency()
  #video = new Latency()
  #floor = new Latency()
  #watch: GeneratorWatch | undefined
  #sentAtMark = 0
  #droppedAtMark = 0
  #markedMs = 0
  #feedbackMs = 0

  async open(address: DoorAddress): Promise<void> {
    this.#sink = await PacketSink.open()
    this.#door = address.kind === 'janus' ? await JanusDoor.open(address) : new ParleyDoor(address)
  }

  /** A place on the sink that gets plain copies of the publisher's packets. */
  openFloor(): FloorAddress {
    const place = this.#theSink.place(1)
    place.open((packet, _source, arrivalMs) => {
      const stamp = readStamp(packet)
      if (stamp) this.#floor.record(toMonotonicMs(arrivalMs) - Number(stamp.sentNs) / 1e6)
    })
    return { address: place.address, port: this.#theSink.port }
  }

  async publish(floor: FloorAddress): Promise<string> {
    this.#publisher = new Publisher(floor)
    await this.#theDoor.publish(this.#publisher)
    await within(this.#publisher.connected, joinWithinMs, 'the publisher did not connect')
    this.#publisher.start()
    return this.#publisher.cipher
  }

  /** Players that join from now on send transport-wide feedback so often; 0: none. */
  setFeedback(everyMs: number): void {
    this.#feedbackMs = everyMs
  }

  setQuiet(quiet: boolean): void {
    this.#publisher?.setQuiet(quiet)
  }

  /** Joins so many players, so many at a time; the next when one has its first packet. They stay. */
  async fill(count: number, atATime: number, openEvery: number): Promise<Filled> {
    const begun = performance.now()
    const joining: Joining[] = []
    const failed: string[] = []
    const caught = async (work: () => Promise<unknown>): Promise<void> => {
      try {
        await work()
      } catch (error) {
        failed.push(error instanceof Error ? error.message : String(error))
      }
    }
    let left = count
    const lane = async (): Promise<void> => {
      while (left-- > 0) await caught(async () => joining.push(await this.#join(openEvery)))
    }
    await Promise.all(Array.from({ length: Math.min(count, atATime) }, lane))
    const seconds = (performance.now() - begun) / 1000
    const joins: JoinTimes[] = []
    await Promise.all(joining.map(({ times }) => caught(async () => joins.push(await times()))))
    return { seconds, joins, failed, cipher: this.#players[0]?.cipher ?? 'none' }
  }

  /** One after the other with a pause: joins, waits for the first frame and leaves. */
  async joinInTurn(count: number, pauseMs: number): Promise<JoinTimes[]> {
    const joins: JoinTimes[] = []
    for (let done = 0; done < count; done++) {
      const { player, times, leave } = await this.#join(1)
      joins.push(await times())
      this.#players.splice(this.#players.indexOf(player), 1)
      player.close()
      await leave()
      await sleep(pauseMs)
    }
    return joins
  }

  /** What happens in a span that is to come. */
  async measure(span: Span): Promise<WindowReport> {
    const sink = this.#theSink
    sink.measure(span.fromMs, span.toMs)
    await until(span.fromMs)
    this.#mark()
    await until(span.toMs)
    const report = this.#sinceMark()
    await sink.countedTo(span.toMs)
    const counts = this.#players.map((player) => player.counted())
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
    return {
      ...report,
      silent: counts.filter(({ received }) => received === 0).length,
      received: sum(counts.map(({ received }) => received)),
      expected: sum(counts.map(({ expected }) => expected)),
      dropped: sink.statistics().dropped - this.#droppedAtMark,
    }
  }

  #mark(): void {
    this.#markedMs = monotonicMs()
    this.#droppedAtMark = this.#theSink.statistics().dropped
    this.#watch?.stop()
    this.#watch = new GeneratorWatch()
    this.#audio = new Latency()
    this.#video = new Latency()
    this.#floor = new Latency()
    this.#sentAtMark = this.#publisher?.sent ?? 0
  }

  #sinceMark(): Omit<WindowReport, 'silent' | 'received' | 'expected' | 'dropped'> {
    const load = this.#watch?.stop()
    this.#watch = undefined
    const sum = (of: (player: Player) => number): number =>
      this.#players.reduce((total, player) => total + of(player), 0)
    return {
      seconds: (monotonicMs() - this.#markedMs) / 1000,
      players: this.#players.length,
      refused: sum(({ refused }) => refused),
      sent: (this.#publisher?.sent ?? 0) - this.#sentAtMark,
      audio: quantiles(this.#audio),
      video: quantiles(this.#video),
      floor: quantiles(this.#floor),
      busy: load?.busy ?? 0,
      lagMs: load?.lagMs ?? 0,
    }
  }

  get #theSink(): PacketSink {
    if (this.#sink === undefined) throw new Error('the generator was not opened')
    return this.#sink
  }

  get #theDoor(): Door {
    if (this.#door === undefined) throw new Error('the generator was not opened')
    return this.#door
  }

  async #join(openEvery: number): Promise<Joining> {
    const player = new Player({
      certificate: this.#certificate,
      sink: this.#theSink,
      openEvery,
      feedbackMs: this.#feedbackMs,
      record: (kind, ms) => (kind === 'audio' ? this.#audio : this.#video).record(ms),
    })
    try {
      const begun = performance.now()
      const leave = await within(this.#theDoor.play(player), joinWithinMs, 'the server did not answer')
      await within(player.connected, joinWithinMs, 'no connection')
      const connectedMs = performance.now() - begun
      await within(player.receiving, joinWithinMs, 'no packet')
      this.#players.push(player)
      const times = async (): Promise<JoinTimes> => {
        await within(player.playing, joinWithinMs, 'packets but no key frame')
        const { firstPacketMs, firstFrameMs } = player
        return { connectedMs, firstPacketMs: firstPacketMs - begun, firstFrameMs: firstFrameMs - begun }
      }
      return { player, times, leave }
    } catch (error) {
      player.close()
      throw error
    }
  }
}

interface Joining {
  player: Player
  /** When its first frame is whole. */
  times(): Promise<JoinTimes>
  leave(): Promise<void>
}

function quantiles(latency: Latency): DelayQuantiles {
  const { count, maxMs } = latency
  return { count, p50Ms: latency.quantile(0.5), p99Ms: latency.quantile(0.99), maxMs }
}
