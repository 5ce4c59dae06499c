import type { Message } from '@parley/contracts'
import { type EntryRow, entryColumns, toMessage } from '../message/entry-row.ts'
import { type HistoryRange, readEntry } from '../message/history.ts'
import type { MessageParts } from '../message/message-parts.ts'
import type { Actor } from '../message/target.ts'
import type { Operations } from '../operations.ts'
import { hideFor } from '../overlay/hidden-entries.ts'

/** Replies of a thread stand in the log of the conversation and are listed by their root (CHAT-56). */
export class Threads {
  readonly #parts: MessageParts

  constructor(parts: MessageParts) {
    this.#parts = parts
  }

  async list(
    { projectId, userId }: Actor,
    rootId: string,
    range: HistoryRange,
  ): Promise<{ root: Message; items: Message[] }> {
    const { database, decorate } = this.#parts
    const project = database.project(projectId)
    const root = await readEntry(project, rootId, userId)
    const ascending = range.afterSeq !== undefined
    const { rows } = await project.query<EntryRow & { hides: boolean | null }>({
      name: ascending ? 'chat-thread-after' : 'chat-thread-before',
      text: `select ${entryColumns}, m.hides from chat.entries e
        left join chat.members m on m.project_id = e.project_id and m.conversation_id = e.conversation_id
          and m.user_id = $7
        where e.project_id = $1 and e.conversation_id = $2 and e.thread_root_seq = $3 and e.seq > $4 and e.seq < $5
        order by e.seq ${ascending ? 'asc' : 'desc'} limit $6`,
      values: [
        projectId,
        root.conversation_id,
        root.seq,
        range.afterSeq ?? 0,
        range.beforeSeq ?? Number.MAX_SAFE_INTEGER,
        range.limit,
        userId ?? null,
      ],
    })
    const reader = userId === undefined ? undefined : { userId, hides: rows[0]?.hides === true }
    const shown = await hideFor(project, root.conversation_id, reader, ascending ? rows : rows.reverse())
    return { root: toMessage(root, decorate), items: shown.map((row) => toMessage(row, decorate)) }
  }
}

export function registerThreads(operations: Operations, parts: MessageParts): void {
  const threads = new Threads(parts)
  operations.forAll('message.thread', (actor, { messageId, ...range }) =>
    threads.list(actor, messageId, range),
  )
}
