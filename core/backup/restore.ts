import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Scope, silentLogger } from '@parley/core/kernel'
import type { ObjectStore } from '@parley/core/objects'
import { MasterKey } from '@parley/core/secrets'
import { type Migrations, openDatabase } from '@parley/core/store'
import type pg from 'pg'
import { masterKeyName } from './backup.ts'
import { BackupError } from './backup-error.ts'
import { ownSchemas, readExtensions, readSteps } from './catalogue.ts'
import { loadDatabase } from './database-load.ts'
import { endSession, openSession } from './database-session.ts'
import { type Manifest, readManifest } from './manifest.ts'
import { loadObjects } from './object-copy.ts'
import { verifyPart } from './parts.ts'
import { ProgressMeter, type ProgressReport } from './progress-meter.ts'
import { markBegun, restoreBegun } from './unfinished-restore.ts'

export interface RestoreOptions {
  folder: string
  databaseUrl: string
  objects: ObjectStore
  /** All schemas that this Parley knows. */
  migrations: readonly Migrations[]
  onProgress?: (report: ProgressReport) => void
}

/** Reads what a folder holds. Throws a BackupError when that is not a finished backup. */
export async function openBackup(folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder)
  if (manifest === undefined)
    throw new BackupError(
      `${folder} holds no finished backup: there is no manifest.json. Run parley backup again to finish it.`,
    )
  return manifest
}

/** Every part is what was written, without touching any installation. */
export async function verifyBackup(folder: string, manifest: Manifest): Promise<void> {
  await verifyPart(folder, manifest.objects.part)
  for (const { parts } of manifest.database.tables) for (const part of parts) await verifyPart(folder, part)
}

/**
 * Puts the master key of the backup, when it came along, where the installation keeps its own. Throws a BackupError
 * when the installation has another one, unless that is `accepted`: what is sealed then stays closed for good.
 */
export async function restoreMasterKey(options: {
  folder: string
  manifest: Manifest
  dataDir: string
  /** PARLEY_MASTER_KEY. */
  base64: string | undefined
  acceptOther: boolean
}): Promise<void> {
  const { folder, manifest, dataDir, base64, acceptOther } = options
  const { fingerprint, included } = manifest.masterKey
  const path = join(dataDir, masterKeyName)
  const present = base64 !== undefined || existsSync(path)
  if (!present && included) {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    const text = await readFile(join(folder, masterKeyName), 'utf8')
    if (!MasterKey.parse(text).knows(fingerprint))
      throw new BackupError(`${masterKeyName} of the backup is not the master key that its manifest names`)
    await writeFile(path, text, { mode: 0o600, flush: true, flag: 'wx' })
    return
  }
  if (present && MasterKey.load({ dataDir, base64 }).knows(fingerprint)) return
  if (acceptOther) return
  throw new BackupError(
    present
      ? 'This installation has another master key than the backup: API keys and other secrets could not be opened. ' +
          'Put the master key of the backup in its place, or pass --accept-other-master-key to give the secrets up.'
      : `The backup holds no master key. Put that of its installation into ${path} (or PARLEY_MASTER_KEY), or pass ` +
          '--accept-other-master-key to give API keys and other secrets up.',
  )
}

/**
 * Loads a backup into an empty installation: objects first, then the whole database in one transaction. After a
 * crash the same call begins anew, and until it has ended no server starts on the database.
 */
export async function restoreBackup(options: RestoreOptions): Promise<Manifest> {
  const { folder, databaseUrl, migrations } = options
  const manifest = await openBackup(folder)
  const planned = plan(manifest, migrations)
  await verifyBackup(folder, manifest)
  const meter = new ProgressMeter(options.onProgress ?? (() => undefined))
  const client = await openSession(databaseUrl)
  try {
    await requireEmpty(client)
    await markBegun(client, manifest.id)
    for (const schema of new Set([...(await ownSchemas(client)), ...planned.map(({ schema }) => schema)]))
      await client.query(`drop schema if exists ${client.escapeIdentifier(schema)} cascade`)
    await migrate(databaseUrl, planned)
    await requireSameSchemas(client, manifest)
    meter.expect('objects', manifest.objects.bytes)
    await loadObjects(options.objects, folder, manifest.objects, meter)
    await loadDatabase(client, folder, manifest, meter)
    return manifest
  } finally {
    await endSession(client)
  }
}

/** The steps of our migrations up to those of the backup. */
function plan(manifest: Manifest, migrations: readonly Migrations[]): Migrations[] {
  return manifest.database.schemas.map(({ name, steps }) => {
    const known = migrations.find(({ schema }) => schema === name)
    const unknown = steps.find(({ id }, position) => known?.steps[position]?.id !== id)
    if (known === undefined || unknown !== undefined)
      throw new BackupError(
        `The backup was made by Parley ${manifest.version} and holds ${name}/${unknown?.id ?? ''}, which this one ` +
          'does not know. Restore it with that version or a newer one.',
      )
    return { schema: name, steps: known.steps.slice(0, steps.length) }
  })
}

async function requireEmpty(client: pg.Client): Promise<void> {
  const schemas = await ownSchemas(client)
  if (schemas.length > 0 && !(await restoreBegun(client)))
    throw new BackupError(
      'The installation is not empty. A restore only goes into a new one: name another data folder, or another ' +
        'database in PARLEY_DATABASE_URL.',
    )
}

async function migrate(databaseUrl: string, planned: readonly Migrations[]): Promise<void> {
  const scope = new Scope('restore', silentLogger)
  try {
    const database = await openDatabase({ url: databaseUrl, logger: silentLogger, scope, poolSize: 2 })
    for (const migrations of planned) await database.migrate(migrations)
  } finally {
    await scope.close()
  }
}

async function requireSameSchemas(client: pg.Client, { database, version }: Manifest): Promise<void> {
  const { schemas, extensions } = database
  const made = await readSteps(
    client,
    schemas.map(({ name }) => name),
  )
  for (const [at, { name, steps }] of schemas.entries()) {
    const other = steps.find(({ checksum }, position) => made[at]?.steps[position]?.checksum !== checksum)
    if (other !== undefined)
      throw new BackupError(
        `${name}/${other.id} of the backup (Parley ${version}) is another than the one of this program`,
      )
  }
  const present = await readExtensions(client)
  const lacking = extensions.filter((name) => !present.includes(name) && !optionalExtensions.has(name))
  if (lacking.length > 0)
    throw new BackupError(
      `The database lacks the extensions ${lacking.join(', ')}; create them as administrator`,
    )
}

/** Tools of whoever runs the database, on which no table of ours stands. */
const optionalExtensions = new Set([
  'pg_stat_statements',
  'pgaudit',
  'pg_buffercache',
  'pg_prewarm',
  'auto_explain',
])
