import type { ChatRoom } from '@parley/contracts'

/** A row of chat.chatrooms. */
export interface RoomRow {
  project_id: string
  id: string
  name: string | null
  custom: ChatRoom['custom'] | null
  owner_id: string | null
  admin_ids: string[]
  history: boolean
  slow_mode_ms: number
  muted_all: boolean
  join_by_allowed: boolean
  listed: boolean
  head_seq: number
  attributes_version: number
  created_at: Date
}

export const roomColumns = `r.project_id, r.id, r.name, r.custom, r.owner_id, r.admin_ids, r.history, r.slow_mode_ms,
  r.muted_all, r.join_by_allowed, r.listed, r.head_seq, r.attributes_version, r.created_at`

export function toChatRoom(row: RoomRow, online: number): ChatRoom {
  return {
    id: row.id,
    ...(row.name !== null && { name: row.name }),
    ...(row.custom !== null && { custom: row.custom }),
    ...(row.owner_id !== null && { ownerId: row.owner_id }),
    adminIds: row.admin_ids,
    history: row.history,
    slowModeMs: row.slow_mode_ms,
    mutedAll: row.muted_all,
    joinByAllowed: row.join_by_allowed,
    listed: row.listed,
    online,
    createdAt: row.created_at.toISOString(),
  }
}
