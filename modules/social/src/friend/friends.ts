import {
  AppError,
  type DomainEvent,
  type Friend,
  type FriendChange,
  type SocialOperations,
} from '@parley/contracts'
import type { UserActor } from '@parley/core/operations'
import { decodeCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { z } from 'zod'
import { apartFrom, blocksBetween } from '../block/block-store.ts'
import type { SocialParts } from '../parts.ts'
import { changePerson, lockPeople, readPerson } from '../people/people.ts'
import {
  befriend,
  endFriendship,
  type FriendRow,
  findFriend,
  friendChanged,
  friendColumns,
  toChange,
  toFriend,
} from './friend-store.ts'

type Change = z.output<SocialOperations['friend.update']['frame']>

/** Lists of friends (SOC-20 to SOC-29). */
export class Friends {
  readonly #parts: SocialParts

  constructor(parts: SocialParts) {
    this.#parts = parts
  }

  async get({ projectId, userId }: UserActor, friendId: string): Promise<Friend> {
    const row = await findFriend(this.#parts.database.project(projectId), projectId, userId, friendId)
    if (row === undefined) throw new AppError('not-found', 'There is no such friend')
    return toFriend(row)
  }

  async list(
    { projectId, userId }: UserActor,
    { limit, cursor, label }: PageRequest & { label?: string | undefined },
  ): Promise<{ items: Friend[]; nextCursor?: string }> {
    const { rows } = await this.#parts.database.project(projectId).query<FriendRow>({
      text: `select ${friendColumns} from social.friends
        where project_id = $1 and user_id = $2 and not removed and friend_id > $3
          and ($4::text is null or $4 = any(labels))
        order by friend_id limit $5`,
      values: [projectId, userId, decodeCursor(cursor) ?? '', label ?? null, limit + 1],
    })
    return toPage(rows, limit, { keyOf: (row) => row.friend_id, itemOf: toFriend })
  }

  async sync(
    { projectId, userId }: UserActor,
    { afterVersion, limit }: { afterVersion: number; limit: number },
  ): Promise<{ items: FriendChange[]; version: number; more: boolean }> {
    const project = this.#parts.database.project(projectId)
    const { friendVersion } = await readPerson(project, projectId, userId)
    const { rows } = await project.query<FriendRow>({
      name: 'social-friend-changes',
      text: `select ${friendColumns} from social.friends
        where project_id = $1 and user_id = $2 and version > $3 order by version limit $4`,
      values: [projectId, userId, afterVersion, limit + 1],
    })
    const items = rows.slice(0, limit).map(toChange)
    const more = rows.length > limit
    const last = items.at(-1)?.version ?? 0
    return { items, more, version: more ? last : Math.max(last, friendVersion) }
  }

  async update({ projectId, userId }: UserActor, change: Change): Promise<Friend> {
    const { database, outbox } = this.#parts
    const { friendId, remark, labels } = change
    return database.project(projectId).transaction(async (tx) => {
      await lockPeople(tx, projectId, [userId], 'change')
      const known = await findFriend(tx, projectId, userId, friendId)
      if (known === undefined) throw new AppError('not-found', 'There is no such friend')
      const { friendVersion } = await changePerson(tx, projectId, userId, { friendVersion: 1 })
      const { rows } = await tx.query<FriendRow>({
        text: `update social.friends set remark = $4, labels = $5::text[], version = $6
          where project_id = $1 and user_id = $2 and friend_id = $3 returning ${friendColumns}`,
        values: [
          projectId,
          userId,
          friendId,
          remark === undefined ? known.remark : remark,
          labels === undefined ? known.labels : [...new Set(labels)],
          friendVersion,
        ],
      })
      const [row] = rows
      if (row === undefined) throw new Error('the statement answered no row')
      await outbox.append(tx, [friendChanged(projectId, userId, row)])
      return toFriend(row)
    })
  }

  async remove({ projectId, userId }: UserActor, friendId: string, sides: 'both' | 'own'): Promise<void> {
    const { database, outbox } = this.#parts
    await database.project(projectId).transaction(async (tx) => {
      await lockPeople(tx, projectId, [userId, friendId], 'change')
      await endFriendship(tx, outbox, { projectId, userId, friendId, sides })
    })
  }

  async mutual(
    { projectId, userId }: UserActor,
    otherId: string,
    { limit, cursor }: PageRequest,
  ): Promise<{ count: number; items: string[]; nextCursor?: string }> {
    const project = this.#parts.database.project(projectId)
    const { own, theirs } = await blocksBetween(project, projectId, userId, otherId)
    if (own || theirs) throw new AppError('not-found')
    const shared = `from social.friends mine join social.friends theirs
        on theirs.project_id = $1 and theirs.user_id = $3 and theirs.friend_id = mine.friend_id
      where mine.project_id = $1 and mine.user_id = $2 and not mine.removed and not theirs.removed`
    const values = [projectId, userId, otherId]
    const { rows: counted } = await project.query<{ count: string | number }>({
      text: `select count(*) as count ${shared}`,
      values,
    })
    const { rows } = await project.query<{ friend_id: string }>({
      text: `select mine.friend_id ${shared} and mine.friend_id > $4 order by mine.friend_id limit $5`,
      values: [...values, decodeCursor(cursor) ?? '', limit + 1],
    })
    const page = toPage(rows, limit, { keyOf: (row) => row.friend_id, itemOf: (row) => row.friend_id })
    return { count: Number(counted[0]?.count ?? 0), ...page }
  }

  async labels({ projectId, userId }: UserActor): Promise<{ items: { label: string; friends: number }[] }> {
    const { rows } = await this.#parts.database.project(projectId).query<{ label: string; friends: number }>({
      text: `select label, count(*)::int as friends from social.friends, unnest(labels) as label
        where project_id = $1 and user_id = $2 and not removed group by label order by label collate "C" limit 1000`,
      values: [projectId, userId],
    })
    return { items: rows }
  }

  /** Another name for a label, or none any more. Each friend who has it changes. */
  async renameLabel({ projectId, userId }: UserActor, label: string, name: string | null): Promise<void> {
    const { database, outbox } = this.#parts
    await database.project(projectId).transaction(async (tx) => {
      await lockPeople(tx, projectId, [userId], 'change')
      const { rows: having } = await tx.query<{ friend_id: string; labels: string[] }>({
        text: `select friend_id, labels from social.friends
          where project_id = $1 and user_id = $2 and not removed and $3 = any(labels) order by friend_id`,
        values: [projectId, userId, label],
      })
      if (having.length === 0 || name === label) return
      const { friendVersion } = await changePerson(tx, projectId, userId, { friendVersion: having.length })
      const changed = having.map(({ friend_id, labels }) => {
        const others = labels.filter((other) => other !== label && other !== name)
        return { friend_id, labels: name === null ? others : [...others, name] }
      })
      const { rows } = await tx.query<FriendRow>({
        text: `update social.friends f set labels = array(select jsonb_array_elements_text(c.given)),
            version = $3::bigint + c.place
          from (select value ->> 'friend_id' as id, value -> 'labels' as given, ordinality as place
            from jsonb_array_elements($4::jsonb) with ordinality) c
          where f.project_id = $1 and f.user_id = $2 and f.friend_id = c.id
          returning ${friendColumns}`,
        values: [projectId, userId, friendVersion - having.length, JSON.stringify(changed)],
      })
      const events: DomainEvent[] = rows
        .sort((a, b) => Number(a.version) - Number(b.version))
        .map((row) => friendChanged(projectId, userId, row))
      await outbox.append(tx, events)
    })
  }

  /** By the customer's server: friends at once. Those who are friends, and those in a block, are passed over. */
  async import(projectId: string, userId: string, friendIds: readonly string[]): Promise<string[]> {
    const { database, outbox, users, config } = this.#parts
    const project = database.project(projectId)
    const wanted = [...new Set(friendIds)].filter((id) => id !== userId)
    await users.ensure(project, [userId, ...wanted])
    return project.transaction(async (tx) => {
      await lockPeople(tx, projectId, [userId, ...wanted], 'change')
      const apart = await apartFrom(tx, projectId, userId, wanted)
      const added: string[] = []
      for (const friendId of wanted) {
        if (apart.has(friendId)) continue
        const userIds: [string, string] = [userId, friendId]
        if (await befriend(tx, outbox, { projectId, userIds, maxFriends: config.maxFriends }))
          added.push(friendId)
      }
      return added
    })
  }
}
