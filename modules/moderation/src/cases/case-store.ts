import {
  AppError,
  type CaseNote,
  type CaseReport,
  type CaseTarget,
  type ModerationCase,
  newId,
} from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import { decodeCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { ProjectScope, Queryable, Transaction } from '@parley/core/store'
import { maxNotes } from '../config.ts'

interface CaseRow {
  id: string
  source: ModerationCase['source']
  state: ModerationCase['state']
  target_type: CaseTarget['type']
  target_id: string
  conversation_id: string | null
  user_id: string | null
  reasons: string[]
  report_count: number
  evidence: ModerationCase['evidence'] | null
  claimed_by: string | null
  action: NonNullable<ModerationCase['action']> | null
  resolution: string | null
  created_at: Date
  updated_at: Date
  resolved_at: Date | null
}

export interface NewCase {
  source: ModerationCase['source']
  target: CaseTarget
  conversationId?: string | undefined
  userId?: string | undefined
  reasons: readonly string[]
  evidence?: unknown
}

export interface CaseFilter {
  state?: string | undefined
  source?: string | undefined
  targetType?: string | undefined
  targetId?: string | undefined
  userId?: string | undefined
}

const columns = `id, source, state, target_type, target_id, conversation_id, user_id, reasons, report_count, evidence,
  claimed_by, action, resolution, created_at, updated_at, resolved_at`
const maxReasons = 32

/** The queue of what people must decide. */
export class CaseStore {
  readonly #outbox: Outbox

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  /** Opens a case, or adds to the one that is undecided about the same target. Locks it. */
  async open(tx: Transaction, projectId: string, given: NewCase): Promise<ModerationCase> {
    const { source, target, conversationId, userId, evidence } = given
    const { rows } = await tx.query<CaseRow & { made: boolean }>({
      text: `insert into moderation.cases as c
          (project_id, id, source, target_type, target_id, conversation_id, user_id, reasons, evidence)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb)
        on conflict (project_id, source, target_type, target_id) where state <> 'resolved' do update set
          reasons = (select array_agg(distinct reason) from unnest(c.reasons || excluded.reasons) as reason),
          updated_at = now()
        returning ${columns}, xmax = 0 as made`,
      values: [
        projectId,
        newId('moderationCase'),
        source,
        target.type,
        target.id,
        conversationId ?? null,
        userId ?? null,
        [...new Set(given.reasons)].slice(0, maxReasons),
        evidence === undefined ? null : JSON.stringify(evidence),
      ],
    })
    const row = oneOf(rows)
    const opened = toCase(row)
    if (row.made) await this.#tell(tx, projectId, 'case.opened', opened)
    return opened
  }

  /** Counts a reporter once a case. */
  async addReport(
    tx: Transaction,
    projectId: string,
    caseId: string,
    report: { reporterId: string; reason: string; note?: string | undefined },
  ): Promise<void> {
    const { rowCount } = await tx.query({
      text: `insert into moderation.reports (project_id, case_id, reporter_id, reason, note)
        values ($1, $2, $3, $4, $5) on conflict do nothing`,
      values: [projectId, caseId, report.reporterId, report.reason, report.note ?? null],
    })
    if (rowCount === 0) return
    await tx.query({
      text: `update moderation.cases set report_count = report_count + 1 where project_id = $1 and id = $2`,
      values: [projectId, caseId],
    })
  }

  /** Throws `not-found` and `limit-exceeded`. */
  async addNote(
    tx: Transaction,
    projectId: string,
    caseId: string,
    note: { author: string; text: string },
  ): Promise<CaseNote> {
    await this.lock(tx, projectId, caseId)
    const { rows: counted } = await tx.query<{ count: number }>({
      text: 'select count(*)::int as count from moderation.notes where project_id = $1 and case_id = $2',
      values: [projectId, caseId],
    })
    if ((counted[0]?.count ?? 0) >= maxNotes)
      throw new AppError('limit-exceeded', `A case has at most ${maxNotes} notes`)
    const { rows } = await tx.query<NoteRow>({
      text: `insert into moderation.notes (project_id, case_id, id, author, text) values ($1, $2, $3, $4, $5)
        returning id, author, text, created_at`,
      values: [projectId, caseId, newId('caseNote'), note.author, note.text],
    })
    return toNote(oneOf(rows))
  }

  /** Throws `not-found`. */
  async lock(tx: Transaction, projectId: string, caseId: string): Promise<ModerationCase> {
    const { rows } = await tx.query<CaseRow>({
      text: `select ${columns} from moderation.cases where project_id = $1 and id = $2 for update`,
      values: [projectId, caseId],
    })
    return toCase(oneOf(rows))
  }

  /** Throws `not-found`. */
  async get(queryable: Queryable, projectId: string, caseId: string): Promise<ModerationCase> {
    const { rows } = await queryable.query<CaseRow>({
      text: `select ${columns} from moderation.cases where project_id = $1 and id = $2`,
      values: [projectId, caseId],
    })
    return toCase(oneOf(rows))
  }

  async details(
    project: ProjectScope,
    caseId: string,
  ): Promise<{ reports: CaseReport[]; notes: CaseNote[] }> {
    const values = [project.projectId, caseId]
    const reports = await project.query<ReportRow>({
      text: `select reporter_id, reason, note, created_at from moderation.reports
        where project_id = $1 and case_id = $2 order by created_at, reporter_id limit 200`,
      values,
    })
    const notes = await project.query<NoteRow>({
      text: `select id, author, text, created_at from moderation.notes
        where project_id = $1 and case_id = $2 order by id limit 200`,
      values,
    })
    return { reports: reports.rows.map(toReport), notes: notes.rows.map(toNote) }
  }

  async list(project: ProjectScope, filter: CaseFilter, page: PageRequest) {
    const { rows } = await project.query<CaseRow>({
      text: `select ${columns} from moderation.cases where project_id = $1 and id > $2
          and ($3::text is null or state = $3) and ($4::text is null or source = $4)
          and ($5::text is null or target_type = $5) and ($6::text is null or target_id = $6)
          and ($7::text is null or user_id = $7)
        order by id limit $8`,
      values: [
        project.projectId,
        decodeCursor(page.cursor) ?? '',
        filter.state ?? null,
        filter.source ?? null,
        filter.targetType ?? null,
        filter.targetId ?? null,
        filter.userId ?? null,
        page.limit + 1,
      ],
    })
    return toPage(rows, page.limit, { keyOf: (row) => row.id, itemOf: toCase })
  }

  async claim(tx: Transaction, projectId: string, caseId: string, by: string): Promise<ModerationCase> {
    const { rows } = await tx.query<CaseRow>({
      text: `update moderation.cases set state = 'claimed', claimed_by = $3, updated_at = now()
        where project_id = $1 and id = $2 returning ${columns}`,
      values: [projectId, caseId, by],
    })
    return toCase(oneOf(rows))
  }

  async resolve(
    tx: Transaction,
    projectId: string,
    caseId: string,
    given: { action: string; note?: string | undefined; by: string },
  ): Promise<ModerationCase> {
    const { rows } = await tx.query<CaseRow>({
      text: `update moderation.cases set state = 'resolved', action = $3, resolution = $4, claimed_by = $5,
          updated_at = now(), resolved_at = now()
        where project_id = $1 and id = $2 returning ${columns}`,
      values: [projectId, caseId, given.action, given.note ?? null, given.by],
    })
    const resolved = toCase(oneOf(rows))
    await this.#tell(tx, projectId, 'case.resolved', resolved)
    return resolved
  }

  /** Notes a try of a reporter; throws `rate-limited` beyond so many an hour. */
  async countTry(project: ProjectScope, reporterId: string, perHour: number): Promise<void> {
    const { rows } = await project.query<{ count: number; oldest: Date | null }>({
      text: `select count(*)::int as count, min(tried_at) as oldest from moderation.report_tries
        where project_id = $1 and reporter_id = $2 and tried_at > now() - interval '1 hour'`,
      values: [project.projectId, reporterId],
    })
    const [tries] = rows
    if (tries && tries.count >= perHour) {
      const oldestMs = tries.oldest?.getTime() ?? Date.now()
      const retryAfterMs = Math.max(1_000, oldestMs + 3_600_000 - Date.now())
      throw new AppError('rate-limited', 'Too many reports', { retryAfterMs })
    }
    await project.query({
      text: 'insert into moderation.report_tries (project_id, reporter_id) values ($1, $2)',
      values: [project.projectId, reporterId],
    })
  }

  async #tell(
    tx: Transaction,
    projectId: string,
    type: 'case.opened' | 'case.resolved',
    told: ModerationCase,
  ): Promise<void> {
    await this.#outbox.append(tx, [{ projectId, resource: `case/${told.id}`, type, data: { case: told } }])
  }
}

