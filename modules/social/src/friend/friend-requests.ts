import { AppError, type FriendPolicy, type FriendRequest, newId } from '@parley/contracts'
import type { UserActor } from '@parley/core/operations'
import type { PageRequest } from '@parley/core/pages'
import type { Queryable, Transaction } from '@parley/core/store'
import { blocksBetween } from '../block/block-store.ts'
import type { SocialParts } from '../parts.ts'
import { lockPeople } from '../people/people.ts'
import { befriend, findFriend } from './friend-store.ts'
import {
  countOpen,
  decideRequest,
  listRequests,
  openRequest,
  type RequestRow,
  requestColumns,
  toRequest,
} from './request-store.ts'

const dayMs = 86_400_000

interface Asking {
  toUserId: string
  message?: string | undefined
  remark?: string | undefined
}

/** Asking to become friends, and deciding about it (SOC-10 to SOC-19). */
export class FriendRequests {
  readonly #parts: SocialParts

  constructor(parts: SocialParts) {
    this.#parts = parts
  }

  async request(
    { projectId, userId }: UserActor,
    { toUserId, message, remark }: Asking,
  ): Promise<{ status: 'pending' | 'accepted'; request?: FriendRequest }> {
    const { database, outbox, users, gate, settings, config } = this.#parts
    const project = database.project(projectId)
    if (toUserId === userId) throw new AppError('conflict', 'Nobody befriends themselves')
    await users.ensure(project, [userId, toUserId])
    const said = message === undefined ? undefined : await this.#screened(projectId, userId, message, gate)
    const { friendPolicy, requestDays } = await settings.get(projectId)
    return project.transaction(async (tx) => {
      await lockPeople(tx, projectId, [userId, toUserId], 'change')
      await refuseApart(tx, projectId, userId, toUserId)
      const become = async (request?: FriendRequest, theirs?: string): Promise<void> => {
        await befriend(tx, outbox, {
          projectId,
          userIds: [userId, toUserId],
          remarks: [remark, theirs],
          ...(request && { request }),
          maxFriends: config.maxFriends,
        })
      }
      // Who has the asker in the list agreed already.
      if (await findFriend(tx, projectId, toUserId, userId)) {
        await become()
        return { status: 'accepted' }
      }
      const reverse = await openRequest(tx, projectId, toUserId, userId)
      if (reverse) {
        const request = await this.#decide(tx, projectId, reverse.id, { status: 'accepted' })
        await become(request, reverse.remark ?? undefined)
        return { status: 'accepted', request }
      }
      const open = await openRequest(tx, projectId, userId, toUserId)
      if (open) return { status: 'pending', request: toRequest(open) }
      const policy = (await policyOf(tx, projectId, toUserId)) ?? friendPolicy
      if (policy === 'nobody') throw new AppError('forbidden', 'The user takes no friend requests')
      if (policy === 'everyone') {
        await become()
        return { status: 'accepted' }
      }
      const waiting = Math.max(
        await countOpen(tx, projectId, userId, 'from_user_id'),
        await countOpen(tx, projectId, toUserId, 'to_user_id'),
      )
      if (waiting >= config.maxOpenRequests)
        throw new AppError('limit-exceeded', 'Too many friend requests wait')
      const expiresAt = new Date(Date.now() + requestDays * dayMs)
      const { rows } = await tx.query<RequestRow>({
        text: `insert into social.friend_requests
            (project_id, id, from_user_id, to_user_id, message, remark, expires_at)
          values ($1, $2, $3, $4, $5, $6, $7) returning ${requestColumns}`,
        values: [
          projectId,
          newId('friendRequest'),
          userId,
          toUserId,
          said ?? null,
          remark ?? null,
          expiresAt,
        ],
      })
      const [row] = rows
      if (row === undefined) throw new Error('the statement answered no row')
      const request = toRequest(row)
      await outbox.append(tx, [
        { projectId, resource: `user/${toUserId}`, type: 'friend.requested', data: { request } },
      ])
      return { status: 'pending', request }
    })
  }

