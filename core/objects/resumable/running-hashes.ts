import { createHash, type Hash } from 'node:crypto'

const most = 1_000

/**
 * Hashes of files that arrive in pieces, as far as they have come to this process. Where one is missing (another
 * process took a piece, this one started anew) the whole file is read once more at its end.
 */
export class RunningHashes {
  readonly #hashes = new Map<string, { bytes: number; hash: Hash }>()

  /** A hash of the first `bytes` bytes to go on with, or undefined when those were not all seen. */
  take(key: string, bytes: number): Hash | undefined {
    if (bytes === 0) return createHash('sha256')
    const found = this.#hashes.get(key)
    return found?.bytes === bytes ? found.hash.copy() : undefined
  }

  keep(key: string, bytes: number, hash: Hash): void {
    this.#hashes.delete(key)
    this.#hashes.set(key, { bytes, hash })
    const [oldest] = this.#hashes.keys()
    if (this.#hashes.size > most && oldest !== undefined) this.#hashes.delete(oldest)
  }

  forget(key: string): void {
    this.#hashes.delete(key)
  }
}
