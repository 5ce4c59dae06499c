import type { ConversationView, Message } from '@parley/contracts'
import type { Storage, StorageChange } from '../storage/storage.ts'
import { type CacheBounds, type CachedRun, CachedRuns } from './cached-runs.ts'

export interface CachedChat {
  projectId: string | undefined
  cursor: string | undefined
  views: ConversationView[]
}

/** What is kept of one conversation: its view, and a gapless run of entries, ascending. */
export interface CachedConversation {
  view: ConversationView
  entries: readonly Message[]
}

export interface ChatSnapshot {
  projectId: string | undefined
  cursor: string | undefined
  conversations: readonly CachedConversation[]
}

export interface ChatCacheOptions {
  /** All there is to keep, asked for when this client becomes the writer after another one was. */
  snapshot: () => ChatSnapshot
  onFailed: (error: unknown) => void
  bounds?: CacheBounds
}

const lastKey = '\uffff'
const seqDigits = 12
/** Of the keys under which the `state` table says which entries are stored. */
const runPrefix = 'run\u0000'

/**
 * What of the chat is kept over a reload. Views, cursor and entries must agree with each other, so of the tabs
 * that share a store only the one with the lease writes. The entries of a conversation are one gapless run with
 * every edit and recall applied: what is there is right. Runs are bounded, each and together; the oldest go first.
 */
export class ChatCache {
  readonly #storage: Storage
  readonly #options: ChatCacheOptions
  readonly #release: () => void
  readonly #runs: CachedRuns
  #writer = false
  #synced = false
  #failed = false
  #batch: StorageChange[] = []
  #writing: Promise<void> | undefined

  constructor(storage: Storage, options: ChatCacheOptions) {
    this.#storage = storage
    this.#options = options
    this.#runs = new CachedRuns(options.bounds)
    this.#release = storage.lease('cache', () => this.#lead())
  }

  async load(): Promise<CachedChat> {
    const [state, conversations] = await Promise.all([
      this.#storage.read('state'),
      this.#storage.read('conversations'),
    ])
    const values = new Map(state.map(({ key, value }) => [key, value]))
    for (const [key, value] of values)
      if (key.startsWith(runPrefix)) this.#runs.take(key.slice(runPrefix.length), value as CachedRun)
    return {
      projectId: values.get('projectId') as string | undefined,
      cursor: values.get('cursor') as string | undefined,
      views: conversations.map(({ value }) => value as ConversationView),
    }
  }

  /** The stored run that ends at or before `untilSeq`, at most `limit` of it, ascending and gapless. */
  async entries(conversationId: string, untilSeq: number, limit: number): Promise<Message[]> {
    // Once synced, only the writer knows that every later edit was applied to what is stored.
    if (this.#failed || (this.#synced && !this.#writer)) return []
    await this.#writing
    const records = await this.#storage.read('entries', {
      from: entryKey(conversationId, 0),
      to: entryKey(conversationId, untilSeq),
      limit,
      lastFirst: true,
    })
    const run: Message[] = []
    for (const { value } of records) {
      const entry = value as Message
      const next = run[0]
      if (next && next.seq !== entry.seq + 1) break
      run.unshift(entry)
    }
    return run
  }

  /** Takes a gapless run, ascending. What does not continue the stored run takes its place when it is newer. */
  putEntries(entries: readonly Message[]): void {
    const [first] = entries
    const last = entries.at(-1)
    if (!first || !last || !this.#writes) return
    const { conversationId } = first
    const { taken, cuts } = this.#runs.add(conversationId, first.seq, last.seq)
    for (const { conversationId: id, below } of cuts) {
      this.#deleteEntries(id, below - 1)
      this.#keepRun(id)
    }
    if (!taken) return
    const from = this.#runs.at(conversationId)?.from ?? Number.POSITIVE_INFINITY
    for (const entry of entries) {
      const key = entryKey(conversationId, entry.seq)
      if (entry.seq >= from) this.#add({ table: 'entries', put: { key, value: entry } })
    }
    this.#keepRun(conversationId)
  }

  /** Changes a stored message that is not in memory. */
  async updateEntry(
    conversationId: string,
    seq: number,
    change: (message: Message) => Message,
  ): Promise<void> {
    const [stored] = await this.entries(conversationId, seq, 1)
    if (stored?.seq === seq) this.putEntries([change(stored)])
  }

  dropEntries(conversationId: string): void {
    if (!this.#writes) return
    this.#runs.drop(conversationId)
    this.#deleteEntries(conversationId, 10 ** seqDigits - 1)
    this.#keepRun(conversationId)
  }

  putView(view: ConversationView): void {
    this.#add({ table: 'conversations', put: { key: view.id, value: view } })
  }

  dropConversation(id: string): void {
    this.#add({ table: 'conversations', delete: { from: id, to: id } })
    this.dropEntries(id)
  }

  /** Written in one transaction with everything put before it. */
  putCursor(cursor: string, projectId: string): void {
    this.#synced = true
    this.#add({ table: 'state', put: { key: 'cursor', value: cursor } })
    this.#add({ table: 'state', put: { key: 'projectId', value: projectId } })
  }

  clear(): void {
    if (this.#writes) this.#runs.clear()
    for (const change of clearing()) this.#add(change)
  }

  async close(): Promise<void> {
    await this.#writing
    this.#release()
  }

  #lead(): void {
    this.#writer = true
    if (!this.#synced) return
    this.clear()
    const { cursor, projectId, conversations } = this.#options.snapshot()
    for (const { view, entries } of conversations) {
      this.putView(view)
      this.putEntries(entries)
    }
    if (cursor !== undefined && projectId !== undefined) this.putCursor(cursor, projectId)
  }

  get #writes(): boolean {
    return this.#writer && !this.#failed
  }

  #deleteEntries(conversationId: string, until: number): void {
    const [from, to] = [entryKey(conversationId, 0), entryKey(conversationId, until)]
    this.#add({ table: 'entries', delete: { from, to } })
  }

  #keepRun(conversationId: string): void {
    const key = runPrefix + conversationId
    const run = this.#runs.at(conversationId)
    if (run) this.#add({ table: 'state', put: { key, value: { ...run } } })
    else this.#add({ table: 'state', delete: { from: key, to: key } })
  }

  #add(change: StorageChange): void {
    if (!this.#writes) return
    this.#batch.push(change)
    this.#writing ??= this.#write()
  }

  async #write(): Promise<void> {
    await Promise.resolve() // Everything of the present step goes into one transaction.
    while (this.#batch.length > 0) {
      const changes = this.#batch
      this.#batch = []
      try {
        await this.#storage.write(changes)
      } catch (error) {
        await this.#giveUp(error)
      }
    }
    this.#writing = undefined
  }

  /** Something is missing in the store now; without a cursor the next start takes everything from the server. */
  async #giveUp(error: unknown): Promise<void> {
    this.#failed = true
    this.#batch = []
    this.#options.onFailed(error)
    await this.#storage.write(clearing()).catch(this.#options.onFailed)
  }
}

function entryKey(conversationId: string, seq: number): string {
  // Ids hold no control characters, so U+0000 cannot be part of one.
  return `${conversationId}\u0000${String(seq).padStart(seqDigits, '0')}`
}

function clearing(): StorageChange[] {
  const all = { from: '', to: lastKey }
  return [
    { table: 'state', delete: all },
    { table: 'conversations', delete: all },
    { table: 'entries', delete: all },
  ]
}
