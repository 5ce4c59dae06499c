import type { MessageContent, SendAnswer, SendOptions } from '@parley/contracts'
import { Backoff } from '../connection/backoff.ts'
import { Emitter } from '../emitter.ts'
import type { BegunUpload, UploadOptions } from '../files.ts'
import { asParleyError, ParleyError } from '../parley-error.ts'
import type { Storage, StorageChange } from '../storage/storage.ts'

/** A file that has yet to be uploaded. */
export interface OutgoingFile {
  blob: Blob
  name: string
  contentType: string
  caption?: string
  width?: number
  height?: number
  /** Makes it a voice message. */
  voice?: VoiceFacts
  /** Makes it a video message. */
  video?: VideoFacts
}

export interface VoiceFacts {
  durationMs: number
  /** Loudness over time, 0 to 255, at most 256 values. */
  waveform?: number[]
}

export interface VideoFacts {
  durationMs?: number
  /** An uploaded image that is shown before it plays. */
  posterObjectId?: string
}

/** A send as it is kept until the server has acknowledged it. */
export interface OutboxItem {
  clientMessageId: string
  conversationId: string
  toUserId?: string
  content?: MessageContent
  file?: OutgoingFile
  /** Where the upload of the file goes on after a reload. */
  upload?: BegunUpload
  options?: SendOptions
  /** Ascending in the order of sending. */
  order: number
  createdAt: string
  /** The client (tab) that sends it. */
  owner: string
  error?: { code: ParleyError['code']; detail: string }
}

export interface OutboxEntry {
  item: OutboxItem
  state: 'queued' | 'uploading' | 'in-flight' | 'failed'
  /** Share of the upload that is done, 0 to 1. */
  progress: number
  error?: ParleyError
  /** Gives up the upload that is under way. */
  abort?: AbortController
}

export interface OutboxEvents {
  changed: { conversationId: string }
  acked: { item: OutboxItem; answer: SendAnswer }
}

export interface OutboxPorts {
  storage: Storage
  /** Name of this client among those that share the storage; its lease shows that it lives. */
  owner: string
  send: (item: OutboxItem, content: MessageContent) => Promise<SendAnswer>
  upload: (
    file: OutgoingFile,
    onProgress: (share: number) => void,
    options: UploadOptions,
  ) => Promise<MessageContent>
  onStorageFailed: (error: unknown) => void
}

interface Waiter {
  resolve: (answer: SendAnswer) => void
  reject: (error: ParleyError) => void
}

interface Lane {
  entries: OutboxEntry[]
  /** A send is to be repeated: nothing new leaves until the others are settled and the wait is over. */
  held: boolean
  backoff: Backoff
  timer?: ReturnType<typeof setTimeout>
}

/** So many sends of one conversation may wait for their answer at a time. */
const window = 8
const authErrors = new Set<string>(['token-expired', 'unauthenticated', 'token-revoked'])

/**
 * Sends of this client, kept until acknowledged. Each conversation is a lane: sends leave in order, several in
 * flight, and after a lost connection or an error that may pass, all that is unacknowledged leaves again in
 * order under the same ids. A file takes its place in the order once it is uploaded.
 */
export class Outbox extends Emitter<OutboxEvents> {
  readonly #ports: OutboxPorts
  readonly #lanes = new Map<string, Lane>()
  readonly #waiters = new Map<string, Waiter>()
  /** Removals that the storage has not confirmed. */
  readonly #removals = new Set<Promise<void>>()
  /** For each reading of the storage under way: what was removed since it began. */
  readonly #removedMeanwhile = new Set<Set<string>>()
  readonly #release: () => void
  #connected = false
  #closed = false
  #lastOrder = 0

  constructor(ports: OutboxPorts) {
    super()
    this.#ports = ports
    this.#release = ports.storage.lease(leaseName(ports.owner), () => undefined)
  }

  /** Takes what an earlier life of this client left, and what clients left that live no more. */
  async load(): Promise<void> {
    const { owner } = this.#ports
    for (const { item, leased } of await this.#read()) {
      if (this.#closed) return
      if (this.#find(item.clientMessageId)) continue
      if (item.owner !== owner) {
        if (leased) continue
        item.owner = owner
        this.#store(item)
      }
      this.#lastOrder = Math.max(this.#lastOrder, item.order)
      const failed = item.error && new ParleyError(item.error.code, item.error.detail)
      this.#lane(item.conversationId).entries.push({
        item,
        state: failed ? 'failed' : 'queued',
        progress: 0,
        ...(failed && { error: failed }),
      })
      this.emit('changed', { conversationId: item.conversationId })
    }
    this.#pumpAll()
  }

