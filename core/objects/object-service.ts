import { AppError, newId, type StoredObject } from '@parley/contracts'
import type { MasterKey } from '@parley/core/secrets'
import type { Database, ProjectScope, Queryable } from '@parley/core/store'
import { Arrivals } from './arrivals.ts'
import { Collection } from './collection.ts'
import {
  ContentAddresses,
  type ContentGrant,
  type PictureAddress,
  readPictureAddress,
  sharedExpiry,
  thumbnailAddress,
} from './content-address.ts'
import {
  factsOf,
  isPresent,
  type ObjectFacts,
  type ObjectRow,
  objectColumns,
  objectNotFound,
  requireObject,
  storeKey,
} from './object-rows.ts'
import type { ByteRange, ObjectStore } from './object-store.ts'
import { newPictureToken, pictureGrant, requirePicture } from './pictures.ts'
import { ResumableUploads } from './resumable/resumable-uploads.ts'
import type { ObjectSettings } from './settings.ts'
import { StorageQuota } from './storage-quota.ts'
import {
  hasThumbnails,
  messageThumbnailSize,
  type ThumbnailSize,
  thumbnailKey,
} from './thumbnails/thumbnail-sizes.ts'

export interface ObjectServiceOptions {
  database: Database
  store: ObjectStore
  masterKey: MasterKey
  /** Address of the content origin without a slash at the end, as clients reach it. */
  contentUrl: () => string
  limits: ObjectSettings
  now?: () => number
}

export interface UploadRequest {
  name: string
  contentType: string
  sizeBytes: number
  sha256?: string | undefined
  ownerId?: string | undefined
  /** To be shown by a lasting address. */
  picture?: boolean | undefined
}

export interface UploadOffer {
  id: string
  uploadUrl: string
  expiresAt: string
}

/** A stored file, ready to be served. */
export interface StoredFile extends ObjectFacts {
  sha256: string
  storedAt: Date
  read(range?: ByteRange): ReturnType<ObjectStore['get']>
}

/** Something made of a stored file. */
export interface DerivedFile {
  sizeBytes: number
  read(range?: ByteRange): ReturnType<ObjectStore['get']>
}

const releaseDelayMs = 86_400_000

/** Files of users: announced by REST, received and served by the content origin, described to other parts. */
export class ObjectService {
  readonly #options: ObjectServiceOptions
  readonly #addresses: ContentAddresses
  readonly #now: () => number
  readonly #arrivals: Arrivals
  readonly #collection: Collection
  /** What each project holds and may hold. */
  readonly quota: StorageQuota
  /** Uploads in pieces. */
  readonly resumable: ResumableUploads

