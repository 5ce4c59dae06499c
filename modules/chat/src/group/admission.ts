import { AppError, type MemberRole } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { Transaction } from '@parley/core/store'
import { requireMembers } from '../community/communities.ts'
import type { ChatSettings } from '../config.ts'
import { insertMembers, markLarge } from '../conversation/member-rows.ts'
import type { GroupChange, LockedGroup } from './group-changes.ts'

export interface AdmissionOptions {
  outbox: Outbox
  settings: ChatSettings
}

/**
 * Makes users members of a locked group: who is one already is passed over, a ban refuses all. Open requests and
 * invitations of those who join are settled with it.
 */
export async function admit(
  { outbox, settings }: AdmissionOptions,
  group: LockedGroup,
  userIds: readonly string[],
  role: MemberRole = 'member',
): Promise<GroupChange<string[]>> {
  const { tx, projectId, id, head, seq, version, resource } = group
  group.requireOwnMembers()
  const strangers = await notYetMembers(group, userIds)
  if (strangers.length === 0) return { answer: [] }
  if (head.parent_id !== null) await requireMembers(tx, projectId, head.parent_id, strangers)
  await refuseBanned(group, strangers)
  const limit = head.type === 'community' ? settings.maxCommunityMembers : settings.maxMembers
  if (head.member_count + strangers.length > limit) throw tooManyMembers(limit)
  const visibleFromSeq = group.historyFromStart ? 1 : seq
  await insertMembers(tx, { projectId, id, userIds: strangers, seq, visibleFromSeq, role, version })
  head.member_count += strangers.length
  if (head.member_count >= settings.largeFrom) await markLarge(tx, projectId, id)
  await settle(tx, projectId, id, strangers)
  const data = { conversationId: id, seq, userIds: strangers }
  await outbox.append(tx, [{ projectId, resource, type: 'conversation.members-added', data }])
  const members = strangers.map((userId) => ({ userId, role }))
  return { content: { type: 'members-added', members }, answer: strangers }
}

export const tooManyMembers = (limit: number): AppError =>
  new AppError('limit-exceeded', `A group has at most ${limit} members`)

export async function notYetMembers(
  { tx, projectId, id }: LockedGroup,
  userIds: readonly string[],
): Promise<string[]> {
  const { rows } = await tx.query<{ user_id: string }>({
    text: `select user_id from chat.members
      where project_id = $1 and conversation_id = $2 and user_id = any($3) and left_seq is null`,
    values: [projectId, id, userIds],
  })
  const members = new Set(rows.map((row) => row.user_id))
  return userIds.filter((userId) => !members.has(userId))
}

export async function refuseBanned(
  { tx, projectId, id }: LockedGroup,
  userIds: readonly string[],
): Promise<void> {
  const { rows } = await tx.query<{ user_id: string }>({
    text: `select user_id from chat.bans
      where project_id = $1 and conversation_id = $2 and user_id = any($3) and (until is null or until > now())
      order by user_id limit 10`,
    values: [projectId, id, userIds],
  })
  if (rows.length > 0)
    throw new AppError('banned', `${rows.map((row) => row.user_id).join(', ')} may not join ${id}`)
}

async function settle(tx: Transaction, projectId: string, id: string, userIds: string[]): Promise<void> {
  await tx.query({
    text: `with requests as (
        update chat.join_requests set status = 'approved', decided_at = now()
        where project_id = $1 and conversation_id = $2 and user_id = any($3) and status = 'pending'
      )
      update chat.invitations set status = 'accepted'
      where project_id = $1 and conversation_id = $2 and user_id = any($3) and status = 'pending'`,
    values: [projectId, id, userIds],
  })
}
