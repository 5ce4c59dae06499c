import { ParleyError } from '../parley-error.ts'
import type { Storage, StorageChange, StorageRange, StorageRecord, StorageTable } from './storage.ts'

const tables: StorageTable[] = ['state', 'conversations', 'entries', 'outbox']

export interface IndexedDbOptions {
  factory?: IDBFactory
  keyRange?: typeof IDBKeyRange
  locks?: LockManager
}

/** One IndexedDB database a user, shared by the tabs of an origin; leases are Web Locks. */
export class IndexedDbStorage implements Storage {
  readonly #name: string
  readonly #database: IDBDatabase
  readonly #keyRange: typeof IDBKeyRange
  readonly #locks: LockManager | undefined

  private constructor(name: string, database: IDBDatabase, options: IndexedDbOptions) {
    this.#name = name
    this.#database = database
    this.#keyRange = options.keyRange ?? IDBKeyRange
    // Web Locks exist on secure origins only.
    this.#locks = options.locks ?? (globalThis.navigator?.locks as LockManager | undefined)
    // Another tab may want to delete or upgrade the database; holding on would block it for ever.
    database.onversionchange = () => database.close()
  }

  static async open(name: string, options: IndexedDbOptions = {}): Promise<IndexedDbStorage> {
    const request = (options.factory ?? indexedDB).open(name, 1)
    request.onupgradeneeded = () => {
      for (const table of tables) request.result.createObjectStore(table)
    }
    return new IndexedDbStorage(name, await answer(request), options)
  }

  async read(table: StorageTable, range?: StorageRange): Promise<StorageRecord[]> {
    const store = this.#database.transaction(table, 'readonly').objectStore(table)
    const bounds = range ? this.#keyRange.bound(range.from, range.to) : null
    if (!range?.lastFirst) {
      const keys = answer(store.getAllKeys(bounds, range?.limit))
      const values = await answer<unknown[]>(store.getAll(bounds, range?.limit))
      return (await keys).map((key, index) => ({ key: String(key), value: values[index] }))
    }
    const records: StorageRecord[] = []
    const limit = range.limit ?? Number.POSITIVE_INFINITY
    const request = store.openCursor(bounds, 'prev')
    return new Promise((resolve, reject) => {
      request.onerror = () => reject(request.error)
      request.onsuccess = () => {
        const cursor = request.result
        if (!cursor || records.length >= limit) return resolve(records)
        records.push({ key: String(cursor.key), value: cursor.value })
        cursor.continue()
      }
    })
  }

  write(changes: readonly StorageChange[]): Promise<void> {
    if (changes.length === 0) return Promise.resolve()
    const touched = [...new Set(changes.map(({ table }) => table))]
    const transaction = this.#database.transaction(touched, 'readwrite')
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => {
        reject(new ParleyError('storage-full', 'The browser did not store it', { cause: transaction.error }))
      }
    })
    for (const change of changes) {
      const store = transaction.objectStore(change.table)
      if ('put' in change) store.put(change.put.value, change.put.key)
      else store.delete(this.#keyRange.bound(change.delete.from, change.delete.to))
    }
    return done
  }

  lease(name: string, onHeld: () => void): () => void {
    const stop = new AbortController()
    let release: () => void = () => undefined
    const held = () => {
      onHeld()
      return new Promise<void>((resolve) => {
        release = resolve
      })
    }
    this.#locks?.request(this.#lockName(name), { signal: stop.signal }, held).catch((error: unknown) => {
      if (!stop.signal.aborted) throw error
    })
    return () => {
      stop.abort()
      release()
    }
  }

  async leased(): Promise<string[]> {
    const prefix = this.#lockName('')
    const { held = [] } = (await this.#locks?.query()) ?? {}
    return held.flatMap(({ name }) => (name?.startsWith(prefix) ? [name.slice(prefix.length)] : []))
  }

  close(): void {
    this.#database.close()
  }

  #lockName(name: string): string {
    return `${this.#name}\n${name}`
  }
}

/** Cache and outbox in IndexedDB: the default in browsers. `name` keeps several clients of one page apart. */
export function indexedDbStorage(
  options: IndexedDbOptions = {},
): (name: string) => Promise<IndexedDbStorage> {
  return (name) => IndexedDbStorage.open(name, options)
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
