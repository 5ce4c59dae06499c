import type { Queryable } from '@parley/core/store'
import { type EventRow, eventColumns, type StoredEvent, toStoredEvent } from './event.ts'
import { parseSnapshot, type Snapshot } from './snapshot.ts'

/** What a reader has handled: everything in `seen`, and of `backlog.until` everything up to `backlog.position`. */
export interface Cursor {
  seen: Snapshot
  backlog?: { until: Snapshot; position: string }
}

export interface ReadAnswer {
  /** In order of position, each committed after the cursor. */
  events: StoredEvent[]
  /** Where to go on once these events are handled. */
  next: Cursor
  /** False when there is surely more to read. */
  complete: boolean
}

export interface ReadOptions {
  /** All types when absent. */
  types?: readonly string[] | undefined
  limit: number
}

/** Transaction ids went back: the cursor is from another cluster or from a future that a restore has undone. */
export class HistoryWentBackError extends Error {
  override readonly name = 'HistoryWentBackError'
}

// Each half walks one narrow range of the index on txid, however long the table is: what began after `seen`, and
// what `seen` saw running. The snapshot of the statement and the rows it sees are the same moment.
const freshRead = `
  with fresh as (
    (select * from outbox.events
      where txid >= $1::xid8 and ($3::text[] is null or type = any($3::text[])) order by txid limit $4)
    union all
    (select * from outbox.events
      where txid = any($2::xid8[]) and ($3::text[] is null or type = any($3::text[])) limit $4)
  )
  select moment.snapshot, fresh.position::text as position, fresh.id, fresh.project_id, fresh.resource, fresh.type,
    fresh.data, fresh.occurred_at
  from (select pg_current_snapshot()::text as snapshot) moment left join fresh on true
  order by fresh.position`

// "+ 0" keeps the planner from walking the primary key from its very beginning.
const backlogStart = `
  select (min(position + 0) - 1)::text as position from outbox.events
  where (txid >= $1::xid8 or txid = any($2::xid8[])) and pg_visible_in_snapshot(txid, $3::pg_snapshot)`

// The table's position: the bare name would mean the text that is answered.
const backlogRead = `
  select ${eventColumns} from outbox.events
  where position > $1::bigint
    and not pg_visible_in_snapshot(txid, $2::pg_snapshot) and pg_visible_in_snapshot(txid, $3::pg_snapshot)
    and ($4::text[] is null or type = any($4::text[]))
  order by events.position limit $5`

/**
 * Reads what committed after the cursor. Must not run in a transaction that has written: its own rows would be
 * taken for seen. The proof that nothing is lost and each resource keeps its order stands in README.md.
 */
export async function readEvents(
  database: Queryable,
  cursor: Cursor,
  options: ReadOptions,
): Promise<ReadAnswer> {
  if (cursor.backlog) return readBacklog(database, cursor.seen, cursor.backlog, options)
  const { seen } = cursor
  const { rows } = await database.query<EventRow & { snapshot: string; position: string | null }>({
    name: 'outbox-fresh',
    text: freshRead,
    values: [String(seen.end), seen.running.map(String), options.types ?? null, options.limit + 1],
  })
  const now = parseSnapshot(rows[0]?.snapshot ?? '')
  if (now.end < seen.end) throw new HistoryWentBackError(`${seen.text} is later than ${now.text}`)
  const found = rows.filter((row): row is typeof row & { position: string } => row.position !== null)
  if (found.length <= options.limit) {
    return { events: found.map(toStoredEvent), next: { seen: now }, complete: true }
  }
  const start = await database.query<{ position: string }>({
    text: backlogStart,
    values: [String(seen.end), seen.running.map(String), now.text],
  })
  return readBacklog(database, seen, { until: now, position: start.rows[0]?.position ?? '0' }, options)
}

async function readBacklog(
  database: Queryable,
  seen: Snapshot,
  { until, position }: { until: Snapshot; position: string },
  { types, limit }: ReadOptions,
): Promise<ReadAnswer> {
  const { rows } = await database.query<EventRow>({
    text: backlogRead,
    values: [position, seen.text, until.text, types ?? null, limit],
  })
  const events = rows.map(toStoredEvent)
  const last = events.at(-1)
  if (rows.length < limit || !last) return { events, next: { seen: until }, complete: false }
  return { events, next: { seen, backlog: { until, position: last.position } }, complete: false }
}

export async function currentSnapshot(database: Queryable): Promise<Snapshot> {
  const { rows } = await database.query<{ snapshot: string }>({
    name: 'outbox-now',
    text: 'select pg_current_snapshot()::text as snapshot',
  })
  return parseSnapshot(rows[0]?.snapshot ?? '')
}
