import { createHash, randomUUID } from 'node:crypto'
import { AppError } from '@parley/contracts'
import type { Caller } from '@parley/core/auth'
import type { MasterKey } from '@parley/core/secrets'
import type { Database, ProjectScope, Queryable } from '@parley/core/store'

export interface StoredAnswer {
  status: number
  headers: Record<string, string>
  body: Buffer
}

/** The first call with a key runs under a claim; every later one is answered from what it stored. */
export interface Claim {
  /** Stores the answer. Inside the transaction of the change it holds exactly when the change does. */
  store(queryable: Queryable, answer: StoredAnswer): Promise<void>
  /** True once `store` ran; whether it holds is for the transaction to say. */
  readonly stored: boolean
  /** The call failed and changed nothing: the key is free again. An answer that was committed stays. */
  release(): Promise<void>
  readonly project: ProjectScope
  /** The same for each attempt at one call, and for no other call of the project. */
  readonly callKey: string
}

export interface IdempotencyOptions {
  database: Database
  masterKey: MasterKey
  ttlMs: number
  leaseMs: number
}

interface Row {
  fingerprint: Buffer
  status: number | null
  headers: Record<string, string> | null
  body: Buffer | null
}

/**
 * `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header). Answers of successful calls are kept sealed for a
 * day. A call that fails changes nothing, so its key is freed and a retry runs. When the process dies in between,
 * the key is held until its lease lapses; then a retry runs again, unless the handler stored its answer in the
 * transaction of the change (`settle`).
 */
export class IdempotencyKeys {
  readonly #options: IdempotencyOptions

  constructor(options: IdempotencyOptions) {
    this.#options = options
  }

  /** Throws `idempotency-conflict` or `idempotency-in-progress`. */
  async begin(caller: Caller, key: string, fingerprint: Buffer): Promise<Claim | StoredAnswer> {
    const { database, ttlMs, leaseMs } = this.#options
    const { projectId, owner } = ownerOf(caller)
    const project = database.project(projectId)
    const attempt = randomUUID()
    const values = [projectId, owner, key, fingerprint, attempt, leaseMs, ttlMs]
    const claimed = await project.query({ name: 'http.claim', text: claimSql, values })
    if (claimed.rowCount === 1) {
      const callKey = [owner, key, fingerprint.toString('base64url')].join(' ')
      return { ...this.#claim(project, owner, key, attempt), callKey }
    }
    const found = await project.query<Row>({
      name: 'http.find-claim',
      text: findSql,
      values: [projectId, owner, key],
    })
    const row = found.rows[0]
    if (row === undefined) throw new AppError('idempotency-in-progress', undefined, { retryAfterMs: 1000 })
    if (!row.fingerprint.equals(fingerprint)) throw new AppError('idempotency-conflict')
    if (row.status === null || row.body === null) {
      throw new AppError('idempotency-in-progress', undefined, { retryAfterMs: 1000 })
    }
    const body = this.#options.masterKey.open(row.body, sealContext(projectId, owner, key))
    return { status: row.status, headers: row.headers ?? {}, body }
  }

  /** Deletes what is past its time, over all projects; answers how many rows went. */
  async deleteExpired(): Promise<number> {
    const text = 'delete from http.idempotency_keys where expires_at < now()'
    return (await this.#options.database.system.query({ text })).rowCount
  }

  #claim(project: ProjectScope, owner: string, key: string, attempt: string): Omit<Claim, 'callKey'> {
    const { masterKey, ttlMs } = this.#options
    const identity = [project.projectId, owner, key, attempt]
    let stored = false
    return {
      project,
      get stored() {
        return stored
      },
      async store(queryable, answer) {
        const body = masterKey.seal(answer.body, sealContext(project.projectId, owner, key))
        const values = [...identity, answer.status, JSON.stringify(answer.headers), body, ttlMs]
        const written = await queryable.query({ name: 'http.store-answer', text: storeSql, values })
        if (written.rowCount !== 1) {
          throw new AppError(
            'idempotency-in-progress',
            'The call took longer than its lease; another one runs',
          )
        }
        stored = true
      },
      async release() {
        await project.query({ name: 'http.release-claim', text: releaseSql, values: identity })
      },
    }
  }
}

/** What makes two requests the same: method, path with query, and the bytes of the body. */
export function requestFingerprint(method: string, url: string, body: Uint8Array): Buffer {
  return createHash('sha256').update(`${method} ${url}\n`).update(body).digest()
}

/** Throws `idempotency-key-invalid` unless the key is 1-255 visible ASCII characters, maybe in quotes. */
export function parseIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  const plain = /^"(.*)"$/.exec(header)?.[1] ?? header
  if (!/^[\x21-\x7e]{1,255}$/.test(plain)) {
    throw new AppError('idempotency-key-invalid', 'Idempotency-Key must be 1-255 visible ASCII characters')
  }
  return plain
}

function ownerOf(caller: Caller): { projectId: string; owner: string } {
  switch (caller.kind) {
    case 'key':
      return { projectId: caller.projectId, owner: '' }
    case 'user':
      return { projectId: caller.projectId, owner: `user/${caller.userId}` }
    case 'operator':
      return { projectId: 'operator', owner: '' }
    case 'none':
      throw new AppError('idempotency-key-invalid', 'Idempotency-Key needs credentials')
  }
}

function sealContext(projectId: string, owner: string, key: string): string {
  return JSON.stringify(['idempotency', projectId, owner, key])
}

/** Takes a free key, an expired one, or one whose first call never ended; and of two at once only one. */
const claimSql = `
insert into http.idempotency_keys as k
  (project_id, owner, key, fingerprint, attempt, lease_until, expires_at)
values ($1, $2, $3, $4, $5, now() + $6 * interval '1 ms', now() + $7 * interval '1 ms')
on conflict (project_id, owner, key) do update
set fingerprint = excluded.fingerprint, attempt = excluded.attempt, lease_until = excluded.lease_until,
    status = null, headers = null, body = null, expires_at = excluded.expires_at
where k.expires_at < now()
   or (k.status is null and k.lease_until < now() and k.fingerprint = excluded.fingerprint)`

const findSql = `
select fingerprint, status, headers, body from http.idempotency_keys
where project_id = $1 and owner = $2 and key = $3`

const storeSql = `
update http.idempotency_keys
set status = $5, headers = $6::jsonb, body = $7, expires_at = now() + $8 * interval '1 ms'
where project_id = $1 and owner = $2 and key = $3 and attempt = $4`

const releaseSql = `
delete from http.idempotency_keys
where project_id = $1 and owner = $2 and key = $3 and attempt = $4 and status is null`
