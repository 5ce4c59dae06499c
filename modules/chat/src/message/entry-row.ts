import type { EntryContent, Message, MessageFacts } from '@parley/contracts'

/** A row of chat.entries. */
export interface EntryRow {
  project_id: string
  conversation_id: string
  seq: number
  message_no: number
  bears_unread: boolean
  id: string
  sender_id: string
  client_message_id: string | null
  content: EntryContent
  created_at: Date
  edited_at: Date | null
  recalled_at: Date | null
  /** Absent where a row was just made and has none. */
  facts?: MessageFacts | null
  thread_root_seq?: number | null
  reply_to_seq?: number | null
  expires_at?: Date | null
  burn_after_ms?: number | null
}

export const entryColumns = `e.project_id, e.conversation_id, e.seq, e.message_no, e.bears_unread, e.id, e.sender_id,
  e.client_message_id, e.content, e.created_at, e.edited_at, e.recalled_at, e.facts, e.thread_root_seq,
  e.reply_to_seq, e.expires_at, e.burn_after_ms`

/** Adds what is never stored: signed addresses of files. */
export type ContentDecorator = (projectId: string, content: EntryContent) => EntryContent

export function toMessage(row: EntryRow, decorate: ContentDecorator): Message {
  return {
    id: row.id,
    conversationId: row.conversation_id,
    seq: row.seq,
    messageNo: row.message_no,
    senderId: row.sender_id,
    ...(row.client_message_id !== null && { clientMessageId: row.client_message_id }),
    content: decorate(row.project_id, row.content),
    createdAt: row.created_at.toISOString(),
    ...(row.edited_at !== null && { editedAt: row.edited_at.toISOString() }),
    ...(row.recalled_at !== null && { recalledAt: row.recalled_at.toISOString() }),
    ...(row.expires_at && { expiresAt: row.expires_at.toISOString() }),
    ...(row.burn_after_ms && { burnAfterReadMs: row.burn_after_ms }),
    ...row.facts,
  }
}
