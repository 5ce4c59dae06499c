import type { ProjectScope } from '@parley/core/store'

/** Who was a member when the entry was written and still is; by user id, after `afterUserId`. */
export async function readAudience(
  project: ProjectScope,
  conversationId: string,
  seq: number,
  page: { afterUserId: string; limit: number },
): Promise<string[]> {
  const { rows } = await project.query<{ user_id: string }>({
    name: 'chat-audience',
    text: `select user_id from chat.members
      where project_id = $1 and conversation_id = $2 and joined_seq <= $3 and left_seq is null and user_id > $4
      order by user_id limit $5`,
    values: [project.projectId, conversationId, seq, page.afterUserId, page.limit],
  })
  return rows.map((row) => row.user_id)
}

/** Those of the users named who belong to the audience of the entry. */
export async function readAudienceAmong(
  project: ProjectScope,
  conversationId: string,
  seq: number,
  userIds: readonly string[],
): Promise<string[]> {
  if (userIds.length === 0) return []
  const { rows } = await project.query<{ user_id: string }>({
    name: 'chat-audience-among',
    text: `select user_id from chat.members
      where project_id = $1 and conversation_id = $2 and joined_seq <= $3 and left_seq is null
        and user_id = any($4::text[]) order by user_id`,
    values: [project.projectId, conversationId, seq, userIds],
  })
  return rows.map((row) => row.user_id)
}
