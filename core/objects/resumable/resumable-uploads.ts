import { createHash, type Hash } from 'node:crypto'
import { AppError, newId } from '@parley/contracts'
import type { Database } from '@parley/core/store'
import type { ContentGrant } from '../content-address.ts'
import { type ObjectRow, objectNotFound, requireObject, storeKey } from '../object-rows.ts'
import type { ObjectStore, TransferProgress } from '../object-store.ts'
import { RunningHashes } from './running-hashes.ts'

export interface ResumableUploadsOptions {
  database: Database
  store: ObjectStore
  now: () => number
  /** How long after its last progress an upload may be gone on with. Milliseconds. */
  unfinishedTtlMs: number
  /** Tells everybody that the bytes are there; throws when that is refused. */
  confirm(grant: ContentGrant, row: ObjectRow, sha256: string): Promise<void>
  hashOfStored(grant: ContentGrant, sizeBytes: number): Promise<string>
}

/** How far an upload has come. */
export interface UploadState {
  offset: number
  sizeBytes: number
  /** Absent once the file is stored. */
  expiresAt?: Date
}

export interface Piece {
  /** Must be where the upload stands. */
  offset: number
  content: AsyncIterable<Uint8Array>
  /** What the piece must hash to. A piece that bears one is taken whole or not at all. */
  checksum?: { algorithm: 'sha1' | 'sha256'; digest: Buffer } | undefined
}

interface TransferRow {
  received_bytes: number
  progress: TransferProgress
  expires_at: Date
}

/**
 * Uploads that arrive in pieces, with pauses, cut connections and restarts between them. What the row of a transfer
 * says has arrived is durable. One request writes at a time: a newer one ends the older, whose connection most often is
 * dead without anybody having noticed; across processes the `writer` of the row decides.
 */
export class ResumableUploads {
  readonly #options: ResumableUploadsOptions
  readonly #hashes = new RunningHashes()
  readonly #writers = new Map<string, { stop: () => void; ended: Promise<void> }>()

  constructor(options: ResumableUploadsOptions) {
    this.#options = options
  }

  /** Whether its address may still be used though its time to begin has passed. */
  async isAlive(grant: ContentGrant): Promise<boolean> {
    const transfer = await this.#transferOf(grant)
    return transfer !== undefined && transfer.expires_at.getTime() > this.#options.now()
  }

