import type { Conversation, Parley, Profiles } from '@parley/client'
import { profilesOf } from '@parley/client'
import { useCallback, useSyncExternalStore } from 'react'
import { useParley } from '../parley-context.ts'

export type NameOf = (userId: string) => string

/** The server answers so many profiles at once. */
const mostAtOnce = 100

interface KnownProfile {
  userId: string
  name?: string | undefined
  avatarUrl?: string | undefined
}

/** What is known of the names and pictures of users, for all components of one client. */
class NameBook {
  readonly #profiles: Profiles
  readonly #names = new Map<string, string>()
  readonly #pictures = new Map<string, string>()
  #remarks: ReadonlyMap<string, string> = new Map()
  readonly #asked = new Set<string>()
  #wanted: string[] = []
  readonly #listeners = new Set<() => void>()
  nameOf: NameOf

  constructor(parley: Parley) {
    this.#profiles = profilesOf(parley.chat)
    this.nameOf = this.#makeNameOf()
    // Lives as long as the client, whose closing takes its listeners away.
    parley.on('social', (event) => {
      if (event.type === 'profile.changed' && this.#asked.has(event.userId)) this.#want(event.userId)
    })
  }

  /** A profile was read. */
  handleProfile({ userId, name, avatarUrl }: KnownProfile): void {
    this.#asked.add(userId)
    const named = this.#take(userId, name)
    if (this.#takePicture(userId, avatarUrl) || named) this.#announce()
  }

  /** What the user calls friends goes before their own names. */
  handleRemarks(remarks: ReadonlyMap<string, string>): void {
    const same =
      remarks.size === this.#remarks.size &&
      [...remarks].every(([userId, remark]) => this.#remarks.get(userId) === remark)
    if (same) return
    this.#remarks = remarks
    this.#announce()
  }

  /** The address of what the user shows of themselves, once the profile has come. */
  pictureOf(userId: string): string | undefined {
    return this.#pictures.get(userId)
  }

  listen(changed: () => void): () => void {
    this.#listeners.add(changed)
    return () => this.#listeners.delete(changed)
  }

  /** A new function after every change, so that what renders by it renders again. */
  #makeNameOf(): NameOf {
    return (userId) => {
      const known = this.#remarks.get(userId) ?? this.#names.get(userId)
      if (userId !== '' && !this.#asked.has(userId)) {
        this.#asked.add(userId)
        this.#want(userId)
      }
      return known ?? capitalised(userId)
    }
  }

  /** All that one step of rendering wants is asked for together. */
  #want(userId: string): void {
    this.#wanted.push(userId)
    if (this.#wanted.length === 1) queueMicrotask(() => void this.#askAll())
  }

  async #askAll(): Promise<void> {
    const wanted = this.#wanted
    this.#wanted = []
    for (let start = 0; start < wanted.length; start += mostAtOnce) {
      await this.#ask(wanted.slice(start, start + mostAtOnce))
    }
  }

  async #ask(userIds: string[]): Promise<void> {
    try {
      const { items } = await this.#profiles.get(userIds)
      let changed = false
      for (const { userId, name, avatarUrl } of items) {
        changed = this.#take(userId, name) || changed
        changed = this.#takePicture(userId, avatarUrl) || changed
      }
      if (changed) this.#announce()
    } catch {
      for (const userId of userIds) this.#asked.delete(userId)
    }
  }

  /** Answers whether that is news. */
  #take(userId: string, name: string | undefined): boolean {
    const shown = name || capitalised(userId)
    if (shown === (this.#names.get(userId) ?? capitalised(userId))) return false
    this.#names.set(userId, shown)
    return true
  }

  #takePicture(userId: string, address: string | undefined): boolean {
    if (this.#pictures.get(userId) === address) return false
    if (address === undefined) this.#pictures.delete(userId)
    else this.#pictures.set(userId, address)
    return true
  }

  #announce(): void {
    this.nameOf = this.#makeNameOf()
    for (const changed of this.#listeners) changed()
  }
}

const books = new WeakMap<Parley, NameBook>()

export function nameBookOf(parley: Parley): NameBook {
  const known = books.get(parley) ?? new NameBook(parley)
  books.set(parley, known)
  return known
}

/** Names of users: the id until the profile has come, and for friends what the user calls them (see `useFriends`). */
export function useNames(): NameOf {
  const known = nameBookOf(useParley())
  const subscribe = useCallback((changed: () => void) => known.listen(changed), [known])
  return useSyncExternalStore(subscribe, () => known.nameOf)
}

/** The address of a user's picture, where the profile that `useNames` asked for has one. */
export function usePicture(userId: string): string | undefined {
  const known = nameBookOf(useParley())
  const subscribe = useCallback((changed: () => void) => known.listen(changed), [known])
  return useSyncExternalStore(subscribe, () => known.pictureOf(userId))
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
