import {
  AppError,
  type FriendPolicy,
  type ProfileValue,
  type ProfileVisibility,
  type SocialOperations,
  type SocialProfile,
  type User,
} from '@parley/contracts'
import type { Actor, UserActor } from '@parley/core/operations'
import type { ProjectScope } from '@parley/core/store'
import type { z } from 'zod'
import { apartFrom } from '../block/block-store.ts'
import type { SocialParts } from '../parts.ts'
import { lockPeople } from '../people/people.ts'
import { fieldsOf, requireFitting } from './profile-values.ts'

type Update = z.output<SocialOperations['profile.update']['frame']>

interface ProfileRow {
  user_id: string
  fields: Record<string, ProfileValue>
  visibility: Record<string, ProfileVisibility>
  friend_policy: FriendPolicy | null
  /** The list of friends of the owner holds the reader. */
  friend: boolean
  updated_at: Date
}

/** What people say of themselves, and to whom (SOC-30 to SOC-34). Name and picture are those of identity. */
export class Profiles {
  readonly #parts: SocialParts

  constructor(parts: SocialParts) {
    this.#parts = parts
  }

  /** In the order asked; users who do not exist are left out. No reader is the customer's server, which sees all. */
  async query({ projectId, userId: readerId }: Actor, userIds: readonly string[]): Promise<SocialProfile[]> {
    const { database, users } = this.#parts
    const project = database.project(projectId)
    const wanted = [...new Set(userIds)]
    const [known, rows, apart] = await Promise.all([
      users.getMany(project, wanted),
      this.#read(project, wanted, readerId),
      readerId === undefined ? new Set<string>() : apartFrom(project, projectId, readerId, wanted),
    ])
    const byUser = new Map(rows.map((row) => [row.user_id, row]))
    return wanted.flatMap((userId) => {
      const user = known.get(userId)
      return user ? [toProfile(user, byUser.get(userId), readerId, apart.has(userId))] : []
    })
  }

  /** Fields that are absent stay, those that are null go. */
  async update(actor: UserActor, change: Update): Promise<SocialProfile> {
    const { projectId, userId } = actor
    const { database, outbox, users, settings } = this.#parts
    const project = database.project(projectId)
    const { fields = {}, visibility = {} } = change
    const known = fieldsOf(await settings.get(projectId))
    requireFitting(known, fields)
    const strange = Object.keys(visibility).filter((name) => !known.has(name))
    if (strange.length > 0) {
      const issues = strange.map((name) => ({
        path: `visibility.${name}`,
        message: 'is no field of this project',
      }))
      throw new AppError('invalid-request', 'A field does not fit', { issues })
    }
    await users.ensure(project, [userId])
    const stored = await this.#screened(actor, fields)
    await project.transaction(async (tx) => {
      await lockPeople(tx, projectId, [userId], 'change')
      const given = (value: unknown): boolean => value !== undefined
      await tx.query({
        text: `insert into social.profiles as p
            (project_id, user_id, fields, visibility, friend_policy, phone_hash, email_hash)
          values ($1, $2, jsonb_strip_nulls($3::jsonb), $4::jsonb, $5, $6, $7)
          on conflict (project_id, user_id) do update set
            fields = jsonb_strip_nulls(p.fields || $3::jsonb), visibility = p.visibility || $4::jsonb,
            friend_policy = case when $8::boolean then $5 else p.friend_policy end,
            phone_hash = case when $9::boolean then $6 else p.phone_hash end,
            email_hash = case when $10::boolean then $7 else p.email_hash end, updated_at = now()`,
        values: [
          ...[projectId, userId, JSON.stringify(stored), JSON.stringify(visibility)],
          ...[change.friendPolicy ?? null, change.phoneHash ?? null, change.emailHash ?? null],
          ...[given(change.friendPolicy), given(change.phoneHash), given(change.emailHash)],
        ],
      })
      const names = [...new Set([...Object.keys(fields), ...Object.keys(visibility)])]
      await outbox.append(tx, [
        { projectId, resource: `user/${userId}`, type: 'profile.updated', data: { userId, fields: names } },
      ])
    })
    const [own] = await this.query(actor, [userId])
    if (own === undefined) throw new AppError('user-not-found')
    return own
  }

  async #read(project: ProjectScope, userIds: readonly string[], readerId: string | undefined) {
    const { rows } = await project.query<ProfileRow>({
      name: 'social-profiles',
      text: `select user_id, fields, visibility, friend_policy, updated_at, exists (select from social.friends f
          where f.project_id = $1 and f.user_id = p.user_id and f.friend_id = $3 and not f.removed) as friend
        from social.profiles p where project_id = $1 and user_id = any($2::text[])`,
      values: [project.projectId, userIds, readerId ?? null],
    })
    return rows
  }

  async #screened(
    { projectId, userId }: UserActor,
    fields: Readonly<Record<string, ProfileValue | null>>,
  ): Promise<Record<string, ProfileValue | null>> {
    const { gate } = this.#parts
    const texts = Object.entries(fields).flatMap(([name, value]) =>
      typeof value === 'string' && value !== '' ? [{ name, value }] : [],
    )
    if (gate === undefined || texts.length === 0) return { ...fields }
    const said = texts.map(({ value }) => value)
    const stored = await gate.check({ projectId, userId, kind: 'profile', texts: said, media: [] })
    return {
      ...fields,
      ...Object.fromEntries(texts.map(({ name, value }, index) => [name, stored[index] ?? value])),
    }
  }
}

function toProfile(
  user: User,
  row: ProfileRow | undefined,
  readerId: string | undefined,
  apart: boolean,
): SocialProfile {
  const { id: userId, name, avatarUrl, custom } = user
  const shown = {
    userId,
    ...(name !== undefined && { name }),
    ...(avatarUrl !== undefined && { avatarUrl }),
    ...(custom !== undefined && { custom }),
  }
  if (row === undefined || apart) return { ...shown, fields: {} }
  const own = readerId === undefined || readerId === userId
  const seen = Object.entries(row.fields).filter(([field]) => {
    const visibility = row.visibility[field] ?? 'all'
    return own || visibility === 'all' || (visibility === 'friends' && row.friend)
  })
  return {
    ...shown,
    fields: Object.fromEntries(seen),
    ...(own && { visibility: row.visibility }),
    ...(own && row.friend_policy !== null && { friendPolicy: row.friend_policy }),
    updatedAt: row.updated_at.toISOString(),
  }
}
