import { AppError, type Presence, type ServerEvents } from '@parley/contracts'
import type { Bus, Json } from '@parley/core/bus'
import type { Scope } from '@parley/core/kernel'
import { Batcher } from '../batcher.ts'
import type { UserRef } from '../session/session-store.ts'
import type { KnownPresence } from './presence-store.ts'

/** What the hub needs of a subscriber: any connection of this process. */
export interface PresenceSubscriber {
  readonly projectId: string
}

export interface PresenceHubOptions<Subscriber extends PresenceSubscriber> {
  bus: Bus
  scope: Scope
  read: (users: readonly UserRef[]) => Promise<KnownPresence[]>
  push: (subscribers: Iterable<Subscriber>, event: ServerEvents['presence.changed']) => void
  graceMs: number
  maxSubscriptions: number
}

interface Watched<Subscriber> extends UserRef {
  subscribers: Set<Subscriber>
  /** What subscribers were told last. */
  told: Presence | undefined
  first: Promise<unknown>
  /** When a loss is told unless the user is back by then. */
  dueAtMs: number | undefined
}

const changedTopic = 'identity.presence-changed'
const maxMessageBytes = 6_000
const readSize = 1_000
/** Heals what lost wake-ups left wrong. */
const rereadMs = 30_000

/**
 * Tells subscribers of this process who comes and goes on any process. Wake-ups name users; the truth is read from
 * the sessions table, many users at a time. A gain is told at once, a loss only when it lasts, so that a reload or a
 * flapping network is no news.
 */
export class PresenceHub<Subscriber extends PresenceSubscriber> {
  readonly #options: PresenceHubOptions<Subscriber>
  readonly #watched = new Map<string, Watched<Subscriber>>()
  readonly #bySubscriber = new Map<Subscriber, Set<string>>()
  readonly #reads: Batcher<UserRef, KnownPresence>
  readonly #changed = new Map<string, UserRef>()
  /** Losses that wait, the earliest first: the grace is the same for all. */
  readonly #due = new Set<Watched<Subscriber>>()
  #dueTimer: NodeJS.Timeout | undefined
  #publishing = false

