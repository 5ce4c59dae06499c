import { buffer } from 'node:stream/consumers'
import { AppError } from '@parley/contracts'
import type { Database } from '@parley/core/store'
import { MeasuredContent } from './measured-content.ts'
import { type ObjectRef, type ObjectRow, objectNotFound, storeKey } from './object-rows.ts'
import type { ObjectStore } from './object-store.ts'
import { probeMedia } from './probe/probe-media.ts'

/** Bytes of announced files as they arrive: compared, kept, measured and confirmed. */
export class Arrivals {
  readonly #database: Database
  readonly #store: ObjectStore

  constructor({ database, store }: { database: Database; store: ObjectStore }) {
    this.#database = database
    this.#store = store
  }

  /** As `ObjectService.receive`, for the row of the file. */
  async receive(
    ref: ObjectRef,
    row: ObjectRow,
    content: AsyncIterable<Uint8Array>,
  ): Promise<{ id: string; sha256: string }> {
    const expected = { sizeBytes: Number(row.size_bytes), ...(row.sha256 !== null && { sha256: row.sha256 }) }
    if (row.state === 'stored') return compare(row, content)
    const { sha256, created } = await this.#store.put(storeKey(ref), content, expected)
    const there = created ? sha256 : await this.hashOfStored(ref, expected.sizeBytes)
    await this.confirm(ref, row, there)
    if (there !== sha256) throw otherBytes()
    return { id: row.id, sha256 }
  }

  /** The bytes are durable; now everybody may know. Throws `object-not-found` when the file was forgotten meanwhile. */
  async confirm(ref: ObjectRef, row: ObjectRow, sha256: string): Promise<void> {
    const media = await this.#probe(ref, row)
    const confirmed = await this.#database.project(ref.projectId).query({
      name: 'objects.confirm',
      text: confirmSql,
      values: [ref.projectId, ref.objectId, sha256, media === undefined ? null : JSON.stringify(media)],
    })
    if (confirmed.rowCount === 1) return
    await this.#store.delete(storeKey(ref))
    throw objectNotFound(ref.objectId)
  }

  /** SHA-256 of what the store holds, in hex. */
  async hashOfStored(ref: ObjectRef, sizeBytes: number): Promise<string> {
    return hashOf(await this.#store.get(storeKey(ref)), sizeBytes)
  }

  #probe(ref: ObjectRef, row: ObjectRow): Promise<object | undefined> {
    const read = async (start: number, end: number) =>
      buffer(await this.#store.get(storeKey(ref), { start, end }))
    return probeMedia(row.content_type, { sizeBytes: Number(row.size_bytes), read })
  }
}

async function compare(
  row: ObjectRow,
  content: AsyncIterable<Uint8Array>,
): Promise<{ id: string; sha256: string }> {
  const sha256 = await hashOf(content, Number(row.size_bytes))
  if (sha256 !== row.sha256) throw otherBytes()
  return { id: row.id, sha256 }
}

async function hashOf(content: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<string> {
  const measured = new MeasuredContent(content, { sizeBytes })
  for await (const _ of measured.chunks());
  return measured.finish()
}

function otherBytes(): AppError {
  return new AppError('already-exists', 'Other bytes are stored under this id already')
}

/** Two uploads of the same bytes at once both find it confirmed. */
const confirmSql = `
update objects.objects
set state = 'stored', sha256 = $3, media = $4, stored_at = coalesce(stored_at, now())
where project_id = $1 and id = $2 and (state = 'pending' or (state = 'stored' and sha256 = $3))`
