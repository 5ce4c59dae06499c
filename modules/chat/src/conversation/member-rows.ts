import type { MemberRole } from '@parley/contracts'
import type { Transaction } from '@parley/core/store'

export interface NewMembers {
  projectId: string
  id: string
  userIds: readonly string[]
  /** Seq of the entry that tells of the joining; 0 for those a group begins with. */
  seq: number
  visibleFromSeq: number
  role: MemberRole
  /** Version of the conversation that this change makes. */
  version: number
  ownerId?: string | undefined
}

/** Writes memberships, new or again, in one statement. What was there before does not count as unread. */
export async function insertMembers(tx: Transaction, members: NewMembers): Promise<void> {
  const { projectId, id, userIds, seq, visibleFromSeq, role, version, ownerId } = members
  await tx.query({
    text: `insert into chat.members (project_id, conversation_id, user_id, role, joined_seq, visible_from_seq,
        read_seq, read_message_no, large, changed_version)
      select c.project_id, c.id, u.user_id, case when u.user_id = $7 then 'owner' else $6 end, $4, $5, c.head_seq,
        c.head_message_no, c.large, $8
      from chat.conversations c, unnest($3::text[]) as u (user_id)
      where c.project_id = $1 and c.id = $2
      on conflict (project_id, conversation_id, user_id) do update
      set role = excluded.role, joined_seq = excluded.joined_seq, left_seq = null,
        visible_from_seq = excluded.visible_from_seq, joined_at = now(), read_seq = excluded.read_seq,
        read_message_no = excluded.read_message_no, large = excluded.large,
        changed_version = excluded.changed_version`,
    values: [projectId, id, userIds, seq, visibleFromSeq, role, ownerId ?? null, version],
  })
}

/** From here on nothing is written per member on a send. Marks members the first time only. */
export async function markLarge(tx: Transaction, projectId: string, id: string): Promise<void> {
  await tx.query({
    text: `with crossed as (
        update chat.conversations set large = true where project_id = $1 and id = $2 and not large
        returning project_id, id
      )
      update chat.members m set large = true from crossed c
      where m.project_id = c.project_id and m.conversation_id = c.id`,
    values: [projectId, id],
  })
}
