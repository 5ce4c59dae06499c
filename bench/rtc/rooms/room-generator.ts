import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs, PacketSink } from '@parley/testing/packet-sink'
import { createCertificate } from '@parley/testing/rtc-client'
import { GeneratorWatch } from '../../chat/machine/generator-watch.ts'
import type { DoorAddress } from '../load/door.ts'
import { type Span, until } from '../load/span.ts'
import { within } from '../load/within.ts'
import { type ParleyAddress, ParleyDoor, userToken } from '../parley/parley-door.ts'
import { Clocks, clockOffsetMs, userOf } from './identity.ts'
import { Listener } from './listener.ts'
import { listenAsMember } from './listener-by-realtime.ts'
import { MeetingMember, type MemberCounts } from './meeting-member.ts'
import { Samples } from './samples.ts'

export const roomGeneratorFlag = '--room-generator'

/** Who comes into a room from one process. */
export interface Entering {
  /** Their places among all members. */
  members: readonly number[]
  total: number
  tiles: number
  pictures: boolean
  /** Of each of all members, in -dBov. */
  levels: readonly number[]
}

export interface Entered {
  /** From the beginning until publishing is agreed on and connected. */
  joinedMs: number[]
  /** Until every tile has its first picture. */
  shownMs: number[]
  failed: string[]
}

export interface Listening {
  count: number
  /** Of these, by a realtime connection as members; the others by WHEP. */
  asMembers: number
  atATime: number
  speakers: number
  openEvery: number
}

export interface Listened {
  seconds: number
  /** From asking to the first packet. */
  heardMs: number[]
  failed: string[]
}

/** Of one span. */
export interface RoomReport extends MemberCounts {
  /** Between this process's marks, which are late when it is busy: for what it counts itself. */
  seconds: number
  members: number
  listeners: number
  silent: number
  /** Of the listeners, by the kernel's time. */
  received: number
  expected: number
  /** Datagrams to them that the kernel dropped, as the sink did not take them in time. */
  dropped: number
  byMember: Record<number, number>
  audio: number[]
  video: number[]
  shown: number[]
  paths: number[]
  busy: number
  lagMs: number
}

const layers = [
  { rid: 'q', bitrateKbps: 90, width: 320, height: 180 },
  { rid: 'h', bitrateKbps: 320, width: 640, height: 360 },
  { rid: 'f', bitrateKbps: 1_000, width: 1_280, height: 720 },
]
const firstPictureWithinMs = 20_000
const firstPacketWithinMs = 15_000
/** A server that lets nobody in any more is not asked for all the others. */
const mostFailed = 40

/** What a process of a room's load does when it is asked. All methods are called from another process. */
export class RoomGenerator {
  readonly #members: MeetingMember[] = []
  readonly #listeners: Listener[] = []
  readonly #clocks = new Clocks()
  readonly #audio = new Samples()
  readonly #video = new Samples()
  readonly #shown = new Samples()
  readonly #paths = new Samples()
  readonly #certificate = createCertificate()
  #address: ParleyAddress | undefined
  #door: ParleyDoor | undefined
  #sink: PacketSink | undefined
  #watch: GeneratorWatch | undefined
  #marked: MemberCounts | undefined
  #markedMs = 0
  #droppedAtMark = 0
  #listenersMade = 0

  async open(address: DoorAddress): Promise<number> {
    if (address.kind !== 'parley') throw new Error('rooms are measured of Parley alone')
    this.#sink = await PacketSink.open()
    this.#address = address
    this.#door = new ParleyDoor(address)
    return clockOffsetMs
  }

  /** The clock offsets of the processes of all members. */
  know(offsets: readonly number[]): void {
    this.#clocks.learn(offsets)
  }

  /** All at once. */
  async enter({ members, total, tiles, pictures, levels }: Entering): Promise<Entered> {
    const address = this.#theAddress
    const begun = performance.now()
    const entered: Entered = { joinedMs: [], shownMs: [], failed: [] }
    const enterOne = async (member: number): Promise<void> => {
      const audio = { identity: member * 2 + 1, level: levels[member] ?? 30 }
      const joined = await MeetingMember.join({
        ...{ url: address.url, token: userToken(address, userOf(member)), roomId: address.roomId },
        ...{ member, members: total, tiles, clocks: this.#clocks },
        ...{ audio: this.#audio, video: this.#video, shown: this.#shown, paths: this.#paths },
        send: { audio, ...(pictures && { video: { identity: member * 2 + 2, layers } }) },
      })
      entered.joinedMs.push(performance.now() - begun)
      this.#members.push(joined)
      await within(joined.allShown(), firstPictureWithinMs, `${userOf(member)} lacks pictures`)
      entered.shownMs.push(performance.now() - begun)
    }
    const outcomes = await Promise.allSettled(members.map(enterOne))
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') entered.failed.push(textOf(outcome.reason))
    return entered
  }

  /** Everybody looks at others: each at its own moment within so many milliseconds. */
  async turnTo(page: number, withinMs: number): Promise<void> {
    const turns = this.#members.map(async (member) => {
      await sleep(withinMs * member.share)
      member.turnTo(page)
    })
    await Promise.all(turns)
  }

