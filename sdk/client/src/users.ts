import type { User } from '@parley/contracts'
import { type Rest, segment } from './rest.ts'

/** Profiles of users. */
export class Users {
  readonly #rest: Rest
  readonly #known = new Map<string, Promise<User>>()

  constructor(rest: Rest) {
    this.#rest = rest
  }

  /** One profile, asked for once; a failure is not kept. Rejects with `user-not-found`. */
  get(userId: string): Promise<User> {
    const known = this.#known.get(userId)
    if (known) return known
    const asked = this.#rest.call<User>('GET', `/v1/users/${segment(userId)}`)
    this.#known.set(userId, asked)
    asked.catch(() => this.#known.delete(userId))
    return asked
  }

  /** The next `get` asks anew: the profile is said to be another now. */
  forget(userId: string): void {
    this.#known.delete(userId)
  }

  /** @internal A profile as it is now. */
  handleChanged(user: User): void {
    this.#known.set(user.id, Promise.resolve(user))
  }
}
