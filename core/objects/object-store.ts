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
 * Where the bytes of files live. Keys are any text. An object is there whole or not at all, at every moment and
 * after every crash, and never changes: `put` does not replace. Held to one contract suite by all adapters.
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
}
