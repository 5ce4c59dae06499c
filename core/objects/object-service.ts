import { AppError, newId, type StoredObject } from '@parley/contracts'
import type { MasterKey } from '@parley/core/secrets'
import type { Database, ProjectScope, Queryable } from '@parley/core/store'
import { ContentAddresses, type ContentGrant, sharedExpiry } from './content-address.ts'
import { MeasuredContent } from './measured-content.ts'
import type { ByteRange, ObjectStore } from './object-store.ts'
import type { ObjectSettings } from './settings.ts'

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
}

export interface UploadOffer {
  id: string
  uploadUrl: string
  expiresAt: string
}

/** What a message keeps of a file. */
export interface ObjectFacts {
  name: string
  contentType: string
  sizeBytes: number
}

/** A stored file, ready to be served. */
export interface StoredFile extends ObjectFacts {
  sha256: string
  storedAt: Date
  read(range?: ByteRange): ReturnType<ObjectStore['get']>
}

interface ObjectRow {
  id: string
  owner_id: string | null
  name: string
  content_type: string
  size_bytes: number
  sha256: string | null
  state: 'pending' | 'stored' | 'abandoned'
  created_at: Date
  stored_at: Date | null
}

const columns = 'id, owner_id, name, content_type, size_bytes, sha256, state, created_at, stored_at'
const unfinishedBatch = 500

/** Files of users: announced by REST, received and served by the content origin, described to other parts. */
export class ObjectService {
  readonly #options: ObjectServiceOptions
  readonly #addresses: ContentAddresses
  readonly #now: () => number

  constructor(options: ObjectServiceOptions) {
    this.#options = options
    this.#addresses = new ContentAddresses(options.masterKey, options.contentUrl)
    this.#now = options.now ?? Date.now
  }

  /** Announces a file. Throws `body-too-large` and `limit-exceeded`. */
  async createUpload(tx: Queryable, projectId: string, request: UploadRequest): Promise<UploadOffer> {
    const { maxObjectBytes, maxUnfinished, uploadTtlMs } = this.#options.limits
    if (request.sizeBytes > maxObjectBytes) {
      throw new AppError('body-too-large', `Files may have ${maxObjectBytes} bytes at most`)
    }
    const owner = request.ownerId ?? null
    const { rows } = await tx.query<{ count: number }>({ text: countSql, values: [projectId, owner] })
    if ((rows[0]?.count ?? 0) >= maxUnfinished) {
      throw new AppError('limit-exceeded', `${maxUnfinished} announced files wait for their upload already`)
    }
    const id = newId('object')
    const { name, contentType, sizeBytes, sha256 = null } = request
    await tx.query({
      text: insertSql,
      values: [projectId, id, owner, name, contentType.toLowerCase(), sizeBytes, sha256],
    })
    const expiresAtMs = this.#now() + uploadTtlMs
    const uploadUrl = this.#addresses.sign({ action: 'upload', projectId, objectId: id, expiresAtMs })
    return { id, uploadUrl, expiresAt: new Date(expiresAtMs).toISOString() }
  }

  /** One file with a signed address once it is stored. Throws `object-not-found`. */
  async find(project: ProjectScope, objectId: string): Promise<StoredObject> {
    const row = await findRow(project, objectId)
    if (row === undefined || row.state === 'abandoned') throw notFound(objectId)
    const expiresAtMs = sharedExpiry(this.#now())
    return {
      id: row.id,
      name: row.name,
      contentType: row.content_type,
      sizeBytes: Number(row.size_bytes),
      state: row.state,
      createdAt: row.created_at.toISOString(),
      ...(row.sha256 !== null && { sha256: row.sha256 }),
      ...(row.owner_id !== null && { ownerId: row.owner_id }),
      ...(row.state === 'stored' && {
        url: this.signUrl(project.projectId, row.id, row.name),
        urlExpiresAt: new Date(expiresAtMs).toISOString(),
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
      text: `select ${columns} from objects.objects where project_id = $1 and id = any($2)`,
      values: [project.projectId, objectIds],
    })
    const usable = rows.filter(
      (row) => row.state === 'stored' || (row.state === 'pending' && !options.requireStored),
    )
    const facts = new Map(usable.map((row) => [row.id, factsOf(row)]))
    const missing = objectIds.find((id) => !facts.has(id))
    if (missing !== undefined) throw notFound(missing)
    return facts
  }

  /** A download address that is the same for all readers of the day and holds for 24 to 48 hours. */
  signUrl(projectId: string, objectId: string, name: string, nowMs: number = this.#now()): string {
    const grant: ContentGrant = { action: 'read', projectId, objectId, expiresAtMs: sharedExpiry(nowMs) }
    return this.#addresses.sign(grant, name)
  }

  /** What an address permits. Throws `forbidden` for one that we did not sign or whose time has passed. */
  check(path: string, search: string): ContentGrant {
    const grant = this.#addresses.check(path, search, this.#now())
    if (grant === undefined) throw new AppError('forbidden', 'The address is not signed or has expired')
    return grant
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
    const row = await this.#rowOf(grant)
    const expected = { sizeBytes: Number(row.size_bytes), ...(row.sha256 !== null && { sha256: row.sha256 }) }
    if (row.state === 'stored') return this.#compare(row, content)
    const key = storeKey(grant)
    const { sha256, created } = await this.#options.store.put(key, content, expected)
    const there = created ? sha256 : await this.#hashOfStored(key, expected.sizeBytes)
    await this.#confirm(grant, there)
    if (there !== sha256) throw otherBytes()
    return { id: row.id, sha256 }
  }

  /** A stored file for whoever holds an address to read it. Throws `object-not-found`. */
  async open(grant: ContentGrant): Promise<StoredFile> {
    const row = await this.#rowOf(grant)
    if (row.state !== 'stored' || row.sha256 === null || row.stored_at === null) throw notFound(row.id)
    const read = (range?: ByteRange) => this.#options.store.get(storeKey(grant), range)
    return { ...factsOf(row), sha256: row.sha256, storedAt: row.stored_at, read }
  }

  /** Forgets files that were announced long ago and never arrived. Run it hourly; answers how many went. */
  async collectUnfinished(): Promise<number> {
    const { system } = this.#options.database
    const before = new Date(this.#now() - this.#options.limits.unfinishedTtlMs)
    let collected = 0
    for (;;) {
      // Marked first, so that an upload that ends at this moment cannot be confirmed any more.
      const { rows } = await system.query<{ project_id: string; id: string }>({
        text: abandonSql,
        values: [before, unfinishedBatch],
      })
      for (const row of rows) await this.#remove(row.project_id, row.id)
      collected += rows.length
      if (rows.length < unfinishedBatch) return collected
    }
  }

  async #remove(projectId: string, objectId: string): Promise<void> {
    await this.#options.store.delete(storeKey({ projectId, objectId }))
    await this.#options.database.project(projectId).query({
      text: `delete from objects.objects where project_id = $1 and id = $2 and state = 'abandoned'`,
      values: [projectId, objectId],
    })
  }

