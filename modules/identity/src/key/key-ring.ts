import { defaultProjectSettings, type ProjectSettings } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import type { MasterKey } from '@parley/core/secrets'
import type { Database } from '@parley/core/store'
import { BoundedMap } from '../bounded-map.ts'

/** An API key as verification needs it. */
export interface KnownKey {
  keyId: string
  projectId: string
  /** HS256 key of the project's user tokens: the UTF-8 bytes of the secret as it was shown. */
  secret: Buffer
  revoked: boolean
  settings: ProjectSettings
}

interface Entry {
  key: KnownKey | undefined
  readAtMs: number
}

interface KeyRow {
  project_id: string
  sealed_secret: Buffer
  revoked: boolean
  settings: Partial<ProjectSettings>
}

const keyIdPattern = /^key_[0-9a-z]{26}$/
const maxKeys = 10_000

export interface KeyRingOptions {
  database: Database
  masterKey: MasterKey
  logger: Logger
  freshMs: number
}

/**
 * The keys this process has seen lately, with their secrets opened. An entry is read again once it is older than
 * `freshMs` and forgotten at once when its revocation arrives. Ids nobody has are remembered too, so that guessing
 * does not reach the database each time.
 */
export class KeyRing {
  readonly #options: KeyRingOptions
  readonly #entries = new BoundedMap<string, Entry>(maxKeys)
  readonly #reads = new Map<string, Promise<KnownKey | undefined>>()
  readonly #used = new Map<string, number>()
  #forgotten = 0

  constructor(options: KeyRingOptions) {
    this.#options = options
  }

  async find(keyId: string): Promise<KnownKey | undefined> {
    if (!keyIdPattern.test(keyId)) return undefined
    const entry = this.#entries.get(keyId)
    if (entry && Date.now() - entry.readAtMs < this.#options.freshMs) return entry.key
    const reading = this.#reads.get(keyId) ?? this.#read(keyId)
    return reading
  }

  forget(keyId: string): void {
    this.#forgotten++
    this.#entries.delete(keyId)
    this.#reads.delete(keyId)
  }

  noteUse(key: KnownKey): void {
    this.#used.set(key.keyId, Date.now())
  }

  /** Writes down when keys were last used. */
  async flushUse(): Promise<void> {
    if (this.#used.size === 0) return
    const used = [...this.#used]
    this.#used.clear()
    await this.#options.database.system.query({
      name: 'identity-key-use',
      text: `update identity.keys k set last_used_at = greatest(k.last_used_at, to_timestamp(u.ms / 1000.0))
        from unnest($1::text[], $2::float8[]) as u(key_id, ms) where k.key_id = u.key_id`,
      values: [used.map(([keyId]) => keyId), used.map(([, ms]) => ms)],
    })
  }

  #read(keyId: string): Promise<KnownKey | undefined> {
    const reading = this.#load(keyId).finally(() => {
      if (this.#reads.get(keyId) === reading) this.#reads.delete(keyId)
    })
    this.#reads.set(keyId, reading)
    return reading
  }

  async #load(keyId: string): Promise<KnownKey | undefined> {
    const forgottenBefore = this.#forgotten
    const readAtMs = Date.now()
    const { rows } = await this.#options.database.system.query<KeyRow>({
      name: 'identity-key',
      text: `select k.project_id, k.sealed_secret, k.revoked_at is not null as revoked, p.settings
        from identity.keys k join identity.projects p using (project_id) where k.key_id = $1`,
      values: [keyId],
    })
    const key = rows[0] && this.#open(keyId, rows[0])
    // What was read before a revocation arrived must not outlive it.
    if (forgottenBefore === this.#forgotten) this.#entries.set(keyId, { key, readAtMs })
    return key
  }

  #open(keyId: string, row: KeyRow): KnownKey | undefined {
    const settings = { ...defaultProjectSettings, ...row.settings }
    const known = { keyId, projectId: row.project_id, revoked: row.revoked, settings }
    try {
      return { ...known, secret: this.#options.masterKey.open(row.sealed_secret, keyContext(keyId)) }
    } catch (error) {
      // Another master key than the one that sealed it. The key cannot be used, the others can.
      this.#options.logger.error(
        { error, keyId },
        'the secret of an API key does not open with this master key',
      )
      return undefined
    }
  }
}

/** What a sealed key secret is bound to, so that rows cannot be swapped. */
export function keyContext(keyId: string): string {
  return `api-key/${keyId}`
}
