export * from './database.ts'
export { type Account, chooseAccount } from './embedded/account.ts'
export { type Binaries, prepareBinaries } from './embedded/binaries.ts'
export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  readConnectionFile,
  startEmbeddedPostgres,
} from './embedded/embedded-postgres.ts'
export { EmbeddedPostgresError } from './embedded/embedded-postgres-error.ts'
export { type ConstraintKind, ConstraintViolation, isUniqueViolation } from './errors.ts'
export { type CommitContext, GroupCommit, type GroupCommitOptions } from './group-commit.ts'
export { maxNotificationBytes } from './notification-listener.ts'
export { type OpenDatabaseOptions, type OpenedDatabase, openDatabase } from './open-database.ts'
export { type StoreSettings, storeSettings } from './settings.ts'
export { StoreError } from './store-error.ts'
