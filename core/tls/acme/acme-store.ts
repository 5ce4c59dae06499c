import type { MasterKey } from '@parley/core/secrets'
import type { Database } from '@parley/core/store'

const challengeMs = 3_600_000

/**
 * What all processes of an installation share: the account, the certificate, open challenges, and when to try again.
 * Keys lie sealed with the master key.
 */
export class AcmeStore {
  readonly #database: Database
  readonly #masterKey: MasterKey

  constructor({ database, masterKey }: { database: Database; masterKey: MasterKey }) {
    this.#database = database
    this.#masterKey = masterKey
  }

  /** Undefined when there is none, or when it was sealed by another master key. */
  async read(name: string): Promise<{ text: string; version: string } | undefined> {
    const { rows } = await this.#database.system.query<{ sealed: Buffer; version: string }>({
      text: 'select sealed, updated_at::text as version from tls.secrets where name = $1',
      values: [name],
    })
    const [row] = rows
    if (row === undefined) return undefined
    try {
      return { text: this.#masterKey.open(row.sealed, contextOf(name)).toString(), version: row.version }
    } catch {
      return undefined // of another master key: what it held is asked for anew
    }
  }

  async write(name: string, text: string): Promise<void> {
    await this.#database.system.query({
      text: `insert into tls.secrets (name, sealed) values ($1, $2)
        on conflict (name) do update set sealed = excluded.sealed, updated_at = clock_timestamp()`,
      values: [name, this.#masterKey.seal(text, contextOf(name))],
    })
  }

  async remove(name: string): Promise<void> {
    await this.#database.system.query({ text: 'delete from tls.secrets where name = $1', values: [name] })
  }

  async showChallenge(token: string, keyAuthorization: string): Promise<void> {
    await this.#database.system.query({ text: 'delete from tls.challenges where expires_at < now()' })
    await this.#database.system.query({
      text: `insert into tls.challenges (token, key_authorization, expires_at)
        values ($1, $2, now() + $3 * interval '1 millisecond')
        on conflict (token) do update set key_authorization = excluded.key_authorization, expires_at = excluded.expires_at`,
      values: [token, keyAuthorization, challengeMs],
    })
  }

  async takeBackChallenge(token: string): Promise<void> {
    await this.#database.system.query({
      text: 'delete from tls.challenges where token = $1',
      values: [token],
    })
  }

  /** What the authority is to find under the token. */
  async keyAuthorization(token: string): Promise<string | undefined> {
    const { rows } = await this.#database.system.query<{ key_authorization: string }>({
      name: 'tls-challenge',
      text: 'select key_authorization from tls.challenges where token = $1 and expires_at > now()',
      values: [token],
    })
    return rows[0]?.key_authorization
  }

  /** Failures in a row so far, and whether the pause after the last one is over. */
  async attempts(name: string): Promise<{ failures: number; due: boolean }> {
    const { rows } = await this.#database.system.query<{ failures: number; due: boolean }>({
      text: 'select failures, next_at <= now() as due from tls.renewals where name = $1',
      values: [name],
    })
    return rows[0] ?? { failures: 0, due: true }
  }

  async failed(name: string, pauseMs: number, reason: string): Promise<void> {
    await this.#database.system.query({
      text: `insert into tls.renewals as renewal (name, failures, next_at, last_error)
        values ($1, 1, now() + $2 * interval '1 millisecond', $3)
        on conflict (name) do update
        set failures = renewal.failures + 1, next_at = excluded.next_at, last_error = excluded.last_error`,
      values: [name, pauseMs, reason.replaceAll('\u0000', '').toWellFormed().slice(0, 2_000)],
    })
  }

  async succeeded(name: string): Promise<void> {
    await this.#database.system.query({ text: 'delete from tls.renewals where name = $1', values: [name] })
  }
}

function contextOf(name: string): string {
  return `tls/${name}`
}
