import type { NativeCommands, NativeEvent } from '@parley/fastpath'
import { parseRoomData, roomDataLabels, serializeRoomData } from '@parley/protocols/room-data'
import {
  parseDataChannelControl,
  payloadProtocols,
  SctpAssociation,
  type SctpMessage,
  serializeDataChannelControl,
} from '@parley/protocols/sctp'
import { ProtocolViolation } from '@parley/protocols/violation'
import type { DataNews, DataOptions } from './messages.ts'
import { TokenBucket } from './token-bucket.ts'

/** What is told to the packet path. */
export type DataCommands = Pick<NativeCommands, 'sendData' | 'allowData'>

export interface DataControlOptions {
  native: DataCommands
  tell: (news: DataNews[]) => void
  nowMs: () => number
  random: () => number
}

/** Of one participant's connection: messages and the acknowledgements of what it is sent. */
const datagramsPerSecond = 2_000
const tickMs = 20
/** Messages that go out in one turn of the event loop, so that path control and others get theirs. */
const sendsPerTurn = 256
const maxWaitingSends = 100_000

interface Job {
  readonly targets: readonly number[]
  at: number
  readonly reliable: boolean
  readonly frame: Uint8Array
}

/**
 * The data channels of one media worker, beside its packet thread: an SCTP association a connection, with two channels that
 * this side opens. Single packets stay in this process; whole messages go to the server, which alone knows who may
 * say what to whom, and come back with the list of those who get them.
 */
export class DataControl {
  readonly #options: DataControlOptions
  readonly #links = new Map<number, DataLink>()
  readonly #busy = new Set<DataLink>()
  readonly #jobs: Job[] = []
  #waitingSends = 0
  #timer: NodeJS.Timeout | undefined
  #turn: NodeJS.Immediate | undefined
  #news: DataNews[] = []

  constructor(options: DataControlOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#links.size
  }

  /** The peer agreed to data on this connection. A second time changes nothing. */
  open(transport: number, options: DataOptions): void {
    if (this.#links.has(transport)) return
    const { native } = this.#options
    native.allowData(transport, datagramsPerSecond)
    this.#links.set(
      transport,
      new DataLink({
        ...this.#options,
        ...options,
        sendPacket: (packet) => native.sendData(transport, packet),
        tell: (news) => this.#tell({ transport, ...news }),
      }),
    )
  }

  remove(transport: number): void {
    const link = this.#links.get(transport)
    if (link === undefined) return
    this.#links.delete(transport)
    this.#busy.delete(link)
    link.close()
  }

  /** Sends a message to many; what is beyond a receiver's bound is lost to it alone. */
  send(targets: readonly number[], reliable: boolean, frame: Uint8Array): void {
    if (this.#waitingSends + targets.length > maxWaitingSends) {
      for (const target of targets) if (reliable) this.#links.get(target)?.miss()
      return
    }
    this.#jobs.push({ targets, at: 0, reliable, frame })
    this.#waitingSends += targets.length
    if (this.#turn === undefined) this.#sendSome()
  }

  /** Answers whether the event was for it alone. */
  handleEvent({ type, transport = 0, bytes }: NativeEvent): boolean {
    if (type === 'transport.closed') this.remove(transport)
    if (type !== 'data.received') return false
    const link = this.#links.get(transport)
    if (link !== undefined && bytes instanceof Uint8Array) {
      link.receive(bytes)
      this.#watch(link)
    }
    return true
  }

  close(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#turn)
    for (const link of this.#links.values()) link.close()
    this.#links.clear()
    this.#busy.clear()
  }

  #sendSome(): void {
    this.#turn = undefined
    for (let left = sendsPerTurn; left > 0; left--) {
      const job = this.#jobs[0]
      if (job === undefined) return
      const link = this.#links.get(job.targets[job.at] ?? 0)
      job.at += 1
      this.#waitingSends -= 1
      if (job.at >= job.targets.length) this.#jobs.shift()
      if (link === undefined) continue
      link.send(job.reliable, job.frame)
      this.#watch(link)
    }
    if (this.#jobs.length > 0) this.#turn = setImmediate(() => this.#sendSome())
  }

  /** One timer serves all that wait for something; the others cost nothing. */
  #watch(link: DataLink): void {
    if (link.deadlineMs === undefined) return
    this.#busy.add(link)
    this.#timer ??= setTimeout(() => this.#tick(), tickMs)
  }

  #tick(): void {
    this.#timer = undefined
    const nowMs = this.#options.nowMs()
    for (const link of [...this.#busy]) {
      if (link.deadlineMs !== undefined && link.deadlineMs <= nowMs) link.advance()
      if (link.deadlineMs === undefined) this.#busy.delete(link)
    }
    if (this.#busy.size > 0) this.#timer ??= setTimeout(() => this.#tick(), tickMs)
  }

  /** What comes in one turn is told at once. */
  #tell(news: DataNews): void {
    if (this.#news.length === 0) {
      queueMicrotask(() => {
        const all = this.#news
        this.#news = []
        this.#options.tell(all)
      })
    }
    this.#news.push(news)
  }
}

type LinkNews = DataNews extends infer News
  ? News extends DataNews
    ? Omit<News, 'transport'>
    : never
  : never

interface DataLinkOptions extends DataOptions {
  nowMs: () => number
  random: () => number
  sendPacket: (packet: Uint8Array) => void
  tell: (news: LinkNews) => void
}

type ChannelName = keyof typeof roomDataLabels

/** The channels of one peer. */
class DataLink {
  readonly #options: DataLinkOptions
  readonly #association: SctpAssociation
  readonly #streams: Readonly<Record<ChannelName, number>>
  readonly #acknowledged = new Set<number>()
  readonly #messages: TokenBucket
  readonly #bytes: TokenBucket
  readonly #refusals: TokenBucket
  #missed = 0
  #told = false

