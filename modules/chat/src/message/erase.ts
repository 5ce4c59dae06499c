import type { StoredContent } from '@parley/contracts'
import type { Transaction } from '@parley/core/store'
import type { AttachmentSource } from '../ports.ts'
import { type EntryRow, entryColumns } from './entry-row.ts'
import { filesToRelease } from './release-files.ts'

/**
 * Empties a message in place: its content, what was known of it, its earlier contents, the quotes of it, and what
 * entries of its edits and annotations told (CHAT-7); its files go with it (CHAT-71). The seq stays, and so does the thread that hangs on it.
 */
export async function eraseMessage(
  tx: Transaction,
  message: EntryRow,
  content: Extract<StoredContent, { type: 'recalled' | 'expired' }>,
  files: AttachmentSource,
): Promise<EntryRow> {
  const { project_id: projectId, conversation_id: conversationId, seq, id } = message
  const releaseFiles = await filesToRelease(tx, files, projectId, [message])
  const thread = message.facts?.thread
  const threadRootId = message.facts?.threadRootId
  const kept =
    thread || threadRootId ? { ...(thread && { thread }), ...(threadRootId && { threadRootId }) } : null
  const { rows } = await tx.query<EntryRow>({
    name: 'chat-erase-entry',
    text: `update chat.entries e set content = $4, facts = $5, recalled_at = now(), expires_at = null,
        burn_after_ms = null, reply_to_seq = null
      where e.project_id = $1 and e.conversation_id = $2 and e.seq = $3
      returning ${entryColumns}`,
    values: [
      projectId,
      conversationId,
      seq,
      JSON.stringify(content),
      kept === null ? null : JSON.stringify(kept),
    ],
  })
  await tx.query({
    name: 'chat-erase-quotes',
    text: `update chat.entries set facts = jsonb_set(facts, '{replyTo,content}', $4)
      where project_id = $1 and conversation_id = $2 and reply_to_seq = $3 and facts ? 'replyTo'`,
    values: [projectId, conversationId, seq, JSON.stringify(content)],
  })
  if (message.edited_at !== null || message.facts) await eraseAdditions(tx, message)
  if (message.thread_root_seq) await countThread(tx, message, -1)
  await releaseFiles()
  return rows[0] ?? { ...message, content, facts: kept, recalled_at: new Date() }

  async function eraseAdditions(tx: Transaction, { facts }: EntryRow): Promise<void> {
    await tx.query({
      text: `update chat.entries set content = case content->>'type'
            when 'edit' then jsonb_set(content, '{content}', '{"type":"recalled"}')
            else jsonb_set(content, '{facts}', '{}') - 'content' - 'emoji' end
        where project_id = $1 and conversation_id = $2 and seq > $3
          and content->>'type' in ('edit', 'annotated') and content->>'targetId' = $4`,
      values: [projectId, conversationId, seq, id],
    })
    const tables = ['earlier_contents', 'translations', ...(facts ? ['reactions', 'poll_votes'] : [])]
    for (const table of tables) {
      await tx.query({
        text: `delete from chat.${table} where project_id = $1 and message_id = $2`,
        values: [projectId, id],
      })
    }
    if (facts?.pinned) {
      await tx.query({
        text: 'delete from chat.pins where project_id = $1 and conversation_id = $2 and seq = $3',
        values: [projectId, conversationId, seq],
      })
    }
  }
}

/** Counts a reply into the thread of its root, or out of it. The caller holds the lock on the conversation. */
export async function countThread(tx: Transaction, reply: EntryRow, by: 1 | -1): Promise<void> {
  await tx.query({
    name: 'chat-count-thread',
    text: `update chat.entries set facts = jsonb_set(coalesce(facts, '{}'), '{thread}', jsonb_build_object(
        'replyCount', greatest(0, coalesce((facts->'thread'->>'replyCount')::int, 0) + $4::int),
        'lastReplySeq', greatest($5::bigint, coalesce((facts->'thread'->>'lastReplySeq')::bigint, 0))))
      where project_id = $1 and conversation_id = $2 and seq = $3`,
    values: [reply.project_id, reply.conversation_id, reply.thread_root_seq, by, by === 1 ? reply.seq : 0],
  })
}
