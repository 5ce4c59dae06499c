import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip, type Gzip } from 'node:zlib'
import { BackupError } from './backup-error.ts'
import type { Part } from './manifest.ts'

/** What goes into one part before it is compressed. Bytes. */
const partBytes = 64 * 1024 * 1024
/** Text of rows shrinks little more at higher levels, and takes far longer. */
const compressionLevel = 3

/** Cuts a stream into compressed files `<name>.<n>.gz` below `folder`. `onBytes` hears of what was taken. */
export async function writeParts(
  source: AsyncIterable<Buffer>,
  folder: string,
  name: string,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<Part[]> {
  const parts: Part[] = []
  let current: PartWriter | undefined
  try {
    for await (const chunk of source) {
      current ??= await PartWriter.open(folder, `${name}.${parts.length + 1}.gz`)
      await current.write(chunk)
      onBytes(chunk.length)
      if (current.taken < partBytes) continue
      parts.push(await current.finish())
      current = undefined
    }
    if (current !== undefined) parts.push(await current.finish())
    return parts
  } catch (error) {
    current?.abandon()
    throw error
  }
}

class PartWriter {
  readonly #file: string
  readonly #gzip: Gzip
  readonly #hash = createHash('sha256')
  readonly #written: Promise<void>
  #bytes = 0
  taken = 0

  private constructor(folder: string, file: string) {
    this.#file = file
    this.#gzip = createGzip({ level: compressionLevel })
    const hash = this.#hash
    const count = (length: number) => {
      this.#bytes += length
    }
    this.#written = pipeline(
      this.#gzip,
      async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          hash.update(chunk)
          count(chunk.length)
          yield chunk
        }
      },
      createWriteStream(join(folder, file), { mode: 0o600, flush: true }),
    )
    // A failure is met at the next write or at the end.
    this.#written.catch(() => undefined)
  }

  static async open(folder: string, file: string): Promise<PartWriter> {
    await mkdir(dirname(join(folder, file)), { recursive: true, mode: 0o700 })
    return new PartWriter(folder, file)
  }

  async write(chunk: Buffer): Promise<void> {
    this.taken += chunk.length
    if (this.#gzip.destroyed) return this.#written
    if (!this.#gzip.write(chunk)) await Promise.race([once(this.#gzip, 'drain'), this.#written])
  }

  async finish(): Promise<Part> {
    this.#gzip.end()
    await this.#written
    return { file: this.#file, bytes: this.#bytes, sha256: this.#hash.digest('hex') }
  }

  abandon(): void {
    this.#gzip.destroy()
  }
}

/** Reads a part whole and throws a BackupError unless it is what was written. */
export async function verifyPart(folder: string, part: Part): Promise<void> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(join(folder, part.file))) hash.update(chunk as Buffer)
  } catch (cause) {
    throw new BackupError(`${part.file} of the backup cannot be read: ${String(cause)}`, { cause })
  }
  if (hash.digest('hex') !== part.sha256)
    throw new BackupError(`${part.file} of the backup is damaged: its SHA-256 is not that of the manifest`)
}

/** What the parts hold, uncompressed, in order. */
export async function* readParts(folder: string, parts: readonly Part[]): AsyncGenerator<Buffer> {
  for (const part of parts) {
    const gunzip = createGunzip()
    const reading = pipeline(createReadStream(join(folder, part.file)), gunzip)
    reading.catch(() => undefined)
    for await (const chunk of gunzip) yield chunk as Buffer
    await reading
  }
}

/** Lines of the parts, without their ends. */
export async function* readLines(folder: string, parts: readonly Part[]): AsyncGenerator<string> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of readParts(folder, parts)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}
