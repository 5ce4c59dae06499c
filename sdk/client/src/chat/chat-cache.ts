import type { ConversationView, Message } from '@parley/contracts'
import type { Storage, StorageChange } from '../storage/storage.ts'

export interface CachedChat {
  projectId: string | undefined
  cursor: string | undefined
  views: ConversationView[]
}

export interface ChatCacheOptions {
  /** All there is to keep, asked for when this client becomes the writer after another one was. */
  snapshot: () => StorageChange[]
  onFailed: (error: unknown) => void
}

const lastKey = '\uffff'
const seqDigits = 12

/**
 * What of the chat is kept over a reload. Views, cursor and entries must agree with each other, so of the tabs
 * that share a store only the one with the lease writes. The entries of a conversation are one gapless run with
 * every edit and recall applied: what is there is right.
 */
export class ChatCache {
  readonly #storage: Storage
  readonly #options: ChatCacheOptions
  readonly #release: () => void
  #writer = false
  #synced = false
  #failed = false
  #batch: StorageChange[] = []
  #writing: Promise<void> | undefined

  constructor(storage: Storage, options: ChatCacheOptions) {
    this.#storage = storage
    this.#options = options
    this.#release = storage.lease('cache', () => this.#lead())
  }

  async load(): Promise<CachedChat> {
    const [state, conversations] = await Promise.all([
      this.#storage.read('state'),
      this.#storage.read('conversations'),
    ])
    const values = new Map(state.map(({ key, value }) => [key, value]))
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

  putEntries(entries: readonly Message[]): void {
    for (const entry of entries) this.#add(entryChange(entry))
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
    const [from, to] = [entryKey(conversationId, 0), entryKey(conversationId, 10 ** seqDigits - 1)]
    this.#add({ table: 'entries', delete: { from, to } })
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
    for (const change of clearing()) this.#add(change)
  }

  async close(): Promise<void> {
    await this.#writing
    this.#release()
  }

  #lead(): void {
    this.#writer = true
    if (!this.#synced) return
    for (const change of [...clearing(), ...this.#options.snapshot()]) this.#add(change)
  }

  #add(change: StorageChange): void {
    if (!this.#writer || this.#failed) return
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

export function entryChange(entry: Message): StorageChange {
  return { table: 'entries', put: { key: entryKey(entry.conversationId, entry.seq), value: entry } }
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
