import type { Jobs } from '@parley/core/jobs'
import type { Database } from '@parley/core/store'

const hourMs = 3_600_000

/** Removes what has ended: bans and invitation links at once, notices after a week, decided requests after a month. */
export async function scheduleForgetting({
  jobs,
  database,
}: {
  jobs: Jobs
  database: Database
}): Promise<void> {
  jobs.define({ name: 'chat-forget-expired', handle: () => forgetExpired(database) })
  await jobs.schedule('chat-forget-expired', { everyMs: hourMs })
}

export async function forgetExpired(database: Database): Promise<void> {
  const statements = [
    'delete from chat.bans where until < now()',
    'delete from chat.invitation_links where expires_at < now()',
    `delete from chat.join_requests where expires_at < now() - interval '30 days'`,
    `delete from chat.invitations where expires_at < now() - interval '30 days'`,
    `with gone as (
      delete from chat.notices where expires_at < now() - interval '7 days' returning project_id, no
    )
    delete from chat.notice_receivers r using gone g where r.project_id = g.project_id and r.no = g.no`,
    `delete from chat.bot_deliveries where failed_at < now() - interval '30 days'`,
  ]
  for (const text of statements) await database.system.query({ text })
}
