import { createHash } from 'node:crypto'
import { AppError } from '@parley/contracts'
import type { PutOptions } from './object-store.ts'

/** Passes content on while it holds it against its announced size and hash. */
export class MeasuredContent {
  readonly #content: AsyncIterable<Uint8Array>
  readonly #options: PutOptions
  readonly #hash = createHash('sha256')
  #size = 0

  constructor(content: AsyncIterable<Uint8Array>, options: PutOptions) {
    this.#content = content
    this.#options = options
  }

  /** Throws `size-mismatch` before a byte too many is passed on. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#content) {
      this.#size += chunk.length
      if (this.#size > this.#options.sizeBytes) throw this.#wrongSize('more')
      this.#hash.update(chunk)
      yield chunk
    }
  }

  /** The hash of all that was passed on. Throws `size-mismatch` or `checksum-mismatch`. */
  finish(): string {
    if (this.#size < this.#options.sizeBytes) throw this.#wrongSize('fewer')
    const sha256 = this.#hash.digest('hex')
    const { sha256: wanted } = this.#options
    if (wanted !== undefined && wanted !== sha256) {
      throw new AppError('checksum-mismatch', `The content has the SHA-256 ${sha256}`)
    }
    return sha256
  }

  #wrongSize(how: 'more' | 'fewer'): AppError {
    return new AppError('size-mismatch', `${how} than the ${this.#options.sizeBytes} bytes announced came`)
  }
}
