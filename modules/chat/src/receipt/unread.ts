import type { ProjectScope } from '@parley/core/store'

/** Unread is shown up to here; counting stops there. */
const maxUnread = 999

/** Entries that count as unread for `chat.members m` in `chat.conversations c`, as `from` and `where`. */
const unreadEntries = `chat.entries e
      where c.head_message_no > m.read_message_no
        and e.project_id = m.project_id and e.conversation_id = m.conversation_id
        and e.seq > m.read_seq and e.seq >= m.visible_from_seq
        and e.bears_unread and e.sender_id <> m.user_id and e.recalled_at is null
        and not (m.hides and exists (
          select from chat.hidden_entries h
          where h.project_id = m.project_id and h.conversation_id = m.conversation_id and h.user_id = m.user_id
            and h.seq = e.seq))`

/**
 * Joins `unread.n` to `chat.members m` and `chat.conversations c`: messages of others above the read cursor that
 * are neither recalled nor deleted by the member. Derived each time and never stored; the scan of the log ends at the
 * 999th, and does not begin where the head bears nothing new.
 */
export const unreadOfMember = `lateral (
    select count(*) as n from (select from ${unreadEntries} limit ${maxUnread}) counted
  ) unread`

/** Unread over all conversations of a user: counting stops at the 999th, wherever it is. */
export async function readUnreadTotal(project: ProjectScope, userId: string): Promise<number> {
  const { rows } = await project.query<{ n: number }>({
    name: 'chat-unread-total',
    text: `select count(*)::int as n from (
        select from chat.members m
        join chat.conversations c on c.project_id = m.project_id and c.id = m.conversation_id
        join lateral (select from ${unreadEntries} limit ${maxUnread}) each on true
        where m.project_id = $1 and m.user_id = $2 and m.left_seq is null
          and c.head_message_no > m.read_message_no
        limit ${maxUnread}
      ) counted`,
    values: [project.projectId, userId],
  })
  return rows[0]?.n ?? 0
}
