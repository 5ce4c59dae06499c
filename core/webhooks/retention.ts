import type { Database } from '@parley/core/store'

const batch = 5_000
const dayMs = 86_400_000

/** Deletes deliveries made before the log begins, then bodies that no delivery names any more. */
export async function forgetOldDeliveries(database: Database, keepDays: number): Promise<void> {
  const before = new Date(Date.now() - keepDays * dayMs).toISOString()
  await deleteAll(
    database,
    `delete from webhooks.deliveries where (project_id, endpoint_id, id) in (
      select project_id, endpoint_id, id from webhooks.deliveries where created_at < $1 order by created_at limit $2)`,
    before,
  )
  await deleteAll(
    database,
    `delete from webhooks.events where (project_id, id) in (
      select event.project_id, event.id from webhooks.events event
      where event.created_at < $1 and not exists (select from webhooks.deliveries delivery
        where delivery.project_id = event.project_id and delivery.event_id = event.id)
      order by event.created_at limit $2)`,
    before,
  )
  await database.system.query({
    text: 'delete from webhooks.secrets where expires_at < clock_timestamp()',
  })
}

async function deleteAll(database: Database, text: string, before: string): Promise<void> {
  for (;;) {
    const { rowCount } = await database.system.query({ text, values: [before, batch] })
    if (rowCount < batch) return
  }
}
