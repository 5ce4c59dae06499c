import { createHmac, timingSafeEqual } from 'node:crypto'
import type { MasterKey } from '@parley/core/secrets'
import { messageThumbnailSize, readThumbnailSize, type ThumbnailSize } from './thumbnails/thumbnail-sizes.ts'

export type ContentAction = 'upload' | 'read'

const folders: Record<ContentAction, string> = { upload: 'uploads', read: 'files' }
const dayMs = 86_400_000

/** What a signed address of the content origin permits. */
export interface ContentGrant {
  action: ContentAction
  projectId: string
  objectId: string
  expiresAtMs: number
  /** Asked for beside what is signed: whoever may read a picture may read it small. */
  thumbnail?: ThumbnailSize
}

/** What a lasting address of a picture says. No key stands behind it: it survives the rotation of the master key. */
export interface PictureAddress {
  projectId: string
  objectId: string
  /** 128 random bits in hex. */
  token: string
  size: ThumbnailSize
}

/**
 * Makes and checks addresses of the content origin: `/files/{project}/{object}/{name}?expires=...&signature=...`.
 * The signature is an HMAC-SHA256 over action, project, object and expiry, so none can be turned into another. The
 * name is for people who save the file; nothing trusts it.
 */
export class ContentAddresses {
  readonly #masterKey: MasterKey
  readonly #origin: () => string

  constructor(masterKey: MasterKey, origin: () => string) {
    this.#masterKey = masterKey
    this.#origin = origin
  }

  sign(grant: ContentGrant, name?: string): string {
    const { projectId, objectId, expiresAtMs } = grant
    const segments = [
      folders[grant.action],
      projectId,
      objectId,
      ...(name === undefined ? [] : [safeName(name)]),
    ]
    const path = segments.map((segment) => encodeURIComponent(segment)).join('/')
    return `${this.#origin()}/${path}?expires=${expiresAtMs}&signature=${signature(this.#masterKey.derive('content-url'), grant)}`
  }

  /** The address of a picture that everybody may see who has it, for as long as it is there. */
  ofPicture({ projectId, objectId, token }: Omit<PictureAddress, 'size'>): string {
    return `${this.#origin()}/pictures/${[projectId, objectId, token].map(encodeURIComponent).join('/')}`
  }

  /** The grant of an address that we signed; else undefined. Whether its time has passed is for the caller to see. */
  check(path: string, search: string): ContentGrant | undefined {
    const match = /^\/(uploads|files)\/([^/]+)\/([^/]+)(?:\/[^/]*)?$/.exec(path)
    const query = /^expires=(\d{1,15})&signature=([0-9a-f]{64})(?:&size=(\d{1,5}))?$/.exec(search)
    if (match === null || query === null) return undefined
    const projectId = decode(match[2])
    const objectId = decode(match[3])
    if (projectId === undefined || objectId === undefined) return undefined
    const action: ContentAction = match[1] === 'uploads' ? 'upload' : 'read'
    const grant: ContentGrant = { action, projectId, objectId, expiresAtMs: Number(query[1]) }
    const given = Buffer.from(query[2] ?? '')
    // While the master key is rotated, addresses of each key that is still kept hold.
    const keys = this.#masterKey.deriveAll('content-url')
    if (!keys.some((key) => timingSafeEqual(given, Buffer.from(signature(key, grant))))) return undefined
    if (query[3] === undefined) return grant
    const thumbnail = readThumbnailSize(query[3])
    return thumbnail === undefined || action !== 'read' ? undefined : { ...grant, thumbnail }
  }
}

/** Where a lasting address leads to, whether or not there is such a picture; else undefined. */
export function readPictureAddress(path: string, search: string): PictureAddress | undefined {
  const match = /^\/pictures\/([^/]+)\/([^/]+)\/([0-9a-f]{32})$/.exec(path)
  const projectId = decode(match?.[1])
  const objectId = decode(match?.[2])
  const token = match?.[3]
  if (projectId === undefined || objectId === undefined || token === undefined) return undefined
  const size =
    search === '' ? messageThumbnailSize : readThumbnailSize(/^size=(\d{1,5})$/.exec(search)?.[1] ?? '')
  return size === undefined ? undefined : { projectId, objectId, token, size }
}

function signature(key: Buffer, grant: ContentGrant): string {
  const text = JSON.stringify([grant.action, grant.projectId, grant.objectId, grant.expiresAtMs])
  return createHmac('sha256', key).update(text).digest('hex')
}

/** The address of a smaller picture, from that of the picture. */
export function thumbnailAddress(url: string, size: ThumbnailSize): string {
  return `${url}&size=${size}`
}

/** The end of the next day (UTC): all readers of a day get the same address, which holds for at least 24 h. */
export function sharedExpiry(nowMs: number): number {
  return (Math.floor(nowMs / dayMs) + 2) * dayMs
}

/** Dots would be taken for folders by whoever normalises the address. */
function safeName(name: string): string {
  const text = name.toWellFormed()
  return /^\.*$/.test(text) ? 'file' : text
}

function decode(segment: string | undefined): string | undefined {
  try {
    return segment === undefined ? undefined : decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
