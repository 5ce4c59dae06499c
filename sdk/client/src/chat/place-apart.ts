import type { HistoryPage, Message } from '@parley/contracts'
import { ConversationLog } from './conversation-log.ts'
import type { EntryRun } from './live-view.ts'

/** How many entries are asked for on each side of the place. */
const around = 50

/** A gapless run of entries around a place far back, while a reader is there. What happens meanwhile reaches it, too. */
export class PlaceApart {
  readonly #list: (range: { afterSeq?: number; beforeSeq?: number; limit: number }) => Promise<HistoryPage>
  #run: ConversationLog | undefined
  /** Moves with every going and leaving: what comes back later is of a place that nobody looks at. */
  #visit = 0

  constructor(
    list: (range: { afterSeq?: number; beforeSeq?: number; limit: number }) => Promise<HistoryPage>,
  ) {
    this.#list = list
  }

  get run(): EntryRun | undefined {
    return this.#run
  }

  holds(seq: number): boolean {
    return this.#run !== undefined && seq >= this.#run.from && seq <= this.#run.head
  }

  at(seq: number): Message | undefined {
    return this.#run?.at(seq)
  }

  replace(message: Message): boolean {
    return this.#run?.replace(message) ?? false
  }

  /** Asks for what is around `seq`; nothing changes where there is nothing, or something else was wanted meanwhile. */
  async go(seq: number): Promise<void> {
    const visit = ++this.#visit
    const { items } = await this.#list({ afterSeq: Math.max(0, seq - 1 - around), limit: 2 * around })
    const last = items.at(-1)
    if (visit !== this.#visit || !last) return
    this.#run = new ConversationLog(last.seq)
    this.#run.prepend(items)
  }

  async loadOlder(limit: number): Promise<void> {
    const run = this.#run
    if (run) run.prepend((await this.#list({ beforeSeq: run.from, limit })).items)
  }

  async loadNewer(limit: number): Promise<void> {
    const run = this.#run
    if (!run) return
    const { items } = await this.#list({ afterSeq: run.head, limit })
    for (const entry of items) run.receive({ entry })
  }

  leave(): void {
    this.#visit++
    this.#run = undefined
  }
}
