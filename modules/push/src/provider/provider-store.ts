import { AppError, type PushCredentials, type PushProvider, type PushProviderState } from '@parley/contracts'
import type { MasterKey } from '@parley/core/secrets'
import type { ProjectScope, Queryable } from '@parley/core/store'
import { BoundedCache } from '../bounded-cache.ts'
import { type ProviderCredentials, type ProviderFacts, prepareCredentials } from './credentials.ts'

interface ProviderRow {
  provider: PushProvider
  facts: ProviderFacts
  sealed: Buffer
  updated_at: Date
}

/** How long another process may use credentials that were replaced. */
const keptMs = 2_000

/** Credentials of push services, sealed with the master key. */
export class ProviderStore {
  readonly #masterKey: MasterKey
  readonly #opened = new BoundedCache<{ found: ProviderCredentials | undefined }>(1_000)

  constructor(masterKey: MasterKey) {
    this.#masterKey = masterKey
  }

  /** Throws `invalid-request`. */
  async put(
    project: ProjectScope,
    provider: PushProvider,
    given: PushCredentials,
  ): Promise<PushProviderState> {
    const { projectId } = project
    const state = await project.transaction(async (tx) => {
      await tx.query({
        text: 'select pg_advisory_xact_lock(hashtextextended($1, 0))',
        values: [`push-provider/${projectId}/${provider}`],
      })
      const before = await this.#read(tx, projectId, provider)
      const { stored, facts, madeSecret } = prepareCredentials(provider, given, before)
      const { rows } = await tx.query<ProviderRow>({
        text: `insert into push.providers (project_id, provider, facts, sealed) values ($1, $2, $3::jsonb, $4)
          on conflict (project_id, provider) do update
            set facts = excluded.facts, sealed = excluded.sealed, updated_at = now()
          returning provider, facts, sealed, updated_at`,
        values: [
          projectId,
          provider,
          JSON.stringify(facts),
          this.#masterKey.seal(JSON.stringify(stored), contextOf(projectId, provider)),
        ],
      })
      return { ...toState(oneOf(rows)), ...(madeSecret !== undefined && { secret: madeSecret }) }
    })
    this.#opened.delete(keyOf(projectId, provider))
    return state
  }

  async list(project: ProjectScope): Promise<PushProviderState[]> {
    const { rows } = await project.query<ProviderRow>({
      text: `select provider, facts, sealed, updated_at from push.providers where project_id = $1 order by provider`,
      values: [project.projectId],
    })
    return rows.map(toState)
  }

  /** Throws `not-found`. */
  async delete(project: ProjectScope, provider: PushProvider): Promise<void> {
    const { rowCount } = await project.query({
      text: 'delete from push.providers where project_id = $1 and provider = $2',
      values: [project.projectId, provider],
    })
    this.#opened.delete(keyOf(project.projectId, provider))
    if (rowCount === 0) throw notSetUp()
  }

  /** Undefined when the project has not set the provider up. */
  async credentials(
    queryable: Queryable,
    projectId: string,
    provider: PushProvider,
  ): Promise<ProviderCredentials | undefined> {
    const key = keyOf(projectId, provider)
    const kept = this.#opened.get(key)
    if (kept !== undefined) return kept.found
    const found = await this.#read(queryable, projectId, provider)
    this.#opened.set(key, { found }, Date.now() + keptMs)
    return found
  }

  async #read(
    queryable: Queryable,
    projectId: string,
    provider: PushProvider,
  ): Promise<ProviderCredentials | undefined> {
    const { rows } = await queryable.query<ProviderRow>({
      name: 'push-provider',
      text: `select provider, facts, sealed, updated_at from push.providers
        where project_id = $1 and provider = $2`,
      values: [projectId, provider],
    })
    const [row] = rows
    if (row === undefined) return undefined
    const opened = this.#masterKey.open(row.sealed, contextOf(projectId, provider))
    return JSON.parse(opened.toString()) as ProviderCredentials
  }
}

export function notSetUp(): AppError {
  return new AppError('not-found', 'This provider is not set up')
}

const keyOf = (projectId: string, provider: PushProvider): string => JSON.stringify([projectId, provider])
const contextOf = (projectId: string, provider: PushProvider): string => `push/${projectId}/${provider}`

function oneOf<Row>([row]: Row[]): Row {
  if (row === undefined) throw new AppError('internal-error')
  return row
}

function toState({ provider, facts, updated_at }: ProviderRow): PushProviderState {
  return { provider, ...facts, updatedAt: updated_at.toISOString() }
}
