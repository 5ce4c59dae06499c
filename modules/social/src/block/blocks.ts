import { AppError, type Block } from '@parley/contracts'
import type { UserActor } from '@parley/core/operations'
import type { PageRequest } from '@parley/core/pages'
import { endFollow } from '../follow/follow-store.ts'
import { endFriendship } from '../friend/friend-store.ts'
import { closeRequests } from '../friend/request-store.ts'
import type { SocialParts } from '../parts.ts'
import { changePerson, lockPeople, readPerson } from '../people/people.ts'
import type { GuardedJoin, GuardedMessage } from '../ports.ts'
import { listBlocks, toBlock } from './block-store.ts'

/** Who blocks whom (SOC-1 to SOC-9). */
export class Blocks {
  readonly #parts: SocialParts

  constructor(parts: SocialParts) {
    this.#parts = parts
  }

  /** Effective in this process before it resolves. Blocked again is the same. */
  async add({ projectId, userId }: UserActor, blockedId: string): Promise<Block> {
    const { database, outbox, users, view, config } = this.#parts
    const project = database.project(projectId)
    if (blockedId === userId) throw new AppError('conflict', 'Nobody blocks themselves')
    await users.ensure(project, [userId, blockedId])
    const made = await project.transaction(async (tx) => {
      await lockPeople(tx, projectId, [userId, blockedId], 'change')
      const values = [projectId, userId, blockedId]
      const { rows: known } = await tx.query<Parameters<typeof toBlock>[0]>({
        text: `select blocked_id, created_at from social.blocks
          where project_id = $1 and user_id = $2 and blocked_id = $3`,
        values,
      })
      if (known[0]) return toBlock(known[0])
      if ((await readPerson(tx, projectId, userId)).blocks >= config.maxBlocks) {
        throw new AppError('limit-exceeded', `A user blocks at most ${config.maxBlocks} users`)
      }
      const { rows } = await tx.query<Parameters<typeof toBlock>[0]>({
        text: `insert into social.blocks (project_id, user_id, blocked_id) values ($1, $2, $3)
          returning blocked_id, created_at`,
        values,
      })
      await changePerson(tx, projectId, userId, { blocks: 1 })
      await outbox.append(tx, [
        { projectId, resource: `user/${userId}`, type: 'user.blocked', data: { userId, blockedId } },
      ])
      await endFriendship(tx, outbox, { projectId, userId, friendId: blockedId, sides: 'both' })
      await endFollow(tx, outbox, { projectId, userId, followedId: blockedId })
      await endFollow(tx, outbox, { projectId, userId: blockedId, followedId: userId })
      await closeRequests(tx, { projectId, userId, otherId: blockedId })
      const [row] = rows
      if (row === undefined) throw new Error('the statement answered no row')
      return toBlock(row)
    })
    view.forget(projectId, userId)
    return made
  }

  async remove({ projectId, userId }: UserActor, blockedId: string): Promise<void> {
    const { database, outbox, view } = this.#parts
    await database.project(projectId).transaction(async (tx) => {
      await lockPeople(tx, projectId, [userId, blockedId], 'change')
      const { rowCount } = await tx.query({
        text: 'delete from social.blocks where project_id = $1 and user_id = $2 and blocked_id = $3',
        values: [projectId, userId, blockedId],
      })
      if (rowCount === 0) return
      await changePerson(tx, projectId, userId, { blocks: -1 })
      await outbox.append(tx, [
        { projectId, resource: `user/${userId}`, type: 'user.unblocked', data: { userId, blockedId } },
      ])
    })
    view.forget(projectId, userId)
  }

  list({ projectId, userId }: UserActor, page: PageRequest): ReturnType<typeof listBlocks> {
    return listBlocks(this.#parts.database.project(projectId), userId, page)
  }

  /** For chat's guards of messages: throws `blocked` before a direct message gets a seq. */
  sendGuard(): { check<Content>(message: GuardedMessage<Content>): Promise<Content> } {
    const { view } = this.#parts
    return {
      check: async ({ projectId, conversationType, senderId, peerId, content }) => {
        if (conversationType !== 'direct' || peerId === undefined) return content
        if (await view.blocks(projectId, peerId, senderId)) throw new AppError('blocked')
        return content
      },
    }
  }

  /**
   * For chat's guard of joins: whom somebody blocks does not bring them into a group. They are left out, and only when
   * nobody is left it shows: `forbidden`.
   */
  joinGuard(): { check(join: GuardedJoin): Promise<string[]> } {
    const { view } = this.#parts
    return {
      check: async ({ projectId, userIds, via, actorId }) => {
        if (via !== 'invite' || actorId === undefined) return userIds
        const apart = await Promise.all(userIds.map((id) => view.blocks(projectId, id, actorId)))
        const admitted = userIds.filter((_, index) => apart[index] !== true)
        if (admitted.length === 0 && userIds.length > 0) throw new AppError('forbidden')
        return admitted
      },
    }
  }
}