  constructor(options: ObjectServiceOptions) {
    this.#options = options
    this.#addresses = new ContentAddresses(options.masterKey, options.contentUrl)
    this.#now = options.now ?? Date.now
    const { database, store, limits } = options
    const { unfinishedTtlMs } = limits
    this.quota = new StorageQuota(limits)
    this.#arrivals = new Arrivals({ database, store })
    this.#collection = new Collection({ database, store, unfinishedTtlMs })
    this.resumable = new ResumableUploads({
      ...{ database, store, unfinishedTtlMs, now: this.#now },
      confirm: (grant, row, sha256) => this.#arrivals.confirm(grant, row, sha256),
      hashOfStored: (grant, sizeBytes) => this.#arrivals.hashOfStored(grant, sizeBytes),
    })
  }

  /** Announces a file, and takes its room in the quota of the project. Throws `body-too-large` and `limit-exceeded`. */
  async createUpload(tx: Queryable, projectId: string, request: UploadRequest): Promise<UploadOffer> {
    const { maxUnfinished, uploadTtlMs } = this.#options.limits
    if (request.picture) requirePicture(request)
    const owner = request.ownerId ?? null
    const { rows } = await tx.query<{ count: number }>({ text: countSql, values: [projectId, owner] })
    if ((rows[0]?.count ?? 0) >= maxUnfinished) {
      throw new AppError('limit-exceeded', `${maxUnfinished} announced files wait for their upload already`)
    }
    await this.quota.take(tx, projectId, request.sizeBytes)
    const id = newId('object')
    const { name, contentType, sizeBytes, sha256 = null } = request
    await tx.query({
      text: insertSql,
      values: [
        ...[projectId, id, owner, name, contentType.toLowerCase(), sizeBytes, sha256],
        request.picture ? newPictureToken() : null,
      ],
    })
    const expiresAtMs = this.#now() + uploadTtlMs
    const uploadUrl = this.#addresses.sign({ action: 'upload', projectId, objectId: id, expiresAtMs })
    return { id, uploadUrl, expiresAt: new Date(expiresAtMs).toISOString() }
  }

  /** One file with a signed address once it is stored. Throws `object-not-found`. */
  async find(project: ProjectScope, objectId: string): Promise<StoredObject> {
    const row = await requireObject(project, objectId)
    const expiresAtMs = sharedExpiry(this.#now())
    return {
      id: row.id,
      ...factsOf(row),
      state: row.state === 'stored' ? 'stored' : 'pending',
      createdAt: row.created_at.toISOString(),
      ...(row.sha256 !== null && { sha256: row.sha256 }),
      ...(row.owner_id !== null && { ownerId: row.owner_id }),
      ...(row.state === 'stored' && {
        url: this.signUrl(project.projectId, row.id, row.name),
        urlExpiresAt: new Date(expiresAtMs).toISOString(),
        ...this.#thumbnailOf(project.projectId, row),
        ...this.#pictureOf(project.projectId, row),
      }),
    }
  }

  /** Facts by id. Throws `object-not-found` for the first id that is unknown, or not stored where that is required. */
  async describe(
    project: ProjectScope,
    objectIds: readonly string[],
    options: { requireStored: boolean },
  ): Promise<Map<string, ObjectFacts>> {
    const { rows } = await project.query<ObjectRow>({
      name: 'objects.describe',
      text: `select ${objectColumns} from objects.objects where project_id = $1 and id = any($2)`,
      values: [project.projectId, objectIds],
    })
    const usable = rows.filter((row) => isPresent(row) && (row.state === 'stored' || !options.requireStored))
    const facts = new Map(usable.map((row) => [row.id, factsOf(row)]))
    const missing = objectIds.find((id) => !facts.has(id))
    if (missing !== undefined) throw objectNotFound(missing)
    return facts
  }

  /** A download address that is the same for all readers of the day and holds for 24 to 48 hours. */
  signUrl(projectId: string, objectId: string, name: string, nowMs: number = this.#now()): string {
    const grant: ContentGrant = { action: 'read', projectId, objectId, expiresAtMs: sharedExpiry(nowMs) }
    return this.#addresses.sign(grant, name)
  }

  /** The address of a smaller picture, for files that have one; else undefined. */
  signThumbnailUrl(projectId: string, objectId: string, file: ObjectFacts): string | undefined {
    if (!this.#hasThumbnails(file)) return undefined
    return thumbnailAddress(this.signUrl(projectId, objectId, file.name), messageThumbnailSize)
  }

  /**
   * What an address permits. Throws `forbidden` for one that we did not sign or whose time has passed, unless it is of
   * an upload that has begun and still lives.
   */
  async check(path: string, search: string): Promise<ContentGrant> {
    const picture = readPictureAddress(path, search)
    if (picture !== undefined) return this.#checkPicture(picture)
    const grant = this.#addresses.check(path, search)
    const timely = grant !== undefined && grant.expiresAtMs > this.#now()
    if (timely) return grant
    if (grant?.action === 'upload' && (await this.resumable.isAlive(grant))) return grant
    throw new AppError('forbidden', 'The address is not signed or has expired')
  }

  /** The announced size of a file that may still be uploaded or was. Throws `object-not-found`. */
  async announcedBytes(grant: ContentGrant): Promise<number> {
    const row = await this.#rowOf(grant)
    return Number(row.size_bytes)
  }

  /**
   * Takes the bytes of an announced file. The same bytes again answer as the first time; others are refused with
   * `already-exists`. Throws `size-mismatch`, `checksum-mismatch`, `storage-full` and `object-not-found`; after an
   * error the upload may be tried again.
   */
  async receive(
    grant: ContentGrant,
    content: AsyncIterable<Uint8Array>,
  ): Promise<{ id: string; sha256: string }> {
    return this.#arrivals.receive(grant, await this.#rowOf(grant), content)
  }

  /** A stored file for whoever holds an address to read it. Throws `object-not-found`. */
  async open(grant: ContentGrant): Promise<StoredFile> {
    const row = await this.#rowOf(grant)
    if (row.state !== 'stored' || row.sha256 === null || row.stored_at === null) throw objectNotFound(row.id)
    const read = (range?: ByteRange) => this.#options.store.get(storeKey(grant), range)
    return { ...factsOf(row), sha256: row.sha256, storedAt: row.stored_at, read }
  }

  /** A stored picture of which a smaller one may be made. Throws `object-not-found`. */
  async openPicture(grant: ContentGrant): Promise<StoredFile> {
    const file = await this.open(grant)
    if (!this.#hasThumbnails(file))
      throw new AppError('object-not-found', 'There are no thumbnails of this file')
    return file
  }

  /** The smaller picture, when it was made before; else undefined. */
  async openThumbnail(grant: ContentGrant, size: ThumbnailSize): Promise<DerivedFile | undefined> {
    const key = thumbnailKey(grant, size)
    const found = await this.#options.store.stat(key)
    return found && { sizeBytes: found.sizeBytes, read: (range) => this.#options.store.get(key, range) }
  }

  /** Keeps a smaller picture, unless its original was removed meanwhile. */
  async keepThumbnail(grant: ContentGrant, size: ThumbnailSize, bytes: Uint8Array): Promise<void> {
    const key = thumbnailKey(grant, size)
    await this.#options.store.put(key, once(bytes), { sizeBytes: bytes.length })
    try {
      await this.#rowOf(grant)
    } catch (error) {
      await this.#options.store.delete(key)
      throw error
    }
  }

  /**
   * Tells that nobody refers to these files any more: they are not found from the commit on, and removed a day later,
   * when no backup that began before still reads them. Unknown ids are passed over.
   */
  async release(tx: Queryable, projectId: string, objectIds: readonly string[]): Promise<void> {
    await tx.query({
      name: 'objects.release',
      text: releaseSql,
      values: [projectId, objectIds, new Date(this.#now() + releaseDelayMs)],
    })
  }

  /** As `release`, of those files only that belong to this owner. */
  async releaseOf(
    tx: Queryable,
    projectId: string,
    ownerId: string,
    objectIds: readonly string[],
  ): Promise<void> {
    const { rows } = await tx.query<{ id: string }>({
      text: 'select id from objects.objects where project_id = $1 and owner_id = $2 and id = any($3)',
      values: [projectId, ownerId, objectIds],
    })
    const own = rows.map((row) => row.id)
    if (own.length > 0) await this.release(tx, projectId, own)
  }

  /** Releases all files of an owner, and forgets names and owner at once. Answers how many. */
  async releaseOwned(tx: Queryable, projectId: string, ownerId: string): Promise<number> {
    const { rows } = await tx.query<{ id: string }>({
      text: 'select id from objects.objects where project_id = $1 and owner_id = $2',
      values: [projectId, ownerId],
    })
    return this.erase(
      tx,
      projectId,
      rows.map((row) => row.id),
    )
  }

  /** Releases files, and forgets their names and owners at once. Answers how many of them there were. */
  async erase(tx: Queryable, projectId: string, objectIds: readonly string[]): Promise<number> {
    if (objectIds.length === 0) return 0
    await this.release(tx, projectId, objectIds)
    const { rowCount } = await tx.query({
      text: `update objects.objects set owner_id = null, name = 'erased'
        where project_id = $1 and id = any($2) and name <> 'erased'`,
      values: [projectId, objectIds],
    })
    return rowCount
  }

  /** Deletes an announced or stored file. Throws `object-not-found`. */
  async delete(project: ProjectScope, objectId: string): Promise<void> {
    const { projectId } = project
    const row = await requireObject(project, objectId)
    if (row.state === 'stored') await this.release(project, projectId, [objectId])
    else await this.terminate({ action: 'upload', projectId, objectId, expiresAtMs: 0 })
  }

  /** Forgets an announced file, with what has arrived of it. Throws `forbidden` for one that is stored. */
  async terminate(grant: ContentGrant): Promise<void> {
    const row = await this.#rowOf(grant)
    if (row.state === 'stored') throw new AppError('forbidden', 'Stored files are deleted by REST')
    await this.resumable.discard(grant)
    const { rowCount } = await this.#options.database.project(grant.projectId).query({
      text: `update objects.objects set state = 'abandoned' where project_id = $1 and id = $2 and state = 'pending'`,
      values: [grant.projectId, grant.objectId],
    })
    if (rowCount !== 1) throw new AppError('conflict', 'The file was stored at this moment')
    await this.#collection.remove(grant)
  }

  /** Removes for good what never came and what was released a day ago. Run it hourly; answers how many files went. */
  async collect(): Promise<number> {
    const collected = await this.#collection.run(this.#now())
    await this.#options.store.sweep(this.#options.limits.unfinishedTtlMs, await this.resumable.keys())
    return collected
  }

  #hasThumbnails(file: ObjectFacts): boolean {
    const { maxThumbnailPixels, maxThumbnailSourceBytes } = this.#options.limits
    const { width, height, contentType, sizeBytes } = file
    if (!hasThumbnails(contentType) || width === undefined || height === undefined) return false
    return width * height <= maxThumbnailPixels && sizeBytes <= maxThumbnailSourceBytes
  }

  #thumbnailOf(projectId: string, row: ObjectRow): { thumbnailUrl: string } | undefined {
    const thumbnailUrl = this.signThumbnailUrl(projectId, row.id, factsOf(row))
    return thumbnailUrl === undefined ? undefined : { thumbnailUrl }
  }

  #pictureOf(projectId: string, row: ObjectRow): { pictureUrl: string } | undefined {
    const { id: objectId, picture_token: token } = row
    if (token === null || !this.#hasThumbnails(factsOf(row))) return undefined
    return { pictureUrl: this.#addresses.ofPicture({ projectId, objectId, token }) }
  }

  async #checkPicture(address: PictureAddress): Promise<ContentGrant> {
    const project = this.#options.database.project(address.projectId)
    const row = await requireObject(project, address.objectId)
    return pictureGrant(address, row, this.#now())
  }

  #rowOf(grant: ContentGrant): Promise<ObjectRow> {
    return requireObject(this.#options.database.project(grant.projectId), grant.objectId)
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

const countSql = `
select count(*) as count from objects.objects
where project_id = $1 and owner_id is not distinct from $2 and state <> 'stored'`

const insertSql = `
insert into objects.objects (project_id, id, owner_id, name, content_type, size_bytes, sha256, picture_token)
values ($1, $2, $3, $4, $5, $6, $7, $8)`

const releaseSql = `
update objects.objects set deletable_at = $3
where project_id = $1 and id = any($2) and state = 'stored' and deletable_at is null`
