import type { Conversation, Users } from '@parley/client'
import { useCallback, useSyncExternalStore } from 'react'
import { useParley } from '../parley-context.ts'

export type NameOf = (userId: string) => string

/** What is known of the names of users, for all components of one client. */
class NameBook {
  readonly #users: Users
  readonly #names = new Map<string, string>()
  readonly #asked = new Set<string>()
  readonly #listeners = new Set<() => void>()
  nameOf: NameOf

  constructor(users: Users) {
    this.#users = users
    this.nameOf = this.#makeNameOf()
  }

  listen(changed: () => void): () => void {
    this.#listeners.add(changed)
    return () => this.#listeners.delete(changed)
  }

  /** A new function after every change, so that what renders by it renders again. */
  #makeNameOf(): NameOf {
    return (userId) => {
      const known = this.#names.get(userId)
      if (known === undefined && userId !== '' && !this.#asked.has(userId)) {
        this.#asked.add(userId)
        queueMicrotask(() => void this.#ask(userId))
      }
      return known ?? capitalised(userId)
    }
  }

  async #ask(userId: string): Promise<void> {
    try {
      const { name } = await this.#users.get(userId)
      if (!name || name === capitalised(userId)) return
      this.#names.set(userId, name)
      this.nameOf = this.#makeNameOf()
      for (const changed of this.#listeners) changed()
    } catch {
      this.#asked.delete(userId)
    }
  }
}

const books = new WeakMap<Users, NameBook>()

/** Names of users: the id until the profile has come. */
export function useNames(): NameOf {
  const { users } = useParley()
  let book = books.get(users)
  if (!book) {
    book = new NameBook(users)
    books.set(users, book)
  }
  const known = book
  const subscribe = useCallback((changed: () => void) => known.listen(changed), [known])
  return useSyncExternalStore(subscribe, () => known.nameOf)
}

/** What a conversation is called: the other user, or the name of the group. */
export function titleOf(conversation: Conversation, nameOf: NameOf): string {
  const { view, peerId } = conversation
  if (peerId !== undefined) return nameOf(peerId)
  return view?.name ?? '…'
}

/** What stands for a name until the profile is there. */
export function capitalised(userId: string): string {
  return userId.charAt(0).toUpperCase() + userId.slice(1)
}