  /** Keys of all uploads that have begun, in every project. */
  async keys(): Promise<ReadonlySet<string>> {
    const { rows } = await this.#options.database.system.query<{ project_id: string; object_id: string }>({
      text: 'select project_id, object_id from objects.transfers',
    })
    return new Set(rows.map((row) => storeKey({ projectId: row.project_id, objectId: row.object_id })))
  }

  /**
   * Where the upload stands, once what an older request took is durable. Finishes one whose bytes are all there. Throws
   * `object-not-found`.
   */
  state(grant: ContentGrant): Promise<UploadState> {
    return this.#alone(grant, () => this.#state(grant))
  }

  async #state(grant: ContentGrant): Promise<UploadState> {
    const row = await this.#rowOf(grant)
    const sizeBytes = Number(row.size_bytes)
    if (row.state === 'stored') return { offset: sizeBytes, sizeBytes }
    const transfer = await this.#transferOf(grant)
    const offset = Number(transfer?.received_bytes ?? 0)
    if (transfer !== undefined && offset === sizeBytes) return this.#finish(grant, row, transfer.progress)
    return { offset, sizeBytes, expiresAt: transfer?.expires_at ?? new Date(grant.expiresAtMs) }
  }

  /**
   * Takes a piece. Throws `conflict` for a wrong offset, `upload-checksum-mismatch`, `size-mismatch`, `storage-full`,
   * `checksum-mismatch` when the whole file is not what was announced (then it begins anew), `object-not-found`.
   */
  async append(grant: ContentGrant, piece: Piece): Promise<UploadState> {
    return this.#alone(grant, async (stopped) => {
      const row = await this.#rowOf(grant)
      const sizeBytes = Number(row.size_bytes)
      if (row.state === 'stored') return storedAlready(row, piece)
      const writer = newId('process')
      const transfer = await this.#claim(grant, sizeBytes, writer)
      const at = Number(transfer.received_bytes)
      if (at !== piece.offset) throw wrongOffset(at, piece.offset)
      const progress = await this.#take(
        grant,
        { ...piece, content: until(stopped, piece.content) },
        transfer,
        sizeBytes,
        writer,
      )
      if (progress.receivedBytes === sizeBytes) return this.#finish(grant, row, progress)
      return { offset: progress.receivedBytes, sizeBytes, expiresAt: this.#expiry() }
    })
  }

  /** Removes what has arrived. */
  async discard(grant: ContentGrant): Promise<void> {
    await this.#alone(grant, () => this.#startAnew(grant))
  }

  async #take(
    grant: ContentGrant,
    { content, checksum }: Piece,
    { progress }: TransferRow,
    sizeBytes: number,
    writer: string,
  ): Promise<TransferProgress> {
    const key = storeKey(grant)
    const from = progress.receivedBytes
    const hashing = new HashedContent(content, this.#hashes.take(key, from), checksum?.algorithm)
    let durable = progress
    const note = async (now: TransferProgress): Promise<void> => {
      await this.#record(grant, now, writer)
      durable = now
    }
    try {
      if (checksum === undefined) {
        await this.#options.store.append(key, progress, hashing.chunks(), { sizeBytes, onDurable: note })
      } else {
        const all = hashing.chunks(() => requireDigest(hashing.digest(), checksum.digest))
        await note(await this.#options.store.append(key, progress, all, { sizeBytes }))
      }
    } catch (error) {
      if (error instanceof AppError && error.code === 'object-not-found') await this.#startAnew(grant)
      throw error
    } finally {
      if (hashing.whole !== undefined && durable.receivedBytes === from + hashing.bytes) {
        this.#hashes.keep(key, durable.receivedBytes, hashing.whole)
      }
    }
    return durable
  }

  async #finish(grant: ContentGrant, row: ObjectRow, progress: TransferProgress): Promise<UploadState> {
    const { store, hashOfStored, confirm } = this.#options
    const key = storeKey(grant)
    const sizeBytes = Number(row.size_bytes)
    const { created } = await store.finish(key, progress)
    const running = created ? this.#hashes.take(key, sizeBytes) : undefined
    const sha256 = running?.digest('hex') ?? (await hashOfStored(grant, sizeBytes))
    if (row.sha256 !== null && row.sha256 !== sha256) {
      await store.delete(key)
      await this.#startAnew(grant)
      throw new AppError('checksum-mismatch', `The content has the SHA-256 ${sha256}; the upload begins anew`)
    }
    await confirm(grant, row, sha256)
    await this.#forget(grant)
    return { offset: sizeBytes, sizeBytes }
  }

  /** The transfer, begun if need be, with this request as its only writer. */
  async #claim(grant: ContentGrant, sizeBytes: number, writer: string): Promise<TransferRow> {
    const { database, store, now } = this.#options
    const project = database.project(grant.projectId)
    const claim = { text: claimSql, values: [grant.projectId, grant.objectId, writer, new Date(now())] }
    const known = await project.query<TransferRow>({ name: 'objects.claim', ...claim })
    if (known.rows[0] !== undefined) return known.rows[0]
    if (grant.expiresAtMs <= now()) throw objectNotFound(grant.objectId)
    const progress = await store.begin(storeKey(grant), sizeBytes)
    const { rows } = await project.query<TransferRow>({
      name: 'objects.begin-transfer',
      text: beginSql,
      values: [grant.projectId, grant.objectId, JSON.stringify(progress), writer, this.#expiry()],
    })
    if (rows[0] !== undefined) return rows[0]
    throw new AppError('conflict', 'The upload was begun elsewhere at the same moment; ask for its offset')
  }

  async #record(grant: ContentGrant, progress: TransferProgress, writer: string): Promise<void> {
    const { rowCount } = await this.#options.database.project(grant.projectId).query({
      name: 'objects.record-transfer',
      text: recordSql,
      values: [
        grant.projectId,
        grant.objectId,
        writer,
        progress.receivedBytes,
        JSON.stringify(progress),
        this.#expiry(),
      ],
    })
    if (rowCount !== 1) throw new AppError('conflict', 'The upload went on elsewhere; ask for its offset')
  }

  async #startAnew(grant: ContentGrant): Promise<void> {
    const transfer = await this.#transferOf(grant)
    if (transfer !== undefined) await this.#options.store.discard(storeKey(grant), transfer.progress)
    await this.#forget(grant)
  }

  async #forget(grant: ContentGrant): Promise<void> {
    this.#hashes.forget(storeKey(grant))
    await this.#options.database.project(grant.projectId).query({
      name: 'objects.end-transfer',
      text: 'delete from objects.transfers where project_id = $1 and object_id = $2',
      values: [grant.projectId, grant.objectId],
    })
  }

  async #transferOf(grant: ContentGrant): Promise<TransferRow | undefined> {
    const { rows } = await this.#options.database.project(grant.projectId).query<TransferRow>({
      name: 'objects.transfer',
      text: 'select received_bytes, progress, expires_at from objects.transfers where project_id = $1 and object_id = $2',
      values: [grant.projectId, grant.objectId],
    })
    return rows[0]
  }

  #rowOf(grant: ContentGrant): Promise<ObjectRow> {
    return requireObject(this.#options.database.project(grant.projectId), grant.objectId)
  }

  #expiry(): Date {
    return new Date(this.#options.now() + this.#options.unfinishedTtlMs)
  }

  /** Ends whoever writes to this upload now, waits until what it took is durable, then works. */
  async #alone<Answer>(
    grant: ContentGrant,
    work: (stopped: AbortSignal) => Promise<Answer>,
  ): Promise<Answer> {
    const key = storeKey(grant)
    for (;;) {
      const other = this.#writers.get(key)
      if (other === undefined) break
      other.stop()
      await other.ended
    }
    const stop = new AbortController()
    const { promise, resolve } = withResolver()
    this.#writers.set(key, { stop: () => stop.abort(), ended: promise })
    try {
      return await work(stop.signal)
    } finally {
      this.#writers.delete(key)
      resolve()
    }
  }
}

