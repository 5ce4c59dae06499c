import { AppError } from '@parley/contracts'
import type { Json } from '@parley/core/bus'
import type { Database, Queryable } from '@parley/core/store'
import type { LedgerFact, UsageInterval } from './ledger-fact.ts'
import { ledgerMigrations } from './migrations.ts'

export interface LedgerPage<Item> {
  items: Item[]
  /** Absent on the last page. */
  nextCursor?: string
}

export interface LedgerQuery {
  from: Date
  /** Exclusive. */
  to: Date
  cursor?: string | undefined
  /** Default 1,000. */
  limit?: number
}

interface FactRow {
  project_id: string
  id: string
  type: string
  subject: string
  occurred_at: Date
  quantity: number | string | null
  data: Record<string, Json>
  at_micros: string
}

interface IntervalRow {
  project_id: string
  id: string
  subscriber: string
  publication: string | null
  kind: string
  from_at: Date
  to_at: Date
  received_width: number | null
  received_height: number | null
  published_width: number | null
  published_height: number | null
  source: string
  at_micros: string
}

/** What billing, insight and quotas are computed from. Rows are never changed, but for the end of an interval. */
export class Ledger {
  readonly #database: Database

  private constructor(database: Database) {
    this.#database = database
  }

  static async open(options: { database: Database }): Promise<Ledger> {
    await options.database.migrate(ledgerMigrations)
    return new Ledger(options.database)
  }

  /** Stores facts; one whose (project, id) is there already changes nothing. Answers how many were new. */
  async append(queryable: Queryable, facts: readonly LedgerFact[]): Promise<number> {
    if (facts.length === 0) return 0
    const sorted = [...facts].sort(byKey)
    const { rowCount } = await queryable.query({
      name: 'ledger-append',
      text: `insert into ledger.facts (project_id, id, type, subject, occurred_at, quantity, data)
        select project_id, id, type, subject, occurred_at, quantity, data::jsonb
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[], $7::text[])
          as fact(project_id, id, type, subject, occurred_at, quantity, data)
        on conflict (project_id, id) do nothing`,
      values: [
        sorted.map((fact) => fact.projectId),
        sorted.map((fact) => fact.id),
        sorted.map((fact) => fact.type),
        sorted.map((fact) => fact.subject),
        sorted.map((fact) => fact.occurredAt.toISOString()),
        sorted.map((fact) => fact.quantity ?? null),
        sorted.map((fact) => JSON.stringify(fact.data)),
      ],
    })
    return rowCount
  }

  /**
   * Opens intervals and moves the end of those that are open already; an end never moves back, and nothing else of
   * an open one changes. Repeats and any order of arrival give the same.
   */
  async openOrExtend(intervals: readonly UsageInterval[], queryable?: Queryable): Promise<void> {
    if (intervals.length === 0) return
    const latest = latestOfEach(intervals)
    await (queryable ?? this.#database.system).query({
      name: 'ledger-extend',
      text: `insert into ledger.intervals as present (project_id, id, subscriber, publication, kind, from_at, to_at,
          received_width, received_height, published_width, published_height, source)
        select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
          $7::timestamptz[], $8::int[], $9::int[], $10::int[], $11::int[], $12::text[])
        on conflict (project_id, id) do update set to_at = excluded.to_at where excluded.to_at > present.to_at`,
      values: [
        latest.map((interval) => interval.projectId),
        latest.map((interval) => interval.id),
        latest.map((interval) => interval.subscriber),
        latest.map((interval) => interval.publication ?? null),
        latest.map((interval) => interval.kind),
        latest.map((interval) => interval.from.toISOString()),
        latest.map((interval) => interval.to.toISOString()),
        latest.map((interval) => interval.received?.width ?? null),
        latest.map((interval) => interval.received?.height ?? null),
        latest.map((interval) => interval.published?.width ?? null),
        latest.map((interval) => interval.published?.height ?? null),
        latest.map((interval) => interval.source),
      ],
    })
  }

  /** Facts of a project by time, then id. Throws `invalid-cursor`. */
  async facts(projectId: string, query: LedgerQuery & { types?: string[] }): Promise<LedgerPage<LedgerFact>> {
    const { limit = 1_000 } = query
    const after = parseCursor(query.cursor)
    const { rows } = await this.#database.project(projectId).query<FactRow>({
      text: `select *, (extract(epoch from occurred_at) * 1000000)::bigint::text as at_micros from ledger.facts
        where project_id = $1 and occurred_at >= $2 and occurred_at < $3 and ($4::text[] is null or type = any($4))
          and ($5::bigint is null or (occurred_at, id) > (${fromMicros('$5')}, $6))
        order by occurred_at, id limit $7`,
      values: [
        projectId,
        query.from,
        query.to,
        query.types ?? null,
        after?.micros ?? null,
        after?.id ?? '',
        limit,
      ],
    })
    return toPage(rows, limit, toFact)
  }

  /** Intervals of a project that overlap the time, by their begin, then id. Throws `invalid-cursor`. */
  async intervals(projectId: string, query: LedgerQuery): Promise<LedgerPage<UsageInterval>> {
    const { limit = 1_000 } = query
    const after = parseCursor(query.cursor)
    const { rows } = await this.#database.project(projectId).query<IntervalRow>({
      text: `select *, (extract(epoch from from_at) * 1000000)::bigint::text as at_micros from ledger.intervals
        where project_id = $1 and to_at > $2 and from_at < $3
          and ($4::bigint is null or (from_at, id) > (${fromMicros('$4')}, $5))
        order by from_at, id limit $6`,
      values: [projectId, query.from, query.to, after?.micros ?? null, after?.id ?? '', limit],
    })
    return toPage(rows, limit, toInterval)
  }
}

