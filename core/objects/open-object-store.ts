import { join } from 'node:path'
import { FileSystemObjectStore } from './file-system-object-store.ts'
import type { ObjectStore } from './object-store.ts'
import { readS3Address } from './s3/s3-address.ts'
import { S3ObjectStore } from './s3/s3-object-store.ts'
import type { ObjectSettings } from './settings.ts'

export interface OpenObjectStoreOptions {
  dataDir: string
  settings: ObjectSettings
}

/** The bucket of `PARLEY_S3_URL`, else the folder `objects` of the data folder. Throws a ConfigError. */
export function openObjectStore({ dataDir, settings }: OpenObjectStoreOptions): ObjectStore {
  const { s3Url, s3AccessKey, s3SecretKey, minFreeBytes } = settings
  if (s3Url === undefined)
    return new FileSystemObjectStore({ folder: join(dataDir, 'objects'), minFreeBytes })
  return new S3ObjectStore(readS3Address({ s3Url, s3AccessKey, s3SecretKey }))
}
