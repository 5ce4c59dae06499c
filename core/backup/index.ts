export { type BackupOptions, createBackup } from './backup.ts'
export { BackupError } from './backup-error.ts'
export { endSession, openSession } from './database-session.ts'
export type { Manifest } from './manifest.ts'
export type { ProgressReport } from './progress-meter.ts'
export {
  openBackup,
  type RestoreOptions,
  restoreBackup,
  restoreMasterKey,
  verifyBackup,
} from './restore.ts'
export { refuseUnfinishedRestore } from './unfinished-restore.ts'
