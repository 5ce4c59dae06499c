import type { EnqueueOptions, Jobs } from '@parley/core/jobs'
import type { Outbox, StoredEvent } from '@parley/core/outbox'
import type { Database } from '@parley/core/store'

export const botJob = 'chat-bot-deliver'

/** One job a bot waits at a time, and never two run. */
export function botJobOf(projectId: string, userId: string, runAt?: Date): EnqueueOptions {
  const uniqueKey = `bot/${projectId}/${userId}`
  return { name: botJob, projectId, payload: { userId }, uniqueKey, ...(runAt !== undefined && { runAt }) }
}

/** Follows the logs of projects that have bots, and notes what is said to them. */
export function startBotIntake({
  outbox,
  database,
  jobs,
}: {
  outbox: Outbox
  database: Database
  jobs: Jobs
}): void {
  outbox.consume('chat-bots', {
    types: ['conversation.appended'],
    handle: (events) => take(database, jobs, events),
  })
}

/**
 * Messages for a bot: those in its direct conversations, and those that mention it where it is a member. What bots say
 * is told to no bot, so that two never talk without end. The same events again change nothing.
 */
async function take(database: Database, jobs: Jobs, events: readonly StoredEvent[]): Promise<void> {
  const { rows: projects } = await database.system.query<{ project_id: string }>({
    name: 'chat-projects-with-bots',
    text: 'select distinct project_id from chat.bots where project_id = any($1) and enabled',
    values: [[...new Set(events.map(({ projectId }) => projectId))]],
  })
  const withBots = new Set(projects.map((row) => row.project_id))
  const runs = events
    .filter(({ projectId }) => withBots.has(projectId))
    .map(({ projectId, data }) => ({
      projectId,
      ...(data as { conversationId: string; fromSeq: number; toSeq: number }),
    }))
  if (runs.length === 0) return
  // What is noted and the job that tells it are one: neither is there without the other.
  await database.system.transaction(async (tx) => {
    const { rows } = await tx.query<{ project_id: string; user_id: string }>({
      name: 'chat-note-for-bots',
      text: `insert into chat.bot_deliveries (project_id, user_id, message_id)
        select e.project_id, b.user_id, e.id
        from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) with ordinality
          as r (project_id, conversation_id, from_seq, to_seq, place)
        join chat.entries e on e.project_id = r.project_id and e.conversation_id = r.conversation_id
          and e.seq between r.from_seq and r.to_seq and e.bears_unread and e.recalled_at is null
        join chat.conversations c on c.project_id = e.project_id and c.id = e.conversation_id
        join chat.bots b on b.project_id = e.project_id and b.enabled and b.user_id <> e.sender_id
          and (c.type = 'direct' or e.content -> 'mentions' -> 'userIds' ? b.user_id)
        join chat.members m on m.project_id = e.project_id and m.conversation_id = e.conversation_id
          and m.user_id = b.user_id and m.left_seq is null
        where not exists (
          select from chat.bots s where s.project_id = e.project_id and s.user_id = e.sender_id)
        order by r.place, e.seq
        on conflict (project_id, user_id, message_id) do nothing
        returning project_id, user_id`,
      values: [
        runs.map((run) => run.projectId),
        runs.map((run) => run.conversationId),
        runs.map((run) => run.fromSeq),
        runs.map((run) => run.toSeq),
      ],
    })
    const bots = new Map(rows.map((row) => [`${row.project_id}/${row.user_id}`, row]))
    for (const { project_id: projectId, user_id: userId } of bots.values())
      await jobs.enqueue(tx, botJobOf(projectId, userId))
  })
}
