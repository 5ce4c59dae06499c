import type { EntryContent, Message } from '@parley/contracts'

/** Content of an entry that changes an earlier one. */
export type MessageChange = Extract<EntryContent, { type: 'edit' | 'recall' }>

/** A message after an edit or recall, for when the server did not send it along. */
export function changed(target: Message, entry: Message, change: MessageChange): Message {
  if (target.content.type === 'recalled') return target
  if (change.type === 'recall')
    return { ...target, content: { type: 'recalled' }, recalledAt: entry.createdAt }
  // A message fetched after the edit shows it, or a later one, already.
  if (target.editedAt !== undefined && target.editedAt >= entry.createdAt) return target
  const before = target.content
  return { ...target, content: withAttachment(change.content, before), editedAt: entry.createdAt }
}

/** What is known about a file stays when only its caption was edited. */
function withAttachment(after: EntryContent, before: EntryContent): EntryContent {
  const isFile = after.type === 'image' || after.type === 'file'
  const wasFile = before.type === 'image' || before.type === 'file'
  if (!isFile || !wasFile || after.objectId !== before.objectId || !before.attachment) return after
  return { ...after, attachment: before.attachment }
}