  async #rowOf(grant: ContentGrant): Promise<ObjectRow> {
    const row = await findRow(this.#options.database.project(grant.projectId), grant.objectId)
    if (row === undefined || row.state === 'abandoned') throw notFound(grant.objectId)
    return row
  }

  /** The bytes are durable; now everybody may know. */
  async #confirm(grant: ContentGrant, sha256: string): Promise<void> {
    const project = this.#options.database.project(grant.projectId)
    const confirmed = await project.query({
      name: 'objects.confirm',
      text: confirmSql,
      values: [grant.projectId, grant.objectId, sha256],
    })
    if (confirmed.rowCount === 1) return
    await this.#options.store.delete(storeKey(grant))
    throw notFound(grant.objectId)
  }

  async #compare(
    row: ObjectRow,
    content: AsyncIterable<Uint8Array>,
  ): Promise<{ id: string; sha256: string }> {
    const sha256 = await hashOf(content, Number(row.size_bytes))
    if (sha256 !== row.sha256) throw otherBytes()
    return { id: row.id, sha256 }
  }

  async #hashOfStored(key: string, sizeBytes: number): Promise<string> {
    return hashOf(await this.#options.store.get(key), sizeBytes)
  }
}

function storeKey(object: { projectId: string; objectId: string }): string {
  return `${object.projectId}/${object.objectId}`
}

async function findRow(project: ProjectScope, objectId: string): Promise<ObjectRow | undefined> {
  const { rows } = await project.query<ObjectRow>({
    name: 'objects.find',
    text: `select ${columns} from objects.objects where project_id = $1 and id = $2`,
    values: [project.projectId, objectId],
  })
  return rows[0]
}

async function hashOf(content: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<string> {
  const measured = new MeasuredContent(content, { sizeBytes })
  for await (const _ of measured.chunks());
  return measured.finish()
}

function factsOf(row: ObjectRow): ObjectFacts {
  return { name: row.name, contentType: row.content_type, sizeBytes: Number(row.size_bytes) }
}

function notFound(objectId: string): AppError {
  return new AppError('object-not-found', `There is no object ${objectId}`)
}

function otherBytes(): AppError {
  return new AppError('already-exists', 'Other bytes are stored under this id already')
}

const countSql = `
select count(*) as count from objects.objects
where project_id = $1 and owner_id is not distinct from $2 and state <> 'stored'`

const insertSql = `
insert into objects.objects (project_id, id, owner_id, name, content_type, size_bytes, sha256)
values ($1, $2, $3, $4, $5, $6, $7)`

/** Two uploads of the same bytes at once both find it confirmed. */
const confirmSql = `
update objects.objects
set state = 'stored', sha256 = $3, stored_at = coalesce(stored_at, now())
where project_id = $1 and id = $2 and (state = 'pending' or (state = 'stored' and sha256 = $3))`

const abandonSql = `
update objects.objects set state = 'abandoned'
where (project_id, id) in (
  select project_id, id from objects.objects
  where state <> 'stored' and created_at < $1
  order by created_at
  limit $2
  for update skip locked
)
returning project_id, id`
