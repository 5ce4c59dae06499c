import type { ConversationView } from '@parley/contracts'
import { decodeRowCursor, encodeCursor, type Page, type PageRequest } from '@parley/core/pages'
import type { ProjectScope } from '@parley/core/store'
import type { ContentDecorator, EntryRow } from '../message/entry-row.ts'
import { toMessage } from '../message/entry-row.ts'
import { unreadOfMember } from '../receipt/unread.ts'
import { type ConversationRow, conversationColumns, toConversation } from './conversation-row.ts'

interface ViewRow extends ConversationRow {
  role: ConversationView['role']
  muted_until: Date | null
  read_seq: number
  draft: ConversationView['draft'] | null
  hidden_version: number | null
  unread: number
  last_entry:
    | (Omit<EntryRow, 'created_at' | 'edited_at' | 'recalled_at' | 'expires_at'> &
        Record<'created_at', string> &
        Record<'edited_at' | 'recalled_at' | 'expires_at', string | null>)
    | null
}

/** What a member sees of a conversation. */
const viewSelect = `select ${conversationColumns}, m.role, m.muted_until, m.read_seq, m.draft, unread.n::int as unread,
    case when m.hides then (
      select max(h.version) from chat.hidden_entries h where h.project_id = m.project_id
        and h.conversation_id = m.conversation_id and h.user_id = m.user_id) end as hidden_version,
    to_jsonb(last.*) as last_entry
  from chat.members m
  join chat.conversations c on c.project_id = m.project_id and c.id = m.conversation_id
  join ${unreadOfMember} on true
  left join lateral (
    select e.* from chat.entries e
    where e.project_id = m.project_id and e.conversation_id = m.conversation_id
      and e.bears_unread and e.seq >= m.visible_from_seq
      and not (m.hides and exists (
        select from chat.hidden_entries h
        where h.project_id = m.project_id and h.conversation_id = m.conversation_id and h.user_id = m.user_id
          and h.seq = e.seq))
    order by e.seq desc limit 1
  ) last on true`

/** Views of the conversations named, for one member; those where the user is no member are absent. */
export async function readViews(
  project: ProjectScope,
  userId: string,
  conversationIds: readonly string[],
  decorate: ContentDecorator,
): Promise<ConversationView[]> {
  if (conversationIds.length === 0) return []
  const { rows } = await project.query<ViewRow>({
    name: 'chat-read-views',
    text: `${viewSelect}
      where m.project_id = $1 and m.user_id = $2 and m.conversation_id = any($3) and m.left_seq is null`,
    values: [project.projectId, userId, conversationIds],
  })
  return rows.map((row) => toView(row, userId, decorate))
}

/** Conversations of a user, last moved first. */
export async function listViews(
  project: ProjectScope,
  userId: string,
  page: PageRequest,
  decorate: ContentDecorator,
): Promise<Page<ConversationView>> {
  const [moved, id] = decodeRowCursor(page.cursor, ['time', 'text']) ?? [null, null]
  const { rows } = await project.query<{ id: string; moved: string }>({
    name: 'chat-list-conversations',
    text: `select c.id, c.updated_at::text as moved from chat.members m
      join chat.conversations c on c.project_id = m.project_id and c.id = m.conversation_id
      where m.project_id = $1 and m.user_id = $2 and m.left_seq is null
        and (c.type <> 'direct' or c.head_seq > 0)
        and ($3::timestamptz is null or (c.updated_at, c.id) < ($3::timestamptz, $4::text))
      order by c.updated_at desc, c.id desc limit $5`,
    values: [project.projectId, userId, moved, id, page.limit + 1],
  })
  const shown = rows.slice(0, page.limit)
  const views = await readViews(
    project,
    userId,
    shown.map((row) => row.id),
    decorate,
  )
  const byId = new Map(views.map((view) => [view.id, view]))
  const items = shown.flatMap((row) => byId.get(row.id) ?? [])
  const last = shown.at(-1)
  if (rows.length <= page.limit || last === undefined) return { items }
  return { items, nextCursor: encodeCursor([last.moved, last.id]) }
}

function toView(row: ViewRow, userId: string, decorate: ContentDecorator): ConversationView {
  return {
    ...toConversation(row, userId),
    role: row.role,
    ...(row.muted_until !== null &&
      row.muted_until.getTime() > Date.now() && { mutedUntil: row.muted_until.toISOString() }),
    readSeq: row.read_seq,
    unread: row.unread,
    ...(row.draft !== null && { draft: row.draft }),
    ...(row.hidden_version !== null && { hiddenVersion: row.hidden_version }),
    ...(row.last_entry !== null && { lastMessage: toMessage(revive(row.last_entry), decorate) }),
  }
}

/** Times inside to_jsonb arrive as text. */
function revive(entry: NonNullable<ViewRow['last_entry']>): EntryRow {
  const date = (value: string | null): Date | null => (value === null ? null : new Date(value))
  return {
    ...entry,
    created_at: new Date(entry.created_at),
    edited_at: date(entry.edited_at),
    recalled_at: date(entry.recalled_at),
    expires_at: date(entry.expires_at),
  }
}
