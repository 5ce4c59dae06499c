import { AppError } from '@parley/contracts'

export interface AdmissionLimits {
  maxConnections: number
  maxUnauthenticatedPerAddress: number
}

/** Counts connections, so that nobody can take more than a share before saying who they are. */
export class Admission {
  readonly #limits: AdmissionLimits
  readonly #unauthenticated = new Map<string, number>()
  #connections = 0

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
  }

  get connections(): number {
    return this.#connections
  }

  /** Throws an AppError with `too-many-connections`. */
  check(addressGroup: string): void {
    if (this.#connections >= this.#limits.maxConnections) {
      throw new AppError('too-many-connections', 'This server holds as many connections as it may')
    }
    if ((this.#unauthenticated.get(addressGroup) ?? 0) >= this.#limits.maxUnauthenticatedPerAddress) {
      throw new AppError('too-many-connections', 'Too many connections from here have not authenticated')
    }
  }

  enter(addressGroup: string): void {
    this.#connections++
    this.#unauthenticated.set(addressGroup, (this.#unauthenticated.get(addressGroup) ?? 0) + 1)
  }

  /** The connection has authenticated, or ended without. */
  settle(addressGroup: string): void {
    const count = this.#unauthenticated.get(addressGroup) ?? 0
    if (count <= 1) this.#unauthenticated.delete(addressGroup)
    else this.#unauthenticated.set(addressGroup, count - 1)
  }

  /** The socket is gone. */
  leave(): void {
    this.#connections--
  }
}
