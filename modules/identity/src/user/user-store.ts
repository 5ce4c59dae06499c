import { AppError, type User } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import { decodeCursor, type Page, toPage } from '@parley/core/pages'
import type { MasterKey } from '@parley/core/secrets'
import type { ProjectScope } from '@parley/core/store'
import { erasedUserHashes } from '../erasure/erased-users.ts'

export interface UserProfile {
  name?: string | undefined
  avatarUrl?: string | undefined
  custom?: Record<string, unknown> | undefined
}

interface UserRow {
  user_id: string
  name: string | null
  avatar_url: string | null
  custom: NonNullable<User['custom']> | null
  created_at: Date
  updated_at: Date
}

const columns = 'user_id, name, avatar_url, custom, created_at, updated_at'

/** Users of projects, and since when their tokens count. */
export class UserStore {
  readonly #outbox: Pick<Outbox, 'append'>

  readonly #masterKey: MasterKey

  constructor(outbox: Pick<Outbox, 'append'>, masterKey: MasterKey) {
    this.#outbox = outbox
    this.#masterKey = masterKey
  }

  /** The same id with the same profile answers the user who is there; another profile is `already-exists`. */
  async create(scope: ProjectScope, userId: string, profile: UserProfile): Promise<User> {
    const values = [scope.projectId, userId, ...profileValues(profile)]
    return scope.transaction(async (tx) => {
      const inserted = await tx.query<UserRow>({
        name: 'identity-create-user',
        text: `insert into identity.users (project_id, user_id, name, avatar_url, custom, not_before)
          values ($1, $2, $3, $4, $5::jsonb, coalesce((select max(erased_at) from identity.erased_users
            where project_id = $1 and user_hash = any($6)), '-infinity'))
          on conflict do nothing returning ${columns}`,
        values: [...values, erasedUserHashes(this.#masterKey, scope.projectId, userId)],
      })
      if (inserted.rows[0]) {
        await this.#outbox.append(tx, [
          { projectId: scope.projectId, resource: `user/${userId}`, type: 'user.created', data: { userId } },
        ])
        return toUser(inserted.rows[0])
      }
      const same = await tx.query<UserRow>({
        text: `select ${columns} from identity.users where project_id = $1 and user_id = $2
          and name is not distinct from $3 and avatar_url is not distinct from $4
          and custom is not distinct from $5::jsonb`,
        values,
      })
      if (!same.rows[0]) throw new AppError('already-exists', 'The user exists with another profile')
      return toUser(same.rows[0])
    })
  }

  async list(scope: ProjectScope, limit: number, cursor: string | undefined): Promise<Page<User>> {
    const { rows } = await scope.query<UserRow>({
      text: `select ${columns} from identity.users where project_id = $1 and user_id > $2
        order by user_id limit $3`,
      values: [scope.projectId, decodeCursor(cursor) ?? '', limit + 1],
    })
    return toPage(rows, limit, { keyOf: (row) => row.user_id, itemOf: toUser })
  }

  async find(scope: ProjectScope, userId: string): Promise<User | undefined> {
    const { rows } = await scope.query<UserRow>({
      name: 'identity-user',
      text: `select ${columns} from identity.users where project_id = $1 and user_id = $2`,
      values: [scope.projectId, userId],
    })
    return rows[0] && toUser(rows[0])
  }

  async findMany(scope: ProjectScope, userIds: readonly string[]): Promise<Map<string, User>> {
    const { rows } = await scope.query<UserRow>({
      name: 'identity-users-by-id',
      text: `select ${columns} from identity.users where project_id = $1 and user_id = any($2::text[])`,
      values: [scope.projectId, userIds],
    })
    return new Map(rows.map((row) => [row.user_id, toUser(row)]))
  }

  /** Fields that are absent stay as they are. Throws `user-not-found`. */
  async update(scope: ProjectScope, userId: string, profile: UserProfile): Promise<User> {
    return scope.transaction(async (tx) => {
      const { rows } = await tx.query<UserRow>({
        text: `update identity.users set name = coalesce($3, name), avatar_url = coalesce($4, avatar_url),
            custom = coalesce($5::jsonb, custom), updated_at = now()
          where project_id = $1 and user_id = $2 returning ${columns}`,
        values: [scope.projectId, userId, ...profileValues(profile)],
      })
      if (!rows[0]) throw new AppError('user-not-found')
      await this.#outbox.append(tx, [
        { projectId: scope.projectId, resource: `user/${userId}`, type: 'user.updated', data: { userId } },
      ])
      return toUser(rows[0])
    })
  }

  /** Refuses every token issued until now. Throws `user-not-found`. */
  async revokeTokens(scope: ProjectScope, userId: string): Promise<void> {
    await scope.transaction(async (tx) => {
      const { rowCount } = await tx.query({
        text: `update identity.users set not_before = greatest(not_before, clock_timestamp(), to_timestamp($3))
          where project_id = $1 and user_id = $2`,
        // The later of both clocks, as tokens are minted by the clock of this machine.
        values: [scope.projectId, userId, Date.now() / 1000],
      })
      if (rowCount === 0) throw new AppError('user-not-found')
      const resource = `user/${userId}`
      await this.#outbox.append(tx, [
        { projectId: scope.projectId, resource, type: 'user.tokens-revoked', data: { userId } },
      ])
    })
  }
}

function profileValues(profile: UserProfile): (string | null)[] {
  const custom = profile.custom === undefined ? null : JSON.stringify(profile.custom)
  return [profile.name ?? null, profile.avatarUrl ?? null, custom]
}

function toUser(row: UserRow): User {
  return {
    id: row.user_id,
    ...(row.name !== null && { name: row.name }),
    ...(row.avatar_url !== null && { avatarUrl: row.avatar_url }),
    ...(row.custom !== null && { custom: row.custom }),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}
