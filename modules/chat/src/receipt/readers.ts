import { decodeCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import { readEntry } from '../message/history.ts'
import type { MessageParts } from '../message/message-parts.ts'
import type { Actor } from '../message/target.ts'
import type { Operations } from '../operations.ts'

export interface Readers extends Page<{ userId: string; readAt?: string }> {
  readCount: number
  unreadCount: number
}

/**
 * Who of the members a message was meant for has read it, or has not, by user id; the sender is neither. All of it
 * comes from the read cursors: no row is written for a message, however large the group (CHAT-63).
 */
export async function listReaders(
  { database }: MessageParts,
  { projectId, userId }: Actor,
  messageId: string,
  { state, limit, cursor }: PageRequest & { state: 'read' | 'unread' },
): Promise<Readers> {
  const project = database.project(projectId)
  const {
    conversation_id: conversationId,
    seq,
    sender_id: senderId,
  } = await readEntry(project, messageId, userId)
  const place = [projectId, conversationId, seq, senderId]
  const [counts, page] = await Promise.all([
    project.query<{ read: number; unread: number }>({
      name: 'chat-count-readers',
      text: `select count(*) filter (where read_seq >= $3)::int as read,
          count(*) filter (where read_seq < $3)::int as unread
        from chat.members
        where project_id = $1 and conversation_id = $2 and left_seq is null and joined_seq <= $3 and user_id <> $4`,
      values: place,
    }),
    project.query<{ user_id: string; read_at: Date | null }>({
      name: state === 'read' ? 'chat-list-readers' : 'chat-list-nonreaders',
      text: `select user_id, read_at from chat.members
        where project_id = $1 and conversation_id = $2 and left_seq is null and joined_seq <= $3 and user_id <> $4
          and read_seq ${state === 'read' ? '>=' : '<'} $3 and user_id > $5
        order by user_id limit $6`,
      values: [...place, decodeCursor(cursor) ?? '', limit + 1],
    }),
  ])
  return {
    ...toPage(page.rows, limit, {
      keyOf: (row) => row.user_id,
      // The time is of the cursor, which may have moved on since.
      itemOf: ({ user_id, read_at }) => ({
        userId: user_id,
        ...(state === 'read' && read_at !== null && { readAt: read_at.toISOString() }),
      }),
    }),
    readCount: counts.rows[0]?.read ?? 0,
    unreadCount: counts.rows[0]?.unread ?? 0,
  }
}

export function registerReaders(operations: Operations, parts: MessageParts): void {
  operations.forAll('message.readers', (actor, { messageId, ...page }) =>
    listReaders(parts, actor, messageId, page),
  )
}
