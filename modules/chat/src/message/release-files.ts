import type { Transaction } from '@parley/core/store'
import { filesIn, unusedFiles } from '../data/erase-entries.ts'
import type { AttachmentSource } from '../ports.ts'
import type { EntryRow } from './entry-row.ts'

type Content = Pick<EntryRow, 'sender_id' | 'content'>

/**
 * Lets go of the files of messages of a project that are about to be emptied for everybody, those of their earlier contents
 * included; the answer, called once they are empty, releases what nothing else holds, each for its sender. Stickers stay:
 * packs are nobody's message.
 */
export async function filesToRelease(
  tx: Transaction,
  source: AttachmentSource,
  projectId: string,
  messages: readonly EntryRow[],
): Promise<() => Promise<void>> {
  const edited = messages.filter((message) => message.edited_at !== null)
  const contents: readonly Content[] = [...messages, ...(await earlierContents(tx, projectId, edited))]
  const bySender = new Map<string, Content[]>()
  for (const each of contents) {
    if (each.content.type === 'sticker') continue
    bySender.set(each.sender_id, [...(bySender.get(each.sender_id) ?? []), each])
  }
  return async () => {
    for (const [senderId, own] of bySender) {
      const unused = await unusedFiles(tx, projectId, filesIn(own))
      if (unused.length > 0) await source.releaseUnused?.(tx, projectId, senderId, unused)
    }
  }
}

async function earlierContents(
  tx: Transaction,
  projectId: string,
  edited: readonly EntryRow[],
): Promise<Content[]> {
  if (edited.length === 0) return []
  const senders = new Map(edited.map((message) => [message.id, message.sender_id]))
  const { rows } = await tx.query<Pick<EntryRow, 'content'> & { message_id: string }>({
    text: 'select message_id, content from chat.earlier_contents where project_id = $1 and message_id = any($2)',
    values: [projectId, [...senders.keys()]],
  })
  return rows.map(({ message_id, content }) => ({ sender_id: senders.get(message_id) ?? '', content }))
}
