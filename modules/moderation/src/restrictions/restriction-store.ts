import { AppError, newId, type Restriction } from '@parley/contracts'
import type { Jobs } from '@parley/core/jobs'
import type { Outbox } from '@parley/core/outbox'
import type { Queryable, Transaction } from '@parley/core/store'
import { maxRestrictions } from '../config.ts'

export const endRestrictionJob = 'moderation-end-restriction'

interface RestrictionRow {
  id: string
  user_id: string
  kind: Restriction['kind']
  conversation_id: string | null
  until_ms: string | number | null
  reason: string | null
  created_at: Date
}

export interface NewRestriction {
  userId: string
  kind: Restriction['kind']
  untilMs?: number | undefined
  conversationId?: string | undefined
  reason?: string | undefined
}

const columns = 'id, user_id, kind, conversation_id, until_ms, reason, created_at'

/** Restrictions as they are stored. Whether one holds is told by its `untilMs`, never by a job having run. */
export class RestrictionStore {
  readonly #outbox: Outbox
  readonly #jobs: Jobs

  constructor(outbox: Outbox, jobs: Jobs) {
    this.#outbox = outbox
    this.#jobs = jobs
  }

  /** Throws `limit-exceeded`, and `invalid-request` for one that would end before it begins. */
  async create(tx: Transaction, projectId: string, given: NewRestriction): Promise<Restriction> {
    const { userId, kind, untilMs, conversationId, reason } = given
    if (untilMs !== undefined && untilMs <= Date.now()) {
      throw new AppError('invalid-request', 'untilMs is in the past', {
        issues: [{ path: 'untilMs', message: 'is in the past' }],
      })
    }
    await lockUser(tx, projectId, userId)
    const live = await this.list(tx, projectId, userId)
    if (live.length >= maxRestrictions)
      throw new AppError('limit-exceeded', `A user has at most ${maxRestrictions} restrictions`)
    const { rows } = await tx.query<RestrictionRow>({
      text: `insert into moderation.restrictions (project_id, id, user_id, kind, conversation_id, until_ms, reason)
        values ($1, $2, $3, $4, $5, $6, $7) returning ${columns}`,
      values: [
        projectId,
        newId('restriction'),
        userId,
        kind,
        conversationId ?? null,
        untilMs ?? null,
        reason ?? null,
      ],
    })
    const made = toRestriction(oneOf(rows))
    await this.#outbox.append(tx, [
      { projectId, resource: `user/${userId}`, type: 'restriction.created', data: { restriction: made } },
    ])
    if (untilMs !== undefined) {
      const payload = { restrictionId: made.id, userId }
      await this.#jobs.enqueue(tx, { name: endRestrictionJob, projectId, payload, runAt: new Date(untilMs) })
    }
    return made
  }

  /** Ends one that has not ended; answers nothing when there is none such. */
  async end(
    tx: Transaction,
    projectId: string,
    ending: { userId: string; id: string; reason: 'lifted' | 'expired' },
  ): Promise<Restriction | undefined> {
    await lockUser(tx, projectId, ending.userId)
    const { rows } = await tx.query<RestrictionRow>({
      text: `update moderation.restrictions set ended_at = now()
        where project_id = $1 and id = $2 and user_id = $3 and ended_at is null returning ${columns}`,
      values: [projectId, ending.id, ending.userId],
    })
    const [row] = rows
    if (row === undefined) return undefined
    const restriction = toRestriction(row)
    const data = { restriction, reason: ending.reason }
    await this.#outbox.append(tx, [
      { projectId, resource: `user/${ending.userId}`, type: 'restriction.ended', data },
    ])
    return restriction
  }

  /** Those of a user that hold now. */
  async list(queryable: Queryable, projectId: string, userId: string): Promise<Restriction[]> {
    const { rows } = await queryable.query<RestrictionRow>({
      text: `select ${columns} from moderation.restrictions
        where project_id = $1 and user_id = $2 and ended_at is null and (until_ms is null or until_ms > $3)
        order by id`,
      values: [projectId, userId, Date.now()],
    })
    return rows.map(toRestriction)
  }

  async find(queryable: Queryable, projectId: string, id: string): Promise<Restriction | undefined> {
    const { rows } = await queryable.query<RestrictionRow>({
      text: `select ${columns} from moderation.restrictions
        where project_id = $1 and id = $2 and ended_at is null`,
      values: [projectId, id],
    })
    return rows[0] && toRestriction(rows[0])
  }

  /** All of a project that have not ended. */
  async readAll(queryable: Queryable, projectId: string): Promise<Restriction[]> {
    const { rows } = await queryable.query<RestrictionRow>({
      text: `select ${columns} from moderation.restrictions
        where project_id = $1 and ended_at is null and (until_ms is null or until_ms > $2)`,
      values: [projectId, Date.now()],
    })
    return rows.map(toRestriction)
  }
}

/** Keeps the order of the events of a user. */
async function lockUser(tx: Transaction, projectId: string, userId: string): Promise<void> {
  await tx.query({
    text: `select pg_advisory_xact_lock(hashtextextended('moderation-user/' || $1 || '/' || $2, 0))`,
    values: [projectId, userId],
  })
}

function oneOf<Row>(rows: readonly Row[]): Row {
  const [row] = rows
  if (row === undefined) throw new Error('the statement answered no row')
  return row
}

function toRestriction(row: RestrictionRow): Restriction {
  return {
    id: row.id,
    userId: row.user_id,
    kind: row.kind,
    ...(row.conversation_id !== null && { conversationId: row.conversation_id }),
    ...(row.until_ms !== null && { untilMs: Number(row.until_ms) }),
    ...(row.reason !== null && { reason: row.reason }),
    createdAt: row.created_at.toISOString(),
  }
}
