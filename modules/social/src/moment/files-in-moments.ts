import type { Queryable } from '@parley/core/store'

/** Which of these files stand in moments of a user. */
export async function filesInMoments(
  tx: Queryable,
  projectId: string,
  authorId: string,
  objectIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await tx.query<{ object_id: string }>({
    text: `select f.object_id from unnest($3::text[]) as f (object_id) where exists (
        select from social.moments m where m.project_id = $1 and m.author_id = $2
          and m.media @> jsonb_build_array(jsonb_build_object('objectId', f.object_id)))`,
    values: [projectId, authorId, objectIds],
  })
  return new Set(rows.map((row) => row.object_id))
}
