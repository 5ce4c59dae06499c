import type { Outbox } from '@parley/core/outbox'
import type { MasterKey } from '@parley/core/secrets'
import type { Database } from '@parley/core/store'
import { Batcher } from '../batcher.ts'
import { BoundedMap } from '../bounded-map.ts'
import { erasedUserHashes } from '../erasure/erased-users.ts'

/** What verification must know about a user who exists. */
export interface KnownUser {
  /** Tokens issued before are refused. Milliseconds since the epoch; 0 when never revoked. */
  notBeforeMs: number
}

interface UserRef {
  projectId: string
  userId: string
}

interface Entry extends KnownUser {
  readAtMs: number
}

interface UserRow {
  project_id: string
  user_id: string
  not_before_ms: number
}

export interface UserDirectoryOptions {
  database: Database
  outbox: Pick<Outbox, 'append'>
  masterKey: MasterKey
  capacity: number
  freshMs: number
}

/**
 * Which users exist and since when their tokens count, as this process knows it. Reads of many callers go to the
 * database together, so that a storm of reconnects costs few statements. That a user exists stays known; since when
 * tokens count is read again after `freshMs`. Users who do not exist are not remembered.
 */
export class UserDirectory {
  readonly #options: UserDirectoryOptions
  readonly #entries: BoundedMap<string, Entry>
  readonly #reads: Batcher<UserRef, KnownUser | undefined>
  readonly #makings: Batcher<UserRef, undefined>
  #forgotten = 0

  constructor(options: UserDirectoryOptions) {
    this.#options = options
    this.#entries = new BoundedMap(options.capacity)
    this.#reads = new Batcher({
      run: (refs) => this.#read(refs),
      maxBatch: 500,
      maxQueued: 200_000,
      lanes: 2,
    })
    this.#makings = new Batcher({ run: (refs) => this.#make(refs), maxBatch: 500, maxQueued: 200_000 })
  }

  /** The user as known within `freshMs`. */
  async find(projectId: string, userId: string): Promise<KnownUser | undefined> {
    const entry = this.#entries.get(entryKey(projectId, userId))
    if (entry && Date.now() - entry.readAtMs < this.#options.freshMs) return entry
    return this.#reads.submit({ projectId, userId })
  }

  /** Which of these users exist. */
  async exists(projectId: string, userIds: Iterable<string>): Promise<Set<string>> {
    const wanted = new Set(userIds)
    const found = new Set<string>()
    const unknown: string[] = []
    for (const userId of wanted) {
      if (this.#entries.get(entryKey(projectId, userId))) found.add(userId)
      else unknown.push(userId)
    }
    if (unknown.length === 0) return found
    const known = await Promise.all(unknown.map((userId) => this.#reads.submit({ projectId, userId })))
    known.forEach((user, index) => {
      const userId = unknown[index]
      if (user && userId !== undefined) found.add(userId)
    })
    return found
  }

  /** Makes the user unless there is one, and tells `user.created`. */
  async make(projectId: string, userId: string): Promise<KnownUser> {
    await this.#makings.submit({ projectId, userId })
    return (await this.#reads.submit({ projectId, userId })) ?? { notBeforeMs: 0 }
  }

  forget(projectId: string, userId: string): void {
    this.#forgotten++
    this.#entries.delete(entryKey(projectId, userId))
  }

  async #read(refs: UserRef[]): Promise<(KnownUser | undefined)[]> {
    const forgottenBefore = this.#forgotten
    const readAtMs = Date.now()
    const { rows } = await this.#options.database.system.query<UserRow>({
      name: 'identity-known-users',
      text: `select project_id, user_id,
          (case when not_before = '-infinity' then 0 else extract(epoch from not_before) * 1000 end)::float8 as not_before_ms
        from unnest($1::text[], $2::text[]) as wanted(project_id, user_id)
        join identity.users using (project_id, user_id)`,
      values: columnsOf(refs),
    })
    const read = new Map<string, Entry>()
    for (const row of rows) {
      read.set(entryKey(row.project_id, row.user_id), { notBeforeMs: row.not_before_ms, readAtMs })
    }
    if (forgottenBefore === this.#forgotten) for (const [key, entry] of read) this.#entries.set(key, entry)
    return refs.map(({ projectId, userId }) => read.get(entryKey(projectId, userId)))
  }

  async #make(refs: UserRef[]): Promise<undefined[]> {
    await this.#options.database.system.transaction(async (tx) => {
      const { rows } = await tx.query<Omit<UserRow, 'not_before_ms'>>({
        name: 'identity-make-users',
        // Tokens from before an erasure of the same id stay worthless.
        text: `insert into identity.users (project_id, user_id, not_before)
          select distinct project_id collate "C", user_id collate "C", coalesce((
            select max(erased_at) from identity.erased_users e
            where e.project_id = made.project_id and e.user_hash = any(string_to_array(made.hashes, ','))), '-infinity')
          from unnest($1::text[], $2::text[], $3::text[]) as made(project_id, user_id, hashes) order by 1, 2
          on conflict do nothing returning project_id, user_id`,
        values: [
          ...columnsOf(refs),
          refs.map(({ projectId, userId }) =>
            erasedUserHashes(this.#options.masterKey, projectId, userId).join(),
          ),
        ],
      })
      if (rows.length === 0) return
      await this.#options.outbox.append(
        tx,
        rows.map((row) => ({
          projectId: row.project_id,
          resource: `user/${row.user_id}`,
          type: 'user.created' as const,
          data: { userId: row.user_id },
        })),
      )
    })
    return refs.map(() => undefined)
  }
}

function columnsOf(refs: UserRef[]): [string[], string[]] {
  return [refs.map((ref) => ref.projectId), refs.map((ref) => ref.userId)]
}

/** Project ids never hold a space. */
function entryKey(projectId: string, userId: string): string {
  return `${projectId} ${userId}`
}
