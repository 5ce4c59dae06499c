import type { Policy } from './audit-store.ts'

const maxProjects = 10_000

/** Policies of projects in memory, forgotten when they change. */
export class Policies {
  readonly #read: (projectId: string) => Promise<Policy>
  readonly #known = new Map<string, Promise<Policy>>()

  constructor(read: (projectId: string) => Promise<Policy>) {
    this.#read = read
  }

  get(projectId: string): Promise<Policy> {
    const known = this.#known.get(projectId)
    if (known) return known
    if (this.#known.size >= maxProjects) this.#known.clear()
    const read = this.#read(projectId)
    this.#known.set(projectId, read)
    read.catch(() => this.forget(projectId))
    return read
  }

  forget(projectId: string): void {
    this.#known.delete(projectId)
  }
}
