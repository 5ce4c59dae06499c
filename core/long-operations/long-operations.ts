import { AppError, errorCodes, type LongOperation, newId } from '@parley/contracts'
import type { Jobs } from '@parley/core/jobs'
import type { Logger } from '@parley/core/kernel'
import type { Database, ProjectScope, Queryable, Transaction } from '@parley/core/store'
import { longOperationMigrations } from './migrations.ts'

/** One step of an operation: its input, where the steps before have left it, and how to say where it is now. */
export interface LongOperationStep<Input, Checkpoint> {
  readonly id: string
  readonly project: ProjectScope
  readonly input: Input
  /** What the step before left; undefined at the beginning. */
  readonly checkpoint: Checkpoint | undefined
  readonly startedAt: Date
  readonly done: number
  /** Aborts when the process closes or has lost the operation: what the step has not committed is repeated elsewhere. */
  readonly signal: AbortSignal
  /**
   * Writes where the operation is with the work itself, so that a repeated step finds its work undone or not at all.
   * The outcome of the step then holds no checkpoint.
   */
  advance(tx: Queryable, to: { checkpoint: Checkpoint; done: number; total?: number }): Promise<void>
}

export interface StepOutcome<Checkpoint> {
  /** Present: the operation has succeeded. */
  result?: Record<string, unknown>
  /** Absent: as `advance` wrote it, or as it was. */
  checkpoint?: Checkpoint
  done?: number
  total?: number
  /** Nothing can be done before so long; milliseconds. */
  waitMs?: number
}

export interface LongOperationDefinition<Input, Checkpoint> {
  type: string
  /** What progress counts. */
  unit: string
  /** Where more of the result can be read. */
  resultPath?: (operationId: string) => string
  /**
   * Does a bounded piece of the work. A step may be repeated after a crash: what it does outside of the database, or in
   * a transaction without `advance`, has to bear that. An AppError that is not retryable ends the operation.
   */
  step(step: LongOperationStep<Input, Checkpoint>): Promise<StepOutcome<Checkpoint>>
  /** Clears up after an operation that was cancelled or has failed. It may be called more than once. */
  ended?(operation: {
    id: string
    project: ProjectScope
    input: Input
    checkpoint: Checkpoint | undefined
  }): Promise<void>
}

export interface LongOperationsOptions {
  database: Database
  jobs: Jobs
  logger: Logger
  /** How long one job works on an operation before others have their turn. Milliseconds. */
  sliceMs?: number
  /** Operations that a project may have under way. */
  maxOpen?: number
  /** Operations that a process works on at a time. */
  concurrency?: number
}

interface OperationRow {
  project_id: string
  id: string
  type: string
  state: LongOperation['state']
  input: unknown
  checkpoint: unknown
  done: number
  total: number | null
  result: Record<string, unknown> | null
  error: { code: string; detail: string } | null
  cancel_requested: boolean
  created_at: Date
  updated_at: Date
  ended_at: Date | null
}

const jobName = 'long-operation'
const sweepName = 'long-operations-sweep'
const sweepEveryMs = 60_000
const keepEndedDays = 30
/** A process that begins does not know all types yet, one of an older version never will. */
const unknownTypeMs = 1_000
const maxAttempts = 8
/** A step may take long: it is cut into transactions of its own. */
const stepTimeoutMs = 3_600_000
const columns = `project_id, id, type, state, input, checkpoint, done, total, result, error, cancel_requested, created_at,
  updated_at, ended_at`

type AnyDefinition = LongOperationDefinition<unknown, unknown>

/**
 * Work that takes longer than a request: durable, in steps, with progress that customers read. One process at a time
 * works on an operation; when it dies, another goes on from the last step that was written down.
 */
export class LongOperations {
  readonly #database: Database
  readonly #jobs: Jobs
  readonly #logger: Logger
  readonly #sliceMs: number
  readonly #maxOpen: number
  readonly #concurrency: number
  readonly #definitions = new Map<string, AnyDefinition>()
  #running = 0

