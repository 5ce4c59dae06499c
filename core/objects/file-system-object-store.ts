import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, link, mkdir, open, readdir, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { AppError } from '@parley/contracts'
import { MeasuredContent } from './measured-content.ts'
import type { ByteRange, ObjectStore, PutAnswer, PutOptions } from './object-store.ts'

export interface FileSystemObjectStoreOptions {
  /** A folder of its own; made when it is not there. */
  folder: string
  /** Room that `put` leaves on the disk. Bytes. */
  minFreeBytes: number
}

/**
 * Objects as files named by the SHA-256 of their key, so that no key can leave the folder. Bytes go to a file of
 * `incoming/`, which is synchronised and then linked to its name: `link` fails where a name is taken.
 */
export class FileSystemObjectStore implements ObjectStore {
  readonly #options: FileSystemObjectStoreOptions

  constructor(options: FileSystemObjectStoreOptions) {
    this.#options = options
  }

  async put(key: string, content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<PutAnswer> {
    const incoming = join(this.#incoming, randomUUID())
    try {
      await makeFolder(this.#incoming)
      await this.#requireRoom(options.sizeBytes)
      const sha256 = await writeDurably(incoming, content, options)
      return { sha256, created: await this.#publish(incoming, this.#path(key)) }
    } catch (error) {
      throw isFull(error) ? new AppError('storage-full', undefined, { cause: error }) : error
    } finally {
      await rm(incoming, { force: true })
    }
  }

  async get(key: string, range?: ByteRange): Promise<Readable> {
    const handle = await openIfThere(this.#path(key))
    if (handle === undefined) throw new AppError('object-not-found')
    if (range === undefined) return handle.createReadStream()
    return handle.createReadStream({ start: range.start, end: range.end })
  }

  async stat(key: string): Promise<{ sizeBytes: number } | undefined> {
    const found = await ifThere(stat(this.#path(key)))
    return found && { sizeBytes: found.size }
  }

  async delete(key: string): Promise<void> {
    await rm(this.#path(key), { force: true })
  }

  /** Removes what killed processes left in `incoming/`. Answers how many files went. */
  async sweep(olderThanMs: number): Promise<number> {
    const names = (await ifThere(readdir(this.#incoming))) ?? []
    let removed = 0
    for (const name of names) {
      const path = join(this.#incoming, name)
      const found = await ifThere(stat(path))
      if (found === undefined || Date.now() - found.mtimeMs < olderThanMs) continue
      await rm(path, { force: true })
      removed++
    }
    return removed
  }

  get #incoming(): string {
    return join(this.#options.folder, 'incoming')
  }

  #path(key: string): string {
    const name = createHash('sha256').update(key).digest('hex')
    return join(this.#options.folder, 'stored', name.slice(0, 2), name.slice(2, 4), name)
  }

  async #requireRoom(sizeBytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#incoming)
    if (bavail * bsize - sizeBytes < this.#options.minFreeBytes) throw new AppError('storage-full')
  }

  /** Gives the file its name, durably. Answers false when the name is taken. */
  async #publish(incoming: string, path: string): Promise<boolean> {
    await makeFolder(dirname(path))
    try {
      await link(incoming, path)
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      throw error
    }
    await syncFolder(dirname(path))
    return true
  }
}

async function writeDurably(
  path: string,
  content: AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<string> {
  const measured = new MeasuredContent(content, options)
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of measured.chunks()) await writeAll(file, chunk)
    const sha256 = measured.finish()
    await file.sync()
    return sha256
  } finally {
    await file.close()
  }
}

/** A single write may take less than it was given, the more so on a full disk. */
async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let offset = 0; offset < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, offset)
    offset += bytesWritten
  }
}

/** Made with its parents; the name of each new folder is synchronised into the one above. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let at = folder; at.length >= first.length; at = dirname(at)) await syncFolder(dirname(at))
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function openIfThere(path: string): Promise<FileHandle | undefined> {
  return ifThere(open(path, 'r'))
}

async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(codeOf(error) ?? '')
}
