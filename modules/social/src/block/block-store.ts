import type { Block } from '@parley/contracts'
import { decodeCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { ProjectScope, Queryable } from '@parley/core/store'

interface BlockRow {
  blocked_id: string
  created_at: Date
}

export function toBlock({ blocked_id, created_at }: BlockRow): Block {
  return { userId: blocked_id, createdAt: created_at.toISOString() }
}

/** Whether there is a block between two users, and whose. */
export async function blocksBetween(
  queryable: Queryable,
  projectId: string,
  userId: string,
  otherId: string,
): Promise<{ own: boolean; theirs: boolean }> {
  const { rows } = await queryable.query<{ user_id: string }>({
    name: 'social-blocks-between',
    text: `select user_id from social.blocks where project_id = $1 and user_id = $2 and blocked_id = $3
      union all select user_id from social.blocks where project_id = $1 and user_id = $3 and blocked_id = $2`,
    values: [projectId, userId, otherId],
  })
  return {
    own: rows.some((row) => row.user_id === userId),
    theirs: rows.some((row) => row.user_id === otherId),
  }
}

/** Which of these users block the user or are blocked by the user. */
export async function apartFrom(
  queryable: Queryable,
  projectId: string,
  userId: string,
  otherIds: readonly string[],
): Promise<Set<string>> {
  if (otherIds.length === 0) return new Set()
  const { rows } = await queryable.query<{ id: string }>({
    name: 'social-apart-from',
    text: `select blocked_id as id from social.blocks
        where project_id = $1 and user_id = $2 and blocked_id = any($3::text[])
      union select user_id from social.blocks
        where project_id = $1 and blocked_id = $2 and user_id = any($3::text[])`,
    values: [projectId, userId, otherIds],
  })
  return new Set(rows.map(({ id }) => id))
}

/** True in SQL when neither of two users blocks the other. */
export const notApart = (a: string, b: string): string =>
  `not exists (select from social.blocks b where b.project_id = $1
      and ((b.user_id = ${a} and b.blocked_id = ${b}) or (b.user_id = ${b} and b.blocked_id = ${a})))`

export async function listBlocks(
  project: ProjectScope,
  userId: string,
  { limit, cursor }: PageRequest,
): Promise<{ items: Block[]; nextCursor?: string }> {
  const { rows } = await project.query<BlockRow>({
    text: `select blocked_id, created_at from social.blocks
      where project_id = $1 and user_id = $2 and blocked_id > $3 order by blocked_id limit $4`,
    values: [project.projectId, userId, decodeCursor(cursor) ?? '', limit + 1],
  })
  return toPage(rows, limit, { keyOf: (row) => row.blocked_id, itemOf: toBlock })
}

/** Whom a user blocks. */
export async function readBlocks(queryable: Queryable, projectId: string, userId: string): Promise<string[]> {
  const { rows } = await queryable.query<{ blocked_id: string }>({
    name: 'social-blocks',
    text: 'select blocked_id from social.blocks where project_id = $1 and user_id = $2',
    values: [projectId, userId],
  })
  return rows.map((row) => row.blocked_id)
}

/** Who of these users block the other. */
export async function whoBlocks(
  queryable: Queryable,
  projectId: string,
  otherId: string,
  userIds: readonly string[],
): Promise<Set<string>> {
  const { rows } = await queryable.query<{ user_id: string }>({
    name: 'social-who-blocks',
    text: `select user_id from social.blocks
      where project_id = $1 and blocked_id = $2 and user_id = any($3::text[])`,
    values: [projectId, otherId, userIds],
  })
  return new Set(rows.map((row) => row.user_id))
}