  /** Accepted again is the same. Throws `conflict` for one that was decided otherwise or has expired. */
  async accept({ projectId, userId }: UserActor, requestId: string, remark?: string): Promise<FriendRequest> {
    const { database, outbox, config } = this.#parts
    const found = await this.#find(database.project(projectId), projectId, requestId, { toUserId: userId })
    return database.project(projectId).transaction(async (tx) => {
      await lockPeople(tx, projectId, [found.from_user_id, userId], 'change')
      const row = await this.#find(tx, projectId, requestId, { toUserId: userId })
      if (row.status === 'accepted') return toRequest(row)
      requirePending(row)
      const request = await this.#decide(tx, projectId, requestId, { status: 'accepted' })
      await befriend(tx, outbox, {
        projectId,
        userIds: [userId, row.from_user_id],
        remarks: [remark, row.remark ?? undefined],
        request,
        maxFriends: config.maxFriends,
      })
      return request
    })
  }

  /** `rejected` by who was asked, `withdrawn` by who asked. The same again is the same. */
  async end(
    { projectId, userId }: UserActor,
    requestId: string,
    ending: { status: 'rejected' | 'withdrawn'; reason?: string | undefined },
  ): Promise<FriendRequest> {
    const { database, outbox } = this.#parts
    const side = ending.status === 'rejected' ? { toUserId: userId } : { fromUserId: userId }
    const found = await this.#find(database.project(projectId), projectId, requestId, side)
    return database.project(projectId).transaction(async (tx) => {
      await lockPeople(tx, projectId, [found.from_user_id, found.to_user_id], 'change')
      const row = await this.#find(tx, projectId, requestId, side)
      if (row.status === ending.status) return toRequest(row)
      requirePending(row)
      const request = await this.#decide(tx, projectId, requestId, ending)
      const type = ending.status === 'rejected' ? 'friend.rejected' : 'friend.withdrawn'
      await outbox.append(tx, [{ projectId, resource: `user/${row.to_user_id}`, type, data: { request } }])
      return request
    })
  }

  list(
    { projectId, userId }: UserActor,
    given: PageRequest & { direction: 'received' | 'sent'; status?: FriendRequest['status'] | undefined },
  ): ReturnType<typeof listRequests> {
    return listRequests(this.#parts.database.project(projectId), userId, given)
  }

  async #screened(
    projectId: string,
    userId: string,
    message: string,
    gate: SocialParts['gate'],
  ): Promise<string | undefined> {
    if (gate === undefined) return message
    const [text] = await gate.check({
      projectId,
      userId,
      kind: 'friend-request',
      texts: [message],
      media: [],
    })
    return text
  }

  async #find(
    queryable: Queryable,
    projectId: string,
    requestId: string,
    side: { toUserId: string } | { fromUserId: string },
  ): Promise<RequestRow> {
    const { rows } = await queryable.query<RequestRow>({
      text: `select ${requestColumns} from social.friend_requests where project_id = $1 and id = $2`,
      values: [projectId, requestId],
    })
    const [row] = rows
    const own =
      row && ('toUserId' in side ? row.to_user_id === side.toUserId : row.from_user_id === side.fromUserId)
    if (row === undefined || own !== true) throw new AppError('not-found', 'There is no such request')
    return row
  }

  async #decide(
    tx: Transaction,
    projectId: string,
    requestId: string,
    decision: Parameters<typeof decideRequest>[3],
  ): Promise<FriendRequest> {
    const request = await decideRequest(tx, projectId, requestId, decision)
    if (request === undefined) throw new AppError('not-found', 'There is no such request')
    return request
  }
}

function requirePending(row: RequestRow): void {
  if (row.status !== 'pending') throw new AppError('conflict', `The request is ${row.status}`)
}

/** Throws `blocked` when the other blocks the user, and `conflict` when the user blocks the other. */
async function refuseApart(
  tx: Transaction,
  projectId: string,
  userId: string,
  otherId: string,
): Promise<void> {
  const { own, theirs } = await blocksBetween(tx, projectId, userId, otherId)
  if (theirs) throw new AppError('blocked')
  if (own) throw new AppError('conflict', 'The user is blocked')
}

async function policyOf(
  tx: Transaction,
  projectId: string,
  userId: string,
): Promise<FriendPolicy | undefined> {
  const { rows } = await tx.query<{ friend_policy: FriendPolicy | null }>({
    text: 'select friend_policy from social.profiles where project_id = $1 and user_id = $2',
    values: [projectId, userId],
  })
  return rows[0]?.friend_policy ?? undefined
}
