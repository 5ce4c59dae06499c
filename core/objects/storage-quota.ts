import { AppError } from '@parley/contracts'
import type { ProjectScope, Queryable } from '@parley/core/store'

export interface StorageLimits {
  maxStoredBytes: number
  maxObjectBytes: number
}

export interface StorageUsage extends StorageLimits {
  /** Announced and stored, until removed. */
  usedBytes: number
  objects: number
}

interface UsageRow {
  used_bytes: number
  objects: number
  max_stored_bytes: number | null
  max_object_bytes: number | null
}

/**
 * What each project holds and may hold. Room is taken when a file is announced, under the lock of the project's row, so
 * that uploads at once cannot pass the limit together; it is given back when the file is removed for good.
 */
export class StorageQuota {
  readonly #installation: StorageLimits

  constructor(installation: StorageLimits) {
    this.#installation = installation
  }

  /** Takes room for one file. Throws `body-too-large` and `limit-exceeded`. */
  async take(tx: Queryable, projectId: string, sizeBytes: number): Promise<void> {
    const { maxStoredBytes, maxObjectBytes } = this.#installation
    const { rows } = await tx.query<UsageRow>({
      name: 'objects.take-room',
      text: takeSql,
      values: [projectId, sizeBytes, maxStoredBytes, maxObjectBytes],
    })
    if (rows.length === 1) return
    const limits = await this.#read(tx, projectId)
    if (sizeBytes > limits.maxObjectBytes) {
      throw new AppError('body-too-large', `Files may have ${limits.maxObjectBytes} bytes at most`)
    }
    const left = Math.max(0, limits.maxStoredBytes - limits.usedBytes)
    throw new AppError(
      'limit-exceeded',
      `The project may store ${limits.maxStoredBytes} bytes, of which ${left} are left`,
    )
  }

  usage(project: ProjectScope): Promise<StorageUsage> {
    return this.#read(project, project.projectId)
  }

  /** Limits of one project in place of the installation's; null goes back to those. */
  async limit(
    tx: Queryable,
    projectId: string,
    limits: Record<keyof StorageLimits, number | null>,
  ): Promise<void> {
    await tx.query({
      text: limitSql,
      values: [projectId, limits.maxStoredBytes, limits.maxObjectBytes],
    })
  }

  async #read(tx: Queryable, projectId: string): Promise<StorageUsage> {
    const { rows } = await tx.query<UsageRow>({
      name: 'objects.usage',
      text: 'select used_bytes, objects, max_stored_bytes, max_object_bytes from objects.usage where project_id = $1',
      values: [projectId],
    })
    const row = rows[0]
    return {
      usedBytes: Number(row?.used_bytes ?? 0),
      objects: Number(row?.objects ?? 0),
      maxStoredBytes: Number(row?.max_stored_bytes ?? this.#installation.maxStoredBytes),
      maxObjectBytes: Number(row?.max_object_bytes ?? this.#installation.maxObjectBytes),
    }
  }
}

/** One statement, so that the lock of the row is held from the look to the change. */
const takeSql = `
insert into objects.usage as usage (project_id, used_bytes, objects)
select $1::text, $2::bigint, 1 where $2::bigint <= least($3::bigint, $4::bigint)
  or exists (select from objects.usage where project_id = $1)
on conflict (project_id) do update
set used_bytes = usage.used_bytes + $2, objects = usage.objects + 1
where usage.used_bytes + $2 <= coalesce(usage.max_stored_bytes, $3)
  and $2 <= coalesce(usage.max_object_bytes, $4)
returning used_bytes, objects, max_stored_bytes, max_object_bytes`

const limitSql = `
insert into objects.usage (project_id, max_stored_bytes, max_object_bytes) values ($1, $2, $3)
on conflict (project_id) do update set max_stored_bytes = $2, max_object_bytes = $3`
