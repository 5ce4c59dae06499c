import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, link, mkdir, open, readdir, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { AppError } from '@parley/contracts'
import { FileWriter } from './file-writer.ts'
import { MeasuredContent } from './measured-content.ts'
import type {
  AppendOptions,
  ByteRange,
  ObjectStore,
  PutAnswer,
  PutOptions,
  TransferProgress,
} from './object-store.ts'

export interface FileSystemObjectStoreOptions {
  /** A folder of its own; made when it is not there. */
  folder: string
  /** Room that `put` leaves on the disk. Bytes. */
  minFreeBytes: number
}

/** Bytes between two moments at which a growing file is made durable. A crash costs no more than this. */
const checkpointBytes = 16_777_216

/**
 * Objects as files named by the SHA-256 of their key, so that no key can leave the folder. Bytes go to a file of
 * `incoming/`, which is synchronised and then linked to its name: `link` fails where a name is taken. What arrives in
 * pieces grows in `partial/` until then.
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
      await requireRoom(this.#incoming, options.sizeBytes, this.#options.minFreeBytes)
      const sha256 = await writeDurably(incoming, content, options)
      return { sha256, created: await this.#publish(incoming, this.#path(key)) }
    } catch (error) {
      throw asStorageFull(error)
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

  async begin(key: string, sizeBytes: number): Promise<TransferProgress> {
    try {
      await makeFolder(this.#partial)
      await requireRoom(this.#partial, sizeBytes, this.#options.minFreeBytes)
      const file = await open(this.#partialPath(key), 'a', 0o600)
      await file.close()
      await syncFolder(this.#partial)
    } catch (error) {
      throw asStorageFull(error)
    }
    return { receivedBytes: 0 }
  }

  async append(
    key: string,
    progress: TransferProgress,
    content: AsyncIterable<Uint8Array>,
    options: AppendOptions,
  ): Promise<TransferProgress> {
    const file = await openIfThere(this.#partialPath(key), 'r+')
    if (file === undefined) throw new AppError('object-not-found', 'What had arrived is gone')
    try {
      const missing = options.sizeBytes - progress.receivedBytes
      await requireRoom(this.#partial, missing, this.#options.minFreeBytes)
      return await growDurably(file, progress.receivedBytes, content, options)
    } catch (error) {
      throw asStorageFull(error)
    } finally {
      await file.close()
    }
  }

  async finish(key: string, progress: TransferProgress): Promise<{ created: boolean }> {
    const partial = this.#partialPath(key)
    const file = await openIfThere(partial, 'r+')
    if (file === undefined) {
      if ((await this.stat(key)) === undefined)
        throw new AppError('object-not-found', 'What had arrived is gone')
      return { created: false }
    }
    try {
      await requireLength(file, progress.receivedBytes)
      await file.truncate(progress.receivedBytes)
      await file.sync()
    } finally {
      await file.close()
    }
    const created = await this.#publish(partial, this.#path(key))
    await rm(partial, { force: true })
    return { created }
  }

  async discard(key: string, _progress: TransferProgress): Promise<void> {
    await rm(this.#partialPath(key), { force: true })
  }

  async sweep(olderThanMs: number, alive: ReadonlySet<string>): Promise<number> {
    const keep = new Set([...alive].map(nameOf))
    const before = Date.now() - olderThanMs
    return (
      (await removeOld(this.#incoming, before, new Set())) + (await removeOld(this.#partial, before, keep))
    )
  }

  get #incoming(): string {
    return join(this.#options.folder, 'incoming')
  }

  get #partial(): string {
    return join(this.#options.folder, 'partial')
  }

  #partialPath(key: string): string {
    return join(this.#partial, nameOf(key))
  }

  #path(key: string): string {
    const name = nameOf(key)
    return join(this.#options.folder, 'stored', name.slice(0, 2), name.slice(2, 4), name)
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

function nameOf(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

async function requireRoom(folder: string, sizeBytes: number, minFreeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize - sizeBytes < minFreeBytes) throw new AppError('storage-full')
}

/** A disk that lost its power may have kept less than it promised; zeros must not take the place of the rest. */
async function requireLength(file: FileHandle, length: number): Promise<void> {
  const { size } = await file.stat()
  if (size < length) throw new AppError('object-not-found', 'Part of what had arrived is gone')
}

async function growDurably(
  file: FileHandle,
  from: number,
  content: AsyncIterable<Uint8Array>,
  { sizeBytes, onDurable }: AppendOptions,
): Promise<TransferProgress> {
  await requireLength(file, from)
  await file.truncate(from)
  const writer = new FileWriter(file, from)
  let durable = from
  const settle = async (): Promise<void> => {
    await writer.flush()
    await file.datasync()
    durable = writer.position
    await onDurable?.({ receivedBytes: durable })
  }
  try {
    for await (const chunk of content) {
      if (writer.position + chunk.length > sizeBytes) {
        throw new AppError('size-mismatch', `more than the ${sizeBytes} bytes announced came`)
      }
      await writer.write(chunk)
      if (onDurable !== undefined && writer.position - durable >= checkpointBytes) await settle()
    }
  } catch (error) {
    if (onDurable === undefined) await writer.flush()
    else if (writer.position > durable) await settle()
    throw error
  }
  if (writer.position > durable) await settle()
  return { receivedBytes: writer.position }
}

async function writeDurably(
  path: string,
  content: AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<string> {
  const measured = new MeasuredContent(content, options)
  const file = await open(path, 'wx', 0o600)
  try {
    const writer = new FileWriter(file, 0)
    try {
      for await (const chunk of measured.chunks()) await writer.write(chunk)
    } finally {
      await writer.flush()
    }
    const sha256 = measured.finish()
    await file.sync()
    return sha256
  } finally {
    await file.close()
  }
}

/** Removes files last written before then, except those to keep. Answers how many. */
async function removeOld(folder: string, beforeMs: number, keep: ReadonlySet<string>): Promise<number> {
  const names = (await ifThere(readdir(folder))) ?? []
  let removed = 0
  for (const name of names) {
    const path = join(folder, name)
    const found = keep.has(name) ? undefined : await ifThere(stat(path))
    if (found === undefined || found.mtimeMs > beforeMs) continue
    await rm(path, { force: true })
    removed++
  }
  return removed
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

function openIfThere(path: string, flags = 'r'): Promise<FileHandle | undefined> {
  return ifThere(open(path, flags))
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

function asStorageFull(error: unknown): unknown {
  return isFull(error) ? new AppError('storage-full', undefined, { cause: error }) : error
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(codeOf(error) ?? '')
}
