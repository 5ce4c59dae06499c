import { resolve } from 'node:path'
import { openBackup, restoreBackup, restoreMasterKey, verifyBackup } from '@parley/core/backup'
import { usageError } from '../cli-error.ts'
import type { Command } from '../command.ts'
import { withInstallationData } from '../installation-data.ts'
import { progressLine } from '../progress-line.ts'
import { summary, tellBackupError } from './backup.ts'

export const restoreCommand: Command = {
  name: 'restore',
  summary: 'Load a backup into a new installation',
  usage: [
    'parley restore <folder> --data-dir <new folder>',
    'parley restore <folder> --verify',
    'PARLEY_DATABASE_URL=postgres://... parley restore <folder>',
  ],
  options: {
    verify: { type: 'boolean', doc: 'Only check that the database part is whole; nothing is changed' },
    'accept-other-master-key': {
      type: 'boolean',
      doc: 'Restore although what the backup has sealed can then be opened by nobody',
    },
  },
  async run({ positionals, options, installation, terminal }) {
    const [folder, ...rest] = positionals
    if (folder === undefined || rest.length > 0) throw usageError('Say the folder of one backup', 'restore')
    const path = resolve(folder)
    const manifest = await openBackup(path).catch(tellBackupError)
    if (options.verify === true) {
      await verifyBackup(path, manifest).catch(tellBackupError)
      return {
        json: { verified: true, ...summary(manifest) },
        text: `The database part of ${path} is whole.`,
      }
    }
    const { serverMigrations } = await import('@parley/app-server/migrations')
    await restoreMasterKey({
      ...{ folder: path, manifest, dataDir: installation.dataDir },
      base64: installation.settings.masterKey,
      acceptOther: options['accept-other-master-key'] === true,
    }).catch(tellBackupError)
    await withInstallationData(installation, terminal.note, (data) =>
      restoreBackup({
        ...data,
        ...{ folder: path, migrations: serverMigrations },
        onProgress: progressLine(terminal),
      }),
    ).catch(tellBackupError)
    const { rows, snapshotAt, objects } = summary(manifest)
    return {
      json: { restored: true, ...summary(manifest) },
      text: [
        `Restored as of ${snapshotAt}: ${rows.toLocaleString('en')} rows, ${objects.count.toLocaleString('en')} objects.`,
        'What was written after that moment is not in it; devices synchronise in full at their next connection.',
        'Start the server: npm start',
      ].join('\n'),
    }
  },
}
