import type { Outbox, StoredEvent } from '@parley/core/outbox'
import type { Database } from '@parley/core/store'

export const userChangesConsumer = 'chat-user-changes'

const types = [
  'conversation.appended',
  'conversation.created',
  'conversation.members-added',
  'conversation.members-removed',
  'conversation.read',
  'conversation.overlay-changed',
] as const

/**
 * Writes the per-user change log behind the log of the conversations: one row a (user, conversation), stamped
 * with the transaction that wrote it. Large conversations write to the members whose own state changed only.
 */
export function startUserChanges(outbox: Outbox, database: Database): void {
  outbox.consume(userChangesConsumer, {
    types,
    batchSize: 5_000,
    // What moves again meanwhile is written once. A sync that waits does not wait for this.
    gatherMs: 300,
    handle: (events) => recordChanges(database, events),
  })
}

async function recordChanges(database: Database, events: readonly StoredEvent[]): Promise<void> {
  const everyone = new Map<string, [projectId: string, conversationId: string]>()
  const single = new Map<string, [projectId: string, conversationId: string, userId: string]>()
  for (const event of events) {
    const { projectId } = event
    const { conversationId } = event.data as { conversationId: string }
    for (const userId of usersNamed(event)) {
      single.set(JSON.stringify([projectId, conversationId, userId]), [projectId, conversationId, userId])
    }
    if (event.type !== 'conversation.read' && event.type !== 'conversation.overlay-changed')
      everyone.set(JSON.stringify([projectId, conversationId]), [projectId, conversationId])
  }
  const conversations = [...everyone.values()]
  const users = [...single.values()]
  await database.system.query({
    name: 'chat-record-changes',
    text: `insert into chat.user_changes (project_id, user_id, conversation_id)
      select m.project_id, m.user_id, m.conversation_id
      from unnest($1::text[], $2::text[]) as k (project_id, conversation_id)
      join chat.conversations c on c.project_id = k.project_id and c.id = k.conversation_id and not c.large
      join chat.members m on m.project_id = c.project_id and m.conversation_id = c.id and m.left_seq is null
      union
      select u.project_id, u.user_id, u.conversation_id
      from unnest($3::text[], $4::text[], $5::text[]) as u (project_id, conversation_id, user_id)
      on conflict (project_id, user_id, conversation_id) do update set txid = excluded.txid`,
    values: [
      conversations.map(([projectId]) => projectId),
      conversations.map(([, conversationId]) => conversationId),
      users.map(([projectId]) => projectId),
      users.map(([, conversationId]) => conversationId),
      users.map(([, , userId]) => userId),
    ],
  })
}

function usersNamed(event: StoredEvent): readonly string[] {
  switch (event.type) {
    case 'conversation.read':
    case 'conversation.overlay-changed':
      return [(event.data as { userId: string }).userId]
    case 'conversation.members-added':
    case 'conversation.members-removed':
      return (event.data as { userIds: string[] }).userIds
    case 'conversation.created':
      return (event.data as { memberIds: string[] }).memberIds
    default:
      return []
  }
}
