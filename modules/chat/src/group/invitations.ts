import { AppError, type Invitation, maxOpenInvitations, newId } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import { decodeCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { Database } from '@parley/core/store'
import type { Groups } from '../conversation/groups.ts'
import type { Actor } from '../message/change-message.ts'
import type { JoinGuard, UserDirectory } from '../ports.ts'
import { admit, notYetMembers, refuseBanned } from './admission.ts'
import type { GroupChange, LockedGroup } from './group-changes.ts'
import { admitted } from './join-guard.ts'

export interface InvitationsOptions {
  groups: Groups
  database: Database
  outbox: Outbox
  users: UserDirectory
  joinGuard: JoinGuard | undefined
}

type UserActor = Actor & { userId: string }
type Invited = { joined: string[]; invitations: Invitation[] }

/** Members bring others in: at once, or, where the group asks for consent, once the invited agree. */
export class Invitations {
  readonly #options: InvitationsOptions

  constructor(options: InvitationsOptions) {
    this.#options = options
  }

  async invite(
    actor: Actor,
    id: string,
    { userIds, message }: { userIds: readonly string[]; message?: string | undefined },
  ): Promise<Invited> {
    const { groups, database, users, joinGuard } = this.#options
    const wanted = [...new Set(userIds)]
    await users.ensure(database.project(actor.projectId), wanted)
    const { settings } = await groups.read(actor, id)
    const direct = settings?.invitationConsent !== true
    const allowed = direct
      ? await admitted(joinGuard, actor, { conversationId: id, userIds: wanted, via: 'invite' })
      : wanted
    return groups.changes.run(actor, id, async (group): Promise<GroupChange<Invited>> => {
      groups.requireInviter(group)
      if (!direct || group.rules.settings.invitationConsent) return this.#ask(group, wanted, message)
      const { content, answer: joined } = await admit(groups.admission, group, allowed)
      return { ...(content !== undefined && { content }), answer: { joined, invitations: [] } }
    })
  }

  async #ask(
    group: LockedGroup,
    userIds: readonly string[],
    message: string | undefined,
  ): Promise<GroupChange<Invited>> {
    const { tx, projectId, id, actor, rules, resource } = group
    const strangers = await notYetMembers(group, userIds)
    await refuseBanned(group, strangers)
    await tx.query({
      text: `update chat.invitations set status = 'expired'
        where project_id = $1 and conversation_id = $2 and status = 'pending' and expires_at <= now()`,
      values: [projectId, id],
    })
    const { rows } = await tx.query<InvitationRow>({
      text: `insert into chat.invitations as i (project_id, conversation_id, id, user_id, inviter_id, message,
          expires_at)
        select $1, $2, u.id, u.user_id, $5, $6, now() + $7 * interval '1 millisecond'
        from unnest($3::text[], $4::text[]) as u (id, user_id)
        on conflict (project_id, conversation_id, user_id) where status = 'pending' do nothing
        returning ${invitationColumns}, (
          select c.name from chat.conversations c where c.project_id = i.project_id and c.id = i.conversation_id
        ) as conversation_name`,
      values: [
        ...[projectId, id, strangers.map(() => newId('invitation')), strangers],
        ...[actor.userId ?? null, message ?? null, rules.settings.joinRequestTtlMs],
      ],
    })
    await this.#refuseTooMany(group)
    const invitations = rows.map(toInvitation)
    if (invitations.length > 0) {
      const data = { conversationId: id, invitations }
      await this.#options.outbox.append(tx, [{ projectId, resource, type: 'conversation.invited', data }])
    }
    return { answer: { joined: [], invitations } }
  }

  async #refuseTooMany({ tx, projectId, id }: LockedGroup): Promise<void> {
    const { rows } = await tx.query<{ n: number }>({
      text: `select count(*)::int as n from chat.invitations
        where project_id = $1 and conversation_id = $2 and status = 'pending'`,
      values: [projectId, id],
    })
    if ((rows[0]?.n ?? 0) > maxOpenInvitations)
      throw new AppError('limit-exceeded', `A group has at most ${maxOpenInvitations} open invitations`)
  }

  async listSent(actor: Actor, id: string, page: PageRequest): Promise<Page<Invitation>> {
    await this.#options.groups.requireReader(actor, id)
    return this.#list(actor.projectId, 'i.conversation_id', id, page)
  }

  listReceived(actor: UserActor, page: PageRequest): Promise<Page<Invitation>> {
    return this.#list(actor.projectId, 'i.user_id', actor.userId, page)
  }

  async #list(
    projectId: string,
    column: 'i.conversation_id' | 'i.user_id',
    value: string,
    { limit, cursor }: PageRequest,
  ): Promise<Page<Invitation>> {
    const { rows } = await this.#options.database.project(projectId).query<InvitationRow>({
      text: `select ${invitationColumns}, c.name as conversation_name from chat.invitations i
        join chat.conversations c on c.project_id = i.project_id and c.id = i.conversation_id
        where i.project_id = $1 and ${column} = $2 and i.status = 'pending' and i.expires_at > now() and i.id > $3
          and c.dissolved_at is null
        order by i.id limit $4`,
      values: [projectId, value, decodeCursor(cursor) ?? '', limit + 1],
    })
    return toPage(rows, limit, { keyOf: (row) => row.id, itemOf: toInvitation })
  }

  async accept(actor: UserActor, invitationId: string): Promise<Invitation> {
    const { groups, joinGuard } = this.#options
    const { userId, projectId } = actor
    const { conversationId: id, inviterId } = await this.#readOwn(actor, invitationId)
    const join = { conversationId: id, userIds: [userId], via: 'invite' as const }
    await admitted(joinGuard, { projectId, userId: undefined }, { ...join, actorId: inviterId })
    return groups.changes.run(actor, id, async (group) => {
      const answer = await close(group, invitationId, 'accepted')
      const { content } = await admit(groups.admission, group, [userId])
      return { ...(content !== undefined && { content }), answer }
    })
  }

  async decline(actor: UserActor, invitationId: string): Promise<Invitation> {
    const { conversationId } = await this.#readOwn(actor, invitationId)
    return this.#options.groups.changes.run(actor, conversationId, async (group) => ({
      answer: await close(group, invitationId, 'declined'),
    }))
  }

  withdraw(actor: Actor, id: string, invitationId: string): Promise<Invitation> {
    return this.#options.groups.changes.run(actor, id, async (group) => {
      group.requireMember()
      const answer = await close(group, invitationId, 'withdrawn')
      // What was closed is open again when this throws.
      if (actor.userId === undefined || answer.inviterId !== actor.userId) group.require('admins')
      return { answer }
    })
  }

  async #readOwn({ projectId, userId }: UserActor, invitationId: string): Promise<Invitation> {
    const { rows } = await this.#options.database.project(projectId).query<InvitationRow>({
      text: `select ${invitationColumns}, null as conversation_name from chat.invitations i
        where i.project_id = $1 and i.id = $2 and i.user_id = $3`,
      values: [projectId, invitationId, userId],
    })
    const [row] = rows
    if (row === undefined) throw new AppError('not-found', `There is no invitation ${invitationId}`)
    return toInvitation(row)
  }
}

