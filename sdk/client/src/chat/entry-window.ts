import type { HistoryPage, Message } from '@parley/contracts'
import { Emitter } from '../emitter.ts'
import type { ChatCache } from './chat-cache.ts'
import { type Arrival, ConversationLog } from './conversation-log.ts'
import type { EntryRun } from './live-view.ts'
import { LogFiller, longestGap, mostPerPage } from './log-filler.ts'
import { PlaceApart } from './place-apart.ts'

export interface EntryWindowEvents {
  /** New entries, each once and in order; never none. */
  arrived: readonly Arrival[]
  /** Entries up to this seq will not be told: nobody looked, or they were too many. */
  'passed-over': { head: number }
  /** What was shown must be read again. */
  reloaded: Record<string, never>
  /** Older entries came or went. */
  changed: Record<string, never>
}

export interface EntryWindowPorts {
  conversationId: string
  cache: ChatCache
  list: (range: { afterSeq?: number; beforeSeq?: number; limit: number }) => Promise<HistoryPage>
  /** Asks the server where the conversation stands, which comes back by `handleHead`. */
  askHead: () => Promise<void>
  connected: () => boolean
  /** Whether somebody listens to messages, so that none may be passed over. */
  heard: () => boolean
}

export const pageSize = 50
/** A place so close before the run is reached by older pages; what is farther back is looked at apart. */
const nearEntries = 2 * mostPerPage
/** So many entries stay in memory while the application has not loaded the conversation. */
const mostUnloaded = 200

const none: EntryRun = { entries: [], from: 1, head: 0 }

/**
 * The entries of one conversation that are in memory: a run that ends at its head, goes on with what arrives, and
 * reaches back as far as the application has loaded it; and maybe a second run around a place far back, until both
 * meet. It asks cache and server for what is missing.
 */
export class EntryWindow extends Emitter<EntryWindowEvents> {
  readonly #ports: EntryWindowPorts
  readonly #filler: LogFiller
  #log: ConversationLog | undefined
  readonly #apart: PlaceApart
  #visibleFromSeq = 1
  #loaded = false
  /** The application wants it loaded; a loading that comes back late is not kept otherwise. */
  #wanted = false
  #loading: Promise<void> | undefined
  #loadingOlder: Promise<boolean> | undefined

