import { AppError, type StoredContent } from '@parley/contracts'
import { decodeCursor, encodeCursor, type Page } from '../conversation/member-list.ts'
import type { Operations } from '../operations.ts'
import type { MessageParts } from './message-parts.ts'
import type { Actor } from './target.ts'

export interface EarlierContent {
  version: number
  content: StoredContent
  replacedAt: string
}

/** What a message was before each of its edits; nothing once it is recalled (CHAT-58). */
export async function listEdits(
  { history, database, decorate }: MessageParts,
  { projectId, userId }: Actor,
  messageId: string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<Page<EarlierContent>> {
  const { content: now } = await history.get(projectId, messageId, userId)
  if (now.type === 'hidden') return { items: [] }
  const after = cursor === undefined ? 0 : Number(decodeCursor(cursor))
  if (!Number.isSafeInteger(after) || after > 2 ** 31 - 1) throw new AppError('invalid-cursor')
  const { rows } = await database
    .project(projectId)
    .query<{ version: number; content: StoredContent; replaced_at: Date }>({
      text: `select version, content, replaced_at from chat.earlier_contents
        where project_id = $1 and message_id = $2 and version > $3 order by version limit $4`,
      values: [projectId, messageId, after, limit + 1],
    })
  const items = rows.slice(0, limit).map(({ version, content, replaced_at }) => ({
    version,
    content: decorate(projectId, content) as StoredContent,
    replacedAt: replaced_at.toISOString(),
  }))
  const last = items.at(-1)
  return rows.length > limit && last ? { items, nextCursor: encodeCursor(String(last.version)) } : { items }
}

export function registerEdits(operations: Operations, parts: MessageParts): void {
  operations.forAll('message.edits', (actor, { messageId, ...page }) =>
    listEdits(parts, actor, messageId, page),
  )
}
