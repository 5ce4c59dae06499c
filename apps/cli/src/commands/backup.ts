import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { version } from '@parley/app-server/version'
import { BackupError, createBackup, type Manifest } from '@parley/core/backup'
import { CliError, usageError } from '../cli-error.ts'
import type { Command } from '../command.ts'
import { withInstallationData } from '../installation-data.ts'
import { describeBytes, progressLine } from '../progress-line.ts'

/** In the data folder: when the last backup of it was made, for `parley doctor`. */
export const lastBackupFile = 'last-backup.json'

export const backupCommand: Command = {
  name: 'backup',
  summary: 'Copy the installation into a folder while it runs',
  usage: ['parley backup <folder>', 'parley backup <folder> --with-master-key'],
  options: {
    'with-master-key': {
      type: 'boolean',
      doc: 'Put the master key beside the data: whoever has the folder then has every secret',
    },
  },
  async run({ positionals, options, installation, terminal }) {
    const [folder, ...rest] = positionals
    if (folder === undefined || rest.length > 0) throw usageError('Say one folder', 'backup')
    const masterKey = installation.masterKey()
    const withMasterKey = options['with-master-key'] === true
    const path = resolve(folder)
    const manifest = await withInstallationData(installation, terminal.note, (data) =>
      createBackup({
        ...data,
        ...{ folder: path, masterKey, withMasterKey, version },
        onProgress: progressLine(terminal),
      }),
    ).catch(tellBackupError)
    const mark = { at: manifest.createdAt, id: manifest.id, folder: path }
    writeFileSync(join(installation.dataDir, lastBackupFile), `${JSON.stringify(mark)}\n`, { mode: 0o600 })
    return { json: { folder: path, ...summary(manifest) }, text: describe(path, manifest) }
  },
}

export function tellBackupError(error: unknown): never {
  if (error instanceof BackupError) throw new CliError(error.message, { cause: error })
  throw error
}

export function summary({ id, createdAt, database, objects, masterKey }: Manifest) {
  const rows = database.tables.reduce((sum, table) => sum + table.rows, 0)
  const { snapshotAt } = database
  const { count, bytes, missing } = objects
  return {
    id,
    createdAt,
    snapshotAt,
    rows,
    objects: { count, bytes, missing },
    masterKey: masterKey.included,
  }
}

function describe(folder: string, manifest: Manifest): string {
  const { rows, snapshotAt, objects } = summary(manifest)
  const lines = [
    `${folder} holds the installation as of ${snapshotAt}:`,
    `${rows.toLocaleString('en')} rows, ${objects.count.toLocaleString('en')} objects (${describeBytes(objects.bytes)}).`,
  ]
  if (objects.missing > 0)
    lines.push(`${objects.missing} objects were not in the object store and are not in the backup.`)
  lines.push(
    manifest.masterKey.included
      ? 'The master key lies beside it: keep the folder as secret as the installation.'
      : 'The master key is not in it. API keys and other secrets open only with it: keep it apart, or use --with-master-key.',
    'The files are compressed, not encrypted: they hold what users wrote.',
  )
  return lines.join('\n')
}
