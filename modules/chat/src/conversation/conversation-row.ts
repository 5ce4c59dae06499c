import type { Conversation } from '@parley/contracts'

/** A row of chat.conversations. */
export interface ConversationRow {
  project_id: string
  id: string
  type: 'direct' | 'group'
  name: string | null
  avatar_url: string | null
  custom: Record<string, unknown> | null
  direct_users: string[] | null
  history_from_start: boolean
  head_seq: number
  head_message_no: number
  version: number
  member_count: number
  large: boolean
  created_at: Date
  updated_at: Date
}

export const conversationColumns = `c.project_id, c.id, c.type, c.name, c.avatar_url, c.custom, c.direct_users,
  c.history_from_start, c.head_seq, c.head_message_no, c.version, c.member_count, c.large, c.created_at, c.updated_at`

/** As the API shows it; `viewerId` decides who the peer of a direct conversation is. */
export function toConversation(row: ConversationRow, viewerId?: string): Conversation {
  const peerId = viewerId === undefined ? undefined : peerOf(row, viewerId)
  return {
    id: row.id,
    type: row.type,
    ...(row.name !== null && { name: row.name }),
    ...(row.avatar_url !== null && { avatarUrl: row.avatar_url }),
    ...(row.custom !== null && { custom: row.custom as Conversation['custom'] }),
    ...(peerId !== undefined && { peerId }),
    memberCount: row.member_count,
    headSeq: row.head_seq,
    headMessageNo: row.head_message_no,
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}

export function peerOf(row: Pick<ConversationRow, 'direct_users'>, userId: string): string | undefined {
  if (row.direct_users === null) return undefined
  return row.direct_users.find((other) => other !== userId) ?? userId
}
