import type { Logger } from '@parley/core/kernel'
import type { Database } from '@parley/core/store'
import { WordFilter } from './word-filter.ts'
import type { WordListStore } from './word-list-store.ts'

interface Entry {
  current: Promise<WordFilter>
  /** A compilation that will take its place, and whether another must follow it. */
  next: Promise<void> | undefined
  again: boolean
}

/**
 * The compiled filters of this process, each made at the first text of its project. While a changed list is compiled
 * the filter before it stays in use.
 */
export class WordFilters {
  readonly #entries = new Map<string, Entry>()
  readonly #options: { database: Database; store: WordListStore; logger: Logger; signal: AbortSignal }

  constructor(options: { database: Database; store: WordListStore; logger: Logger; signal: AbortSignal }) {
    this.#options = options
  }

  get(projectId: string): Promise<WordFilter> {
    const known = this.#entries.get(projectId)
    if (known) return known.current
    const entry: Entry = { current: this.#compile(projectId), next: undefined, again: false }
    this.#entries.set(projectId, entry)
    entry.current.catch(() => {
      if (this.#entries.get(projectId) === entry) this.#entries.delete(projectId)
    })
    return entry.current
  }

  /** Resolves once what was committed before the call is in use here. Throws when it could not be compiled. */
  async refresh(projectId: string): Promise<void> {
    const entry = this.#entries.get(projectId)
    if (entry === undefined) return
    if (entry.next !== undefined) entry.again = true
    entry.next ??= this.#renew(projectId, entry).finally(() => {
      entry.next = undefined
    })
    await entry.next
  }

  async #renew(projectId: string, entry: Entry): Promise<void> {
    await entry.current.catch(() => undefined)
    do {
      entry.again = false
      const filter = await this.#compile(projectId)
      entry.current = Promise.resolve(filter)
    } while (entry.again)
  }

  async #compile(projectId: string): Promise<WordFilter> {
    const { database, store, logger, signal } = this.#options
    const startMs = performance.now()
    const lists = await store.readAll(database.project(projectId))
    const filter = await WordFilter.compile(lists, signal)
    const words = lists.reduce((sum, { list }) => sum + list.wordCount, 0)
    if (words > 0) {
      logger.debug({ projectId, words, ms: Math.round(performance.now() - startMs) }, 'word lists compiled')
    }
    return filter
  }
}
