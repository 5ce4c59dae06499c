export { ContentAddresses, type ContentGrant, sharedExpiry } from './content-address.ts'
export { ContentServer, type ContentServerOptions } from './content-server.ts'
export { FileSystemObjectStore, type FileSystemObjectStoreOptions } from './file-system-object-store.ts'
export { objectMigrations } from './migrations/index.ts'
export { addObjectRoutes } from './object-routes.ts'
export type { MediaFacts, ObjectFacts } from './object-rows.ts'
export * from './object-service.ts'
export type {
  AppendOptions,
  ByteRange,
  ObjectStore,
  PutAnswer,
  PutOptions,
  TransferProgress,
} from './object-store.ts'
export { type OpenObjectStoreOptions, openObjectStore } from './open-object-store.ts'
export { readS3Address, type S3Address } from './s3/s3-address.ts'
export { S3ObjectStore } from './s3/s3-object-store.ts'
export { type ObjectSettings, objectSettings } from './settings.ts'
export type { StorageLimits, StorageQuota, StorageUsage } from './storage-quota.ts'
