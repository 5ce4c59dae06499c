import type { EntryContent } from '@parley/contracts'
import type { Outbox, StoredEvent } from '@parley/core/outbox'
import type { Database, Queryable } from '@parley/core/store'
import { searchableText } from './searchable-text.ts'
import { type ChineseCutter, chineseCutter, hasChinese, wordsOf } from './words.ts'

export const searchConsumer = 'chat-search'

interface SourceRow {
  project_id: string
  conversation_id: string
  seq: number
  sender_id: string
  created_at: Date
  content: EntryContent
}

/** The conversation as a word; no text makes one like it, as words hold letters and digits only. */
export function placeWord(projectId: string, conversationId: string): string {
  return `@${projectId}/${conversationId}`
}

/**
 * Writes the words of messages behind the log, at least once and in order: of new ones, and again of those a later entry
 * changed. What is emptied loses its words.
 */
export function startSearchIndex(outbox: Outbox, database: Database): void {
  outbox.consume(searchConsumer, {
    types: ['conversation.appended'],
    batchSize: 500,
    gatherMs: 500,
    handle: (events) => indexEvents(database, events),
  })
}

async function indexEvents(database: Database, events: readonly StoredEvent[]): Promise<void> {
  const ranges = events.map(({ projectId, data }) => {
    const { conversationId, fromSeq, toSeq } = data as {
      conversationId: string
      fromSeq: number
      toSeq: number
    }
    return { projectId, conversationId, fromSeq, toSeq }
  })
  const { rows } = await database.system.query<SourceRow>({
    name: 'chat-search-sources',
    text: `with appended as (
        select e.project_id, e.conversation_id, e.seq, (e.content->>'targetSeq')::bigint as target_seq
        from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) as r (project_id, conversation_id, from_seq, to_seq)
        join chat.entries e on e.project_id = r.project_id and e.conversation_id = r.conversation_id
          and e.seq between r.from_seq and r.to_seq
      )
      select distinct on (e.project_id, e.conversation_id, e.seq)
        e.project_id, e.conversation_id, e.seq, e.sender_id, e.created_at, e.content
      from appended a
      join chat.entries e on e.project_id = a.project_id and e.conversation_id = a.conversation_id
        and e.seq = coalesce(a.target_seq, a.seq)`,
    values: [
      ranges.map(({ projectId }) => projectId),
      ranges.map(({ conversationId }) => conversationId),
      ranges.map(({ fromSeq }) => fromSeq),
      ranges.map(({ toSeq }) => toSeq),
    ],
  })
  await writeDocuments(database.system, rows)
}

/** Writes the words of entries in place of those that were there. */
export async function writeDocuments(tx: Queryable, rows: readonly SourceRow[]): Promise<void> {
  const texts = rows.map(({ content }) => searchableText(content))
  const cut: ChineseCutter = texts.some((text) => text && hasChinese(text)) ? await chineseCutter() : () => []
  const documents: object[] = []
  const emptied: SourceRow[] = []
  rows.forEach((row, index) => {
    const text = texts[index]
    if (!text) {
      emptied.push(row)
      return
    }
    const { project_id, conversation_id, seq, sender_id, created_at } = row
    const words = [placeWord(project_id, conversation_id), ...wordsOf(text, cut)]
    const content_type = row.content.type
    documents.push({ project_id, conversation_id, seq, sender_id, content_type, created_at, words })
  })
  await tx.query({
    name: 'chat-search-write',
    text: `with emptied as (
        delete from chat.search_documents d
        using unnest($2::text[], $3::text[], $4::bigint[]) as r (project_id, conversation_id, seq)
        where d.project_id = r.project_id and d.conversation_id = r.conversation_id and d.seq = r.seq
      )
      insert into chat.search_documents (project_id, conversation_id, seq, sender_id, content_type, created_at, words)
      select project_id, conversation_id, seq, sender_id, content_type, created_at,
        array_to_tsvector(array(select jsonb_array_elements_text(words)))
      from jsonb_to_recordset($1::jsonb) as d (project_id text, conversation_id text, seq bigint, sender_id text,
        content_type text, created_at timestamptz, words jsonb)
      on conflict (project_id, conversation_id, seq) do update
        set words = excluded.words, content_type = excluded.content_type`,
    values: [
      JSON.stringify(documents),
      emptied.map((row) => row.project_id),
      emptied.map((row) => row.conversation_id),
      emptied.map((row) => row.seq),
    ],
  })
}
