/** Unread is shown up to here; counting stops there. */
const maxUnread = 999

/**
 * Joins `unread.n` to `chat.members m` and `chat.conversations c`: messages of others above the read cursor that
 * are not recalled. Derived each time and never stored; the scan of the log ends at the 999th, and does not begin
 * where the head bears nothing new.
 */
export const unreadOfMember = `lateral (
    select count(*) as n from (
      select from chat.entries e
      where c.head_message_no > m.read_message_no
        and e.project_id = m.project_id and e.conversation_id = m.conversation_id
        and e.seq > m.read_seq and e.seq >= m.visible_from_seq
        and e.bears_unread and e.sender_id <> m.user_id and e.recalled_at is null
      limit ${maxUnread}
    ) counted
  ) unread`
