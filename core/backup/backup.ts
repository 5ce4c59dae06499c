import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newId } from '@parley/contracts'
import type { ObjectStore } from '@parley/core/objects'
import type { MasterKey } from '@parley/core/secrets'
import { BackupError } from './backup-error.ts'
import { copyDatabase } from './database-copy.ts'
import { endSession, openSession } from './database-session.ts'
import {
  type CopiedDatabase,
  formatVersion,
  type Manifest,
  type ObjectIndex,
  type Progress,
  progressPath,
  readManifest,
  readProgress,
  writeManifest,
  writeProgress,
} from './manifest.ts'
import { copyObjects } from './object-copy.ts'
import { ProgressMeter, type ProgressReport } from './progress-meter.ts'

export const masterKeyName = 'master.key'

export interface BackupOptions {
  /** An empty or new folder, or that of a backup that was interrupted: it is gone on with. */
  folder: string
  databaseUrl: string
  objects: ObjectStore
  masterKey: MasterKey
  /** Puts the master key beside the data; then the folder opens everything. */
  withMasterKey: boolean
  /** Of the Parley that does it. */
  version: string
  onProgress?: (report: ProgressReport) => void
}

/**
 * Copies an installation while it runs: the database as of one moment, then the objects its rows name. The manifest
 * is written last. After a crash the same call goes on: the database part begins anew unless it was complete,
 * objects that are there stay. Throws a BackupError that says what is in the way.
 */
export async function createBackup(options: BackupOptions): Promise<Manifest> {
  const { folder, masterKey, withMasterKey } = options
  const meter = new ProgressMeter(options.onProgress ?? (() => undefined))
  const progress = await begin(folder)
  const { database, objects } = await databasePart(progress, options, meter)
  meter.expect('objects', objects.bytes)
  const missing = await copyObjects(options.objects, folder, objects, meter)
  if (withMasterKey)
    await writeFile(join(folder, masterKeyName), `${masterKey.export()}\n`, { mode: 0o600, flush: true })
  const manifest: Manifest = {
    format: 'parley-backup',
    formatVersion,
    id: progress.id,
    createdAt: new Date().toISOString(),
    version: options.version,
    database,
    objects: { ...objects, missing },
    masterKey: { fingerprint: masterKey.fingerprint, included: withMasterKey },
  }
  await writeManifest(folder, manifest)
  await rm(progressPath(folder), { force: true })
  return manifest
}

async function begin(folder: string): Promise<Progress> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if ((await readManifest(folder)) !== undefined)
    throw new BackupError(`${folder} holds a finished backup already; name another folder`)
  const unfinished = await readProgress(folder)
  if (unfinished !== undefined) return unfinished
  if ((await readdir(folder)).some((name) => !name.endsWith('.new')))
    throw new BackupError(`${folder} is not empty; name a new folder`)
  const progress: Progress = { id: newId('backup') }
  await writeProgress(folder, progress)
  return progress
}

async function databasePart(
  progress: Progress,
  { folder, databaseUrl }: BackupOptions,
  meter: ProgressMeter,
): Promise<{ database: CopiedDatabase; objects: ObjectIndex }> {
  const { id, database, objects } = progress
  if (database !== undefined && objects !== undefined) return { database, objects }
  const client = await openSession(databaseUrl)
  try {
    const copied = await copyDatabase(client, folder, meter)
    await writeProgress(folder, { id, ...copied })
    return copied
  } finally {
    await endSession(client)
  }
}
