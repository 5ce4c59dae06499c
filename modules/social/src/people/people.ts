import type { Queryable, Transaction } from '@parley/core/store'

/** What is kept for each user as numbers. Each field of a change is added to what is there. */
export interface PersonChange {
  friends?: number
  friendVersion?: number
  blocks?: number
  followers?: number
  following?: number
  moments?: number
}

export interface Person {
  friends: number
  friendVersion: number
  blocks: number
  followers: number
  following: number
  moments: number
}

interface PersonRow {
  friends: number
  friend_version: string | number
  blocks: number
  followers: number
  following: number
  moments: number
}

const columns = 'friends, friend_version, blocks, followers, following, moments'
const nobody: Person = { friends: 0, friendVersion: 0, blocks: 0, followers: 0, following: 0, moments: 0 }

/**
 * Everything between people happens under these locks, taken in one order: `change` for what binds or parts them,
 * `look` for what only needs that nobody does so meanwhile.
 */
export async function lockPeople(
  tx: Transaction,
  projectId: string,
  userIds: Iterable<string>,
  purpose: 'change' | 'look',
): Promise<void> {
  const lock = purpose === 'change' ? 'pg_advisory_xact_lock' : 'pg_advisory_xact_lock_shared'
  await tx.query({
    name: `social-lock-${purpose}`,
    text: `select ${lock}(hashtextextended('social-user/' || $1 || '/' || user_id, 0))
      from unnest($2::text[]) as locked(user_id)`,
    values: [projectId, [...new Set(userIds)].sort()],
  })
}

/** Adds to the numbers of a user and answers them as they are then. */
export async function changePerson(
  tx: Transaction,
  projectId: string,
  userId: string,
  change: PersonChange,
): Promise<Person> {
  const { friends = 0, friendVersion = 0, blocks = 0, followers = 0, following = 0, moments = 0 } = change
  const { rows } = await tx.query<PersonRow>({
    name: 'social-change-person',
    text: `insert into social.people as p (project_id, user_id, ${columns})
      values ($1, $2, $3, $4, $5, $6, $7, $8)
      on conflict (project_id, user_id) do update set
        friends = p.friends + excluded.friends, friend_version = p.friend_version + excluded.friend_version,
        blocks = p.blocks + excluded.blocks, followers = p.followers + excluded.followers,
        following = p.following + excluded.following, moments = p.moments + excluded.moments
      returning ${columns}`,
    values: [projectId, userId, friends, friendVersion, blocks, followers, following, moments],
  })
  return toPerson(rows[0])
}

export async function readPerson(queryable: Queryable, projectId: string, userId: string): Promise<Person> {
  const { rows } = await queryable.query<PersonRow>({
    name: 'social-person',
    text: `select ${columns} from social.people where project_id = $1 and user_id = $2`,
    values: [projectId, userId],
  })
  return toPerson(rows[0])
}

function toPerson(row: PersonRow | undefined): Person {
  if (row === undefined) return nobody
  const { friend_version, ...counts } = row
  return { ...counts, friendVersion: Number(friend_version) }
}
