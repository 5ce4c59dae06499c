import type { Presence as UserPresence } from '@parley/contracts'
import type { Request } from './connection/connection.ts'
import { Emitter } from './emitter.ts'

export interface PresenceEvents {
  changed: UserPresence
}

/** Who is online, for the users that were subscribed to; subscriptions outlive the connection. */
export class Presence extends Emitter<PresenceEvents> {
  readonly #request: Request
  readonly #subscribed = new Set<string>()
  readonly #known = new Map<string, UserPresence>()

  constructor(request: Request) {
    super()
    this.#request = request
  }

  /** The last known presence of a user subscribed to. */
  get(userId: string): UserPresence | undefined {
    return this.#known.get(userId)
  }

  async subscribe(userIds: readonly string[]): Promise<UserPresence[]> {
    const fresh = userIds.filter((userId) => !this.#subscribed.has(userId))
    for (const userId of fresh) this.#subscribed.add(userId)
    if (fresh.length > 0) await this.#ask(fresh)
    return userIds.flatMap((userId) => this.#known.get(userId) ?? [])
  }

  async unsubscribe(userIds: readonly string[]): Promise<void> {
    const known = userIds.filter((userId) => this.#subscribed.delete(userId))
    for (const userId of known) this.#known.delete(userId)
    if (known.length > 0) await this.#request('presence.unsubscribe', { userIds: known }, { resend: true })
  }

  /** @internal */
  async handleConnected(): Promise<void> {
    if (this.#subscribed.size > 0) await this.#ask([...this.#subscribed])
  }

  /** @internal */
  handleChanged(presence: UserPresence): void {
    if (!this.#subscribed.has(presence.userId)) return
    this.#known.set(presence.userId, presence)
    this.emit('changed', presence)
  }

  async #ask(userIds: string[]): Promise<void> {
    for (let start = 0; start < userIds.length; start += 500) {
      const some = userIds.slice(start, start + 500)
      const { items } = await this.#request('presence.subscribe', { userIds: some }, { resend: true })
      for (const item of items) this.handleChanged(item)
    }
  }
}