  private constructor(options: LongOperationsOptions) {
    this.#database = options.database
    this.#jobs = options.jobs
    this.#logger = options.logger
    this.#sliceMs = options.sliceMs ?? 5_000
    this.#maxOpen = options.maxOpen ?? 100
    this.#concurrency = options.concurrency ?? 3
  }

  static async open(options: LongOperationsOptions): Promise<LongOperations> {
    const { database, jobs } = options
    await database.migrate(longOperationMigrations)
    const operations = new LongOperations(options)
    jobs.define<{ id: string }>({
      name: jobName,
      timeoutMs: stepTimeoutMs,
      maxAttempts,
      handle: ({ id }, { projectId, signal, attempt }) => operations.#work(projectId, id, signal, attempt),
    })
    jobs.define({ name: sweepName, handle: () => operations.#sweep() })
    await jobs.schedule(sweepName, { everyMs: sweepEveryMs })
    return operations
  }

  /** Says how operations of a type are carried out. Once a type, before any is started. */
  define<Input, Checkpoint>(definition: LongOperationDefinition<Input, Checkpoint>): void {
    if (this.#definitions.has(definition.type)) throw new Error(`${definition.type} is defined already`)
    this.#definitions.set(definition.type, definition as unknown as AnyDefinition)
  }

  /** Starts an operation with the transaction. Throws `limit-exceeded` when too many of the project are under way. */
  async start(tx: Transaction, projectId: string, type: string, input: unknown): Promise<LongOperation> {
    const { rows: open } = await tx.query<{ n: number }>({
      text: 'select count(*)::int as n from operations.operations where project_id = $1 and ended_at is null',
      values: [projectId],
    })
    if ((open[0]?.n ?? 0) >= this.#maxOpen)
      throw new AppError(
        'limit-exceeded',
        `At most ${this.#maxOpen} long operations of a project are under way`,
      )
    const id = newId('longOperation')
    const { rows } = await tx.query<OperationRow>({
      text: `insert into operations.operations (project_id, id, type, input) values ($1, $2, $3, $4) returning ${columns}`,
      values: [projectId, id, type, JSON.stringify(input)],
    })
    await this.#enqueue(tx, projectId, id)
    const [row] = rows
    if (row === undefined) throw new Error('the operation was not stored')
    return this.#present(row)
  }

  /** Throws `not-found`. */
  async get(project: ProjectScope, id: string): Promise<LongOperation> {
    const row = await this.#read(project, project.projectId, id)
    if (row === undefined) throw notFound(id)
    return this.#present(row)
  }

  async list(
    project: ProjectScope,
    query: {
      limit: number
      cursor?: string | undefined
      type?: string | undefined
      state?: LongOperation['state'] | undefined
    },
  ): Promise<{ items: LongOperation[]; nextCursor?: string }> {
    const { limit, cursor, type, state } = query
    if (cursor !== undefined && !/^op_[0-9a-z]{26}$/.test(cursor)) throw new AppError('invalid-cursor')
    const { rows } = await project.query<OperationRow>({
      text: `select ${columns} from operations.operations
        where project_id = $1 and ($2::text is null or id < $2) and ($3::text is null or type = $3)
          and ($4::text is null or state = $4)
        order by id desc limit $5`,
      values: [project.projectId, cursor ?? null, type ?? null, state ?? null, limit + 1],
    })
    const items = rows.slice(0, limit).map((row) => this.#present(row))
    const last = items.at(-1)
    return { items, ...(rows.length > limit && last !== undefined && { nextCursor: last.id }) }
  }

  /** Ends it after the step it is at. Throws `not-found`, and `conflict` when it has ended. */
  async cancel(project: ProjectScope, id: string): Promise<LongOperation> {
    return project.transaction(async (tx) => {
      const { rows } = await tx.query<OperationRow>({
        text: `update operations.operations set cancel_requested = true, updated_at = clock_timestamp()
          where project_id = $1 and id = $2 and ended_at is null returning ${columns}`,
        values: [project.projectId, id],
      })
      const [row] = rows
      if (row !== undefined) {
        await this.#enqueue(tx, project.projectId, id)
        return this.#present(row)
      }
      const ended = await this.#read(tx, project.projectId, id)
      if (ended === undefined) throw notFound(id)
      if (ended.state === 'cancelled') return this.#present(ended)
      throw new AppError('conflict', `The operation has ${ended.state} already`)
    })
  }

  /** Takes a text out of what is kept of operations that have ended: an erased user. Answers how many it was in. */
  async forget(project: ProjectScope, text: string, replacement: string): Promise<number> {
    const { rowCount } = await project.query({
      text: `update operations.operations
        set input = replace(input::text, $2, $3)::jsonb, checkpoint = null,
          result = replace(result::text, $2, $3)::jsonb, error = null
        where project_id = $1 and ended_at is not null and (position($2 in input::text) > 0
          or position($2 in result::text) > 0 or position($2 in checkpoint::text) > 0
          or position($2 in error::text) > 0)`,
      values: [project.projectId, JSON.stringify(text), JSON.stringify(replacement)],
    })
    return rowCount
  }

  async #enqueue(tx: Queryable, projectId: string, id: string, runAt?: Date): Promise<void> {
    await this.#jobs.enqueue(tx, {
      name: jobName,
      projectId,
      payload: { id },
      uniqueKey: id,
      ...(runAt && { runAt }),
    })
  }

  async #read(tx: Queryable, projectId: string, id: string): Promise<OperationRow | undefined> {
    const { rows } = await tx.query<OperationRow>({
      text: `select ${columns} from operations.operations where project_id = $1 and id = $2`,
      values: [projectId, id],
    })
    return rows[0]
  }

  /** Works on an operation for a while, then lets others have the place. */
  async #work(projectId: string, id: string, signal: AbortSignal, attempt: number): Promise<void> {
    const project = this.#database.project(projectId)
    if (this.#running >= this.#concurrency) {
      await this.#enqueue(project, projectId, id, new Date(Date.now() + 500))
      return
    }
    this.#running++
    try {
      const waitMs = await this.#slice(project, id, signal, attempt)
      if (waitMs !== undefined) await this.#enqueue(project, projectId, id, new Date(Date.now() + waitMs))
    } finally {
      this.#running--
    }
  }