  /** What the storage holds, in the order of sending, without what was settled before this answers. */
  async #read(): Promise<{ item: OutboxItem; leased: boolean }[]> {
    const { storage } = this.#ports
    await Promise.all(this.#removals)
    const removed = new Set<string>()
    this.#removedMeanwhile.add(removed)
    try {
      const [records, leased] = await Promise.all([storage.read('outbox'), storage.leased()])
      return records
        .map(({ value }) => value as OutboxItem)
        .filter(({ clientMessageId }) => !removed.has(clientMessageId))
        .sort((one, other) => one.order - other.order)
        .map((item) => ({ item, leased: leased.includes(leaseName(item.owner)) }))
    } finally {
      this.#removedMeanwhile.delete(removed)
    }
  }

  entries(conversationId: string): readonly OutboxEntry[] {
    return this.#lanes.get(conversationId)?.entries ?? []
  }

  conversationIds(): string[] {
    return [...this.#lanes].flatMap(([id, { entries }]) => (entries.length > 0 ? [id] : []))
  }

  add(draft: Omit<OutboxItem, 'order' | 'createdAt' | 'owner'>): Promise<SendAnswer> {
    if (this.#closed) return Promise.reject(ParleyError.closed())
    this.#lastOrder = Math.max(this.#lastOrder + 1, Date.now() * 1000)
    const createdAt = new Date().toISOString()
    const item: OutboxItem = { ...draft, order: this.#lastOrder, createdAt, owner: this.#ports.owner }
    this.#lane(item.conversationId).entries.push({ item, state: 'queued', progress: 0 })
    this.#store(item)
    return this.#begin(item)
  }

  /** Sends a failed one again, under its old id, at the end of the order. */
  retry(clientMessageId: string): Promise<SendAnswer> {
    const entry = this.#find(clientMessageId)
    if (entry?.state !== 'failed') {
      return Promise.reject(new ParleyError('message-not-found', 'No failed message has this id'))
    }
    const lane = this.#lane(entry.item.conversationId)
    lane.entries = [...lane.entries.filter((other) => other !== entry), entry]
    this.#lastOrder = Math.max(this.#lastOrder + 1, Date.now() * 1000)
    entry.item.order = this.#lastOrder
    delete entry.item.error
    delete entry.error
    entry.state = 'queued'
    this.#store(entry.item)
    return this.#begin(entry.item)
  }

  /** Forgets a send that failed or did not leave yet; false when it may be on its way. */
  discard(clientMessageId: string): boolean {
    const entry = this.#find(clientMessageId)
    if (!entry || entry.state === 'in-flight') return false
    entry.abort?.abort()
    this.#remove(entry)
    this.emit('changed', entry.item)
    this.#settle(clientMessageId, new ParleyError('aborted', 'The message was discarded'))
    return true
  }

  handleConnected(): void {
    this.#connected = true
    for (const lane of this.#lanes.values()) this.#unhold(lane)
    this.#pumpAll()
  }

  handleDisconnected(): void {
    this.#connected = false
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#release()
    for (const { timer, entries } of this.#lanes.values()) {
      clearTimeout(timer)
      for (const { abort } of entries) abort?.abort()
    }
    for (const { reject } of this.#waiters.values()) reject(ParleyError.closed())
    this.#waiters.clear()
    this.dropListeners()
  }

  #begin(item: OutboxItem): Promise<SendAnswer> {
    const answer = new Promise<SendAnswer>((resolve, reject) => {
      this.#waiters.set(item.clientMessageId, { resolve, reject })
    })
    this.emit('changed', { conversationId: item.conversationId })
    this.#pump(this.#lane(item.conversationId))
    return answer
  }

  #pumpAll(): void {
    for (const lane of this.#lanes.values()) this.#pump(lane)
  }

  #pump(lane: Lane): void {
    if (!this.#connected || this.#closed || lane.held) return
    let inFlight = lane.entries.filter(({ state }) => state === 'in-flight').length
    for (const entry of [...lane.entries]) {
      if (entry.state !== 'queued') continue
      const { content, file } = entry.item
      if (content) {
        if (inFlight++ >= window) break
        void this.#dispatch(lane, entry, content)
      } else if (file) void this.#upload(lane, entry, file)
    }
  }

  async #dispatch(lane: Lane, entry: OutboxEntry, content: MessageContent): Promise<void> {
    const { item } = entry
    entry.state = 'in-flight'
    try {
      const answer = await this.#ports.send(item, content)
      if (this.#closed) return
      lane.backoff.reset()
      // Whoever looks sees it here or among what is acknowledged: never in both, never in none.
      this.#remove(entry)
      this.emit('acked', { item, answer })
      this.emit('changed', item)
      this.#waiters.get(item.clientMessageId)?.resolve(answer)
      this.#waiters.delete(item.clientMessageId)
    } catch (error) {
      this.#failed(lane, entry, asParleyError(error, 'connection-lost'))
    }
    this.#goOn(lane)
  }

  async #upload(lane: Lane, entry: OutboxEntry, file: OutgoingFile): Promise<void> {
    const { item } = entry
    const abort = new AbortController()
    entry.state = 'uploading'
    entry.abort = abort
    this.emit('changed', item)
    const onProgress = (share: number) => {
      if (abort.signal.aborted) return
      entry.progress = share
      this.emit('changed', item)
    }
    try {
      const content = await this.#ports.upload(file, onProgress, {
        signal: abort.signal,
        resume: item.upload,
        onBegun: (begun) => {
          item.upload = begun
          this.#store(item)
        },
      })
      if (this.#closed || !lane.entries.includes(entry)) return
      item.content = content
      delete item.upload
      entry.state = 'queued'
      // Its place in the order is where the upload ended.
      lane.entries = [...lane.entries.filter((other) => other !== entry), entry]
      this.#lastOrder = Math.max(this.#lastOrder + 1, Date.now() * 1000)
      item.order = this.#lastOrder
      this.#store(item)
    } catch (error) {
      if (this.#closed || !lane.entries.includes(entry)) return
      this.#failed(lane, entry, asParleyError(error, 'upload-failed'))
    }
    this.#goOn(lane)
  }

  #failed(lane: Lane, entry: OutboxEntry, error: ParleyError): void {
    if (this.#closed) return
    if (error.retryable || authErrors.has(error.code)) {
      entry.state = 'queued'
      lane.held = true
      clearTimeout(lane.timer)
      const waitMs = lane.backoff.nextMs(error.retryAfterMs)
      lane.timer = setTimeout(() => {
        delete lane.timer
        this.#goOn(lane)
      }, waitMs)
    } else {
      entry.state = 'failed'
      entry.error = error
      entry.item.error = { code: error.code, detail: error.message }
      this.#store(entry.item)
      this.#settle(entry.item.clientMessageId, error)
    }
    this.emit('changed', entry.item)
  }

  /** Lets a lane go on once nothing is in flight and its wait is over. */
  #goOn(lane: Lane): void {
    const busy = lane.entries.some(({ state }) => state === 'in-flight')
    if (lane.held && !busy && lane.timer === undefined) lane.held = false
    this.#pump(lane)
  }

  #unhold(lane: Lane): void {
    clearTimeout(lane.timer)
    delete lane.timer
    lane.held = lane.entries.some(({ state }) => state === 'in-flight')
  }

  #settle(clientMessageId: string, error: ParleyError): void {
    this.#waiters.get(clientMessageId)?.reject(error)
    this.#waiters.delete(clientMessageId)
  }

