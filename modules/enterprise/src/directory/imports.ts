import { createHmac } from 'node:crypto'
import { AppError, type DirectoryImport, type ImportFailure } from '@parley/contracts'
import type { Jobs } from '@parley/core/jobs'
import { decodeNumberCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { MasterKey } from '@parley/core/secrets'
import type { Database, Transaction } from '@parley/core/store'
import { maxRunningImports } from '../config.ts'
import type { Users } from '../ports.ts'
import type { DirectoryWriter, ImportedRow } from './directory-writer.ts'
import { type ImportFormat, type ImportKind, isFailure, readRows } from './import-rows.ts'
import type { RowFailure, RowOutcome } from './row-outcome.ts'

export const importJob = 'enterprise-import'

export interface ImportRequest {
  id: string
  kind: ImportKind
  format: ImportFormat
  content: string
  dryRun: boolean
}

export interface ImportsOptions {
  database: Database
  jobs: Jobs
  masterKey: MasterKey
  writer: DirectoryWriter
  users: Users
  batch: number
}

interface ImportRow {
  id: string
  kind: ImportKind
  format: ImportFormat
  dry_run: boolean
  rows: number
  done_rows: number
  changed_rows: number
  unchanged_rows: number
  failed_rows: number
  created_at: Date
  finished_at: Date | null
}

const columns = `id, kind, format, dry_run, rows, done_rows, changed_rows, unchanged_rows, failed_rows, created_at,
  finished_at`
const makingAtOnce = 100

/** Imports: kept with their text until done, so that any process goes on where one that died has stopped. */
export class Imports {
  readonly #options: ImportsOptions

  constructor(options: ImportsOptions) {
    this.#options = options
  }

  async start(projectId: string, request: ImportRequest): Promise<DirectoryImport> {
    const { database, jobs, masterKey } = this.#options
    const { id, kind, format, content, dryRun } = request
    const rows = readRows(content, format, kind)
    const digest = createHmac('sha256', projectId)
      .update(JSON.stringify([kind, format, dryRun, content]))
      .digest()
    return database.project(projectId).transaction(async (tx) => {
      await tx.query({
        text: `select pg_advisory_xact_lock(hashtextextended('enterprise-imports/' || $1, 0))`,
        values: [projectId],
      })
      const present = await tx.query<ImportRow & { digest: Buffer }>({
        text: `select ${columns}, digest from enterprise.imports where project_id = $1 and id = $2`,
        values: [projectId, id],
      })
      const [same] = present.rows
      if (same?.digest.equals(digest)) return toImport(same)
      if (same !== undefined) throw new AppError('already-exists', 'There is another import of this id')
      const running = await tx.query<{ n: number }>({
        text: `select count(*)::int as n from enterprise.imports where project_id = $1 and finished_at is null`,
        values: [projectId],
      })
      if ((running.rows[0]?.n ?? 0) >= maxRunningImports)
        throw new AppError('limit-exceeded', `At most ${maxRunningImports} imports run at a time`)
      const made = await tx.query<ImportRow>({
        text: `insert into enterprise.imports (project_id, id, kind, format, dry_run, digest, sealed_content, rows)
          values ($1, $2, $3, $4, $5, $6, $7, $8) returning ${columns}`,
        values: [
          ...[projectId, id, kind, format, dryRun, digest],
          ...[masterKey.seal(content, contextOf(projectId, id)), rows.length],
        ],
      })
      const [row] = made.rows
      if (row === undefined) throw new Error('the import was not stored')
      // One at a time in a project, so that they do not wait for each other's locks.
      await jobs.enqueue(tx, importJobOf(projectId))
      return toImport(row)
    })
  }

  async get(projectId: string, id: string): Promise<DirectoryImport> {
    const { rows } = await this.#options.database.project(projectId).query<ImportRow>({
      text: `select ${columns} from enterprise.imports where project_id = $1 and id = $2`,
      values: [projectId, id],
    })
    const [row] = rows
    if (row === undefined) throw new AppError('not-found', 'There is no such import')
    return toImport(row)
  }

  async failures(projectId: string, id: string, page: PageRequest) {
    await this.get(projectId, id)
    const after = decodeNumberCursor(page.cursor) ?? 0
    const { rows } = await this.#options.database
      .project(projectId)
      .query<{ row_no: number; code: string; detail: string }>({
        text: `select row_no, code, detail from enterprise.import_failures
          where project_id = $1 and import_id = $2 and row_no > $3::bigint order by row_no limit $4`,
        values: [projectId, id, after, page.limit + 1],
      })
    return toPage(rows, page.limit, {
      keyOf: (row) => row.row_no,
      itemOf: ({ row_no, ...rest }): ImportFailure => ({ row: row_no, ...rest }),
    })
  }

  /** Runs what waits in a project, batch by batch. */
  async runAll(projectId: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      const { rows } = await this.#options.database
        .project(projectId)
        .query<ImportRow & { sealed_content: Buffer }>({
          text: `select ${columns}, sealed_content from enterprise.imports
            where project_id = $1 and finished_at is null order by created_at, id limit 1`,
          values: [projectId],
        })
      const [row] = rows
      if (row === undefined) return
      const content = this.#options.masterKey
        .open(row.sealed_content, contextOf(projectId, row.id))
        .toString()
      await this.#run(projectId, row, readRows(content, row.format, row.kind), signal)
    }
  }

  async #run(
    projectId: string,
    { id, dry_run: dryRun, done_rows: begun }: ImportRow,
    rows: readonly (ImportedRow | RowFailure)[],
    signal: AbortSignal,
  ): Promise<void> {
    // A trial is one batch, as later rows stand on earlier ones and none of them may stay.
    const size = dryRun ? Math.max(1, rows.length) : this.#options.batch
    for (let from = begun; ; from += size) {
      signal.throwIfAborted()
      const batch = rows.slice(from, from + size)
      if (!dryRun) await this.#makeUsers(projectId, batch)
      await this.#options.database.project(projectId).transaction(async (tx) => {
        const { rows: locked } = await tx.query<{ done_rows: number; finished: boolean }>({
          text: `select done_rows, finished_at is not null as finished from enterprise.imports
            where project_id = $1 and id = $2 for update`,
          values: [projectId, id],
        })
        // Another process went on meanwhile.
        if (locked[0]?.done_rows !== from || locked[0].finished) throw new Error('the import has moved on')
        await this.#take(tx, projectId, { id, dryRun, from, isLast: from + size >= rows.length }, batch)
      })
      if (from + size >= rows.length) return
    }
  }

  async #take(
    tx: Transaction,
    projectId: string,
    { id, dryRun, from, isLast }: { id: string; dryRun: boolean; from: number; isLast: boolean },
    batch: readonly (ImportedRow | RowFailure)[],
  ): Promise<void> {
    const good = batch.filter((row) => !isFailure(row)) as ImportedRow[]
    if (dryRun) await tx.query({ text: 'savepoint trial' })
    const taken = good.length === 0 ? [] : await this.#options.writer.put(tx, projectId, good)
    if (dryRun) await tx.query({ text: 'rollback to savepoint trial' })
    const rest = [...taken]
    const outcomes = batch.map((row): RowOutcome => (isFailure(row) ? row : (rest.shift() ?? 'unchanged')))
    const failures = outcomes.flatMap((outcome, index) =>
      typeof outcome === 'object' ? [{ row_no: from + index + 1, ...outcome }] : [],
    )
    await tx.query({
      text: `insert into enterprise.import_failures (project_id, import_id, row_no, code, detail)
        select $1, $2, r.row_no, r.code, r.detail
        from jsonb_to_recordset($3::jsonb) as r (row_no integer, code text, detail text)`,
      values: [projectId, id, JSON.stringify(failures)],
    })
    await tx.query({
      text: `update enterprise.imports set done_rows = done_rows + $3, changed_rows = changed_rows + $4,
          unchanged_rows = unchanged_rows + $5, failed_rows = failed_rows + $6,
          finished_at = case when $7 then now() end, sealed_content = case when $7 then null else sealed_content end
        where project_id = $1 and id = $2`,
      values: [
        ...[projectId, id, batch.length, outcomes.filter((each) => each === 'changed').length],
        ...[outcomes.filter((each) => each === 'unchanged').length, failures.length, isLast],
      ],
    })
  }

  async #makeUsers(projectId: string, batch: readonly (ImportedRow | RowFailure)[]): Promise<void> {
    const ids = batch.flatMap((row) => (!isFailure(row) && row.kind === 'members' ? [row.id] : []))
    for (let from = 0; from < ids.length; from += makingAtOnce) {
      const some = ids.slice(from, from + makingAtOnce)
      await Promise.all(some.map((userId) => this.#options.users.make(projectId, userId)))
    }
  }
}

export function importJobOf(projectId: string) {
  return { name: importJob, projectId, payload: null, uniqueKey: `enterprise-import/${projectId}` }
}

const contextOf = (projectId: string, id: string): string => `enterprise-import/${projectId}/${id}`

function toImport(row: ImportRow): DirectoryImport {
  return {
    id: row.id,
    kind: row.kind,
    dryRun: row.dry_run,
    state: row.finished_at === null ? 'running' : 'finished',
    rows: row.rows,
    doneRows: row.done_rows,
    changedRows: row.changed_rows,
    unchangedRows: row.unchanged_rows,
    failedRows: row.failed_rows,
    createdAt: row.created_at.toISOString(),
    ...(row.finished_at !== null && { finishedAt: row.finished_at.toISOString() }),
  }
}