  async listen({ count, asMembers, atATime, speakers, openEvery }: Listening): Promise<Listened> {
    const listened: Listened = { seconds: 0, heardMs: [], failed: [] }
    const begun = performance.now()
    let made = 0
    const lane = async (): Promise<void> => {
      while (made < count && listened.failed.length < mostFailed) {
        const asMember = made++ < asMembers
        const listener = new Listener({
          ...{ certificate: this.#certificate, speakers, sink: this.#theSink, openEvery },
          ...{ clocks: this.#clocks, delays: this.#audio },
        })
        const asked = performance.now()
        try {
          await within(this.#let(listener, asMember), firstPacketWithinMs, 'the server did not answer')
          await within(listener.connected, firstPacketWithinMs, 'no connection')
          await within(listener.receiving, firstPacketWithinMs, 'no packet')
          listened.heardMs.push(performance.now() - asked)
          this.#listeners.push(listener)
        } catch (error) {
          listener.close()
          listened.failed.push(textOf(error))
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(count, atATime) }, lane))
    listened.seconds = (performance.now() - begun) / 1000
    return listened
  }

  /** What happens in a span that is to come. */
  async measure(span: Span): Promise<RoomReport> {
    const sink = this.#theSink
    sink.measure(span.fromMs, span.toMs)
    await until(span.fromMs)
    this.#mark()
    await until(span.toMs)
    const report = this.#sinceMark()
    await sink.countedTo(span.toMs)
    const heard = this.#listeners.map((listener) => listener.counts())
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
    const byMember: Record<number, number> = {}
    for (const [member, count] of heard.flatMap((counts) => Object.entries(counts.byMember))) {
      byMember[Number(member)] = (byMember[Number(member)] ?? 0) + count
    }
    return {
      ...report,
      silent: heard.filter(({ received }) => received === 0).length,
      checked: report.checked + sum(heard.map(({ checked }) => checked)),
      wrong: report.wrong + sum(heard.map(({ wrong }) => wrong)),
      received: sum(heard.map(({ received }) => received)),
      expected: sum(heard.map(({ expected }) => expected)),
      byMember,
      dropped: sink.statistics().dropped - this.#droppedAtMark,
    }
  }

  #mark(): void {
    this.#markedMs = monotonicMs()
    this.#droppedAtMark = this.#theSink.statistics().dropped
    this.#watch?.stop()
    this.#watch = new GeneratorWatch()
    for (const samples of [this.#audio, this.#video, this.#shown, this.#paths]) samples.take()
    for (const listener of this.#listeners) listener.mark()
    this.#marked = this.#counted()
  }

  /** What this process counts itself. */
  #sinceMark(): Omit<RoomReport, 'silent' | 'received' | 'expected' | 'byMember' | 'dropped'> {
    const load = this.#watch?.stop()
    this.#watch = undefined
    const now = this.#counted()
    const since = (field: Exclude<keyof MemberCounts, 'refusals' | 'dark' | 'darkReasons'>): number =>
      now[field] - (this.#marked?.[field] ?? 0)
    return {
      seconds: (monotonicMs() - this.#markedMs) / 1000,
      members: this.#members.length,
      listeners: this.#listeners.length,
      packets: since('packets'),
      checked: since('checked'),
      wrong: since('wrong'),
      unannounced: since('unannounced'),
      unwanted: since('unwanted'),
      lost: since('lost'),
      repaired: since('repaired'),
      sent: since('sent'),
      dark: now.dark,
      darkReasons: now.darkReasons,
      refusals: now.refusals,
      audio: this.#audio.take(),
      video: this.#video.take(),
      shown: this.#shown.take(),
      paths: this.#paths.take(),
      busy: load?.busy ?? 0,
      lagMs: load?.lagMs ?? 0,
    }
  }

  get #theSink(): PacketSink {
    if (this.#sink === undefined) throw new Error('the generator was not opened')
    return this.#sink
  }

  get #theAddress(): ParleyAddress {
    if (this.#address === undefined) throw new Error('the generator was not opened')
    return this.#address
  }

  async #let(listener: Listener, asMember: boolean): Promise<void> {
    if (!asMember) {
      await this.#door?.play(listener)
      return
    }
    const address = this.#theAddress
    const userId = `${address.audience}-listener-${this.#listenersMade++}`
    await listenAsMember(listener, address, userId)
  }

  #counted(): MemberCounts {
    const total: MemberCounts = {
      ...{ packets: 0, checked: 0, wrong: 0, unannounced: 0, unwanted: 0 },
      ...{ lost: 0, repaired: 0, dark: 0, sent: 0, darkReasons: [], refusals: [] },
    }
    for (const counts of this.#members.map((member) => member.counts())) {
      total.packets += counts.packets
      total.checked += counts.checked
      total.wrong += counts.wrong
      total.unannounced += counts.unannounced
      total.unwanted += counts.unwanted
      total.lost += counts.lost
      total.repaired += counts.repaired
      total.dark += counts.dark
      total.sent += counts.sent
      total.refusals.push(...counts.refusals)
      total.darkReasons.push(...counts.darkReasons)
    }
    return total
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
