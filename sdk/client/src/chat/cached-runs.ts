/** Which entries of a conversation are stored: all from `from` to `to`. */
export interface CachedRun {
  from: number
  to: number
  /** Ascends with every change of any run: the lowest was untouched for longest. */
  touched: number
}

export interface CacheBounds {
  /** Entries of one conversation. */
  perConversation: number
  /** Entries of all conversations together. */
  inAll: number
}

/** Entries of a conversation before `below` are to be deleted. */
export interface Cut {
  conversationId: string
  below: number
}

const defaultBounds: CacheBounds = { perConversation: 1_000, inAll: 20_000 }
/** So much of a run stays, at first, when room is made for others: about a page. */
const pageLeft = 50

/**
 * Which entries the cache holds and which have to go. A run that has grown by a tenth over its bound is cut back to it,
 * so that not every entry costs a deletion. No I/O.
 */
export class CachedRuns {
  readonly #bounds: CacheBounds
  readonly #runs = new Map<string, CachedRun>()
  #count = 0
  #touched = 0

  constructor(bounds: CacheBounds = defaultBounds) {
    this.#bounds = bounds
  }

  get count(): number {
    return this.#count
  }

  at(conversationId: string): CachedRun | undefined {
    return this.#runs.get(conversationId)
  }

  /** A run that the storage holds already. */
  take(conversationId: string, run: CachedRun): void {
    this.drop(conversationId)
    this.#runs.set(conversationId, { ...run })
    this.#count += run.to - run.from + 1
    this.#touched = Math.max(this.#touched, run.touched)
  }

  /** Adds `first` to `last`, if that continues the run or is newer; answers what has to go for it. */
  add(conversationId: string, first: number, last: number): { taken: boolean; cuts: Cut[] } {
    const cuts: Cut[] = []
    const known = this.#runs.get(conversationId)
    if (known && last < known.from - 1) return { taken: false, cuts }
    const run = known ?? { from: first, to: first - 1, touched: 0 }
    this.#runs.set(conversationId, run)
    run.touched = ++this.#touched
    if (first > run.to + 1) {
      cuts.push({ conversationId, below: first })
      this.#count -= run.to - run.from + 1
      run.from = first
      run.to = first - 1
    }
    const before = run.to - run.from + 1
    run.from = Math.min(run.from, first)
    run.to = Math.max(run.to, last)
    this.#count += run.to - run.from + 1 - before
    const { perConversation, inAll } = this.#bounds
    if (run.to - run.from + 1 > perConversation * 1.1) cuts.push(this.#cut(conversationId, perConversation))
    if (this.#count > inAll * 1.1) this.#makeRoom(inAll, cuts)
    return { taken: true, cuts }
  }

  drop(conversationId: string): void {
    const run = this.#runs.get(conversationId)
    if (!run) return
    this.#count -= run.to - run.from + 1
    this.#runs.delete(conversationId)
  }

  clear(): void {
    this.#runs.clear()
    this.#count = 0
  }

  /** Runs that rested for longest keep a page; when that is not enough, they go as a whole. */
  #makeRoom(inAll: number, cuts: Cut[]): void {
    for (const left of [pageLeft, 0]) {
      const resting = [...this.#runs].sort(([, one], [, other]) => one.touched - other.touched)
      for (const [conversationId, { from, to, touched }] of resting) {
        if (this.#count <= inAll) return
        if (to - from + 1 > left && touched < this.#touched) cuts.push(this.#cut(conversationId, left))
      }
    }
  }

  #cut(conversationId: string, left: number): Cut {
    const run = this.#runs.get(conversationId)
    if (!run) return { conversationId, below: 0 }
    const below = run.to - left + 1
    this.#count -= below - run.from
    run.from = below
    if (left === 0) this.#runs.delete(conversationId)
    return { conversationId, below }
  }
}
