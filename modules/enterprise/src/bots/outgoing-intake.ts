import type { OutgoingHook } from '@parley/contracts'
import type { Jobs } from '@parley/core/jobs'
import type { Outbox, StoredEvent } from '@parley/core/outbox'
import type { Database } from '@parley/core/store'
import { callJobOf } from '../cards/call-queues.ts'
import type { LogEntry, Messages } from '../ports.ts'
import { queueOf } from './webhook-bots.ts'

interface HookRow {
  project_id: string
  id: string
  conversation_id: string
  user_id: string
  outgoing: OutgoingHook
}

interface IntakeOptions {
  outbox: Outbox
  database: Database
  jobs: Jobs
  messages: Messages
}

/** Follows the logs of groups with outgoing hooks and notes what is to be told. The same events again change nothing. */
export function startOutgoingIntake(options: IntakeOptions): void {
  options.outbox.consume('enterprise-hooks', {
    types: ['conversation.appended'],
    handle: (events) => take(options, events),
  })
}

async function take(
  { database, jobs, messages }: IntakeOptions,
  events: readonly StoredEvent[],
): Promise<void> {
  const runs = events.map(({ projectId, data }) => ({
    projectId,
    ...(data as { conversationId: string; fromSeq: number; toSeq: number }),
  }))
  const { rows: hooks } = await database.system.query<HookRow>({
    name: 'enterprise-hooks-of',
    text: `select b.project_id, b.id, b.conversation_id, b.user_id, b.outgoing
      from unnest($1::text[], $2::text[]) as r (project_id, conversation_id)
      join enterprise.bots b using (project_id, conversation_id)
      where b.enabled and b.outgoing is not null
      group by b.project_id, b.id`,
    values: [runs.map(({ projectId }) => projectId), runs.map(({ conversationId }) => conversationId)],
  })
  if (hooks.length === 0) return
  const calls: { project_id: string; queue: string; bot_id: string; message_id: string }[] = []
  for (const { projectId, conversationId, fromSeq, toSeq } of runs) {
    const own = hooks.filter(
      (hook) => hook.project_id === projectId && hook.conversation_id === conversationId,
    )
    if (own.length === 0) continue
    const speakers = await botUsers(database, projectId, conversationId)
    const entries = await messages.entries(projectId, conversationId, fromSeq, toSeq)
    const others = await messages.botsAmong(projectId, [...new Set(entries.map(({ senderId }) => senderId))])
    for (const entry of entries) {
      // What bots say is told to no bot, so that two never talk without end.
      if (speakers.has(entry.senderId) || others.has(entry.senderId)) continue
      for (const { id, user_id, outgoing } of own) {
        if (!concerns(outgoing, user_id, entry)) continue
        calls.push({ project_id: projectId, queue: queueOf(id), bot_id: id, message_id: entry.id })
      }
    }
  }
  if (calls.length === 0) return
  await database.system.transaction(async (tx) => {
    await tx.query({
      text: `insert into enterprise.calls (project_id, queue, bot_id, message_id)
        select r.project_id, r.queue, r.bot_id, r.message_id
        from rows from (
          jsonb_to_recordset($1::jsonb) as (project_id text, queue text, bot_id text, message_id text)
        ) with ordinality as r (project_id, queue, bot_id, message_id, place)
        order by r.place on conflict do nothing`,
      values: [JSON.stringify(calls)],
    })
    const queues = new Map(calls.map((each) => [`${each.project_id} ${each.queue}`, each]))
    for (const { project_id, queue } of queues.values()) await jobs.enqueue(tx, callJobOf(project_id, queue))
  })
}

async function botUsers(database: Database, projectId: string, conversationId: string): Promise<Set<string>> {
  const { rows } = await database.project(projectId).query<{ user_id: string }>({
    text: 'select user_id from enterprise.bots where project_id = $1 and conversation_id = $2',
    values: [projectId, conversationId],
  })
  return new Set(rows.map(({ user_id }) => user_id))
}

function concerns({ mention, keywords }: OutgoingHook, botUserId: string, { content }: LogEntry): boolean {
  if (content.type !== 'text') return false
  if (mention && content.mentions?.userIds?.includes(botUserId) === true) return true
  const text = content.text.toLowerCase()
  return keywords.some((keyword) => text.includes(keyword.toLowerCase()))
}
