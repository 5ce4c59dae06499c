import type { Message } from '@parley/contracts'

/** An entry on its way into the log, with the message it changes as the server sees it now. */
export interface Arrival {
  entry: Message
  message?: Message
}

/**
 * The order of one conversation, without I/O. Everything up to `head` was handed out once; `entries` is one
 * gapless run that ends at `head` and may begin later than 1. What comes early waits until the gap is filled.
 */
export class ConversationLog {
  #head: number
  #known: number
  #entries: Message[] = []
  readonly #early = new Map<number, Arrival>()

  constructor(head: number) {
    this.#head = head
    this.#known = head
  }

  get head(): number {
    return this.#head
  }

  get entries(): readonly Message[] {
    return this.#entries
  }

  /** The first seq that `entries` holds; one past the head when it holds none. */
  get from(): number {
    return this.#head - this.#entries.length + 1
  }

  /** Says that the log reaches at least `seq`, whether or not the entry came. */
  expect(seq: number): void {
    this.#known = Math.max(this.#known, seq)
  }

  /** Takes an entry in any order, any number of times; answers what is now in order, each once. */
  receive(arrival: Arrival): Arrival[] {
    const { seq } = arrival.entry
    if (seq <= this.#head) return []
    this.expect(seq)
    this.#early.set(seq, arrival)
    return this.#drain()
  }

  /** The range that must be fetched before anything later can be handed out. */
  get missing(): { afterSeq: number; count: number } | undefined {
    if (this.#known <= this.#head) return undefined
    let until = this.#known
    for (const seq of this.#early.keys()) until = Math.min(until, seq - 1)
    return { afterSeq: this.#head, count: until - this.#head }
  }

  /** Entries up to `seq` are not for this reader: they will never come. */
  skipTo(seq: number): Arrival[] {
    if (seq <= this.#head) return []
    this.reset(seq)
    return this.#drain()
  }

  /** Puts older entries in front; they must end right before `from`, else nothing happens. */
  prepend(older: readonly Message[]): boolean {
    const last = older.at(-1)
    if (last === undefined || last.seq !== this.from - 1) return false
    this.#entries = [...older, ...this.#entries]
    return true
  }

  /** Forgets the oldest entries beyond `most`. Where the log stands is the same. */
  trim(most: number): void {
    if (this.#entries.length > most) this.#entries = this.#entries.slice(-most)
  }

  /** Starts at an older head, for a log of which nothing was handed out beyond it. */
  rewind(entries: readonly Message[]): void {
    const last = entries.at(-1)
    if (last === undefined || this.#entries.length > 0 || last.seq > this.#head) return
    this.#entries = [...entries]
    this.#head = last.seq
  }

  at(seq: number): Message | undefined {
    return this.#entries[seq - this.from]
  }

  replace(message: Message): boolean {
    const index = message.seq - this.from
    if (this.#entries[index] === undefined) return false
    this.#entries = this.#entries.with(index, message)
    return true
  }

  /** Forgets the entries and continues after `head`. */
  reset(head: number): void {
    this.#head = head
    this.#known = Math.max(this.#known, head)
    this.#entries = []
    for (const seq of this.#early.keys()) if (seq <= head) this.#early.delete(seq)
  }

  /** As `reset`, for a log that was replaced by another history: nothing known before counts. */
  restart(head: number): void {
    this.#early.clear()
    this.#known = head
    this.reset(head)
  }

  #drain(): Arrival[] {
    const ready: Arrival[] = []
    for (;;) {
      const next = this.#early.get(this.#head + 1)
      if (!next) break
      this.#early.delete(++this.#head)
      ready.push(next)
    }
    if (ready.length > 0) this.#entries = [...this.#entries, ...ready.map(({ entry }) => entry)]
    return ready
  }
}