  /** Answers when to come again; undefined once the operation has ended. */
  async #slice(
    project: ProjectScope,
    id: string,
    signal: AbortSignal,
    attempt: number,
  ): Promise<number | undefined> {
    const endMs = performance.now() + this.#sliceMs
    do {
      signal.throwIfAborted()
      const row = await this.#read(project, project.projectId, id)
      if (row === undefined || row.ended_at !== null) return undefined
      const definition = this.#definitions.get(row.type)
      if (definition === undefined) return unknownTypeMs
      if (row.cancel_requested) {
        await this.#clearUp(definition, project, row)
        await this.#end(project, id, 'cancelled', {})
        return undefined
      }
      const outcome = await this.#step(definition, project, row, signal, attempt)
      if (outcome === 'ended') return undefined
      if (outcome.waitMs !== undefined) return outcome.waitMs
    } while (performance.now() < endMs)
    return 0
  }

  async #step(
    definition: AnyDefinition,
    project: ProjectScope,
    row: OperationRow,
    signal: AbortSignal,
    attempt: number,
  ): Promise<StepOutcome<unknown> | 'ended'> {
    const { projectId } = project
    try {
      const outcome = await definition.step({
        id: row.id,
        project,
        input: row.input,
        checkpoint: row.checkpoint ?? undefined,
        startedAt: row.created_at,
        done: row.done,
        signal,
        advance: (tx, to) => this.#save(tx, projectId, row.id, to),
      })
      if (outcome.checkpoint !== undefined || outcome.done !== undefined || outcome.total !== undefined)
        await this.#save(project, projectId, row.id, outcome)
      if (outcome.result === undefined) return outcome
      await this.#end(project, row.id, 'succeeded', { result: outcome.result })
      return 'ended'
    } catch (error) {
      if (signal.aborted || (mayPass(error) && attempt < maxAttempts)) throw error
      this.#logger.warn({ error, operation: row.id, type: row.type }, 'a long operation failed')
      await this.#clearUp(definition, project, row)
      await this.#end(project, row.id, 'failed', { error: describe(error) })
      return 'ended'
    }
  }

  async #clearUp(definition: AnyDefinition, project: ProjectScope, row: OperationRow): Promise<void> {
    const { id, input, checkpoint } = row
    await definition.ended?.({ id, project, input, checkpoint: checkpoint ?? undefined })
  }

  async #save(
    tx: Queryable,
    projectId: string,
    id: string,
    { checkpoint, done, total }: StepOutcome<unknown>,
  ): Promise<void> {
    const { rowCount } = await tx.query({
      text: `update operations.operations set state = 'running', checkpoint = coalesce($3::jsonb, checkpoint),
          done = coalesce($4, done), total = coalesce($5, total), updated_at = clock_timestamp()
        where project_id = $1 and id = $2 and ended_at is null`,
      values: [
        projectId,
        id,
        checkpoint === undefined ? null : JSON.stringify(checkpoint),
        done ?? null,
        total ?? null,
      ],
    })
    if (rowCount === 0) throw new AppError('conflict', 'The operation has ended meanwhile')
  }

  async #end(
    project: ProjectScope,
    id: string,
    state: 'succeeded' | 'failed' | 'cancelled',
    { result, error }: { result?: unknown; error?: unknown },
  ): Promise<void> {
    await project.query({
      text: `update operations.operations set state = $3, result = $4, error = $5, checkpoint = null,
          ended_at = clock_timestamp(), updated_at = clock_timestamp()
        where project_id = $1 and id = $2 and ended_at is null`,
      values: [
        project.projectId,
        id,
        state,
        result === undefined ? null : JSON.stringify(result),
        error === undefined ? null : JSON.stringify(error),
      ],
    })
  }

  /** Brings back what lost its job to crashes, and forgets what ended long ago. */
  async #sweep(): Promise<void> {
    const { system } = this.#database
    const { rows } = await system.query<{ project_id: string; id: string }>({
      text: `select project_id, id from operations.operations
        where ended_at is null and updated_at < clock_timestamp() - $1 * interval '1 millisecond' limit 500`,
      values: [sweepEveryMs],
    })
    for (const { project_id, id } of rows) await this.#enqueue(system, project_id, id)
    await system.query({
      text: `delete from operations.operations where ended_at < now() - interval '${keepEndedDays} days'`,
    })
  }

  #present(row: OperationRow): LongOperation {
    const definition = this.#definitions.get(row.type)
    const resultPath = row.state === 'succeeded' ? definition?.resultPath?.(row.id) : undefined
    return {
      id: row.id,
      type: row.type,
      state: row.state,
      progress: {
        done: row.done,
        ...(row.total !== null && { total: row.total }),
        unit: definition?.unit ?? 'items',
      },
      ...(row.result !== null && { result: row.result as NonNullable<LongOperation['result']> }),
      ...(resultPath !== undefined && { resultPath }),
      ...(row.error !== null && { error: row.error }),
      createdAt: row.created_at.toISOString(),
      updatedAt: row.updated_at.toISOString(),
      ...(row.ended_at !== null && { endedAt: row.ended_at.toISOString() }),
    }
  }
}

function mayPass(error: unknown): boolean {
  return !(error instanceof AppError) || error.retryable
}

function describe(error: unknown): { code: string; detail: string } {
  if (error instanceof AppError) return { code: error.code, detail: error.message }
  return { code: 'internal-error', detail: errorCodes['internal-error'].title }
}

function notFound(id: string): AppError {
  return new AppError('not-found', `There is no operation ${id}`)
}