  constructor(ports: EntryWindowPorts) {
    super()
    this.#ports = ports
    this.#filler = new LogFiller({
      log: () => this.#log,
      list: ports.list,
      connected: ports.connected,
      onReady: (arrivals) => this.#deliver(arrivals),
      onTooLong: (log, head) => this.#passOver(log, head),
    })
    this.#apart = new PlaceApart((range) => this.#list(range))
  }

  /** True once it is known where the conversation stands. */
  get begun(): boolean {
    return this.#log !== undefined
  }

  get run(): EntryRun {
    return this.#log ?? none
  }

  get loaded(): boolean {
    return this.#loaded
  }

  /** The run around a place far back, ascending; undefined while there is none. */
  get apart(): EntryRun | undefined {
    return this.#apart.run
  }

  /** Of the run apart, where there is one. */
  get hasOlder(): boolean {
    const run = this.#apart.run ?? this.#log
    return run !== undefined && run.from > Math.max(1, this.#visibleFromSeq)
  }

  at(seq: number): Message | undefined {
    return this.#log?.at(seq) ?? this.#apart.at(seq)
  }

  find(id: string | undefined): Message | undefined {
    const isIt = (entry: Message) => entry.id === id
    return this.#log?.entries.findLast(isIt) ?? this.#apart.run?.entries.findLast(isIt)
  }

  /** Everything after `seq` is new, unless more is known already. */
  begin(seq: number): void {
    this.#log ??= new ConversationLog(seq)
  }

  /** The conversation reaches at least `seq`. */
  handleHead(seq: number): void {
    if (!this.#log) this.#log = new ConversationLog(seq)
    else if (seq > this.#log.head) {
      this.#log.expect(seq)
      if (this.#followed) void this.#filler.now()
      else this.#skip(this.#log)
    }
  }

  handleArrival(arrival: Arrival): void {
    // Of a conversation heard of for the first time, this entry is where it begins for us.
    this.#log ??= new ConversationLog(arrival.entry.seq - 1)
    this.#deliver(this.#log.receive(arrival))
    if (this.#log.missing) this.#filler.soon()
  }

  /** The entry at `seq` exists and is wanted. */
  handleExpected(seq: number): void {
    this.#log?.expect(seq)
    this.#filler.soon()
  }

  /** The server could not continue: what is here does not count any more. */
  handleReplaced(head: number): void {
    this.#log?.restart(head)
    this.#apart.leave()
    this.#visibleFromSeq = 1
  }

  handleConnected(): void {
    if (this.#log?.missing) this.#filler.soon()
  }

  /** An entry stands otherwise now; answers whether it is here. */
  replace(message: Message): boolean {
    if (!this.#log?.replace(message)) return this.#apart.replace(message)
    this.#ports.cache.putEntries([message])
    return true
  }

  load(): Promise<void> {
    this.#wanted = true
    return this.#loaded ? Promise.resolve() : this.#begin()
  }

  loadOlder(limit: number): Promise<boolean> {
    this.#loadingOlder ??= this.#loadOlder(limit).finally(() => {
      this.#loadingOlder = undefined
    })
    return this.#loadingOlder
  }

  /**
   * Brings what is around `seq` in: into the run where it is close, else as a run apart, which costs one page however far
   * it is.
   */
  async loadAround(seq: number): Promise<void> {
    if (!this.#loaded) await this.load()
    const log = this.#log
    if (!log || this.#apart.holds(seq)) return
    if (log.from - seq <= nearEntries) {
      this.leaveApart()
      for (let before = log.from + 1; log.from < before && log.from > seq && this.hasOlder; ) {
        before = log.from
        await this.loadOlder(mostPerPage)
      }
      return
    }
    await this.#apart.go(seq)
    this.#meet(log)
    this.emit('changed', {})
  }

  /** Brings one more page after the run apart in, until it meets the other; answers whether they are still apart. */
  async loadNewer(limit: number): Promise<boolean> {
    const [log, run] = [this.#log, this.#apart.run]
    if (log && run) {
      const before = run.head
      await this.#apart.loadNewer(Math.min(limit, log.from - 1 - before))
      this.#meet(log)
      // What lies between cannot be had: whoever reads on comes to the present.
      if (run.head === before && this.#apart.run === run) this.#apart.leave()
      this.emit('changed', {})
    }
    return this.#apart.run !== undefined
  }

  /** Gives the run apart up: what is newest counts again. */
  leaveApart(): void {
    const left = this.#apart.run !== undefined
    this.#apart.leave()
    if (left) this.emit('changed', {})
  }

  /** The first entry made at or after that time (milliseconds since 1970), found by halving what is not here. */
  async seqSince(timeMs: number): Promise<number | undefined> {
    await this.load()
    const isSince = ({ createdAt }: Message) => Date.parse(createdAt) >= timeMs
    const { entries } = this.run
    const first = entries.find(isSince)
    if (!first || first !== entries[0]) return first?.seq
    let low = Math.max(1, this.#visibleFromSeq)
    let high = first.seq
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const [entry] = (await this.#list({ afterSeq: middle - 1, limit: 1 })).items
      if (!entry) break
      if (!isSince(entry)) low = entry.seq + 1
      else if (entry.seq > middle)
        return Math.min(high, entry.seq) // Nothing before it may be seen.
      else high = middle
    }
    return high
  }

  /** Nobody looks any more: only the newest entries stay. */
  unload(): void {
    this.#wanted = false
    this.#loaded = false
    this.#apart.leave()
    this.#log?.trim(mostUnloaded)
    this.emit('changed', {})
  }

  reload(): void {
    this.#loaded = false
    this.#apart.leave()
    this.#tellPassedOver()
    this.emit('reloaded', {})
    this.#begin().catch(() => undefined) // The next load tries again.
  }

  close(): void {
    this.#filler.close()
    this.dropListeners()
  }

  get #followed(): boolean {
    return this.#loaded || this.#loading !== undefined || this.#ports.heard()
  }

  #begin(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  #deliver(arrivals: readonly Arrival[]): void {
    if (arrivals.length === 0) return
    this.#ports.cache.putEntries(arrivals.map(({ entry }) => entry))
    this.emit('arrived', arrivals)
    if (!this.#loaded && !this.#loading) this.#log?.trim(mostUnloaded)
  }

  #passOver(log: ConversationLog, head: number): void {
    this.#ports.cache.dropEntries(this.#ports.conversationId)
    this.#deliver(log.skipTo(head))
    this.reload()
  }

  /** Nobody looks: the entries between are left on the server until somebody does. */
  #skip(log: ConversationLog): void {
    const { missing } = log
    if (!missing) return
    this.#ports.cache.dropEntries(this.#ports.conversationId)
    this.#deliver(log.skipTo(missing.afterSeq + missing.count))
    this.#tellPassedOver()
  }

  #tellPassedOver(): void {
    this.emit('passed-over', { head: this.#log?.head ?? 0 })
  }

  async #load(): Promise<void> {
    if (!this.#log) await this.#ports.askHead()
    const log = this.#log
    if (!log) return
    const { cache, conversationId } = this.#ports
    const stored = await cache.entries(conversationId, log.from - 1, pageSize)
    const last = stored.at(-1)?.seq ?? log.from - 1
    if (last === log.from - 1) log.prepend(stored)
    else if (log.entries.length === 0 && log.head - last <= longestGap) {
      const head = log.head
      log.rewind(stored)
      log.expect(head)
      void this.#filler.now()
    } else cache.dropEntries(conversationId)
    if (log.entries.length === 0 && log.head > 0) await this.#loadNewest(log)
    this.#loaded = this.#wanted
    if (!this.#loaded) log.trim(mostUnloaded)
    this.emit('changed', {})
  }

  async #loadNewest(log: ConversationLog): Promise<void> {
    const { items } = await this.#list({ limit: pageSize })
    const older = items.filter(({ seq }) => seq < log.from)
    if (log.prepend(older)) this.#ports.cache.putEntries(older)
    for (const entry of items) this.#deliver(log.receive({ entry }))
  }

  async #loadOlder(limit: number): Promise<boolean> {
    await this.load()
    const log = this.#log
    if (!log || !this.hasOlder) return false
    if (this.#apart.run) await this.#apart.loadOlder(limit)
    else {
      const stored = await this.#ports.cache.entries(this.#ports.conversationId, log.from - 1, limit)
      if (!log.prepend(stored)) {
        const { items } = await this.#list({ beforeSeq: log.from, limit })
        if (log.prepend(items)) this.#ports.cache.putEntries(items)
      }
    }
    this.emit('changed', {})
    return this.hasOlder
  }

  /** Where the run apart has reached the other, they are one from now on. */
  #meet(log: ConversationLog): void {
    const { run } = this.#apart
    if (!run || run.head < log.from - 1) return
    const older = run.entries.filter(({ seq }) => seq < log.from)
    if (log.prepend(older)) this.#ports.cache.putEntries(older)
    this.#apart.leave()
  }

  async #list(range: { afterSeq?: number; beforeSeq?: number; limit: number }): Promise<HistoryPage> {
    const page = await this.#ports.list(range)
    this.#visibleFromSeq = page.visibleFromSeq
    return page
  }
}
