import { AppError, type Follow, type Relation } from '@parley/contracts'
import type { UserActor } from '@parley/core/operations'
import { decodeCursor, type PageRequest, toPage } from '@parley/core/pages'
import { blocksBetween, notApart } from '../block/block-store.ts'
import { noteInteractions } from '../interaction/interaction-store.ts'
import type { SocialParts } from '../parts.ts'
import { changePerson, lockPeople, readPerson } from '../people/people.ts'
import { endFollow } from './follow-store.ts'

interface FollowRow {
  other_id: string
  mutual: boolean
  created_at: Date
}

const toFollow = ({ other_id, mutual, created_at }: FollowRow): Follow => ({
  userId: other_id,
  mutual,
  createdAt: created_at.toISOString(),
})

/** Who follows whom (SOC-40 to SOC-44). */
export class Follows {
  readonly #parts: SocialParts

  constructor(parts: SocialParts) {
    this.#parts = parts
  }

  /** Followed again is the same. Throws `blocked` when either blocks the other. */
  async add({ projectId, userId }: UserActor, followedId: string): Promise<Follow> {
    const { database, outbox, users, config } = this.#parts
    const project = database.project(projectId)
    if (followedId === userId) throw new AppError('conflict', 'Nobody follows themselves')
    await users.ensure(project, [userId, followedId])
    return project.transaction(async (tx) => {
      await lockPeople(tx, projectId, [userId, followedId], 'change')
      const apart = await blocksBetween(tx, projectId, userId, followedId)
      if (apart.theirs) throw new AppError('blocked')
      if (apart.own) throw new AppError('conflict', 'The user is blocked')
      const { rowCount } = await tx.query({
        text: `insert into social.follows (project_id, user_id, followed_id) values ($1, $2, $3)
          on conflict do nothing`,
        values: [projectId, userId, followedId],
      })
      if (rowCount > 0) {
        const { following } = await changePerson(tx, projectId, userId, { following: 1 })
        if (following > config.maxFollowing) {
          throw new AppError('limit-exceeded', `A user follows at most ${config.maxFollowing} users`)
        }
        await changePerson(tx, projectId, followedId, { followers: 1 })
        await outbox.append(tx, [
          { projectId, resource: `user/${userId}`, type: 'user.followed', data: { userId, followedId } },
        ])
        await noteInteractions(tx, this.#parts, projectId, [
          { userId: followedId, kind: 'followed', actorId: userId },
        ])
      }
      const { rows } = await tx.query<FollowRow>({
        text: `select followed_id as other_id, created_at, exists (select from social.follows back
            where back.project_id = $1 and back.user_id = $3 and back.followed_id = $2) as mutual
          from social.follows where project_id = $1 and user_id = $2 and followed_id = $3`,
        values: [projectId, userId, followedId],
      })
      const [row] = rows
      if (row === undefined) throw new Error('the statement answered no row')
      return toFollow(row)
    })
  }

  async remove({ projectId, userId }: UserActor, followedId: string): Promise<void> {
    const { database, outbox } = this.#parts
    await database.project(projectId).transaction(async (tx) => {
      await lockPeople(tx, projectId, [userId, followedId], 'change')
      await endFollow(tx, outbox, { projectId, userId, followedId })
    })
  }

  /** Whom a user follows, or who follows a user; without those whom a block keeps from the reader. */
  async list(
    { projectId, userId }: UserActor,
    ofUserId: string,
    side: 'following' | 'followers',
    { limit, cursor }: PageRequest,
  ): Promise<{ items: Follow[]; nextCursor?: string }> {
    const project = this.#parts.database.project(projectId)
    const apart = await blocksBetween(project, projectId, userId, ofUserId)
    if (apart.own || apart.theirs) throw new AppError('not-found')
    const [own, other] = side === 'following' ? ['user_id', 'followed_id'] : ['followed_id', 'user_id']
    const { rows } = await project.query<FollowRow>({
      text: `select f.${other} as other_id, f.created_at, exists (select from social.follows back
          where back.project_id = $1 and back.${own} = f.${other} and back.${other} = $2) as mutual
        from social.follows f
        where f.project_id = $1 and f.${own} = $2 and f.${other} > $3 and ${notApart(`f.${other}`, '$4::text')}
        order by f.${other} limit $5`,
      values: [projectId, ofUserId, decodeCursor(cursor) ?? '', userId, limit + 1],
    })
    return toPage(rows, limit, { keyOf: (row) => row.other_id, itemOf: toFollow })
  }

  async relation({ projectId, userId }: UserActor, otherId: string): Promise<Relation> {
    const { database, users } = this.#parts
    const project = database.project(projectId)
    await users.ensure(project, [otherId])
    const { rows } = await project.query<Pick<Relation, 'friend' | 'following' | 'followedBy'>>({
      text: `select
        exists (select from social.friends where project_id = $1 and user_id = $2 and friend_id = $3
          and not removed) as friend,
        exists (select from social.follows where project_id = $1 and user_id = $2 and followed_id = $3)
          as following,
        exists (select from social.follows where project_id = $1 and user_id = $3 and followed_id = $2)
          as "followedBy"`,
      values: [projectId, userId, otherId],
    })
    const [ties = { friend: false, following: false, followedBy: false }] = rows
    const { own, theirs } = await blocksBetween(project, projectId, userId, otherId)
    const { followers, following } = await readPerson(project, projectId, otherId)
    const counts = own || theirs ? { followers: 0, following: 0 } : { followers, following }
    return { userId: otherId, ...ties, blocked: own, counts }
  }
}
