import type { Transaction } from '@parley/core/store'
import type { EntryRow } from '../message/entry-row.ts'

/** Tables that keep more of a message, by its id. */
const additions = ['earlier_contents', 'translations', 'reactions', 'poll_votes'] as const

/**
 * Empties messages of one conversation in place, as expiry does with one: contents, facts, quotes of them, what entries of
 * their changes told, earlier contents, words of the search. The seqs stay, and threads that hang on them.
 */
export async function eraseEntries(
  tx: Transaction,
  projectId: string,
  conversationId: string,
  messages: readonly EntryRow[],
): Promise<void> {
  if (messages.length === 0) return
  const seqs = messages.map(({ seq }) => seq)
  const place = [projectId, conversationId, seqs]
  await tx.query({
    name: 'chat-empty-entries',
    text: `update chat.entries e set content = '{"type":"expired"}',
        facts = nullif(jsonb_strip_nulls(jsonb_build_object('thread', facts->'thread',
          'threadRootId', facts->'threadRootId')), '{}'),
        recalled_at = coalesce(recalled_at, now()), expires_at = null, burn_after_ms = null, reply_to_seq = null
      where project_id = $1 and conversation_id = $2 and seq = any($3::bigint[])`,
    values: place,
  })
  await tx.query({
    name: 'chat-empty-quotes',
    text: `update chat.entries set facts = jsonb_set(facts, '{replyTo,content}', '{"type":"expired"}')
      where project_id = $1 and conversation_id = $2 and reply_to_seq = any($3::bigint[]) and facts ? 'replyTo'`,
    values: place,
  })
  await tx.query({
    name: 'chat-forget-documents',
    text: `delete from chat.search_documents
      where project_id = $1 and conversation_id = $2 and seq = any($3::bigint[])`,
    values: place,
  })
  const replies = messages.filter(({ thread_root_seq }) => thread_root_seq)
  if (replies.length > 0) await discountReplies(tx, projectId, conversationId, replies)
  const more = messages.filter(({ edited_at, facts }) => edited_at !== null || facts)
  if (more.length > 0) await eraseAdditions(tx, projectId, conversationId, more)
}

async function eraseAdditions(
  tx: Transaction,
  projectId: string,
  conversationId: string,
  messages: readonly EntryRow[],
): Promise<void> {
  const place = [projectId, conversationId, messages.map(({ seq }) => seq)]
  await tx.query({
    name: 'chat-empty-changes',
    text: `update chat.entries set content = case content->>'type'
          when 'edit' then jsonb_set(content, '{content}', '{"type":"expired"}')
          else jsonb_set(content, '{facts}', '{}') - 'content' - 'emoji' end
      where project_id = $1 and conversation_id = $2 and content ? 'targetSeq'
        and (content->>'targetSeq')::bigint = any($3::bigint[]) and content->>'type' in ('edit', 'annotated')`,
    values: place,
  })
  for (const table of additions) {
    await tx.query({
      text: `delete from chat.${table} where project_id = $1 and message_id = any($2)`,
      values: [projectId, messages.map(({ id }) => id)],
    })
  }
  await tx.query({
    text: 'delete from chat.pins where project_id = $1 and conversation_id = $2 and seq = any($3::bigint[])',
    values: place,
  })
}

async function discountReplies(
  tx: Transaction,
  projectId: string,
  conversationId: string,
  replies: readonly EntryRow[],
): Promise<void> {
  await tx.query({
    text: `update chat.entries e set facts = jsonb_set(e.facts, '{thread,replyCount}',
        to_jsonb(greatest(0, (e.facts->'thread'->>'replyCount')::int - r.n)))
      from (select root, count(*)::int as n from unnest($3::bigint[]) as r (root) group by 1) r
      where e.project_id = $1 and e.conversation_id = $2 and e.seq = r.root and e.facts ? 'thread'`,
    values: [projectId, conversationId, replies.map(({ thread_root_seq }) => thread_root_seq)],
  })
}

/** Ids of the files that messages carry. */
export function filesIn(messages: readonly Pick<EntryRow, 'content'>[]): string[] {
  const files = messages.flatMap(({ content }) => {
    const { objectId, posterObjectId } = content as { objectId?: string; posterObjectId?: string }
    return [objectId, posterObjectId].filter((id) => id !== undefined)
  })
  return [...new Set(files)]
}

/** Those of the files that nothing of chat holds any more: message, picture of a film, copy, earlier content, chat room, plan. */
export async function unusedFiles(
  tx: Transaction,
  projectId: string,
  files: readonly string[],
): Promise<string[]> {
  if (files.length === 0) return []
  const { rows } = await tx.query<{ object_id: string }>({
    text: `select f.object_id from unnest($2::text[]) as f (object_id) where not exists (
        select from chat.entries e where e.project_id = $1 and e.content ? 'objectId'
          and e.content->>'objectId' = f.object_id
        union all
        select from chat.entries e where e.project_id = $1 and e.content ? 'posterObjectId'
          and e.content->>'posterObjectId' = f.object_id
        union all
        select from chat.entries e where e.project_id = $1
          and e.content->>'type' in ('merged-forward', 'custom')
          and (jsonb_path_query_array(e.content, '$.**.objectId')
            || jsonb_path_query_array(e.content, '$.**.posterObjectId')) @> to_jsonb(f.object_id)
        union all
        select from chat.earlier_contents c where c.project_id = $1 and c.content ? 'objectId'
          and c.content->>'objectId' = f.object_id
        union all
        select from chat.chatroom_entries r where r.project_id = $1 and r.content ? 'objectId'
          and r.content->>'objectId' = f.object_id
        union all
        select from chat.scheduled_messages s where s.project_id = $1 and s.state = 'waiting'
          and f.object_id in (s.content->>'objectId', s.content->>'posterObjectId'))`,
    values: [projectId, files],
  })
  return rows.map((row) => row.object_id)
}
