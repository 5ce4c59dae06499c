import type { Transaction } from '@parley/core/store'
import { filesIn, unusedFiles } from '../data/erase-entries.ts'
import type { AttachmentSource } from '../ports.ts'
import type { EntryRow } from './entry-row.ts'

/**
 * Lets go of the files of a message that is about to be emptied for everybody, those of its earlier contents included; the
 * answer, called once the message is empty, releases what nothing else holds. Stickers stay: packs are nobody's message.
 */
export async function filesToRelease(
  tx: Transaction,
  source: AttachmentSource,
  message: EntryRow,
): Promise<() => Promise<void>> {
  const { project_id: projectId, sender_id: senderId } = message
  const { rows: earlier } =
    message.edited_at === null
      ? { rows: [] }
      : await tx.query<Pick<EntryRow, 'content'>>({
          text: 'select content from chat.earlier_contents where project_id = $1 and message_id = $2',
          values: [projectId, message.id],
        })
  const files = filesIn([message, ...earlier].filter(({ content }) => content.type !== 'sticker'))
  return async () => {
    if (files.length === 0 || source.releaseUnused === undefined) return
    const unused = await unusedFiles(tx, projectId, files)
    if (unused.length > 0) await source.releaseUnused(tx, projectId, senderId, unused)
  }
}
