import {
  AppError,
  type DomainEvent,
  type Friend,
  type FriendChange,
  type FriendRequest,
} from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { Queryable, Transaction } from '@parley/core/store'
import { changePerson } from '../people/people.ts'

export interface FriendRow {
  friend_id: string
  remark: string | null
  labels: string[]
  version: string | number
  removed: boolean
  created_at: Date
}

export const friendColumns = 'friend_id, remark, labels, version, removed, created_at'

export function toFriend(row: FriendRow): Friend {
  return {
    userId: row.friend_id,
    ...(row.remark !== null && { remark: row.remark }),
    labels: row.labels,
    version: Number(row.version),
    createdAt: row.created_at.toISOString(),
  }
}

export function toChange(row: FriendRow): FriendChange {
  const { friend_id: userId, removed } = row
  return { userId, version: Number(row.version), ...(!removed && { friend: toFriend(row) }) }
}

export async function findFriend(
  queryable: Queryable,
  projectId: string,
  userId: string,
  friendId: string,
): Promise<FriendRow | undefined> {
  const { rows } = await queryable.query<FriendRow>({
    name: 'social-friend',
    text: `select ${friendColumns} from social.friends
      where project_id = $1 and user_id = $2 and friend_id = $3 and not removed`,
    values: [projectId, userId, friendId],
  })
  return rows[0]
}

export function friendChanged(projectId: string, userId: string, row: FriendRow): DomainEvent {
  return {
    projectId,
    resource: `user/${userId}`,
    type: 'friend.changed',
    data: { userId, change: toChange(row) },
  }
}

export interface Befriending {
  projectId: string
  userIds: [string, string]
  /** What each calls the other, in the same order. */
  remarks?: [string | undefined, string | undefined]
  request?: FriendRequest
  maxFriends: number
}

/** Under the locks of both: each is in the list of the other. Throws `limit-exceeded`; false when both were already. */
export async function befriend(tx: Transaction, outbox: Outbox, given: Befriending): Promise<boolean> {
  const { projectId, userIds, remarks = [undefined, undefined], request, maxFriends } = given
  const [first, second] = userIds
  const sides = [
    { userId: first, friendId: second, remark: remarks[0] },
    { userId: second, friendId: first, remark: remarks[1] },
  ]
  const events: DomainEvent[] = []
  for (const { userId, friendId, remark } of sides) {
    if (await findFriend(tx, projectId, userId, friendId)) continue
    const { friends, friendVersion } = await changePerson(tx, projectId, userId, {
      friends: 1,
      friendVersion: 1,
    })
    if (friends > maxFriends) {
      throw new AppError('limit-exceeded', `A user has at most ${maxFriends} friends`)
    }
    const { rows } = await tx.query<FriendRow>({
      name: 'social-befriend',
      text: `insert into social.friends (project_id, user_id, friend_id, remark, version) values ($1, $2, $3, $4, $5)
        on conflict (project_id, user_id, friend_id) do update set remark = excluded.remark, labels = '{}',
          version = excluded.version, removed = false, created_at = now()
        returning ${friendColumns}`,
      values: [projectId, userId, friendId, remark ?? null, friendVersion],
    })
    for (const row of rows) events.push(friendChanged(projectId, userId, row))
  }
  if (events.length === 0) return false
  events.push({
    projectId,
    resource: `user/${first}`,
    type: 'friend.accepted',
    data: { userIds, ...(request && { request }) },
  })
  await outbox.append(tx, events)
  return true
}

/** Under the locks of both. Nothing happens where there is no friendship. */
export async function endFriendship(
  tx: Transaction,
  outbox: Outbox,
  given: { projectId: string; userId: string; friendId: string; sides: 'both' | 'own' },
): Promise<void> {
  const { projectId, userId, friendId, sides } = given
  const events: DomainEvent[] = []
  const end = async (ownerId: string, otherId: string): Promise<void> => {
    if (!(await findFriend(tx, projectId, ownerId, otherId))) return
    const { friendVersion } = await changePerson(tx, projectId, ownerId, { friends: -1, friendVersion: 1 })
    const { rows } = await tx.query<FriendRow>({
      text: `update social.friends set removed = true, remark = null, labels = '{}', version = $4
        where project_id = $1 and user_id = $2 and friend_id = $3 returning ${friendColumns}`,
      values: [projectId, ownerId, otherId, friendVersion],
    })
    for (const row of rows) events.push(friendChanged(projectId, ownerId, row))
  }
  await end(userId, friendId)
  if (sides === 'both') await end(friendId, userId)
  if (events.length === 0) return
  events.push({
    projectId,
    resource: `user/${userId}`,
    type: 'friend.removed',
    data: { userId, friendId, sides },
  })
  await outbox.append(tx, events)
}