  constructor(options: PresenceHubOptions<Subscriber>) {
    this.#options = options
    // One lane: what is read later is told later.
    this.#reads = new Batcher({
      run: (users) => options.read(users),
      maxBatch: readSize,
      maxQueued: 1_000_000,
    })
  }

  start(): void {
    const { bus, scope } = this.#options
    scope.onClose(
      'presence wake-ups',
      bus.subscribe(changedTopic, (payload) => this.#handleWake(payload)),
    )
    scope.onClose(
      'presence gaps',
      bus.onGap(() => this.#rereadAll()),
    )
    scope.onClose('presence timer', () => clearTimeout(this.#dueTimer))
    scope.every('presence re-read', rereadMs, () => this.#rereadAll())
  }

  /** Tells every process that the sessions of these users may have changed. */
  announce(users: readonly UserRef[]): void {
    for (const user of users) this.#changed.set(watchKey(user.projectId, user.userId), user)
    if (this.#publishing || this.#changed.size === 0) return
    this.#publishing = true
    setImmediate(() => {
      this.#publishing = false
      this.#publishChanged()
    })
  }

  /** Begins to watch users of the subscriber's own project and answers how they are now. Throws `limit-exceeded`. */
  async subscribe(subscriber: Subscriber, userIds: readonly string[]): Promise<Presence[]> {
    const { projectId } = subscriber
    const wanted = [...new Set(userIds)]
    const own = this.#bySubscriber.get(subscriber) ?? new Set()
    const added = wanted.filter((userId) => !own.has(watchKey(projectId, userId)))
    if (own.size + added.length > this.#options.maxSubscriptions) {
      throw new AppError(
        'limit-exceeded',
        `A session watches at most ${this.#options.maxSubscriptions} users`,
      )
    }
    this.#bySubscriber.set(subscriber, own)
    const watched = wanted.map((userId) => {
      own.add(watchKey(projectId, userId))
      return this.#watch(subscriber, { projectId, userId })
    })
    await Promise.all(watched.map((entry) => entry.first))
    return watched.map((entry) => entry.told ?? { userId: entry.userId, status: 'offline', platforms: [] })
  }

  /** Answers how many of these were watched. */
  unsubscribe(subscriber: Subscriber, userIds: readonly string[]): number {
    const own = this.#bySubscriber.get(subscriber)
    if (!own) return 0
    let count = 0
    for (const userId of userIds) {
      const key = watchKey(subscriber.projectId, userId)
      if (!own.delete(key)) continue
      this.#unwatch(subscriber, key)
      count++
    }
    if (own.size === 0) this.#bySubscriber.delete(subscriber)
    return count
  }

  /** Drops all a subscriber watched; to be called when its connection ends. */
  drop(subscriber: Subscriber): void {
    for (const key of this.#bySubscriber.get(subscriber) ?? []) this.#unwatch(subscriber, key)
    this.#bySubscriber.delete(subscriber)
  }

  #watch(subscriber: Subscriber, user: UserRef): Watched<Subscriber> {
    const key = watchKey(user.projectId, user.userId)
    const known = this.#watched.get(key)
    if (known) {
      known.subscribers.add(subscriber)
      return known
    }
    const first = this.#reads.submit(user)
    const entry: Watched<Subscriber> = {
      projectId: user.projectId,
      userId: user.userId,
      subscribers: new Set([subscriber]),
      told: undefined,
      dueAtMs: undefined,
      first,
    }
    this.#watched.set(key, entry)
    entry.first = first.then(
      (presence) => {
        entry.told = withoutKnown(presence)
      },
      (error: unknown) => {
        this.#discard(key, entry)
        throw error
      },
    )
    return entry
  }

  /** An entry whose first reading failed is nobody's: the next subscription reads again. */
  #discard(key: string, entry: Watched<Subscriber>): void {
    if (this.#watched.get(key) === entry) this.#watched.delete(key)
    for (const subscriber of entry.subscribers) this.#bySubscriber.get(subscriber)?.delete(key)
  }

  #unwatch(subscriber: Subscriber, key: string): void {
    const entry = this.#watched.get(key)
    entry?.subscribers.delete(subscriber)
    if (entry?.subscribers.size !== 0) return
    this.#watched.delete(key)
    this.#due.delete(entry)
  }

  #handleWake(payload: Json): void {
    if (!Array.isArray(payload)) {
      this.#rereadAll()
      return
    }
    const [projectId, ...userIds] = payload
    for (const userId of userIds) this.#reread(this.#watched.get(watchKey(String(projectId), String(userId))))
  }

  #rereadAll(): void {
    for (const entry of this.#watched.values()) this.#reread(entry)
  }

  #reread(entry: Watched<Subscriber> | undefined): void {
    if (!entry?.told) return
    this.#reads.submit(entry).then(
      (presence) => this.#settle(entry, withoutKnown(presence)),
      // The next wake-up or re-read tries again; the database tells of itself elsewhere.
      () => {
        entry.dueAtMs = undefined
      },
    )
  }

  #settle(entry: Watched<Subscriber>, now: Presence): void {
    const told = entry.told
    if (!told || entry.subscribers.size === 0) return
    const gained = now.platforms.some((platform) => !told.platforms.includes(platform))
    const lost = told.platforms.some((platform) => !now.platforms.includes(platform))
    if (!gained && lost && !this.#graceIsOver(entry)) return
    entry.dueAtMs = undefined
    this.#due.delete(entry)
    if (!gained && !lost) return
    entry.told = now
    this.#options.push(entry.subscribers, { presence: now })
  }

  #graceIsOver(entry: Watched<Subscriber>): boolean {
    const nowMs = Date.now()
    if (entry.dueAtMs !== undefined) return entry.dueAtMs <= nowMs
    entry.dueAtMs = nowMs + this.#options.graceMs
    this.#due.add(entry)
    this.#armTimer(this.#options.graceMs)
    return false
  }

  /** One timer for all losses, armed only while there are some. */
  #armTimer(waitMs: number): void {
    if (this.#dueTimer || this.#options.scope.closed) return
    this.#dueTimer = setTimeout(() => {
      this.#dueTimer = undefined
      this.#rereadDue()
    }, waitMs)
  }

  #rereadDue(): void {
    const nowMs = Date.now()
    for (const entry of this.#due) {
      if (entry.dueAtMs !== undefined && entry.dueAtMs > nowMs) {
        this.#armTimer(entry.dueAtMs - nowMs)
        return
      }
      this.#due.delete(entry)
      this.#reread(entry)
    }
  }

  #publishChanged(): void {
    const byProject = new Map<string, string[]>()
    for (const { projectId, userId } of this.#changed.values()) {
      const userIds = byProject.get(projectId)
      if (userIds) userIds.push(userId)
      else byProject.set(projectId, [userId])
    }
    this.#changed.clear()
    for (const [projectId, userIds] of byProject) {
      for (const chunk of chunksOfBytes(userIds, maxMessageBytes)) {
        this.#options.bus.publish(changedTopic, [projectId, ...chunk])
      }
    }
  }
}

function* chunksOfBytes(userIds: readonly string[], limit: number): Generator<string[]> {
  let chunk: string[] = []
  let bytes = 0
  for (const userId of userIds) {
    const size = Buffer.byteLength(JSON.stringify(userId)) + 1
    if (bytes + size > limit && chunk.length > 0) {
      yield chunk
      chunk = []
      bytes = 0
    }
    chunk.push(userId)
    bytes += size
  }
  if (chunk.length > 0) yield chunk
}

function withoutKnown({ known: _, ...presence }: KnownPresence): Presence {
  return presence
}

function watchKey(projectId: string, userId: string): string {
  return `${projectId} ${userId}`
}
