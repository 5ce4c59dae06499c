import type { HistoryPage, Message } from '@parley/contracts'
import { Emitter } from '../emitter.ts'
import type { ChatCache } from './chat-cache.ts'
import { type Arrival, ConversationLog } from './conversation-log.ts'
import type { EntryRun } from './live-view.ts'
import { LogFiller, longestGap } from './log-filler.ts'

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
/** So many entries stay in memory while the application has not loaded the conversation. */
const mostUnloaded = 200

const none: EntryRun = { entries: [], from: 1, head: 0 }

/**
 * The entries of one conversation that are in memory: a run that ends at its head, goes on with what arrives, and
 * reaches back as far as the application has loaded it. It asks cache and server for what is missing.
 */
export class EntryWindow extends Emitter<EntryWindowEvents> {
  readonly #ports: EntryWindowPorts
  readonly #filler: LogFiller
  #log: ConversationLog | undefined
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

  get hasOlder(): boolean {
    return this.#log !== undefined && this.#log.from > Math.max(1, this.#visibleFromSeq)
  }

  at(seq: number): Message | undefined {
    return this.#log?.at(seq)
  }

  find(id: string | undefined): Message | undefined {
    return this.#log?.entries.findLast((entry) => entry.id === id)
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
    this.#visibleFromSeq = 1
  }

  handleConnected(): void {
    if (this.#log?.missing) this.#filler.soon()
  }

  /** An entry stands otherwise now; answers whether it is here. */
  replace(message: Message): boolean {
    if (!this.#log?.replace(message)) return false
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

  /** Nobody looks any more: only the newest entries stay. */
  unload(): void {
    this.#wanted = false
    this.#loaded = false
    this.#log?.trim(mostUnloaded)
    this.emit('changed', {})
  }

  reload(): void {
    this.#loaded = false
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
    const { items, visibleFromSeq } = await this.#ports.list({ limit: pageSize })
    this.#visibleFromSeq = visibleFromSeq
    const older = items.filter(({ seq }) => seq < log.from)
    if (log.prepend(older)) this.#ports.cache.putEntries(older)
    for (const entry of items) this.#deliver(log.receive({ entry }))
  }

  async #loadOlder(limit: number): Promise<boolean> {
    await this.load()
    const log = this.#log
    if (!log || !this.hasOlder) return false
    const stored = await this.#ports.cache.entries(this.#ports.conversationId, log.from - 1, limit)
    if (!log.prepend(stored)) {
      const { items, visibleFromSeq } = await this.#ports.list({ beforeSeq: log.from, limit })
      this.#visibleFromSeq = visibleFromSeq
      if (log.prepend(items)) this.#ports.cache.putEntries(items)
    }
    this.emit('changed', {})
    return this.hasOlder
  }
}
