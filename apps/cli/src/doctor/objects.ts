import { existsSync, statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { AppError } from '@parley/contracts'
import { ConfigError, readSettings } from '@parley/core/kernel'
import { objectSettings, readS3Address, S3ObjectStore } from '@parley/core/objects'
import { type Check, type Finding, fine, lacking, problem } from './finding.ts'

const gibibyte = 1024 ** 3

/** Where files of users go: room in the object folder, or a bucket that answers and keeps what it should. */
export const checkObjects: Check = async ({ installation }) => {
  const settings = readSettings(objectSettings, installation.source)
  const { s3Url, s3AccessKey, s3SecretKey, minFreeBytes } = settings
  if (s3Url === undefined) return [checkFolder(join(installation.dataDir, 'objects'), minFreeBytes)]
  try {
    const address = readS3Address({ s3Url, s3AccessKey, s3SecretKey })
    return [await checkBucket(new S3ObjectStore(address), address.bucketUrl)]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [problem('Files', error.message, 'docs/guides/files.md tells the form')]
  }
}

function checkFolder(folder: string, minFreeBytes: number): Finding {
  const { bavail, bsize } = statfsSync(firstExisting(folder))
  const forFiles = bavail * bsize - minFreeBytes
  const room = `${(Math.max(0, forFiles) / gibibyte).toFixed(1)} GiB for files`
  if (forFiles <= 0) {
    return problem(
      'Files',
      `${folder}: no room, uploads answer storage-full`,
      'Make room, or set PARLEY_S3_URL',
    )
  }
  if (forFiles < gibibyte)
    return lacking('Files', `${folder}: only ${room}`, 'Make room, or set PARLEY_S3_URL')
  return fine('Files', `${folder}, ${room}`)
}

/** Writes, tries to replace and removes a small object: rights and rules are seen only by using them. */
async function checkBucket(store: S3ObjectStore, bucketUrl: string): Promise<Finding> {
  const key = `doctor/${process.pid}-${Date.now()}`
  try {
    // Answers to reading say why they refuse, others only that they do.
    const found = await store.get(key).catch((error: unknown) => {
      if (!(error instanceof AppError) || error.code !== 'object-not-found') throw error
    })
    found?.destroy()
    const { created } = await store.put(key, once('parley'), { sizeBytes: 6 })
    const kept = await store.honoursConditions(key)
    await store.delete(key)
    if (!created)
      return problem('Files', `${bucketUrl} told a new object to be there already`, 'Use another bucket')
    if (kept) return fine('Files', `${bucketUrl} answers`)
    return lacking(
      'Files',
      `${bucketUrl} passes over If-None-Match`,
      'Run one server process only, or use a bucket that honours conditional writes',
    )
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return problem(
      'Files',
      `${bucketUrl}: ${reason}`,
      'Check PARLEY_S3_URL, its key and the rights of that key',
    )
  }
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

function firstExisting(path: string): string {
  return existsSync(path) ? path : firstExisting(dirname(path))
}