/** Closes an open invitation. Throws `not-found`, or `conflict` when it is closed already. */
async function close(
  { tx, projectId, id }: LockedGroup,
  invitationId: string,
  status: Invitation['status'],
): Promise<Invitation> {
  const { rows } = await tx.query<InvitationRow & { open: boolean }>({
    text: `with found as (
        select id, status = 'pending' and expires_at > now() as open from chat.invitations
        where project_id = $1 and conversation_id = $2 and id = $3 for update
      )
      update chat.invitations i set status = case when found.open then $4 else i.status end from found
      where i.project_id = $1 and i.id = found.id
      returning ${invitationColumns}, null as conversation_name, found.open`,
    values: [projectId, id, invitationId, status],
  })
  const [row] = rows
  if (row === undefined) throw new AppError('not-found', `There is no invitation ${invitationId}`)
  if (!row.open) throw new AppError('conflict', 'The invitation is open no more')
  return toInvitation(row)
}

interface InvitationRow {
  id: string
  conversation_id: string
  conversation_name: string | null
  user_id: string
  inviter_id: string | null
  message: string | null
  status: Invitation['status']
  created_at: Date
  expires_at: Date
}

const invitationColumns = `i.id, i.conversation_id, i.user_id, i.inviter_id, i.message, i.status, i.created_at,
  i.expires_at`

function toInvitation(row: InvitationRow): Invitation {
  return {
    id: row.id,
    conversationId: row.conversation_id,
    ...(row.conversation_name !== null && { conversationName: row.conversation_name }),
    userId: row.user_id,
    ...(row.inviter_id !== null && { inviterId: row.inviter_id }),
    ...(row.message !== null && { message: row.message }),
    status: row.status,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
  }
}
