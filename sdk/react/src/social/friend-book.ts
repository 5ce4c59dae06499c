import type { Friend, Friends, Parley } from '@parley/client'
import { friendsOf } from '@parley/client'
import { nameBookOf } from '../chat/use-names.ts'

export interface FriendList {
  status: 'loading' | 'ready' | 'failed'
  /** By user id. */
  friends: ReadonlyMap<string, Friend>
}

/** The user's own copy of the list of friends, one for all components of a client, in step while anybody listens. */
export class FriendBook {
  readonly friends: Friends
  readonly #parley: Parley
  readonly #listeners = new Set<() => void>()
  #list: FriendList = { status: 'loading', friends: new Map() }
  #version = 0
  #stops: (() => void)[] = []
  #running: Promise<void> | undefined
  #again = false

  constructor(parley: Parley) {
    this.#parley = parley
    this.friends = friendsOf(parley.chat)
  }

  /** A new object after every change. */
  get list(): FriendList {
    return this.#list
  }

  listen(changed: () => void): () => void {
    this.#listeners.add(changed)
    if (this.#listeners.size === 1) this.#start()
    return () => {
      this.#listeners.delete(changed)
      if (this.#listeners.size > 0) return
      for (const stop of this.#stops) stop()
      this.#stops = []
    }
  }

  /** Reads what changed; called while it reads, it reads once more afterwards. */
  sync(): Promise<void> {
    if (this.#running) this.#again = true
    this.#running ??= this.#read().finally(() => {
      this.#running = undefined
      if (!this.#again) return
      this.#again = false
      void this.sync()
    })
    return this.#running
  }

  #start(): void {
    this.#stops = [
      this.#parley.chat.on('sync', () => void this.sync()),
      this.#parley.on('social', ({ type }) => {
        if (type === 'friend.changed') void this.sync()
      }),
    ]
    void this.sync()
  }

  async #read(): Promise<void> {
    const friends = new Map(this.#list.friends)
    let version = this.#version
    try {
      for (let more = true; more; ) {
        const page = await this.friends.changes(version)
        for (const { userId, friend } of page.items) {
          if (friend) friends.set(userId, friend)
          else friends.delete(userId)
        }
        version = page.version
        more = page.more
      }
      this.#version = version
      this.#show({ status: 'ready', friends })
    } catch {
      // Read again after the next connection.
      if (this.#list.status === 'loading') this.#show({ ...this.#list, status: 'failed' })
    }
  }

  #show(list: FriendList): void {
    this.#list = list
    const remarks = [...list.friends.values()].flatMap(({ userId, remark }) =>
      remark ? [[userId, remark] as const] : [],
    )
    nameBookOf(this.#parley).handleRemarks(new Map(remarks))
    for (const changed of this.#listeners) changed()
  }
}

const books = new WeakMap<Parley, FriendBook>()

export function friendBookOf(parley: Parley): FriendBook {
  const known = books.get(parley) ?? new FriendBook(parley)
  books.set(parley, known)
  return known
}
