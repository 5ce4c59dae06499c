import { AppError, type LongOperation } from '@parley/contracts'
import type { LongOperationStep, LongOperations, StepOutcome } from '@parley/core/long-operations'
import type { ObjectService } from '@parley/core/objects'
import type { Database, ProjectScope } from '@parley/core/store'
import { type ExportCounts, ExportFiles, type ExportPart, ExportWriter } from './export-file.ts'
import type { PersonalData } from './personal-data.ts'

export interface ExportRequest {
  userId?: string | undefined
  conversationId?: string | undefined
  from?: string | undefined
  to?: string | undefined
  include?: 'files'[] | undefined
}

interface Checkpoint {
  startedAt: string
  source: number
  after?: string
  parts: ExportPart[]
  counts: ExportCounts
}

export interface ExportsOptions {
  database: Database
  objects: ObjectService
  operations: LongOperations
  sources: readonly PersonalData[]
}

const exportFormat = { format: 'parley-export', version: 1 }
const keepDays = 7
const flushAt = 1_000_000
const gatherMs = 2_000
const waitMs = 1_000

/** Files of JSON lines with everything of a user or a conversation: a manifest first, then the records. */
export class Exports {
  readonly #options: ExportsOptions
  readonly #files: ExportFiles

  constructor(options: ExportsOptions) {
    this.#options = options
    this.#files = new ExportFiles(options.database, options.objects)
    options.operations.define<ExportRequest, Checkpoint>({
      type: 'export',
      unit: 'records',
      resultPath: (id) => `/v1/exports/${id}`,
      step: (step) => this.#step(step),
      ended: ({ id, project }) => this.#files.releaseParts(project.projectId, id),
    })
  }

  start(
    project: ProjectScope,
    request: ExportRequest,
    settle: (tx: Parameters<LongOperations['start']>[0], answer: LongOperation) => Promise<void>,
  ): Promise<LongOperation> {
    return project.transaction(async (tx) => {
      const operation = await this.#options.operations.start(tx, project.projectId, 'export', request)
      await settle(tx, operation)
      return operation
    })
  }

  /** Throws `not-found` for one that is not done, or gone. */
  async get(project: ProjectScope, operationId: string) {
    const { rows } = await project.query<{ object_id: string; created_at: Date; expires_at: Date }>({
      text: `select object_id, created_at, expires_at from personal.exports
        where project_id = $1 and operation_id = $2 and expires_at > now()`,
      values: [project.projectId, operationId],
    })
    const [row] = rows
    if (row === undefined) throw new AppError('not-found', 'There is no such export, or it is not done')
    return {
      id: operationId,
      objectId: row.object_id,
      url: this.#options.objects.signUrl(project.projectId, row.object_id, `${operationId}.jsonl.gz`),
      expiresAt: row.expires_at.toISOString(),
      createdAt: row.created_at.toISOString(),
    }
  }

  /** Takes away the files whose time is over. */
  async removeExpired(): Promise<void> {
    const { database, objects } = this.#options
    await database.system.transaction(async (tx) => {
      const { rows } = await tx.query<{ project_id: string; object_id: string }>({
        text: `delete from personal.exports where (project_id, operation_id) in (
            select project_id, operation_id from personal.exports where expires_at <= now() limit 500)
          returning project_id, object_id`,
      })
      for (const { project_id, object_id } of rows) await objects.erase(tx, project_id, [object_id])
    })
  }

  async #step(step: LongOperationStep<ExportRequest, Checkpoint>): Promise<StepOutcome<Checkpoint>> {
    const { project, id, input } = step
    const at = step.checkpoint ?? beginning()
    // What an erasure takes must not live on in parts that were written before.
    const erasure = await this.#erasureSince(project, at.startedAt)
    if (erasure !== undefined) {
      await this.#files.releaseParts(project.projectId, id)
      return { checkpoint: beginning(), done: 0, ...(erasure === 'running' && { waitMs }) }
    }
    if (at.source >= this.#options.sources.length) return this.#finish(step, at)
    const writer = new ExportWriter(at, (bytes) => this.#files.storePart(project.projectId, id, bytes))
    const next = await this.#gather(step, at, writer, input)
    await writer.flush()
    const { parts, counts } = writer
    return { checkpoint: { ...next, startedAt: at.startedAt, parts, counts }, done: counts.records }
  }

  /** Goes on until there is enough for a part. */
  async #gather(
    { project, signal }: LongOperationStep<ExportRequest, Checkpoint>,
    at: Checkpoint,
    writer: ExportWriter,
    { userId, conversationId, from, to, include }: ExportRequest,
  ): Promise<{ source: number; after?: string }> {
    const endMs = performance.now() + gatherMs
    let { source, after } = at
    const call = {
      project,
      signal,
      files: include?.includes('files') === true,
      from: from === undefined ? undefined : new Date(from),
      to: to === undefined ? undefined : new Date(to),
      write: (record: Parameters<ExportWriter['write']>[0]) => {
        signal.throwIfAborted()
        return writer.write(record)
      },
    }
    while (source < this.#options.sources.length && writer.waiting < flushAt && performance.now() < endMs) {
      const part = this.#options.sources[source]
      if (userId !== undefined) after = await part?.exportUser?.(call, userId, after)
      else if (conversationId !== undefined)
        after = await part?.exportConversation?.(call, conversationId, after)
      if (after === undefined) source += 1
    }
    return { source, ...(after !== undefined && { after }) }
  }

  async #finish(
    { project, id, input, signal }: LongOperationStep<ExportRequest, Checkpoint>,
    { parts, counts, startedAt }: Checkpoint,
  ): Promise<StepOutcome<Checkpoint>> {
    const { projectId } = project
    const manifest = { type: 'manifest', ...exportFormat, createdAt: startedAt, request: input, ...counts }
    const file = await this.#files.join(projectId, id, parts, manifest)
    signal.throwIfAborted()
    const expiresAt = new Date(Date.now() + keepDays * 86_400_000)
    const { userId = null, conversationId = null } = input
    await project.transaction(async (tx) => {
      await tx.query({
        text: `insert into personal.exports (project_id, operation_id, user_id, conversation_id, object_id, expires_at)
          values ($1, $2, $3, $4, $5, $6)
          on conflict (project_id, operation_id) do update
            set object_id = excluded.object_id, expires_at = excluded.expires_at`,
        values: [projectId, id, userId, conversationId, file.objectId, expiresAt],
      })
    })
    await this.#files.releaseParts(projectId, id)
    return {
      result: { ...file, records: counts.records, expiresAt: expiresAt.toISOString() },
      done: counts.records,
    }
  }

  async #erasureSince(project: ProjectScope, since: string): Promise<'running' | 'ended' | undefined> {
    const { rows } = await project.query<{ running: boolean }>({
      text: `select ended_at is null as running from personal.erasures
        where project_id = $1 and (ended_at is null or ended_at > $2) order by running desc limit 1`,
      values: [project.projectId, since],
    })
    const [row] = rows
    if (row === undefined) return undefined
    return row.running ? 'running' : 'ended'
  }
}

function beginning(): Checkpoint {
  return { startedAt: new Date().toISOString(), source: 0, parts: [], counts: { records: 0, byType: {} } }
}