  constructor(options: DataLinkOptions) {
    const { maxMessageBytes, dtlsRole, port, nowMs, random, sendPacket, tell, messagesPerSecond } = options
    this.#options = options
    // Whoever is the DTLS client opens channels on even streams (RFC 8832, section 6).
    const first = dtlsRole === 'client' ? 0 : 1
    this.#streams = { reliable: first, lossy: first + 2 }
    const started = nowMs()
    this.#messages = new TokenBucket(messagesPerSecond, messagesPerSecond, started)
    this.#refusals = new TokenBucket(messagesPerSecond, messagesPerSecond, started)
    const { bytesPerSecond } = options
    this.#bytes = new TokenBucket(bytesPerSecond, Math.max(bytesPerSecond, maxMessageBytes), started)
    this.#association = new SctpAssociation({
      ...{ role: 'responder', remotePort: port, maxMessageBytes, random, sendPacket },
      onOpen: () => this.#openChannels(),
      onMessage: (message) => this.#take(message),
      onRoom: () => this.#makeUp(),
      onReset: (streams) => this.#handleReset(streams),
      onClosed: (reason) => tell({ type: 'closed', reason }),
    })
  }

  get deadlineMs(): number | undefined {
    return this.#association.deadlineMs
  }

  receive(packet: Uint8Array): void {
    try {
      this.#association.receive(packet, this.#options.nowMs())
    } catch (error) {
      // Only the peer itself can have written it; it says nothing.
      if (!(error instanceof ProtocolViolation)) throw error
    }
  }

  advance(): void {
    this.#association.advance(this.#options.nowMs())
  }

  /** A slow receiver loses what is lossy; of the reliable it hears how many it missed. */
  send(reliable: boolean, frame: Uint8Array): void {
    if (!reliable) this.#write('lossy', frame)
    else if (this.#association.reliableBytes + frame.length > this.#options.queueBytes) this.miss()
    else {
      this.#tellMissed()
      this.#write('reliable', frame)
    }
  }

  miss(): void {
    this.#missed += 1
  }

  close(): void {
    this.#association.close()
  }

  #openChannels(): void {
    for (const name of ['reliable', 'lossy'] as const) {
      const reliability = name === 'lossy' ? { ordered: false, maxRetransmits: 0 } : { ordered: true }
      const channel = { label: roomDataLabels[name], protocol: '', priority: 256, ...reliability }
      this.#association.send(
        {
          ...{ stream: this.#streams[name], protocol: payloadProtocols.control, ordered: true },
          payload: serializeDataChannelControl({ type: 'open', channel }),
        },
        this.#options.nowMs(),
      )
    }
  }

  #write(name: ChannelName, payload: Uint8Array): void {
    const { binary: protocol } = payloadProtocols
    const reliability = name === 'lossy' ? { ordered: false, maxRetransmits: 0 } : { ordered: true }
    this.#association.send(
      { stream: this.#streams[name], protocol, payload, ...reliability },
      this.#options.nowMs(),
    )
  }

  #take({ stream, protocol, payload }: SctpMessage): void {
    if (protocol === payloadProtocols.control) this.#handleControl(stream, payload)
    else if (stream === this.#streams.reliable) this.#takeMessage(true, payload)
    else if (stream === this.#streams.lossy) this.#takeMessage(false, payload)
  }

  /** Channels of the peer's own making lead nowhere: they are not answered. */
  #handleControl(stream: number, payload: Uint8Array): void {
    try {
      if (parseDataChannelControl(payload).type !== 'ack') return
    } catch (error) {
      if (error instanceof ProtocolViolation) return
      throw error
    }
    this.#acknowledged.add(stream)
    const { reliable, lossy } = this.#streams
    if (this.#told || !this.#acknowledged.has(reliable) || !this.#acknowledged.has(lossy)) return
    this.#told = true
    this.#options.tell({ type: 'open' })
  }

  #takeMessage(reliable: boolean, frame: Uint8Array): void {
    const nowMs = this.#options.nowMs()
    const allowed = this.#messages.take(1, nowMs) && this.#bytes.take(frame.length, nowMs)
    if (allowed) this.#options.tell({ type: 'message', reliable, frame })
    else if (this.#refusals.take(1, nowMs)) this.#refuse(frame)
  }

  #refuse(frame: Uint8Array): void {
    const id = idOf(frame)
    if (id === undefined) return
    const detail = 'More messages or bytes a second than one participant may send'
    const refusal = { type: 'refused', id, code: 'rate-limited', detail, retryAfterMs: 1_000 }
    this.send(true, serializeRoomData(refusal))
  }

  /** A peer that closes one of the channels wants no more data. */
  #handleReset(streams: readonly number[]): void {
    const own = Object.values(this.#streams)
    if (streams.length > 0 && !streams.some((stream) => own.includes(stream))) return
    this.#association.close()
    this.#options.tell({ type: 'closed', reason: 'shut-down' })
  }

  /** Room was made for a receiver that missed something. */
  #makeUp(): void {
    if (this.#missed > 0 && this.#association.reliableBytes < this.#options.queueBytes / 2) this.#tellMissed()
  }

  #tellMissed(): void {
    if (this.#missed === 0) return
    const count = this.#missed
    this.#missed = 0
    this.#write('reliable', serializeRoomData({ type: 'missed', count }))
  }
}

function idOf(frame: Uint8Array): number | undefined {
  try {
    const { id } = parseRoomData(frame).header
    return typeof id === 'number' ? id : undefined
  } catch (error) {
    if (error instanceof ProtocolViolation) return undefined
    throw error
  }
}
