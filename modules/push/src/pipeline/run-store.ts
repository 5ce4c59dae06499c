import type { StoredEvent } from '@parley/core/outbox'
import type { Database, Queryable } from '@parley/core/store'

/** Entries of one conversation whose audience is being dealt with. */
export interface Run {
  projectId: string
  conversationId: string
  fromSeq: number
  toSeq: number
  atSeq: number
  afterUserId: string
  /** Fences: whoever lost the run cannot move it. */
  attempt: number
}

interface RunRow {
  project_id: string
  conversation_id: string
  from_seq: string | number
  to_seq: string | number
  at_seq: string | number
  after_user: string
  attempt_count: number
}

/** What was appended and still has to be told, one row a run of entries. */
export class RunStore {
  readonly #database: Database
  readonly #leaseMs: number

  constructor(database: Database, leaseMs: number) {
    this.#database = database
    this.#leaseMs = leaseMs
  }

  /** Notes runs of projects that have devices. The same event again changes nothing. Answers whether any is new. */
  async add(events: readonly StoredEvent[], delayMs: number): Promise<boolean> {
    const runs = events.flatMap((event) =>
      event.type === 'conversation.appended' ? [{ projectId: event.projectId, ...event.data }] : [],
    )
    if (runs.length === 0) return false
    const { rowCount } = await this.#database.system.query({
      name: 'push-add-runs',
      text: `insert into push.runs (project_id, conversation_id, from_seq, to_seq, at_seq, due_at)
        select k.project_id, k.conversation_id, k.from_seq, k.to_seq, k.from_seq,
          clock_timestamp() + $5 * interval '1 millisecond'
        from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
          as k (project_id, conversation_id, from_seq, to_seq)
        where exists (select from push.devices d where d.project_id = k.project_id)
        on conflict do nothing`,
      values: [
        runs.map((run) => run.projectId),
        runs.map((run) => run.conversationId),
        runs.map((run) => run.fromSeq),
        runs.map((run) => run.toSeq),
        delayMs,
      ],
    })
    return rowCount > 0
  }

  async claim(limit: number): Promise<Run[]> {
    const { rows } = await this.#database.system.query<RunRow>({
      name: 'push-claim-runs',
      text: `with due as (
          select project_id, conversation_id, from_seq from push.runs where due_at <= clock_timestamp()
          order by due_at limit $1 for update skip locked
        )
        update push.runs r set due_at = clock_timestamp() + $2 * interval '1 millisecond',
          attempt_count = r.attempt_count + 1
        from due
        where r.project_id = due.project_id and r.conversation_id = due.conversation_id
          and r.from_seq = due.from_seq
        returning r.project_id, r.conversation_id, r.from_seq, r.to_seq, r.at_seq, r.after_user, r.attempt_count`,
      values: [limit, this.#leaseMs],
    })
    return rows.map((row) => ({
      projectId: row.project_id,
      conversationId: row.conversation_id,
      fromSeq: Number(row.from_seq),
      toSeq: Number(row.to_seq),
      atSeq: Number(row.at_seq),
      afterUserId: row.after_user,
      attempt: row.attempt_count,
    }))
  }

  async nextDueMs(): Promise<number | undefined> {
    const { rows } = await this.#database.system.query<{ ms: number | null }>({
      name: 'push-next-run',
      text: `select (extract(epoch from min(due_at) - clock_timestamp()) * 1000)::float8 as ms from push.runs`,
    })
    return rows[0]?.ms ?? undefined
  }

  /** How far the run is; keeps its lease. False when another process has it. */
  async advance(tx: Queryable, run: Run, atSeq: number, afterUserId: string): Promise<boolean> {
    const { rowCount } = await tx.query({
      name: 'push-advance-run',
      text: `update push.runs set at_seq = $5, after_user = $6,
          due_at = clock_timestamp() + $7 * interval '1 millisecond'
        where project_id = $1 and conversation_id = $2 and from_seq = $3 and attempt_count = $4`,
      values: [...fence(run), atSeq, afterUserId, this.#leaseMs],
    })
    return rowCount > 0
  }

  async finish(tx: Queryable, run: Run): Promise<void> {
    await tx.query({
      name: 'push-finish-run',
      text: `delete from push.runs
        where project_id = $1 and conversation_id = $2 and from_seq = $3 and attempt_count = $4`,
      values: fence(run),
    })
  }

  /** It comes again after a pause. */
  async postpone(run: Run, pauseMs: number): Promise<void> {
    await this.#database.system.query({
      text: `update push.runs set due_at = clock_timestamp() + $5 * interval '1 millisecond'
        where project_id = $1 and conversation_id = $2 and from_seq = $3 and attempt_count = $4`,
      values: [...fence(run), pauseMs],
    })
  }
}

const fence = (run: Run): unknown[] => [run.projectId, run.conversationId, run.fromSeq, run.attempt]
