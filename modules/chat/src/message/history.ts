import { AppError, type HistoryPage, type Message } from '@parley/contracts'
import type { Database, ProjectScope } from '@parley/core/store'
import { enterChannel } from '../community/enter-channel.ts'
import { ConversationNotFoundError, MessageNotFoundError, NotAMemberError } from '../errors.ts'
import { hideFor } from '../overlay/hidden-entries.ts'
import { type ContentDecorator, type EntryRow, entryColumns, toMessage } from './entry-row.ts'

export interface HistoryRange {
  afterSeq?: number | undefined
  beforeSeq?: number | undefined
  limit: number
}

interface ReaderRow {
  head_seq: number
  visible_from_seq: number | null
  left_seq: number | null
  hides: boolean | null
}

/** Reads the log for a member, or for a server (no reader named). Membership is checked in the database each time. */
export class History {
  readonly #database: Database
  readonly #decorate: ContentDecorator

  constructor(database: Database, decorate: ContentDecorator) {
    this.#database = database
    this.#decorate = decorate
  }

  /** Entries ascending by seq without gaps: after, before, between, or the newest. */
  async list(
    projectId: string,
    conversationId: string,
    readerId: string | undefined,
    range: HistoryRange,
  ): Promise<HistoryPage> {
    const project = this.#database.project(projectId)
    const { headSeq, visibleFromSeq, hides } = await this.#access(project, conversationId, readerId)
    const from = Math.max(range.afterSeq ?? 0, visibleFromSeq - 1)
    const rows = await readRange(
      project,
      conversationId,
      { ...range, afterSeq: from },
      range.afterSeq !== undefined,
    )
    const reader = readerId === undefined ? undefined : { userId: readerId, hides }
    const shown = await hideFor(project, conversationId, reader, rows)
    return {
      items: shown.map((row) => toMessage(row, this.#decorate)),
      headSeq: Math.max(headSeq, rows.at(-1)?.seq ?? 0),
      visibleFromSeq,
    }
  }

  /** One message the reader may see. Throws `message-not-found` for everything else. */
  async get(projectId: string, messageId: string, readerId: string | undefined): Promise<Message> {
    const row = await readEntry(this.#database.project(projectId), messageId, readerId)
    return toMessage(row, this.#decorate)
  }

  /** The message a sender stored under a clientMessageId. */
  async find(projectId: string, senderId: string, clientMessageId: string): Promise<Message> {
    const { rows } = await this.#database.project(projectId).query<{ message_id: string }>({
      text: `select message_id from chat.send_keys
        where project_id = $1 and sender_id = $2 and client_message_id = $3`,
      values: [projectId, senderId, clientMessageId],
    })
    const [key] = rows
    if (key === undefined) {
      throw new AppError(
        'message-not-found',
        `No message of ${senderId} is stored under this clientMessageId`,
      )
    }
    return this.get(projectId, key.message_id, undefined)
  }

  async #access(
    project: ProjectScope,
    conversationId: string,
    readerId: string | undefined,
  ): Promise<{ headSeq: number; visibleFromSeq: number; hides: boolean }> {
    const { rows } = await project.query<ReaderRow>({
      name: 'chat-history-access',
      text: `select c.head_seq, m.visible_from_seq, m.left_seq, m.hides
        from chat.conversations c
        left join chat.members m on m.project_id = c.project_id and m.conversation_id = c.id and m.user_id = $3
        where c.project_id = $1 and c.id = $2`,
      values: [project.projectId, conversationId, readerId ?? null],
    })
    const [row] = rows
    if (row === undefined) throw new ConversationNotFoundError(conversationId)
    if (readerId === undefined) return { headSeq: row.head_seq, visibleFromSeq: 1, hides: false }
    if (row.visible_from_seq === null || row.left_seq !== null) {
      if (!(await enterChannel(this.#database, project.projectId, conversationId, readerId)))
        throw new NotAMemberError(readerId, conversationId)
      return this.#access(project, conversationId, readerId)
    }
    return { headSeq: row.head_seq, visibleFromSeq: row.visible_from_seq, hides: row.hides === true }
  }
}

/** Entries of a range; `ascending` takes them from its beginning, else from its end. */
export async function readRange(
  project: ProjectScope,
  conversationId: string,
  range: HistoryRange,
  ascending: boolean,
): Promise<EntryRow[]> {
  const { rows } = await project.query<EntryRow>({
    name: ascending ? 'chat-entries-after' : 'chat-entries-before',
    text: `select ${entryColumns} from chat.entries e
      where e.project_id = $1 and e.conversation_id = $2 and e.seq > $3 and e.seq < $4
      order by e.seq ${ascending ? 'asc' : 'desc'} limit $5`,
    values: [
      project.projectId,
      conversationId,
      range.afterSeq ?? 0,
      range.beforeSeq ?? Number.MAX_SAFE_INTEGER,
      range.limit,
    ],
  })
  return ascending ? rows : rows.reverse()
}

/** An entry by id, when the reader may see it; throws `message-not-found`. */
export async function readEntry(
  project: ProjectScope,
  messageId: string,
  readerId: string | undefined,
): Promise<EntryRow> {
  const { rows } = await project.query<EntryRow & { hides: boolean | null }>({
    name: 'chat-entry-by-id',
    text: `select ${entryColumns}, m.hides from chat.entries e
      left join chat.members m on m.project_id = e.project_id and m.conversation_id = e.conversation_id
        and m.user_id = $3 and m.left_seq is null and m.visible_from_seq <= e.seq
      where e.project_id = $1 and e.id = $2 and ($3::text is null or m.user_id is not null)`,
    values: [project.projectId, messageId, readerId ?? null],
  })
  const [row] = rows
  if (row === undefined) throw new MessageNotFoundError(messageId)
  if (readerId === undefined || row.hides !== true) return row
  const [shown] = await hideFor(project, row.conversation_id, { userId: readerId, hides: true }, [row])
  return shown ?? row
}