  #remove(entry: OutboxEntry): void {
    const { clientMessageId, conversationId } = entry.item
    const lane = this.#lane(conversationId)
    lane.entries = lane.entries.filter((other) => other !== entry)
    for (const removed of this.#removedMeanwhile) removed.add(clientMessageId)
    const removal = this.#write({ table: 'outbox', delete: { from: clientMessageId, to: clientMessageId } })
    this.#removals.add(removal)
    void removal.then(() => this.#removals.delete(removal))
  }

  #store(item: OutboxItem): void {
    void this.#write({ table: 'outbox', put: { key: item.clientMessageId, value: { ...item } } })
  }

  #write(change: StorageChange): Promise<void> {
    return this.#ports.storage.write([change]).catch(this.#ports.onStorageFailed)
  }

  #find(clientMessageId: string): OutboxEntry | undefined {
    for (const { entries } of this.#lanes.values()) {
      const entry = entries.find(({ item }) => item.clientMessageId === clientMessageId)
      if (entry) return entry
    }
    return undefined
  }

  #lane(conversationId: string): Lane {
    const lane = this.#lanes.get(conversationId) ?? { entries: [], held: false, backoff: new Backoff() }
    this.#lanes.set(conversationId, lane)
    return lane
  }
}

function leaseName(owner: string): string {
  return `client ${owner}`
}
