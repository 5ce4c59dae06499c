import type { Readable } from 'node:stream'

export interface PutOptions {
  /** Exactly so many bytes must come. */
  sizeBytes: number
  /** Lower-case hex; what comes must have it. */
  sha256?: string | undefined
}

export interface PutAnswer {
  /** Lower-case hex of what came. */
  sha256: string
  /** False when the key was taken already: what is there stays, what came is dropped. */
  created: boolean
}

/** A part of an object, both ends included. */
export interface ByteRange {
  start: number
  end: number
}

/**
 * How far an object that arrives in pieces has come. Plain JSON which the caller keeps; only the store that made it
 * reads what else is in it.
 */
export interface TransferProgress {
  /** So many bytes, from the first on, are durable. */
  receivedBytes: number
}

export interface AppendOptions {
  /** Of the whole object. No more than is missing is taken. */
  sizeBytes: number
  /**
   * Hears of progress while bytes come, and once more when they end or break off. Without it `append` takes all or
   * nothing: when it throws, the progress it was given still holds.
   */
  onDurable?: (progress: TransferProgress) => Promise<void>
}

/**
 * Where the bytes of files live. Keys are any text. An object is there whole or not at all, at every moment and
 * after every crash, and never changes: neither `put` nor `finish` replaces. Held to one contract suite by all adapters.
 */
export interface ObjectStore {
  /**
   * Answers once the bytes are durable. Throws `size-mismatch` (as soon as too many came), `checksum-mismatch`,
   * `storage-full`, or what the content threw; then nothing is left behind.
   */
  put(key: string, content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<PutAnswer>
  /** The bytes, for the caller to read or destroy. Throws `object-not-found`. */
  get(key: string, range?: ByteRange): Promise<Readable>
  stat(key: string): Promise<{ sizeBytes: number } | undefined>
  /** Fine when there is nothing. */
  delete(key: string): Promise<void>

  /** Makes place for an object that will arrive in pieces. Throws `storage-full`. */
  begin(key: string, sizeBytes: number): Promise<TransferProgress>
  /**
   * Adds bytes after those that `progress` tells of; what came after it earlier and was never told of is overwritten.
   * Throws `size-mismatch`, `storage-full`, `object-not-found` when the pieces are gone, or what the content threw.
   */
  append(
    key: string,
    progress: TransferProgress,
    content: AsyncIterable<Uint8Array>,
    options: AppendOptions,
  ): Promise<TransferProgress>
  /** Makes the whole object of its pieces. May be repeated after a crash; then, or when the key is taken, `created` is false. */
  finish(key: string, progress: TransferProgress): Promise<{ created: boolean }>
  /** Removes the pieces. Fine when there are none. */
  discard(key: string, progress: TransferProgress): Promise<void>
  /**
   * Removes what killed processes left behind, once it is older than this: all pieces but those of `alive` keys. Answers
   * how much went.
   */
  sweep(olderThanMs: number, alive: ReadonlySet<string>): Promise<number>
}
