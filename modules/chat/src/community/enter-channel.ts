import type { MemberRole } from '@parley/contracts'
import type { Database } from '@parley/core/store'
import { insertMembers } from '../conversation/member-rows.ts'
import { keyOf, lockHeads } from '../message/log.ts'

interface ChannelRow {
  parent_id: string
  public: boolean
  history_from_start: boolean
  dissolved_at: Date | null
  role: MemberRole | null
}

/**
 * Notes that a member of the community has opened a public channel: from now on the user has a read cursor there and
 * hears it live. False when the conversation is no such channel, or the user no member. This is the only write a
 * public channel makes for a member, and the member's own doing.
 */
export async function enterChannel(
  database: Database,
  projectId: string,
  id: string,
  userId: string,
): Promise<boolean> {
  const project = database.project(projectId)
  const { rows } = await project.query<{ public: boolean }>({
    name: 'chat-is-public-channel',
    text: 'select public from chat.conversations where project_id = $1 and id = $2',
    values: [projectId, id],
  })
  if (rows[0]?.public !== true) return false
  return project.transaction(async (tx) => {
    // Locks the community too, so that nobody enters while being removed from it.
    const head = (await lockHeads(tx, [{ projectId, conversationId: id }])).get(keyOf(projectId, id))
    const found = await tx.query<ChannelRow>({
      name: 'chat-channel-to-enter',
      text: `select c.parent_id, c.public, c.history_from_start, c.dissolved_at, m.role from chat.conversations c
        left join chat.members m on m.project_id = c.project_id and m.conversation_id = c.parent_id and m.user_id = $3
          and m.left_seq is null
        where c.project_id = $1 and c.id = $2`,
      values: [projectId, id, userId],
    })
    const [row] = found.rows
    if (head === undefined || row === undefined || row.role === null || row.dissolved_at !== null)
      return false
    const version = head.version + 1
    await insertMembers(tx, {
      ...{ projectId, id, userIds: [userId], role: row.role, version, seq: head.head_seq },
      visibleFromSeq: row.history_from_start ? 1 : head.head_seq + 1,
    })
    await tx.query({
      text: 'update chat.conversations set version = $3 where project_id = $1 and id = $2',
      values: [projectId, id, version],
    })
    return true
  })
}
