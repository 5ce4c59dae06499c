import { randomBytes } from 'node:crypto'
import { type ApiKey, AppError, newId } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { MasterKey } from '@parley/core/secrets'
import type { ProjectScope, Queryable, Transaction } from '@parley/core/store'
import { maxLiveKeys } from '../config.ts'
import { keyContext } from './key-ring.ts'

export type ApiKeyWithSecret = ApiKey & { secret: string }

interface KeyRow {
  key_id: string
  name: string | null
  created_at: Date
  last_used_at: Date | null
  revoked_at: Date | null
}

const columns = 'key_id, name, created_at, last_used_at, revoked_at'
const listedKeys = 200

/** Stores the answer of a call inside the transaction of its change. */
export type Settle<Answer> = (tx: Transaction, answer: Answer) => Promise<void>

const settleNothing = async () => {}

export interface KeyStoreOptions {
  masterKey: MasterKey
  outbox: Pick<Outbox, 'append'>
}

/** API keys of projects. A secret leaves this class once, when its key is made. */
export class KeyStore {
  readonly #masterKey: MasterKey
  readonly #outbox: Pick<Outbox, 'append'>

  constructor(options: KeyStoreOptions) {
    this.#masterKey = options.masterKey
    this.#outbox = options.outbox
  }

  /** Throws `limit-exceeded` when two keys are live, `not-found` when there is no such project. */
  async create(
    scope: ProjectScope,
    name: string | undefined,
    settle: Settle<ApiKeyWithSecret> = settleNothing,
  ): Promise<ApiKeyWithSecret> {
    return scope.transaction(async (tx) => {
      await lockProject(tx, scope.projectId)
      const { rows } = await tx.query({
        text: 'select 1 from identity.keys where project_id = $1 and revoked_at is null',
        values: [scope.projectId],
      })
      if (rows.length >= maxLiveKeys) {
        throw new AppError(
          'limit-exceeded',
          `A project has at most ${maxLiveKeys} live keys; revoke one first`,
        )
      }
      const key = await this.insert(tx, scope.projectId, name)
      await settle(tx, key)
      return key
    })
  }

  async insert(tx: Queryable, projectId: string, name: string | undefined): Promise<ApiKeyWithSecret> {
    const keyId = newId('key')
    const secret = randomBytes(32).toString('base64url')
    const { rows } = await tx.query<KeyRow>({
      text: `insert into identity.keys (project_id, key_id, name, sealed_secret) values ($1, $2, $3, $4)
        returning ${columns}`,
      values: [projectId, keyId, name ?? null, this.#masterKey.seal(secret, keyContext(keyId))],
    })
    return { ...toKey(one(rows)), secret }
  }

  /** Live keys and the revoked ones, newest first. */
  async list(scope: ProjectScope): Promise<ApiKey[]> {
    const { rows } = await scope.query<KeyRow>({
      text: `select ${columns} from identity.keys where project_id = $1
        order by revoked_at is not null, key_id desc limit $2`,
      values: [scope.projectId, listedKeys],
    })
    return rows.map(toKey)
  }

  /** Revoking a key again answers it as it is. Throws `not-found`. */
  async revoke(scope: ProjectScope, keyId: string): Promise<ApiKey> {
    return scope.transaction(async (tx) => {
      const revoked = await tx.query<KeyRow>({
        text: `update identity.keys set revoked_at = now()
          where project_id = $1 and key_id = $2 and revoked_at is null returning ${columns}`,
        values: [scope.projectId, keyId],
      })
      if (revoked.rows[0]) {
        const resource = `key/${keyId}`
        await this.#outbox.append(tx, [
          { projectId: scope.projectId, resource, type: 'key.revoked', data: { keyId } },
        ])
        return toKey(revoked.rows[0])
      }
      const { rows } = await tx.query<KeyRow>({
        text: `select ${columns} from identity.keys where project_id = $1 and key_id = $2`,
        values: [scope.projectId, keyId],
      })
      return toKey(one(rows))
    })
  }
}

/** Two calls that make a key at the same time count after each other. */
async function lockProject(tx: Queryable, projectId: string): Promise<void> {
  const { rows } = await tx.query({
    text: 'select 1 from identity.projects where project_id = $1 for no key update',
    values: [projectId],
  })
  if (rows.length === 0) throw new AppError('not-found', 'There is no such project')
}

function one<Row>(rows: Row[]): Row {
  const [row] = rows
  if (!row) throw new AppError('not-found', 'The project has no such key')
  return row
}

function toKey(row: KeyRow): ApiKey {
  return {
    id: row.key_id,
    ...(row.name !== null && { name: row.name }),
    createdAt: row.created_at.toISOString(),
    ...(row.last_used_at && { lastUsedAt: row.last_used_at.toISOString() }),
    ...(row.revoked_at && { revokedAt: row.revoked_at.toISOString() }),
  }
}
