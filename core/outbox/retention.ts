import type { Database } from '@parley/core/store'

const batch = 5_000

// From the oldest position on, as far as every consumer has passed; stops at the first event that is too young.
const removeBatch = `
  delete from outbox.events where position in (
    select position from (
      select position, txid, occurred_at from outbox.events order by position limit $2
    ) oldest
    where occurred_at < now() - $1 * interval '1 millisecond'
      and not exists (
        select 1 from outbox.consumers where not pg_visible_in_snapshot(oldest.txid, seen)
      )
  )`

/** Deletes events that are older than `keepMs` and handled by every durable consumer. Answers how many. */
export async function removeHandledEvents(database: Database, keepMs: number): Promise<number> {
  let removed = 0
  for (;;) {
    const { rowCount } = await database.system.query({ text: removeBatch, values: [keepMs, batch] })
    removed += rowCount
    if (rowCount < batch) return removed
  }
}
