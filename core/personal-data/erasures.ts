import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { AppError, type ErasureReceipt, type LongOperation } from '@parley/contracts'
import type { LongOperationStep, LongOperations, StepOutcome } from '@parley/core/long-operations'
import type { MasterKey } from '@parley/core/secrets'
import type { Database, ProjectScope, Transaction } from '@parley/core/store'
import { Holds } from './holds.ts'
import { type PersonalData, pseudonymPrefix } from './personal-data.ts'

interface Request {
  userId: string
  keepSenderId: boolean
}

interface Checkpoint {
  pseudonym: string
  pass: 1 | 2
  source: number
  inner?: unknown
  counts: Record<string, number>
}

export interface ErasuresOptions {
  database: Database
  operations: LongOperations
  masterKey: MasterKey
  /** In this order, twice. */
  sources: readonly PersonalData[]
}

const signingLabel = 'erasure-receipt'
const subjectLabel = 'erasure-subject'
const pseudonymLabel = 'erasure-pseudonym'
export const heldPlace = 'chat.held-conversations'

/** Takes a user out of every place, and leaves a signed receipt that does not name the user. */
export class Erasures {
  readonly #options: ErasuresOptions
  readonly #holds: Holds

  constructor(options: ErasuresOptions) {
    this.#options = options
    this.#holds = new Holds(options.database)
    options.operations.define<Request, Checkpoint>({
      type: 'erasure',
      unit: 'rows',
      resultPath: (id) => `/v1/erasures/${id}`,
      step: (step) => this.#step(step),
      ended: ({ id, project }) => this.#end(project, id),
    })
  }

