import type { StoredContent } from '@parley/contracts'
import { decodeNumberCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
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
  { limit, cursor }: PageRequest,
): Promise<Page<EarlierContent>> {
  const { content: now } = await history.get(projectId, messageId, userId)
  if (now.type === 'hidden') return { items: [] }
  const after = decodeNumberCursor(cursor) ?? 0
  const { rows } = await database
    .project(projectId)
    .query<{ version: number; content: StoredContent; replaced_at: Date }>({
      text: `select version, content, replaced_at from chat.earlier_contents
        where project_id = $1 and message_id = $2 and version > $3::bigint order by version limit $4`,
      values: [projectId, messageId, after, limit + 1],
    })
  return toPage(rows, limit, {
    keyOf: (row) => row.version,
    itemOf: ({ version, content, replaced_at }) => ({
      version,
      content: decorate(projectId, content) as StoredContent,
      replacedAt: replaced_at.toISOString(),
    }),
  })
}

export function registerEdits(operations: Operations, parts: MessageParts): void {
  operations.forAll('message.edits', (actor, { messageId, ...page }) =>
    listEdits(parts, actor, messageId, page),
  )
}
