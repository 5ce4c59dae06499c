import { type AuditEntry, newId } from '@parley/contracts'
import type { MasterKey } from '@parley/core/secrets'
import type { Database, ProjectScope, Queryable, Transaction } from '@parley/core/store'
import {
  type ChainEntry,
  type ChainHead,
  canonicalJson,
  hashEntry,
  installationChain,
  openHead,
  origin,
  sealHead,
} from './chain.ts'
import { type EntryRow, entryColumns, fromRow } from './entry-row.ts'
import { auditMigrations } from './migrations.ts'

export interface AuditOptions {
  database: Database
  masterKey: MasterKey
}

/** An administrative call as it begins, or how it ended. */
export interface AuditFact {
  /** Undefined for what concerns the installation. */
  projectId: string | undefined
  /** The same for the beginning and the end of one call. */
  callId: string
  phase: 'begun' | 'ended'
  action: string
  actor: { kind: string; id?: string | undefined }
  remoteAddress: string | undefined
  /** Ids and outcomes. No secrets, nothing that users wrote. */
  details: Record<string, unknown>
}

export interface AuditPageRequest {
  limit: number
  cursor?: string | undefined
  action?: string | undefined
  actorId?: string | undefined
  callId?: string | undefined
}

/**
 * Who changed what, in a chain for each project that cannot be altered unseen. Entries are added under a lock of the
 * chain and never change. How a break is found: README.md.
 */
export class AuditLog {
  readonly #options: AuditOptions

  private constructor(options: AuditOptions) {
    this.#options = options
  }

  static async open(options: AuditOptions): Promise<AuditLog> {
    await options.database.migrate(auditMigrations)
    return new AuditLog(options)
  }

  /** Adds an entry; durable once it resolves. */
  async record(fact: AuditFact): Promise<void> {
    await this.#options.database.system.transaction((tx) => this.append(tx, fact))
  }

  /**
   * Adds an entry in the transaction of a change, which must see all projects. It holds the lock of the chain until
   * it ends, so let it be the last statement.
   */
  async append(tx: Transaction, fact: AuditFact): Promise<void> {
    const projectId = fact.projectId ?? installationChain
    const { head, fresh } = await this.#lockHead(tx, projectId)
    const entry: ChainEntry = {
      projectId,
      position: head.position + 1,
      id: newId('auditEntry'),
      at: new Date().toISOString(),
      callId: fact.callId,
      phase: fact.phase,
      action: fact.action,
      actorKind: fact.actor.kind,
      actorId: fact.actor.id ?? null,
      remoteAddress: fact.remoteAddress ?? null,
      details: canonicalJson(fact.details),
    }
    const hash = hashEntry(head.hash, entry)
    await insertEntry(tx, entry, hash)
    const sealed = sealHead(this.#options.masterKey, projectId, { position: entry.position, hash })
    await tx.query({
      name: 'audit.seal',
      text: 'update audit.chains set sealed_head = $2 where project_id = $1',
      values: [projectId, sealed],
    })
    if (fresh && projectId !== installationChain) await this.#noteChain(tx, projectId, fact)
  }

  /** Newest first. */
  async list(
    project: ProjectScope,
    request: AuditPageRequest,
  ): Promise<{ items: AuditEntry[]; nextCursor?: string }> {
    const { limit, cursor, action = null, actorId = null, callId = null } = request
    const before =
      cursor !== undefined && /^\d{1,15}$/.test(cursor) ? Number(cursor) : Number.MAX_SAFE_INTEGER
    const { rows } = await project.query<EntryRow>({
      name: 'audit.list',
      text: `select ${entryColumns} from audit.entries
        where project_id = $1 and position < $2 and ($3::text is null or action = $3)
          and ($4::text is null or actor_id = $4) and ($5::text is null or call_id = $5)
        order by position desc limit $6`,
      values: [project.projectId, before, action, actorId, callId, limit + 1],
    })
    const items = rows.slice(0, limit).map(present)
    const last = items.at(-1)
    return { items, ...(rows.length > limit && last !== undefined && { nextCursor: String(last.position) }) }
  }

  /**
   * The end of the chain, from its seal: what the tables say could have been shortened. Where no seal of ours is
   * found, the next entry follows none, which `verify` shows.
   */
  async #lockHead(tx: Queryable, projectId: string): Promise<{ head: ChainHead; fresh: boolean }> {
    await tx.query({
      name: 'audit.begin-chain',
      text: 'insert into audit.chains (project_id) values ($1) on conflict do nothing',
      values: [projectId],
    })
    const locked = await tx.query<{ sealed_head: Buffer | null }>({
      name: 'audit.lock-chain',
      text: 'select sealed_head from audit.chains where project_id = $1 for update',
      values: [projectId],
    })
    // In a statement of its own, so that it sees what was committed while it waited for the lock.
    const { rows } = await tx.query<{ last: number }>({
      name: 'audit.last-position',
      text: 'select coalesce(max(position), 0) as last from audit.entries where project_id = $1',
      values: [projectId],
    })
    const sealed = locked.rows[0]?.sealed_head ?? null
    const last = rows[0]?.last ?? 0
    const known = sealed === null ? undefined : openHead(this.#options.masterKey, projectId, sealed)
    const { position, hash } = known ?? origin
    return { head: { position: Math.max(position, last), hash }, fresh: sealed === null && last === 0 }
  }

  /** The chain of the installation names all others, so that none can vanish as a whole. */
  async #noteChain(
    tx: Transaction,
    projectId: string,
    { callId, remoteAddress, actor }: AuditFact,
  ): Promise<void> {
    await this.append(tx, {
      ...{ projectId: undefined, callId, phase: 'ended', action: 'beginChain', actor, remoteAddress },
      details: { projectId },
    })
  }
}

async function insertEntry(tx: Queryable, entry: ChainEntry, hash: Buffer): Promise<void> {
  const { projectId, position, id, at, callId, phase, action } = entry
  const { actorKind, actorId, remoteAddress, details } = entry
  await tx.query({
    name: 'audit.insert',
    text: `insert into audit.entries (${entryColumns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    values: [
      ...[projectId, position, id, at, callId, phase, action],
      ...[actorKind, actorId, remoteAddress, details, hash],
    ],
  })
}

function present(row: EntryRow): AuditEntry {
  const { entry, hash } = fromRow(row)
  const { position, id, at, callId, phase, action, actorKind, actorId, remoteAddress } = entry
  return {
    ...{ position, id, at, callId, phase, action, hash: hash.toString('hex') },
    actor: { kind: actorKind, ...(actorId !== null && { id: actorId }) },
    ...(remoteAddress !== null && { remoteAddress }),
    details: JSON.parse(entry.details) as Record<string, unknown>,
  }
}