/** Content that is hashed as it passes: as part of the whole file, and as a piece of its own. */
class HashedContent {
  readonly whole: Hash | undefined
  bytes = 0
  readonly #content: AsyncIterable<Uint8Array>
  readonly #piece: Hash | undefined

  constructor(content: AsyncIterable<Uint8Array>, whole: Hash | undefined, algorithm: string | undefined) {
    this.#content = content
    this.whole = whole
    this.#piece = algorithm === undefined ? undefined : createHash(algorithm)
  }

  /** `atEnd` may throw, as if the content had. */
  async *chunks(atEnd: () => void = () => undefined): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#content) {
      yield chunk
      this.bytes += chunk.length
      this.whole?.update(chunk)
      this.#piece?.update(chunk)
    }
    atEnd()
  }

  digest(): Buffer {
    return this.#piece?.digest() ?? Buffer.alloc(0)
  }
}

/** Ends with an error as soon as the signal aborts, even while nothing comes. */
async function* until(stopped: AbortSignal, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gone = new Promise<never>((_resolve, reject) => {
    const fail = () => reject(new AppError('conflict', 'The upload is gone on with by a newer request'))
    if (stopped.aborted) fail()
    else stopped.addEventListener('abort', fail, { once: true })
  })
  gone.catch(() => undefined)
  const iterator = content[Symbol.asyncIterator]()
  for (;;) {
    const next = await Promise.race([iterator.next(), gone])
    if (next.done) return
    yield next.value
  }
}

function storedAlready(row: ObjectRow, piece: Piece): UploadState {
  const sizeBytes = Number(row.size_bytes)
  if (piece.offset !== sizeBytes) throw wrongOffset(sizeBytes, piece.offset)
  return { offset: sizeBytes, sizeBytes }
}

function wrongOffset(at: number, given: number): AppError {
  return new AppError('conflict', `The upload stands at ${at}, the piece begins at ${given}`)
}

function requireDigest(actual: Buffer, wanted: Buffer): void {
  if (!actual.equals(wanted)) throw new AppError('upload-checksum-mismatch')
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

const claimSql = `
update objects.transfers set writer = $3
where project_id = $1 and object_id = $2 and expires_at > $4
returning received_bytes, progress, expires_at`

const beginSql = `
insert into objects.transfers (project_id, object_id, received_bytes, progress, writer, expires_at)
values ($1, $2, 0, $3, $4, $5)
on conflict do nothing
returning received_bytes, progress, expires_at`

const recordSql = `
update objects.transfers
set received_bytes = $4, progress = $5, expires_at = $6
where project_id = $1 and object_id = $2 and writer = $3`
