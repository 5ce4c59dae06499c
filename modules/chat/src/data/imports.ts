import { AppError, type LongOperation } from '@parley/contracts'
import type { LongOperationStep, LongOperations, StepOutcome } from '@parley/core/long-operations'
import type { ObjectService } from '@parley/core/objects'
import { decodeNumberCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { ProjectScope, Transaction } from '@parley/core/store'
import type { MessageParts } from '../message/message-parts.ts'
import { type ImportContext, type NumberedLine, prepareBatch } from './import-batch.ts'
import { readImportLines } from './import-lines.ts'
import type { Retention } from './retention.ts'
import { type ImportCounts, writeBatch } from './write-import.ts'

export interface ImportRequest {
  objectId: string
  /** The file was made of lines that came with the request, and goes at the end. */
  ownFile: boolean
  createUsers: boolean
  markRead: boolean
}

interface Checkpoint {
  offset: number
  line: number
  counts: ImportCounts
  /** All lines are read; conversations up to this one are settled. */
  settledAfter?: string
}

const linesAtOnce = 1_000
const conversationsAtOnce = 100
/** A step stops after so long, so that it can be cancelled. */
const stepMs = 10_000
const nothing: ImportCounts = { conversations: 0, messages: 0, repeated: 0, errors: 0 }

export interface ImportsOptions {
  parts: Pick<MessageParts, 'database' | 'ports' | 'settings'>
  objects: ObjectService
  operations: LongOperations
  retention: Retention
}

/** History from elsewhere, with its own times, in batches that each stand or fall with where the import is. */
export class Imports {
  readonly #options: ImportsOptions

  constructor(options: ImportsOptions) {
    this.#options = options
    options.operations.define<ImportRequest, Checkpoint>({
      type: 'import',
      unit: 'lines',
      resultPath: (id) => `/v1/imports/${id}/errors`,
      step: (step) => this.#step(step),
      ended: ({ project, input }) => this.#forgetFile(project, input),
    })
  }

  async start(
    project: ProjectScope,
    request: {
      objectId?: string | undefined
      lines?: string | undefined
      createUsers: boolean
      markRead: boolean
    },
    settle: (tx: Transaction, answer: LongOperation) => Promise<void>,
  ): Promise<LongOperation> {
    const { createUsers, markRead, lines } = request
    const objectId = request.objectId ?? (await this.#store(project, lines ?? ''))
    await this.#options.objects.describe(project, [objectId], { requireStored: true })
    const input = { objectId, ownFile: lines !== undefined, createUsers, markRead }
    return project.transaction(async (tx) => {
      const operation = await this.#options.operations.start(tx, project.projectId, 'import', input)
      await settle(tx, operation)
      return operation
    })
  }

  async errors(project: ProjectScope, operationId: string, { limit, cursor }: PageRequest) {
    const after = decodeNumberCursor(cursor) ?? 0
    const operation = await this.#options.operations.get(project, operationId)
    if (operation.type !== 'import') throw new AppError('not-found', `There is no import ${operationId}`)
    const { rows } = await project.query<{ line: number; code: string; detail: string }>({
      text: `select line, code, detail from chat.import_errors
        where project_id = $1 and operation_id = $2 and line > $3 order by line limit $4`,
      values: [project.projectId, operationId, after, limit + 1],
    })
    return toPage(rows, limit, { keyOf: (row) => row.line, itemOf: (row) => row })
  }

  async #step(step: LongOperationStep<ImportRequest, Checkpoint>): Promise<StepOutcome<Checkpoint>> {
    const { project, input, id, signal } = step
    const { projectId } = project
    const at: Checkpoint = step.checkpoint ?? { offset: 0, line: 0, counts: nothing }
    if (at.settledAfter !== undefined) return this.#settle(step, at, at.settledAfter)
    const context: ImportContext = {
      ...{ parts: this.#options.parts, projectId, operationId: id, createUsers: input.createUsers },
    }
    const file = await this.#options.objects.open({
      ...{ action: 'read', projectId, objectId: input.objectId, expiresAtMs: 0 },
    })
    const endMs = performance.now() + stepMs
    let batch: NumberedLine[] = []
    let { offset, line, counts } = at
    const flush = async (): Promise<void> => {
      const prepared = await prepareBatch(context, batch)
      const { total, sum } = await project.transaction(async (tx) => {
        const written = await writeBatch(tx, context, prepared)
        const sum = added(counts, written)
        await step.advance(tx, { checkpoint: { offset, line, counts: sum }, done: line })
        return { total: line, sum }
      })
      counts = sum
      batch = []
      line = total
    }
    for await (const { text, endOffset } of readImportLines(
      (range) => file.read(range),
      file.sizeBytes,
      at.offset,
    )) {
      signal.throwIfAborted()
      line += 1
      offset = endOffset
      batch.push({ line, text })
      if (batch.length < linesAtOnce) continue
      await flush()
      if (performance.now() > endMs) return {}
    }
    if (batch.length > 0) await flush()
    return { checkpoint: { offset, line, counts, settledAfter: '' }, done: line, total: line }
  }

  /** Members find the conversations at their next sync, with nothing unread in them. */
  async #settle(
    { project, input, id, advance }: LongOperationStep<ImportRequest, Checkpoint>,
    at: Checkpoint,
    after: string,
  ): Promise<StepOutcome<Checkpoint>> {
    const { projectId } = project
    const last = await project.transaction(async (tx) => {
      const { rows } = await tx.query<{ conversation_id: string }>({
        text: `select conversation_id from chat.imported_conversations
          where project_id = $1 and operation_id = $2 and conversation_id > $3 order by conversation_id limit $4`,
        values: [projectId, id, after, conversationsAtOnce],
      })
      const ids = rows.map((row) => row.conversation_id)
      await settleConversations(tx, projectId, ids, input.markRead)
      const end = ids.at(-1)
      if (end !== undefined) await advance(tx, { checkpoint: { ...at, settledAfter: end }, done: at.line })
      return end
    })
    if (last !== undefined) return {}
    // What was brought may be older than what is kept.
    await this.#options.retention.lookAgain(project, projectId)
    await this.#forgetFile(project, input)
    return { result: { lines: at.line, ...at.counts }, done: at.line, total: at.line }
  }

  async #store(project: ProjectScope, lines: string): Promise<string> {
    const { objects } = this.#options
    const bytes = Buffer.from(lines)
    const { projectId } = project
    const { id } = await project.transaction((tx) =>
      objects.createUpload(tx, projectId, {
        ...{ name: 'import.jsonl', contentType: 'application/x-ndjson', sizeBytes: bytes.length },
      }),
    )
    const content = async function* () {
      yield bytes
    }
    await objects.receive({ action: 'upload', projectId, objectId: id, expiresAtMs: 0 }, content())
    return id
  }

  async #forgetFile(project: ProjectScope, { objectId, ownFile }: ImportRequest): Promise<void> {
    if (ownFile) await this.#options.objects.erase(project, project.projectId, [objectId])
  }
}

