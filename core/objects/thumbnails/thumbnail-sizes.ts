import { type ObjectRef, storeKey } from '../object-rows.ts'

/** Longest side in pixels. A fixed list, so that nobody can have the same picture made in a thousand sizes. */
export const thumbnailSizes = [160, 480, 1080] as const
export type ThumbnailSize = (typeof thumbnailSizes)[number]

/** Of the thumbnail that messages point to. */
export const messageThumbnailSize: ThumbnailSize = 480

const types = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

/** Whether thumbnails are made of files that claim this type. */
export function hasThumbnails(contentType: string): boolean {
  return types.has(contentType)
}

export function readThumbnailSize(text: string): ThumbnailSize | undefined {
  return thumbnailSizes.find((size) => String(size) === text)
}

export function thumbnailKey(ref: ObjectRef, size: ThumbnailSize): string {
  return `${storeKey(ref)}/thumbnail-${size}`
}