  /** Throws `conflict` for a user who is held. */
  async start(
    project: ProjectScope,
    userId: string,
    keepSenderId: boolean,
    settle: (tx: Transaction, answer: LongOperation) => Promise<void>,
  ): Promise<LongOperation> {
    const { projectId } = project
    return project.transaction(async (tx) => {
      const held = await this.#holds.among(tx, projectId, 'user', [userId])
      if (held.size > 0) throw new AppError('conflict', 'The user is held; lift the hold first')
      const operation = await this.#options.operations.start(tx, projectId, 'erasure', {
        userId,
        keepSenderId,
      })
      await tx.query({
        text: 'insert into personal.erasures (project_id, operation_id) values ($1, $2)',
        values: [projectId, operation.id],
      })
      await settle(tx, operation)
      return operation
    })
  }

  /** The receipt, and whether it stands as we signed it. Throws `not-found`. */
  async get(project: ProjectScope, operationId: string, userId: string | undefined) {
    const { rows } = await project.query<{ receipt: ErasureReceipt | null }>({
      text: 'select receipt from personal.erasures where project_id = $1 and operation_id = $2',
      values: [project.projectId, operationId],
    })
    const receipt = rows[0]?.receipt
    if (!receipt) throw new AppError('not-found', 'There is no such erasure, or it has not ended')
    const subjects = userId === undefined ? [] : this.#hashes(subjectLabel, project.projectId, userId)
    return {
      receipt,
      verified: this.verify(project.projectId, receipt),
      ...(userId !== undefined && { subjectMatches: subjects.includes(receipt.subjectHash) }),
    }
  }

  /** Whether a receipt is of this installation and says what it said then. */
  verify(projectId: string, { sha256, signature, ...facts }: ErasureReceipt): boolean {
    if (digest(projectId, facts) !== sha256) return false
    const given = Buffer.from(signature)
    return this.#options.masterKey.deriveAll(signingLabel).some((key) => {
      const expected = Buffer.from(sign(key, sha256))
      return expected.length === given.length && timingSafeEqual(expected, given)
    })
  }

  async #step(step: LongOperationStep<Request, Checkpoint>): Promise<StepOutcome<Checkpoint>> {
    const { project, input, id } = step
    const { projectId } = project
    const { userId, keepSenderId } = input
    const at = step.checkpoint ?? {
      pseudonym: this.#pseudonym(projectId, userId),
      pass: 1 as const,
      source: 0,
      counts: {},
    }
    const source = this.#options.sources[at.source]
    if (source === undefined) {
      if (at.pass === 1) return { checkpoint: { ...at, pass: 2, source: 0 } }
      return this.#finish(project, id, input, at, step.startedAt)
    }
    const pseudonym = keepSenderId ? userId : at.pseudonym
    let waitMs: number | undefined
    await project.transaction(async (tx) => {
      const call = { projectId, userId, pseudonym, pass: at.pass, checkpoint: at.inner }
      const done = (await source.erase?.(tx, call)) ?? { counts: {} }
      waitMs = done.waitMs
      const counts = added(at.counts, done.counts)
      const more = done.checkpoint !== undefined || waitMs !== undefined
      const checkpoint: Checkpoint = {
        ...{ pseudonym: at.pseudonym, pass: at.pass, counts, source: more ? at.source : at.source + 1 },
        ...(more && { inner: done.checkpoint }),
      }
      await step.advance(tx, { checkpoint, done: total(counts) })
    })
    return waitMs === undefined ? {} : { waitMs }
  }

  async #finish(
    project: ProjectScope,
    id: string,
    { userId, keepSenderId }: Request,
    { pseudonym, counts }: Checkpoint,
    startedAt: Date,
  ): Promise<StepOutcome<Checkpoint>> {
    const { projectId } = project
    const { [heldPlace]: heldConversations = 0, ...erased } = counts
    const facts = {
      id,
      pseudonym,
      subjectHash: this.#hashes(subjectLabel, projectId, userId)[0] ?? '',
      keepSenderId,
      places: Object.entries(erased)
        .map(([place, count]) => ({ place, count }))
        .sort((a, b) => (a.place < b.place ? -1 : 1)),
      heldConversations,
      startedAt: startedAt.toISOString(),
      endedAt: new Date().toISOString(),
    }
    const sha256 = digest(projectId, facts)
    const signature = sign(this.#options.masterKey.derive(signingLabel), sha256)
    await project.transaction(async (tx) => {
      await tx.query({
        text: `update personal.erasures set receipt = $3, ended_at = clock_timestamp()
          where project_id = $1 and operation_id = $2 and receipt is null`,
        values: [projectId, id, JSON.stringify({ ...facts, sha256, signature })],
      })
      // The operation itself names the user, and those that have ended.
      await tx.query({
        text: `update operations.operations set input = jsonb_build_object('userId', $3::text, 'keepSenderId', $4::boolean)
          where project_id = $1 and id = $2`,
        values: [projectId, id, pseudonym, keepSenderId],
      })
    })
    await this.#options.operations.forget(project, userId, pseudonym)
    return { result: { pseudonym, places: facts.places, heldConversations, sha256 }, done: total(counts) }
  }

  async #end(project: ProjectScope, id: string): Promise<void> {
    await project.query({
      text: `update personal.erasures set ended_at = coalesce(ended_at, clock_timestamp())
        where project_id = $1 and operation_id = $2`,
      values: [project.projectId, id],
    })
  }

  #pseudonym(projectId: string, userId: string): string {
    return `${pseudonymPrefix}${(this.#hashes(pseudonymLabel, projectId, userId)[0] ?? '').slice(0, 32)}`
  }

  /** By each key that is still kept, the newest first. */
  #hashes(label: string, projectId: string, userId: string): string[] {
    const text = JSON.stringify([projectId, userId])
    return this.#options.masterKey
      .deriveAll(label)
      .map((key) => createHmac('sha256', key).update(text).digest('hex'))
  }
}

function added(counts: Record<string, number>, more: Record<string, number>): Record<string, number> {
  const sum = { ...counts }
  for (const [place, count] of Object.entries(more)) sum[place] = (sum[place] ?? 0) + count
  return sum
}

const total = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)

function digest(projectId: string, facts: Omit<ErasureReceipt, 'sha256' | 'signature'>): string {
  return createHash('sha256')
    .update(canonical({ projectId, ...facts }))
    .digest('hex')
}

function sign(key: Buffer, sha256: string): string {
  return createHmac('sha256', key).update(sha256).digest('hex')
}

/** Members sorted, no white space. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
