import type { Grants } from '@parley/contracts'
import type { UserCaller } from '@parley/core/auth'

/** What a session knows from its token, which another token of the same user may replace. */
export abstract class TokenSession {
  #caller: UserCaller

  constructor(caller: UserCaller) {
    this.#caller = caller
  }

  get caller(): UserCaller {
    return this.#caller
  }

  get projectId(): string {
    return this.#caller.projectId
  }

  get userId(): string {
    return this.#caller.userId
  }

  get keyId(): string {
    return this.#caller.keyId
  }

  get grants(): Grants | undefined {
    return this.#caller.grants
  }

  get issuedAtMs(): number {
    return this.#caller.issuedAtMs
  }

  get expiresAtMs(): number {
    return this.#caller.expiresAtMs
  }

  /** Takes over a newer token of the same user. */
  adopt(caller: UserCaller): void {
    this.#caller = caller
  }
}
