import { integer, type SettingValues } from '@parley/core/kernel'

/** Limits of stored files and of the content origin. */
export const objectSettings = {
  maxObjectBytes: integer(
    'PARLEY_OBJECTS_MAX_BYTES',
    { default: 1_073_741_824, min: 1 },
    'Largest file that may be uploaded. Bytes',
  ),
  minFreeBytes: integer(
    'PARLEY_OBJECTS_MIN_FREE_BYTES',
    { default: 134_217_728 },
    'Room that uploads leave on the disk, so that the database can go on; less answers `storage-full`. Bytes',
  ),
  maxUnfinished: integer(
    'PARLEY_OBJECTS_MAX_UNFINISHED',
    { default: 1_000, min: 1 },
    'Announced and not yet uploaded files of one owner',
  ),
  uploadTtlMs: integer(
    'PARLEY_OBJECTS_UPLOAD_TTL_MS',
    { default: 3_600_000, min: 1_000 },
    'How long an upload address may be used to begin. Milliseconds',
  ),
  unfinishedTtlMs: integer(
    'PARLEY_OBJECTS_UNFINISHED_TTL_MS',
    { default: 86_400_000, min: 1_000 },
    'When a file that was announced and never arrived is forgotten. Milliseconds',
  ),
  maxUploads: integer(
    'PARLEY_CONTENT_MAX_UPLOADS',
    { default: 256, min: 1 },
    'Uploads a process takes at once before it answers `overloaded`',
  ),
  maxUploadsPerAddress: integer(
    'PARLEY_CONTENT_MAX_UPLOADS_PER_ADDRESS',
    { default: 32, min: 1 },
    'Uploads of one address (IPv6: a /64) at once',
  ),
  maxContentInFlight: integer(
    'PARLEY_CONTENT_MAX_IN_FLIGHT',
    { default: 2_000, min: 1 },
    'Requests the content origin works on at once before it answers `overloaded`',
  ),
  contentIdleMs: integer(
    'PARLEY_CONTENT_IDLE_MS',
    { default: 30_000, min: 100 },
    'A transfer in which no byte moves for this long is cut. Milliseconds',
  ),
} as const

export type ObjectSettings = SettingValues<typeof objectSettings>
