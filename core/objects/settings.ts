import { integer, type SettingValues, secret } from '@parley/core/kernel'

/** Limits of stored files and of the content origin. */
export const objectSettings = {
  maxObjectBytes: integer(
    'PARLEY_OBJECTS_MAX_BYTES',
    { default: 5_368_709_120, min: 1 },
    'Largest file that may be uploaded. Bytes',
  ),
  maxStoredBytes: integer(
    'PARLEY_OBJECTS_PROJECT_BYTES',
    { default: 1_099_511_627_776, min: 1 },
    'What all files of a project may hold together, announced ones included. Bytes',
  ),
  maxThumbnailPixels: integer(
    'PARLEY_THUMBNAILS_MAX_PIXELS',
    { default: 50_000_000, min: 1 },
    'Width times height of the largest picture that thumbnails are made of',
  ),
  maxThumbnailSourceBytes: integer(
    'PARLEY_THUMBNAILS_MAX_BYTES',
    { default: 52_428_800, min: 1 },
    'Size of the largest file that thumbnails are made of. Bytes',
  ),
  thumbnailProcesses: integer(
    'PARLEY_THUMBNAILS_PROCESSES',
    { default: 2, min: 1, max: 64 },
    'Thumbnails made at once, each by a process of its own; 64 more may wait before `overloaded`',
  ),
  s3Url: secret(
    'PARLEY_S3_URL',
    'Bucket that keeps files in place of the data folder: https://key:secret@host/bucket/prefix?region=us-east-1&style=path',
  ),
  s3AccessKey: secret('PARLEY_S3_ACCESS_KEY', 'Access key of the bucket, where PARLEY_S3_URL holds none'),
  s3SecretKey: secret('PARLEY_S3_SECRET_KEY', 'Secret key of the bucket, where PARLEY_S3_URL holds none'),
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
    'When a file that was announced and never arrived is forgotten; a resumable upload lives so long after its last progress. Milliseconds',
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
