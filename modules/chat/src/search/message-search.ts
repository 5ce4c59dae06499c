import type { MessageHit } from '@parley/contracts'
import { decodeRowCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { Database, ProjectScope } from '@parley/core/store'
import { NotAMemberError } from '../errors.ts'
import { type ContentDecorator, type EntryRow, entryColumns, toMessage } from '../message/entry-row.ts'
import { placeWord } from './search-index.ts'
import { askedWords, chineseCutter, hasChinese, textQuery } from './words.ts'

/** Conversations that are looked through, those that moved last first. */
const mostConversations = 1_000

export interface SearchQuery extends PageRequest {
  q: string
  conversationId?: string | undefined
  senderId?: string | undefined
  contentType?: string | undefined
  after?: string | undefined
  before?: string | undefined
}

/** Looks for messages of one user; membership and what is visible are read in the same statement as the words. */
export class MessageSearch {
  readonly #database: Database
  readonly #decorate: ContentDecorator

  constructor(database: Database, decorate: ContentDecorator) {
    this.#database = database
    this.#decorate = decorate
  }

  async search(projectId: string, userId: string, query: SearchQuery): Promise<Page<MessageHit>> {
    const project = this.#database.project(projectId)
    const from = decodeRowCursor(query.cursor, ['time', 'text', 'integer']) ?? [null, null, null]
    const asked = askedWords(query.q, hasChinese(query.q) ? await chineseCutter() : () => [])
    const conversationIds = await readConversations(project, userId, query.conversationId)
    if (asked.length === 0 || conversationIds.length === 0) return { items: [] }
    const places = conversationIds.map((id) => placeWord(projectId, id))
    const { rows } = await project.query<EntryRow & { created: string }>({
      text: `select ${entryColumns}, d.created_at::text as created
        from chat.search_documents d
        join chat.members m on m.project_id = d.project_id and m.conversation_id = d.conversation_id
          and m.user_id = $2 and m.left_seq is null and m.visible_from_seq <= d.seq
        join chat.entries e on e.project_id = d.project_id and e.conversation_id = d.conversation_id and e.seq = d.seq
        where d.project_id = $1 and d.words @@ $3::tsquery
          and ($4::text is null or d.sender_id = $4) and ($5::text is null or d.content_type = $5)
          and ($6::timestamptz is null or d.created_at >= $6) and ($7::timestamptz is null or d.created_at < $7)
          and ($8::timestamptz is null or (d.created_at, d.conversation_id, d.seq) < ($8, $9, $10))
          and e.recalled_at is null and e.content->>'type' = d.content_type
          and not (m.hides and exists (
            select from chat.hidden_entries h where h.project_id = d.project_id
              and h.conversation_id = d.conversation_id and h.user_id = $2 and h.seq = d.seq))
        order by d.created_at desc, d.conversation_id desc, d.seq desc
        limit $11`,
      values: [
        ...[projectId, userId, textQuery(asked, places)],
        ...[query.senderId ?? null, query.contentType ?? null, query.after ?? null, query.before ?? null],
        ...from,
        query.limit + 1,
      ],
    })
    const words = asked.map(({ word }) => word)
    return toPage(rows, query.limit, {
      keyOf: (row) => [row.created, row.conversation_id, row.seq],
      itemOf: (row) => ({ message: toMessage(row, this.#decorate), words }),
    })
  }
}

async function readConversations(
  project: ProjectScope,
  userId: string,
  only: string | undefined,
): Promise<string[]> {
  const { rows } = await project.query<{ id: string }>({
    name: 'chat-search-conversations',
    text: `select c.id from chat.members m
      join chat.conversations c on c.project_id = m.project_id and c.id = m.conversation_id
      where m.project_id = $1 and m.user_id = $2 and m.left_seq is null and ($3::text is null or c.id = $3)
      order by c.updated_at desc limit $4`,
    values: [project.projectId, userId, only ?? null, mostConversations],
  })
  if (only !== undefined && rows.length === 0) throw new NotAMemberError(userId, only)
  return rows.map(({ id }) => id)
}
