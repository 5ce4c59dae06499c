/** Bytes of a stored file, both ends included. */
export interface ByteSource {
  sizeBytes: number
  read(start: number, end: number): Promise<Buffer>
}

/** The file is not what it claims to be, or too long-winded to be looked through. */
export class MediaUnreadable extends Error {
  override readonly name = 'MediaUnreadable'
}

const blockBytes = 65_536
const mostBlocks = 48

/**
 * Reads here and there in a file, a block at a time, and gives up after 3 MiB: what a file tells of itself in more than
 * that is not worth the trouble it makes.
 */
export class MediaReader {
  readonly sizeBytes: number
  readonly #source: ByteSource
  readonly #blocks = new Map<number, Buffer>()

  constructor(source: ByteSource) {
    this.#source = source
    this.sizeBytes = source.sizeBytes
  }

  /** Exactly so many bytes, of one block or a few. Throws MediaUnreadable past the end. */
  async bytes(at: number, length: number): Promise<Buffer> {
    if (!Number.isSafeInteger(at) || at < 0 || length < 0 || at + length > this.sizeBytes) {
      throw new MediaUnreadable('the file ends early')
    }
    const parts: Buffer[] = []
    for (let from = at; from < at + length; ) {
      const index = Math.floor(from / blockBytes)
      const offset = from - index * blockBytes
      const block = await this.#block(index)
      const part = block.subarray(offset, offset + at + length - from)
      if (part.length === 0) throw new MediaUnreadable('the file ends early')
      parts.push(part)
      from += part.length
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
  }

  /** As many of these bytes as there are. */
  upTo(at: number, length: number): Promise<Buffer> {
    return this.bytes(at, Math.max(0, Math.min(length, this.sizeBytes - at)))
  }

  async #block(index: number): Promise<Buffer> {
    const known = this.#blocks.get(index)
    if (known !== undefined) return known
    if (this.#blocks.size >= mostBlocks) throw new MediaUnreadable('the file says too much')
    const start = index * blockBytes
    const block = await this.#source.read(start, Math.min(this.sizeBytes, start + blockBytes) - 1)
    this.#blocks.set(index, block)
    return block
  }
}