interface NoteRow {
  id: string
  author: string
  text: string
  created_at: Date
}

interface ReportRow {
  reporter_id: string
  reason: string
  note: string | null
  created_at: Date
}

function oneOf<Row>(rows: readonly Row[]): Row {
  const [row] = rows
  if (row === undefined) throw new AppError('not-found', 'There is no such case')
  return row
}

function toNote({ id, author, text, created_at }: NoteRow): CaseNote {
  return { id, author, text, createdAt: created_at.toISOString() }
}

function toReport({ reporter_id, reason, note, created_at }: ReportRow): CaseReport {
  return {
    reporterId: reporter_id,
    reason,
    ...(note !== null && { note }),
    createdAt: created_at.toISOString(),
  }
}

function toCase(row: CaseRow): ModerationCase {
  return {
    id: row.id,
    source: row.source,
    state: row.state,
    target: { type: row.target_type, id: row.target_id },
    ...(row.conversation_id !== null && { conversationId: row.conversation_id }),
    ...(row.user_id !== null && { userId: row.user_id }),
    reasons: row.reasons,
    reportCount: row.report_count,
    ...(row.evidence && { evidence: row.evidence }),
    ...(row.claimed_by !== null && { claimedBy: row.claimed_by }),
    ...(row.action !== null && { action: row.action }),
    ...(row.resolution !== null && { resolution: row.resolution }),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    ...(row.resolved_at !== null && { resolvedAt: row.resolved_at.toISOString() }),
  }
}
