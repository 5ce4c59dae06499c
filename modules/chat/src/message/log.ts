import type { EntryContent, MessageFacts } from '@parley/contracts'
import type { Transaction } from '@parley/core/store'
import type { EntryRow } from './entry-row.ts'

/** What is known of an entry before it has a place in the log. */
export interface NewEntry {
  projectId: string
  conversationId: string
  id: string
  senderId: string
  clientMessageId: string | null
  content: EntryContent
  bearsUnread: boolean
  /** What a message refers to and how long it lives; absent for an ordinary one. */
  extras?: EntryExtras
}

export interface EntryExtras {
  facts?: MessageFacts
  threadRootSeq?: number
  replyToSeq?: number
  expiresAfterMs?: number
  burnAfterReadMs?: number
}

/** The head of a conversation whose row this transaction has locked. */
export interface LockedHead {
  project_id: string
  id: string
  type: 'direct' | 'group' | 'community' | 'channel'
  head_seq: number
  head_message_no: number
  version: number
  member_count: number
  /** The community of a channel, locked against changes of its members, and its version. */
  parent_id: string | null
  parent_version: number
}

/** Moves with every change of the conversation, or of the community it is a channel of. */
export const versionOf = (head: LockedHead): number => head.version + head.parent_version

export interface ConversationKey {
  projectId: string
  conversationId: string
}

export const keyOf = (projectId: string, conversationId: string): string => `${projectId}/${conversationId}`

/**
 * Locks the rows of conversations in the order of their ids, so that transactions which append to several never
 * wait for each other in a circle. Rows that do not exist are absent from the answer.
 */
export async function lockHeads(
  tx: Transaction,
  keys: readonly ConversationKey[],
): Promise<Map<string, LockedHead>> {
  const { rows } = await tx.query<LockedHead>({
    name: 'chat-lock-heads',
    text: `select c.project_id, c.id, c.type, c.head_seq, c.head_message_no, c.version, c.member_count,
        c.parent_id, 0 as parent_version
      from chat.conversations c
      join (select distinct * from unnest($1::text[], $2::text[]) as k (project_id, id)) k using (project_id, id)
      order by c.project_id, c.id
      for no key update of c`,
    values: [keys.map((key) => key.projectId), keys.map((key) => key.conversationId)],
  })
  if (rows.some((row) => row.parent_id !== null)) await lockParents(tx, rows)
  return new Map(rows.map((row) => [keyOf(row.project_id, row.id), row]))
}

/** Communities come after their channels in every transaction, and whoever changes one takes no channel after it. */
async function lockParents(tx: Transaction, heads: readonly LockedHead[]): Promise<void> {
  const channels = heads.filter((head) => head.parent_id !== null)
  const { rows } = await tx.query<{ project_id: string; id: string; version: number }>({
    name: 'chat-lock-parents',
    text: `select c.project_id, c.id, c.version from chat.conversations c
      join (select distinct * from unnest($1::text[], $2::text[]) as k (project_id, id)) k using (project_id, id)
      order by c.project_id, c.id
      for share of c`,
    values: [channels.map((head) => head.project_id), channels.map((head) => head.parent_id)],
  })
  const versions = new Map(rows.map((row) => [keyOf(row.project_id, row.id), row.version]))
  for (const head of channels)
    head.parent_version = versions.get(keyOf(head.project_id, head.parent_id ?? '')) ?? 0
}

/** Gives the entries the next places of their conversations, in the order given. Moves the heads it was given. */
export function numberEntries(
  entries: readonly NewEntry[],
  heads: Map<string, LockedHead>,
  now: Date,
): EntryRow[] {
  return entries.map((entry) => {
    const head = heads.get(keyOf(entry.projectId, entry.conversationId))
    if (head === undefined) throw new Error('an entry is numbered without the lock on its conversation')
    head.head_seq += 1
    if (entry.bearsUnread) head.head_message_no += 1
    return {
      project_id: entry.projectId,
      conversation_id: entry.conversationId,
      seq: head.head_seq,
      message_no: head.head_message_no,
      bears_unread: entry.bearsUnread,
      id: entry.id,
      sender_id: entry.senderId,
      client_message_id: entry.clientMessageId,
      content: entry.content,
      created_at: now,
      edited_at: null,
      recalled_at: null,
      ...(entry.extras && columnsOf(entry.extras, now)),
    }
  })
}

function columnsOf(
  { facts, threadRootSeq, replyToSeq, expiresAfterMs, burnAfterReadMs }: EntryExtras,
  now: Date,
): Partial<EntryRow> {
  return {
    ...(facts !== undefined && { facts }),
    ...(threadRootSeq !== undefined && { thread_root_seq: threadRootSeq }),
    ...(replyToSeq !== undefined && { reply_to_seq: replyToSeq }),
    ...(expiresAfterMs !== undefined && { expires_at: new Date(now.getTime() + expiresAfterMs) }),
    ...(burnAfterReadMs !== undefined && { burn_after_ms: burnAfterReadMs }),
  }
}

/** Writes numbered entries and the moved heads in one statement. */
export async function writeEntries(
  tx: Transaction,
  rows: readonly EntryRow[],
  heads: Map<string, LockedHead>,
): Promise<void> {
  await tx.query({
    name: 'chat-write-entries',
    text: `with written as (
        insert into chat.entries (project_id, conversation_id, seq, message_no, bears_unread, id, sender_id,
          client_message_id, content, created_at, facts, thread_root_seq, reply_to_seq, expires_at, burn_after_ms)
        select project_id, conversation_id, seq, message_no, bears_unread, id, sender_id, client_message_id, content,
          created_at, facts, thread_root_seq, reply_to_seq, expires_at, burn_after_ms
        from jsonb_to_recordset($1::jsonb) as e (project_id text, conversation_id text, seq bigint, message_no bigint,
          bears_unread boolean, id text, sender_id text, client_message_id text, content jsonb, created_at timestamptz,
          facts jsonb, thread_root_seq bigint, reply_to_seq bigint, expires_at timestamptz, burn_after_ms bigint)
      )
      update chat.conversations c
      set head_seq = h.head_seq, head_message_no = h.head_message_no, version = h.version,
        member_count = h.member_count, updated_at = now()
      from jsonb_to_recordset($2::jsonb) as h (project_id text, id text, head_seq bigint, head_message_no bigint,
        version bigint, member_count integer)
      where c.project_id = h.project_id and c.id = h.id`,
    values: [JSON.stringify(rows), JSON.stringify([...heads.values()])],
  })
}
