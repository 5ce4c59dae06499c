import type { FileHandle } from 'node:fs/promises'

const batchBytes = 1_048_576

/** After so many bytes the disk is told to begin: at the end there is little left to wait for. */
const syncBytes = 33_554_432

/**
 * Writes what comes to a file in batches of a MiB, one of which is on its way while the next is gathered. Holds two
 * batches at most.
 */
export class FileWriter {
  readonly #file: FileHandle
  /** End of what was handed over, and of what is in the file once `flush` has resolved. */
  position: number
  #gathered: Uint8Array[] = []
  #gatheredBytes = 0
  #writing: Promise<void> = Promise.resolve()
  #syncing: Promise<void> | undefined
  #sinceSync = 0

  constructor(file: FileHandle, position: number) {
    this.#file = file
    this.position = position
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#gathered.push(chunk)
    this.#gatheredBytes += chunk.length
    this.position += chunk.length
    if (this.#gatheredBytes >= batchBytes) await this.#send()
  }

  /** Resolves once all that was handed over is in the file; that is not yet durable. */
  async flush(): Promise<void> {
    await this.#send()
    await this.#writing
    await this.#syncing
  }

  async #send(): Promise<void> {
    const chunks = this.#gathered
    const at = this.position - this.#gatheredBytes
    this.#gathered = []
    this.#gatheredBytes = 0
    await this.#writing
    if (chunks.length === 0) return
    this.#beginSync()
    this.#writing = this.#writeAll(chunks, at)
    // Thrown to whoever waits for it next; until then it is nobody's.
    this.#writing.catch(() => undefined)
  }

  #beginSync(): void {
    this.#sinceSync += batchBytes
    if (this.#sinceSync < syncBytes || this.#syncing !== undefined) return
    this.#sinceSync = 0
    const syncing = this.#file.datasync()
    this.#syncing = syncing.then(() => {
      this.#syncing = undefined
    })
    this.#syncing.catch(() => undefined)
  }

  /** A single write may take less than it was given, the more so on a full disk. */
  async #writeAll(chunks: Uint8Array[], position: number): Promise<void> {
    const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : undefined
    if (bytes === undefined) {
      const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      const { bytesWritten } = await this.#file.writev(chunks, position)
      if (bytesWritten < length) await this.#writeRest(Buffer.concat(chunks), bytesWritten, position)
    } else await this.#writeRest(bytes, 0, position)
  }

  async #writeRest(bytes: Uint8Array, from: number, position: number): Promise<void> {
    for (let offset = from; offset < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, offset, undefined, position + offset)
      offset += bytesWritten
    }
  }
}
