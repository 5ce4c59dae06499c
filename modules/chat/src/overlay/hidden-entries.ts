import type { ProjectScope } from '@parley/core/store'
import type { EntryRow } from '../message/entry-row.ts'

/** Which of these entries a member deleted for themselves. */
export async function readHidden(
  project: ProjectScope,
  conversationId: string,
  userId: string,
  seqs: readonly number[],
): Promise<Set<number>> {
  const { rows } = await project.query<{ seq: number }>({
    name: 'chat-read-hidden',
    text: `select seq from chat.hidden_entries
      where project_id = $1 and conversation_id = $2 and user_id = $3 and seq = any($4)`,
    values: [project.projectId, conversationId, userId, seqs],
  })
  return new Set(rows.map((row) => row.seq))
}

/** The entry as it stands for whoever deleted it: its place, and nothing of it (CHAT-57). */
export function asHidden(row: EntryRow): EntryRow {
  return { ...row, content: { type: 'hidden' }, facts: null }
}

/** Rows as a member sees them; `hides` says that there is something to look for. */
export async function hideFor(
  project: ProjectScope,
  conversationId: string,
  reader: { userId: string; hides: boolean } | undefined,
  rows: EntryRow[],
): Promise<EntryRow[]> {
  if (!reader?.hides || rows.length === 0) return rows
  const seqs = rows.flatMap(({ seq, content }) => ('targetSeq' in content ? [seq, content.targetSeq] : [seq]))
  const hidden = await readHidden(project, conversationId, reader.userId, seqs)
  if (hidden.size === 0) return rows
  return rows.map((row) => {
    if (hidden.has(row.seq)) return asHidden(row)
    // What was done to a hidden message tells of it, too.
    const { content } = row
    if (content.type === 'edit' && hidden.has(content.targetSeq))
      return { ...row, content: { ...content, content: { type: 'hidden' } } }
    if (content.type === 'annotated' && hidden.has(content.targetSeq)) {
      const { content: _content, ...rest } = content
      return { ...row, content: { ...rest, facts: {} } }
    }
    return row
  })
}