/** One order of locking for all writers, so that batches that overlap do not deadlock. */
function byKey(left: { projectId: string; id: string }, right: { projectId: string; id: string }): number {
  if (left.projectId !== right.projectId) return left.projectId < right.projectId ? -1 : 1
  return left.id < right.id ? -1 : left.id > right.id ? 1 : 0
}

/** ON CONFLICT DO UPDATE takes each row once in a statement. */
function latestOfEach(intervals: readonly UsageInterval[]): UsageInterval[] {
  const latest = new Map<string, UsageInterval>()
  for (const interval of intervals) {
    const key = JSON.stringify([interval.projectId, interval.id])
    const known = latest.get(key)
    if (!known) latest.set(key, interval)
    else if (interval.to > known.to) latest.set(key, { ...known, to: interval.to })
  }
  return [...latest.values()].sort(byKey)
}

function fromMicros(parameter: string): string {
  return `(timestamptz 'epoch' + ${parameter}::bigint * interval '1 microsecond')`
}

function parseCursor(cursor: string | undefined): { micros: string; id: string } | undefined {
  if (cursor === undefined) return undefined
  const match = /^(-?\d{1,17})\/(.+)$/su.exec(Buffer.from(cursor, 'base64url').toString())
  if (!match?.[1] || !match[2]) throw new AppError('invalid-cursor')
  return { micros: match[1], id: match[2] }
}

function toPage<Row extends { id: string; at_micros: string }, Item>(
  rows: Row[],
  limit: number,
  toItem: (row: Row) => Item,
): LedgerPage<Item> {
  const last = rows.length < limit ? undefined : rows.at(-1)
  const items = rows.map(toItem)
  if (!last) return { items }
  return { items, nextCursor: Buffer.from(`${last.at_micros}/${last.id}`).toString('base64url') }
}

function toFact(row: FactRow): LedgerFact {
  return {
    id: row.id,
    projectId: row.project_id,
    type: row.type,
    subject: row.subject,
    occurredAt: row.occurred_at,
    ...(row.quantity !== null && { quantity: Number(row.quantity) }),
    data: row.data,
  }
}

function toInterval(row: IntervalRow): UsageInterval {
  const { received_width, received_height, published_width, published_height } = row
  return {
    id: row.id,
    projectId: row.project_id,
    subscriber: row.subscriber,
    ...(row.publication !== null && { publication: row.publication }),
    kind: row.kind,
    from: row.from_at,
    to: row.to_at,
    ...(received_width !== null &&
      received_height !== null && { received: { width: received_width, height: received_height } }),
    ...(published_width !== null &&
      published_height !== null && { published: { width: published_width, height: published_height } }),
    source: row.source,
  }
}
