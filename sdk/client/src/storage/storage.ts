/** `state`: named values; `conversations`: by id; `entries`: by conversation and seq; `outbox`: by client id. */
export type StorageTable = 'state' | 'conversations' | 'entries' | 'outbox'

export interface StorageRecord {
  key: string
  value: unknown
}

/** Keys from `from` to `to`, both included, ascending, or the last ones first. */
export interface StorageRange {
  from: string
  to: string
  limit?: number
  lastFirst?: boolean
}

export type StorageChange =
  | { table: StorageTable; put: StorageRecord }
  | { table: StorageTable; delete: { from: string; to: string } }

/**
 * Where the client keeps its cache and outbox: ordered tables of structured-cloneable values under string keys,
 * compared by UTF-16 code units. Every store is held to the suite in `storage-contract.ts`.
 */
export interface Storage {
  read(table: StorageTable, range?: StorageRange): Promise<StorageRecord[]>
  /** All changes in their order, or none; visible to reads that start later. */
  write(changes: readonly StorageChange[]): Promise<void>
  /**
   * Asks for a name that one holder has at a time, over all tabs that share the store. `onHeld` runs once it is
   * ours; the returned function gives it back or stops waiting. A store that nobody shares grants at once, and one
   * that is shared without a way to lock never grants.
   */
  lease(name: string, onHeld: () => void): () => void
  /** Names that are held now, by whomever. */
  leased(): Promise<string[]>
  close(): void
}

/** Opens the store of one user on one installation; `name` is unique to both. */
export type OpenStorage = (name: string) => Promise<Storage> | Storage
