import { randomBytes, timingSafeEqual } from 'node:crypto'
import { AppError, maxPictureBytes } from '@parley/contracts'
import type { ContentGrant, PictureAddress } from './content-address.ts'
import { type ObjectRow, objectNotFound } from './object-rows.ts'
import { hasThumbnails } from './thumbnails/thumbnail-sizes.ts'

/** A picture that takes the place of another has another address: readers may keep what they have read. */
const keptMs = 7 * 86_400_000

/** Throws `unsupported-media-type` and `body-too-large`. */
export function requirePicture({ contentType, sizeBytes }: { contentType: string; sizeBytes: number }): void {
  if (!hasThumbnails(contentType.toLowerCase()))
    throw new AppError('unsupported-media-type', 'A picture is PNG, JPEG, GIF or WebP')
  if (sizeBytes > maxPictureBytes)
    throw new AppError('body-too-large', `A picture has at most ${maxPictureBytes} bytes`)
}

/** What nobody guesses who was not told the address. */
export function newPictureToken(): string {
  return randomBytes(16).toString('hex')
}

/** What the lasting address of a picture permits: to read it small. Throws `object-not-found`. */
export function pictureGrant(address: PictureAddress, row: ObjectRow, nowMs: number): ContentGrant {
  const { projectId, objectId, token, size: thumbnail } = address
  const own = row.picture_token
  if (own === null || !timingSafeEqual(Buffer.from(own), Buffer.from(token))) throw objectNotFound(objectId)
  return { action: 'read', projectId, objectId, expiresAtMs: nowMs + keptMs, thumbnail }
}
