import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { anyId, customId, text } from './ids.ts'
import { timestamp } from './pagination.ts'

/** A picture of a profile or a group: larger ones are made smaller before they are sent. */
export const maxPictureBytes = 10 * 1024 * 1024

export const storedObject = z
  .object({
    id: z.string(),
    name: z.string(),
    contentType: z.string(),
    sizeBytes: z.int(),
    sha256: z.string().optional(),
    width: z.int().optional().meta({ description: 'Of pictures and films, as shown. Pixels' }),
    height: z.int().optional(),
    durationMs: z.int().optional().meta({ description: 'Of sounds and films' }),
    state: z.enum(['pending', 'stored']),
    ownerId: z.string().optional(),
    url: z.string().optional().meta({ description: 'Signed download address on the content origin' }),
    thumbnailUrl: z.string().optional().meta({
      description: 'Of pictures: longest side 480; `size=160` and `size=1080` in its place work too',
    }),
    urlExpiresAt: timestamp.optional(),
    pictureUrl: z.string().optional().meta({
      description: 'Of what was announced as `picture`: an address that lasts, for profiles and groups',
    }),
    createdAt: timestamp,
  })
  .meta({ id: 'StoredObject' })
export type StoredObject = z.infer<typeof storedObject>

export const objectEndpoints = {
  createUpload: endpoint({
    name: 'createUpload',
    tag: 'objects',
    method: 'POST',
    path: '/v1/uploads',
    auth: 'key-or-user',
    summary:
      'Announce a file; PUT its bytes to `uploadUrl` within the hour, or send them there in pieces by tus 1.0',
    body: z.object({
      name: text(255).min(1),
      contentType: z
        .string()
        .regex(/^[\w.+-]+\/[\w.+-]+$/)
        .max(128),
      sizeBytes: z.int().min(0),
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional()
        .meta({ description: 'Hex; checked when the bytes arrive' }),
      userId: customId.optional().meta({ description: 'Owner; only with an API key' }),
      picture: z
        .boolean()
        .optional()
        .meta({
          description: `PNG, JPEG, GIF or WebP up to ${maxPictureBytes} bytes, of which everybody with its address sees a smaller one`,
        }),
    }),
    status: 201,
    answer: z.object({ id: z.string(), uploadUrl: z.string(), expiresAt: timestamp }),
    errors: ['body-too-large', 'limit-exceeded', 'unsupported-media-type'],
  }),
  getObject: endpoint({
    name: 'getObject',
    tag: 'objects',
    method: 'GET',
    path: '/v1/objects/{objectId}',
    auth: 'key-or-user',
    summary: 'Facts about a file, with a signed download address',
    params: z.object({ objectId: anyId }),
    status: 200,
    answer: storedObject,
    errors: ['object-not-found'],
  }),
  deleteUpload: endpoint({
    name: 'deleteUpload',
    tag: 'objects',
    method: 'DELETE',
    path: '/v1/uploads/{objectId}',
    auth: 'key-or-user',
    summary: 'Delete a file, announced or stored; it is not found any more, and its bytes go a day later',
    params: z.object({ objectId: anyId }),
    status: 204,
    errors: ['object-not-found', 'conflict'],
  }),
  getStorageUsage: endpoint({
    name: 'getStorageUsage',
    tag: 'objects',
    method: 'GET',
    path: '/v1/storage',
    auth: 'key',
    summary: 'What the files of the project hold, and may hold',
    status: 200,
    answer: z
      .object({
        usedBytes: z.int().meta({ description: 'Announced and stored, until removed' }),
        objects: z.int(),
        maxStoredBytes: z.int(),
        maxObjectBytes: z.int(),
      })
      .meta({ id: 'StorageUsage' }),
    errors: [],
  }),
} as const
