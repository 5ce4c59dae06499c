import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { AppError } from '@parley/contracts'
import type { ObjectStore } from '@parley/core/objects'
import { z } from 'zod'
import { BackupError } from './backup-error.ts'
import type { ObjectIndex } from './manifest.ts'
import { readLines } from './parts.ts'
import type { ProgressMeter } from './progress-meter.ts'

const atOnce = 4
const line = z.tuple([z.string(), z.number(), z.string().regex(/^[0-9a-f]{64}$/)])

interface NamedObject {
  key: string
  sizeBytes: number
  sha256: string
}

/** Copies the objects of the index that the folder does not hold yet. Answers how many the store did not have. */
export async function copyObjects(
  store: ObjectStore,
  folder: string,
  index: ObjectIndex,
  meter: ProgressMeter,
): Promise<number> {
  let missing = 0
  await forEachObject(folder, index, async (object) => {
    const path = objectPath(folder, object.key)
    if (await isThere(path, object.sizeBytes)) return meter.object(object.sizeBytes, false)
    if (!(await copyOut(store, object, path))) missing++
    meter.object(object.sizeBytes, true)
  })
  return missing
}

/** Puts the objects of a backup into a store. Those that are there are left; the SHA-256 of the others is checked. */
export async function loadObjects(
  store: ObjectStore,
  folder: string,
  index: ObjectIndex & { missing: number },
  meter: ProgressMeter,
): Promise<void> {
  let missing = 0
  await forEachObject(folder, index, async ({ key, sizeBytes, sha256 }) => {
    const there = await store.stat(key)
    if (there?.sizeBytes === sizeBytes) return meter.object(sizeBytes, false)
    const path = objectPath(folder, key)
    if (await isThere(path, sizeBytes)) await put(store, key, path, { sizeBytes, sha256 })
    else missing++
    meter.object(sizeBytes, true)
  })
  if (missing > index.missing)
    throw new BackupError(
      `${missing} objects are not in the folder of the backup, ${index.missing} were missing when it was made`,
    )
}

async function put(
  store: ObjectStore,
  key: string,
  path: string,
  expected: { sizeBytes: number; sha256: string },
): Promise<void> {
  try {
    await store.put(key, createReadStream(path), expected)
  } catch (cause) {
    if (cause instanceof AppError && ['checksum-mismatch', 'size-mismatch'].includes(cause.code))
      throw new BackupError(`The object ${key} of the backup is damaged (${path})`, { cause })
    throw cause
  }
}

/** False when the store does not have it. It appears whole or not at all. */
async function copyOut(store: ObjectStore, object: NamedObject, path: string): Promise<boolean> {
  const aside = `${path}.${randomUUID()}`
  const hash = createHash('sha256')
  try {
    const content = await store.get(object.key)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await pipeline(
      content,
      async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          hash.update(chunk)
          yield chunk
        }
      },
      createWriteStream(aside, { mode: 0o600, flush: true }),
    )
    if (hash.digest('hex') !== object.sha256)
      throw new BackupError(`The object ${object.key} is damaged in the object store: its SHA-256 is another`)
    await rename(aside, path)
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'object-not-found') return false
    throw error
  } finally {
    await rm(aside, { force: true })
  }
}

async function forEachObject(
  folder: string,
  index: ObjectIndex,
  work: (object: NamedObject) => Promise<void>,
): Promise<void> {
  const lines = readLines(folder, [index.part])
  const worker = async (): Promise<void> => {
    for (let next = await lines.next(); !next.done; next = await lines.next()) {
      if (next.value === '') continue
      const [key, sizeBytes, sha256] = line.parse(JSON.parse(Buffer.from(next.value, 'hex').toString('utf8')))
      await work({ key, sizeBytes, sha256 })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** Keys are any text, so files are named by their hash. */
function objectPath(folder: string, key: string): string {
  const name = createHash('sha256').update(key).digest('hex')
  return join(folder, 'objects', name.slice(0, 2), name)
}

async function isThere(path: string, sizeBytes: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.size === sizeBytes
}