async function settleConversations(
  tx: Transaction,
  projectId: string,
  ids: readonly string[],
  markRead: boolean,
): Promise<void> {
  if (markRead) {
    await tx.query({
      text: `update chat.members m set read_seq = i.head_seq, delivered_seq = i.head_seq, read_message_no = e.message_no
        from chat.imported_conversations i
        join chat.entries e on e.project_id = i.project_id and e.conversation_id = i.conversation_id
          and e.seq = i.head_seq
        where i.project_id = $1 and i.conversation_id = any($2) and m.project_id = $1
          and m.conversation_id = i.conversation_id and m.read_seq < i.head_seq`,
      values: [projectId, ids],
    })
  }
  await tx.query({
    text: `insert into chat.user_changes (project_id, user_id, conversation_id)
      select m.project_id, m.user_id, m.conversation_id from chat.members m
      where m.project_id = $1 and m.conversation_id = any($2) and m.left_seq is null and not m.large
      order by m.user_id, m.conversation_id
      on conflict (project_id, user_id, conversation_id) do update set txid = excluded.txid`,
    values: [projectId, ids],
  })
}

function added(counts: ImportCounts, more: ImportCounts): ImportCounts {
  return {
    conversations: counts.conversations + more.conversations,
    messages: counts.messages + more.messages,
    repeated: counts.repeated + more.repeated,
    errors: counts.errors + more.errors,
  }
}
