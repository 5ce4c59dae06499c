interface Entry {
  list: Promise<ReadonlySet<string>>
  weight: number
}

/**
 * Block lists of users who were asked about lately, in memory: a look costs no query. A change makes a list
 * forgotten; a reading that was under way then counts for those who asked before, and is not kept.
 */
export class BlockView {
  readonly #entries = new Map<string, Entry>()
  readonly #read: (projectId: string, userId: string) => Promise<readonly string[]>
  readonly #capacity: number
  #weight = 0

  constructor(options: {
    read: (projectId: string, userId: string) => Promise<readonly string[]>
    /** Users and those they block, counted together. */
    capacity: number
  }) {
    this.#read = options.read
    this.#capacity = options.capacity
  }

  /** What is kept, in users and those they block. */
  get weight(): number {
    return this.#weight
  }

  async blocks(projectId: string, userId: string, otherId: string): Promise<boolean> {
    return (await this.#list(projectId, userId)).has(otherId)
  }

  forget(projectId: string, userId: string): void {
    const key = keyOf(projectId, userId)
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#weight -= entry.weight
  }

  #list(projectId: string, userId: string): Promise<ReadonlySet<string>> {
    const key = keyOf(projectId, userId)
    const known = this.#entries.get(key)
    if (known !== undefined) {
      this.#entries.delete(key)
      this.#entries.set(key, known)
      return known.list
    }
    const entry: Entry = { list: this.#read(projectId, userId).then((ids) => new Set(ids)), weight: 1 }
    this.#entries.set(key, entry)
    this.#weight++
    entry.list.then(
      ({ size }) => this.#weigh(key, entry, size),
      () => this.#discard(key, entry),
    )
    return entry.list
  }

  #weigh(key: string, entry: Entry, size: number): void {
    if (this.#entries.get(key) !== entry) return
    entry.weight += size
    this.#weight += size
    for (const [oldest, { weight }] of this.#entries) {
      if (this.#weight <= this.#capacity || oldest === key) return
      this.#entries.delete(oldest)
      this.#weight -= weight
    }
  }

  #discard(key: string, entry: Entry): void {
    if (this.#entries.get(key) !== entry) return
    this.#entries.delete(key)
    this.#weight -= entry.weight
  }
}

/** Project ids never hold a space. */
function keyOf(projectId: string, userId: string): string {
  return `${projectId} ${userId}`
}
