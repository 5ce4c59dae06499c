import { AppError, type JoinAnswer, type JoinRequest, newId } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import { decodeCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { Database, Transaction } from '@parley/core/store'
import type { Groups } from '../conversation/groups.ts'
import type { Actor } from '../message/change-message.ts'
import type { JoinGuard, UserDirectory } from '../ports.ts'
import { admit, notYetMembers, refuseBanned } from './admission.ts'
import type { GroupChange, LockedGroup } from './group-changes.ts'
import { defaultGroupSettings } from './group-rules.ts'
import { useInvitationLink } from './invitation-links.ts'
import { admitted } from './join-guard.ts'

export interface JoiningOptions {
  groups: Groups
  database: Database
  outbox: Outbox
  users: UserDirectory
  joinGuard: JoinGuard | undefined
}

type UserActor = Actor & { userId: string }

/** Ways into a group for those who want to: openly, with a token, or by asking those who decide. */
export class Joining {
  readonly #options: JoiningOptions

  constructor(options: JoiningOptions) {
    this.#options = options
  }

  async join(
    actor: UserActor,
    id: string,
    { message, token }: { message?: string | undefined; token?: string | undefined },
  ): Promise<JoinAnswer> {
    const { groups, database, users, joinGuard } = this.#options
    const { userId } = actor
    await users.ensure(database.project(actor.projectId), [userId])
    const { settings = defaultGroupSettings } = await groups.read(actor, id)
    const opens = (policy: string): boolean => token !== undefined || policy === 'open'
    const asked = opens(settings.joinPolicy)
    if (asked) await admitted(joinGuard, actor, { conversationId: id, userIds: [userId], via: 'join' })
    return groups.changes.run(actor, id, async (group): Promise<GroupChange<JoinAnswer>> => {
      if ((await notYetMembers(group, [userId])).length === 0) return { answer: { status: 'joined' } }
      await refuseBanned(group, [userId])
      const { joinPolicy } = group.rules.settings
      if (token !== undefined) await useInvitationLink(group, token)
      else if (joinPolicy === 'invite-only')
        throw new AppError('forbidden', 'This group takes invited users only')
      // The policy may have opened since the guard was to be asked; then this counts as a request.
      if (!asked || !opens(joinPolicy)) return this.#ask(group, userId, message)
      const { content } = await admit(groups.admission, group, [userId])
      return { ...(content !== undefined && { content }), answer: { status: 'joined' } }
    })
  }

  async #ask(
    group: LockedGroup,
    userId: string,
    message: string | undefined,
  ): Promise<GroupChange<JoinAnswer>> {
    const { tx, projectId, id, rules, resource } = group
    await expireRequests(tx, projectId, id)
    const { rows } = await tx.query<RequestRow & { fresh: boolean }>({
      text: `insert into chat.join_requests as r (project_id, id, conversation_id, user_id, message, expires_at)
        values ($1, $2, $3, $4, $5, now() + $6 * interval '1 millisecond')
        on conflict (project_id, conversation_id, user_id) where status = 'pending'
        do update set message = coalesce(excluded.message, r.message)
        returning ${requestColumns}, r.id = $2 as fresh`,
      values: [projectId, newId('joinRequest'), id, userId, message ?? null, rules.settings.joinRequestTtlMs],
    })
    const [row] = rows
    if (row === undefined) throw new AppError('internal-error')
    const request = toRequest(row)
    if (row.fresh) {
      await this.#options.outbox.append(tx, [
        { projectId, resource, type: 'conversation.join-requested', data: request },
      ])
    }
    return { answer: { status: 'requested', request } }
  }

  async list(
    actor: Actor,
    id: string,
    { status, limit, cursor }: PageRequest & { status: JoinRequest['status'] },
  ): Promise<Page<JoinRequest>> {
    await this.#options.groups.requireReader(actor, id, ['owner', 'admin'])
    const { rows } = await this.#options.database.project(actor.projectId).query<RequestRow>({
      name: 'chat-list-join-requests',
      text: `select ${requestColumns} from chat.join_requests r
        where r.project_id = $1 and r.conversation_id = $2 and r.id > $4
          and case when r.status = 'pending' and r.expires_at <= now() then 'expired' else r.status end = $3
        order by r.id limit $5`,
      values: [actor.projectId, id, status, decodeCursor(cursor) ?? '', limit + 1],
    })
    return toPage(rows, limit, { keyOf: (row) => row.id, itemOf: toRequest })
  }

  async approve(actor: Actor, id: string, requestId: string): Promise<JoinRequest> {
    const { groups, joinGuard } = this.#options
    await groups.requireReader(actor, id, ['owner', 'admin'])
    const { userId } = await this.#read(actor.projectId, id, requestId)
    await admitted(joinGuard, actor, { conversationId: id, userIds: [userId], via: 'request' })
    return groups.changes.run(actor, id, async (group) => {
      group.require('admins')
      const decision = { status: 'approved' as const, reason: undefined }
      const answer = await this.#decide(group, requestId, decision)
      const { content } = await admit(groups.admission, group, [answer.userId])
      return { ...(content !== undefined && { content }), answer }
    })
  }

  reject(actor: Actor, id: string, requestId: string, reason: string | undefined): Promise<JoinRequest> {
    return this.#options.groups.changes.run(actor, id, async (group) => {
      group.require('admins')
      return { answer: await this.#decide(group, requestId, { status: 'rejected', reason }) }
    })
  }

  withdraw(actor: UserActor, id: string, requestId: string): Promise<JoinRequest> {
    return this.#options.groups.changes.run(actor, id, async (group) => {
      const decision = { status: 'withdrawn' as const, reason: undefined, ofUserId: actor.userId }
      return { answer: await this.#decide(group, requestId, decision) }
    })
  }

  /** Closes an open request. Throws `not-found`, or `conflict` when it is closed already. */
  async #decide(
    { tx, projectId, id, actor, resource }: LockedGroup,
    requestId: string,
    {
      status,
      reason,
      ofUserId,
    }: { status: JoinRequest['status']; reason: string | undefined; ofUserId?: string },
  ): Promise<JoinRequest> {
    const { rows } = await tx.query<RequestRow>({
      text: `update chat.join_requests r set status = $4, reason = $5, decided_by = $6, decided_at = now()
        where r.project_id = $1 and r.conversation_id = $2 and r.id = $3 and r.status = 'pending'
          and r.expires_at > now() and ($7::text is null or r.user_id = $7)
        returning ${requestColumns}`,
      values: [projectId, id, requestId, status, reason ?? null, actor.userId ?? null, ofUserId ?? null],
    })
    const [row] = rows
    if (row === undefined) {
      const { userId } = await this.#read(projectId, id, requestId, tx)
      if (ofUserId !== undefined && userId !== ofUserId) throw requestNotFound(requestId)
      throw new AppError('conflict', 'The request is open no more')
    }
    const request = toRequest(row)
    await this.#options.outbox.append(tx, [
      { projectId, resource, type: 'conversation.join-decided', data: request },
    ])
    return request
  }

  async #read(
    projectId: string,
    id: string,
    requestId: string,
    store: Pick<Transaction, 'query'> = this.#options.database.project(projectId),
  ): Promise<JoinRequest> {
    const { rows } = await store.query<RequestRow>({
      text: `select ${requestColumns} from chat.join_requests r
        where r.project_id = $1 and r.conversation_id = $2 and r.id = $3`,
      values: [projectId, id, requestId],
    })
    const [row] = rows
    if (row === undefined) throw requestNotFound(requestId)
    return toRequest(row)
  }
}

const requestNotFound = (requestId: string): AppError =>
  new AppError('not-found', `There is no request ${requestId}`)

async function expireRequests(tx: Transaction, projectId: string, id: string): Promise<void> {
  await tx.query({
    text: `update chat.join_requests set status = 'expired'
      where project_id = $1 and conversation_id = $2 and status = 'pending' and expires_at <= now()`,
    values: [projectId, id],
  })
}

interface RequestRow {
  id: string
  conversation_id: string
  user_id: string
  message: string | null
  status: JoinRequest['status']
  reason: string | null
  decided_by: string | null
  created_at: Date
  expires_at: Date
}

const requestColumns = `r.id, r.conversation_id, r.user_id, r.message, r.status, r.reason, r.decided_by, r.created_at,
  r.expires_at`

function toRequest(row: RequestRow): JoinRequest {
  const expired = row.status === 'pending' && row.expires_at.getTime() <= Date.now()
  return {
    id: row.id,
    conversationId: row.conversation_id,
    userId: row.user_id,
    ...(row.message !== null && { message: row.message }),
    status: expired ? 'expired' : row.status,
    ...(row.reason !== null && { reason: row.reason }),
    ...(row.decided_by !== null && { decidedBy: row.decided_by }),
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
  }
}
