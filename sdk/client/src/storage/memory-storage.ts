import type { Storage, StorageChange, StorageRange, StorageRecord, StorageTable } from './storage.ts'

/** Keeps everything in this process: the default outside of browsers. */
export class MemoryStorage implements Storage {
  readonly #tables: Record<StorageTable, Map<string, unknown>> = {
    state: new Map(),
    conversations: new Map(),
    entries: new Map(),
    outbox: new Map(),
  }
  readonly #held = new Set<string>()

  async read(table: StorageTable, range?: StorageRange): Promise<StorageRecord[]> {
    const records: StorageRecord[] = []
    for (const [key, value] of this.#tables[table]) {
      if (!range || (key >= range.from && key <= range.to))
        records.push({ key, value: structuredClone(value) })
    }
    records.sort((one, other) => (one.key < other.key ? -1 : 1))
    if (range?.lastFirst) records.reverse()
    return records.slice(0, range?.limit)
  }

  async write(changes: readonly StorageChange[]): Promise<void> {
    for (const change of changes) {
      const table = this.#tables[change.table]
      if ('put' in change) table.set(change.put.key, structuredClone(change.put.value))
      else if (change.delete.from === change.delete.to) table.delete(change.delete.from)
      else {
        for (const key of table.keys()) {
          if (key >= change.delete.from && key <= change.delete.to) table.delete(key)
        }
      }
    }
  }

  lease(name: string, onHeld: () => void): () => void {
    this.#held.add(name)
    onHeld()
    return () => {
      this.#held.delete(name)
    }
  }

  async leased(): Promise<string[]> {
    return [...this.#held]
  }

  close(): void {
    // What is kept stays, so that a client opened again on the same object finds it.
  }
}

export function memoryStorage(): MemoryStorage {
  return new MemoryStorage()
}
