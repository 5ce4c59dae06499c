import {
  AppError,
  type CopiedContent,
  type MergedItem,
  type MessageContent,
  type StoredContent,
} from '@parley/contracts'
import type { ProjectScope } from '@parley/core/store'
import { MessageNotFoundError } from '../errors.ts'
import { type EntryRow, entryColumns } from './entry-row.ts'

/** A merged forward holds at most so much of the messages it copies. */
const maxMergedBytes = 256 * 1024
const maxQuotedText = 500

/** What of a message may stand in another one. What has a life of its own (polls, packets, streams) does not. */
export function copyOf(content: EntryRow['content']): CopiedContent {
  switch (content.type) {
    case 'text':
    case 'image':
    case 'file':
    case 'voice':
    case 'video':
    case 'location':
    case 'contact':
    case 'sticker':
    case 'custom':
    case 'recalled':
    case 'expired':
    case 'omitted':
      return content
    default:
      return { type: 'omitted', of: content.type }
  }
}

/** As it stands in a reply: without the rest of a long text. */
export function quoteOf(content: EntryRow['content']): CopiedContent {
  const copy = copyOf(content)
  if (copy.type === 'text' && copy.text.length > maxQuotedText)
    return { type: 'text', text: `${copy.text.slice(0, maxQuotedText).toWellFormed()}…` }
  if (copy.type === 'custom')
    return { ...copy, data: JSON.stringify(copy.data).length > 2_000 ? null : copy.data }
  return copy
}

/** The content with which a message is sent on; throws `conflict` for what cannot be. */
export function forwardable(content: EntryRow['content']): Exclude<StoredContent, { type: 'hidden' }> {
  switch (content.type) {
    case 'merged-forward':
    case 'text':
    case 'image':
    case 'file':
    case 'voice':
    case 'video':
    case 'location':
    case 'contact':
    case 'sticker':
    case 'custom':
      return content
    case 'stream':
      if (content.state !== 'open' && content.text !== '') return { type: 'text', text: content.text }
      throw new AppError('conflict', 'A message that is still being written cannot be sent on')
    default:
      throw new AppError('conflict', `A message of type ${content.type} cannot be sent on`)
  }
}

/** Copies the messages that a merged forward names, as the sender sees them now, in the order given. */
export async function mergeMessages(
  project: ProjectScope,
  readerId: string,
  { title, messageIds }: Extract<MessageContent, { type: 'merged-forward' }>,
): Promise<StoredContent> {
  const { rows } = await project.query<EntryRow>({
    text: `select ${entryColumns} from chat.entries e
      join chat.members m on m.project_id = e.project_id and m.conversation_id = e.conversation_id
        and m.user_id = $3 and m.left_seq is null and m.visible_from_seq <= e.seq
      where e.project_id = $1 and e.id = any($2) and e.bears_unread
        and not (m.hides and exists (
          select from chat.hidden_entries h where h.project_id = m.project_id
            and h.conversation_id = m.conversation_id and h.user_id = m.user_id and h.seq = e.seq))`,
    values: [project.projectId, messageIds, readerId],
  })
  const found = new Map(rows.map((row) => [row.id, row]))
  const items = messageIds.map((id): MergedItem => {
    const row = found.get(id)
    if (row === undefined) throw new MessageNotFoundError(id)
    const content = copyOf(row.content)
    return { senderId: row.sender_id, createdAt: row.created_at.toISOString(), content }
  })
  if (JSON.stringify(items).length > maxMergedBytes)
    throw new AppError('limit-exceeded', `The messages together are larger than ${maxMergedBytes} bytes`)
  return { type: 'merged-forward', ...(title !== undefined && { title }), items }
}
