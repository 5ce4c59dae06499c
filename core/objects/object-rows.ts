import { AppError } from '@parley/contracts'
import type { ProjectScope, Queryable } from '@parley/core/store'

/** What the header of a picture, a sound or a film tells. Pixels as shown, after any rotation; milliseconds. */
export interface MediaFacts {
  width?: number
  height?: number
  durationMs?: number
}

/** What a message keeps of a file. */
export interface ObjectFacts extends MediaFacts {
  name: string
  contentType: string
  sizeBytes: number
}

export interface ObjectRow {
  id: string
  owner_id: string | null
  name: string
  content_type: string
  size_bytes: number
  sha256: string | null
  state: 'pending' | 'stored' | 'abandoned'
  media: MediaFacts | null
  created_at: Date
  stored_at: Date | null
  deletable_at: Date | null
  picture_token: string | null
}

/** Names one object. */
export interface ObjectRef {
  projectId: string
  objectId: string
}

export const objectColumns = `id, owner_id, name, content_type, size_bytes, sha256, state, media, created_at, stored_at,
  deletable_at, picture_token`

async function findObject(project: ProjectScope, objectId: string): Promise<ObjectRow | undefined> {
  const { rows } = await project.query<ObjectRow>({
    name: 'objects.find',
    text: `select ${objectColumns} from objects.objects where project_id = $1 and id = $2`,
    values: [project.projectId, objectId],
  })
  return rows[0]
}

/** The row of an object that is neither forgotten nor released. Throws `object-not-found`. */
export async function requireObject(project: ProjectScope, objectId: string): Promise<ObjectRow> {
  const row = await findObject(project, objectId)
  if (row === undefined || !isPresent(row)) throw objectNotFound(objectId)
  return row
}

/** Removes the row of an abandoned object, whose bytes are gone, and gives its room back to the project. */
export async function forgetObject(tx: Queryable, { projectId, objectId }: ObjectRef): Promise<void> {
  await tx.query({ name: 'objects.forget', text: forgetSql, values: [projectId, objectId] })
}

export function isPresent(row: ObjectRow): boolean {
  return row.state !== 'abandoned' && row.deletable_at === null
}

export function storeKey({ projectId, objectId }: ObjectRef): string {
  return `${projectId}/${objectId}`
}

export function factsOf(row: ObjectRow): ObjectFacts {
  return {
    name: row.name,
    contentType: row.content_type,
    sizeBytes: Number(row.size_bytes),
    ...row.media,
  }
}

export function objectNotFound(objectId: string): AppError {
  return new AppError('object-not-found', `There is no object ${objectId}`)
}

const forgetSql = `
with gone as (
  delete from objects.objects where project_id = $1 and id = $2 and state = 'abandoned'
  returning size_bytes
)
update objects.usage
set used_bytes = used_bytes - gone.size_bytes, objects = objects - 1
from gone where project_id = $1`
