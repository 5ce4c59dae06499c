import type { Conversation, GroupSettingsChange, MessageExpiry, MuteAll } from '@parley/contracts'
import { rulesOf } from '../group/group-rules.ts'

/** A row of chat.conversations. */
export interface ConversationRow {
  project_id: string
  id: string
  type: Conversation['type']
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
  settings: GroupSettingsChange | null
  mute_all: MuteAll | null
  announcement: Conversation['announcement'] | null
  parent_id: string | null
  public: boolean
  category: string | null
  position: number
  expires_after_ms: number | null
  burn_after_ms: number | null
  created_at: Date
  updated_at: Date
}

export const conversationColumns = `c.project_id, c.id, c.type, c.name, c.avatar_url, c.custom, c.direct_users,
  c.history_from_start, c.head_seq, c.head_message_no, c.version, c.member_count, c.large, c.settings, c.mute_all, c.announcement, c.parent_id, c.public, c.category, c.position,
  c.expires_after_ms, c.burn_after_ms, c.created_at, c.updated_at`

/** As the API shows it; `viewerId` decides who the peer of a direct conversation is. */
export function toConversation(row: ConversationRow, viewerId?: string): Conversation {
  const peerId = viewerId === undefined ? undefined : peerOf(row, viewerId)
  const messageExpiry = expiryOf(row)
  return {
    id: row.id,
    type: row.type,
    ...(row.name !== null && { name: row.name }),
    ...(row.avatar_url !== null && { avatarUrl: row.avatar_url }),
    ...(row.custom !== null && { custom: row.custom as Conversation['custom'] }),
    ...(peerId !== undefined && { peerId }),
    ...(row.parent_id !== null && { communityId: row.parent_id, public: row.public, position: row.position }),
    ...(row.category !== null && { category: row.category }),
    memberCount: row.member_count,
    headSeq: row.head_seq,
    headMessageNo: row.head_message_no,
    version: row.version,
    ...(row.type !== 'direct' && rulesOf(row)),
    ...(row.announcement !== null && { announcement: row.announcement }),
    ...(messageExpiry && { messageExpiry }),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}

/** How long messages of a conversation live; undefined: for ever. */
export function expiryOf(row: {
  expires_after_ms: number | null
  burn_after_ms: number | null
}): MessageExpiry | undefined {
  const { expires_after_ms: expiresAfterMs, burn_after_ms: burnAfterReadMs } = row
  if (expiresAfterMs === null && burnAfterReadMs === null) return undefined
  return {
    ...(expiresAfterMs !== null && { expiresAfterMs }),
    ...(burnAfterReadMs !== null && { burnAfterReadMs }),
  }
}

export function peerOf(row: Pick<ConversationRow, 'direct_users'>, userId: string): string | undefined {
  if (row.direct_users === null) return undefined
  return row.direct_users.find((other) => other !== userId) ?? userId
}
