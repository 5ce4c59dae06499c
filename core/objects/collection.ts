import type { Database } from '@parley/core/store'
import { forgetObject, type ObjectRef, storeKey } from './object-rows.ts'
import type { ObjectStore, TransferProgress } from './object-store.ts'
import { thumbnailKey, thumbnailSizes } from './thumbnails/thumbnail-sizes.ts'

const batch = 500

interface AbandonedRow {
  project_id: string
  id: string
  content_type: string
  progress: TransferProgress | null
}

export interface CollectionOptions {
  database: Database
  store: ObjectStore
  unfinishedTtlMs: number
}

/**
 * Removes files for good: those that were announced and never came, and those released long enough ago. First the row
 * says `abandoned`, so that nobody reads or confirms the file any more; then the bytes go, then the row and the room
 * it took. Killed anywhere between, the next run goes on.
 */
export class Collection {
  readonly #options: CollectionOptions

  constructor(options: CollectionOptions) {
    this.#options = options
  }

  /** Run it hourly. Answers how many files went. */
  async run(nowMs: number): Promise<number> {
    const { system } = this.#options.database
    const { unfinishedTtlMs } = this.#options
    let collected = 0
    for (;;) {
      const { rows } = await system.query<AbandonedRow>({
        text: abandonSql,
        values: [new Date(nowMs - unfinishedTtlMs), new Date(nowMs), batch],
      })
      for (const row of rows) await this.#removeRow(row)
      collected += rows.length
      if (rows.length < batch) return collected
    }
  }

  /** Removes one file whose row says `abandoned` already. */
  async remove(ref: ObjectRef): Promise<void> {
    const { rows } = await this.#options.database.project(ref.projectId).query<AbandonedRow>({
      text: oneAbandonedSql,
      values: [ref.projectId, ref.objectId],
    })
    for (const row of rows) await this.#removeRow(row)
  }

  async #removeRow(row: AbandonedRow): Promise<void> {
    const { store, database } = this.#options
    const ref = { projectId: row.project_id, objectId: row.id }
    if (row.progress !== null) await store.discard(storeKey(ref), row.progress)
    await store.delete(storeKey(ref))
    if (row.content_type.startsWith('image/')) {
      for (const size of thumbnailSizes) await store.delete(thumbnailKey(ref, size))
    }
    await forgetObject(database.project(ref.projectId), ref)
  }
}

const abandonSql = `
with gone as (
  update objects.objects set state = 'abandoned'
  where (project_id, id) in (
    select project_id, id from objects.objects o
    where (state <> 'stored' and created_at < $1 and not exists (
        select from objects.transfers t
        where t.project_id = o.project_id and t.object_id = o.id and t.expires_at > $2 and o.state = 'pending'))
      or deletable_at <= $2
    order by created_at
    limit $3
    for update skip locked
  )
  returning project_id, id, content_type
)
select gone.*, t.progress from gone
left join objects.transfers t on t.project_id = gone.project_id and t.object_id = gone.id`

const oneAbandonedSql = `
select o.project_id, o.id, o.content_type, t.progress from objects.objects o
left join objects.transfers t on t.project_id = o.project_id and t.object_id = o.id
where o.project_id = $1 and o.id = $2 and o.state = 'abandoned'`
