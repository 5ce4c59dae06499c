import type { FriendRequest } from '@parley/contracts'
import { decodeCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { ProjectScope, Queryable, Transaction } from '@parley/core/store'

export interface RequestRow {
  id: string
  from_user_id: string
  to_user_id: string
  message: string | null
  remark: string | null
  status: FriendRequest['status']
  reason: string | null
  created_at: Date
  expires_at: Date
}

/** Whether a request has expired is told by its time, never by a job having run. */
const status = `case when status = 'pending' and expires_at <= now() then 'expired' else status end`
export const requestColumns = `id, from_user_id, to_user_id, message, remark, ${status} as status, reason,
  created_at, expires_at`

export function toRequest(row: RequestRow): FriendRequest {
  return {
    id: row.id,
    fromUserId: row.from_user_id,
    toUserId: row.to_user_id,
    ...(row.message !== null && { message: row.message }),
    status: row.status,
    ...(row.reason !== null && { reason: row.reason }),
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
  }
}

/** The open request of one user to another; those whose time is over make room for it. */
export async function openRequest(
  tx: Transaction,
  projectId: string,
  fromUserId: string,
  toUserId: string,
): Promise<RequestRow | undefined> {
  const values = [projectId, fromUserId, toUserId]
  await tx.query({
    text: `update social.friend_requests set status = 'expired'
      where project_id = $1 and from_user_id = $2 and to_user_id = $3
        and social.friend_requests.status = 'pending' and expires_at <= now()`,
    values,
  })
  const { rows } = await tx.query<RequestRow>({
    text: `select ${requestColumns} from social.friend_requests
      where project_id = $1 and from_user_id = $2 and to_user_id = $3 and status = 'pending'`,
    values,
  })
  return rows[0]
}

export async function decideRequest(
  tx: Transaction,
  projectId: string,
  id: string,
  decision: { status: 'accepted' | 'rejected' | 'withdrawn'; reason?: string | undefined },
): Promise<FriendRequest | undefined> {
  const { rows } = await tx.query<RequestRow>({
    text: `update social.friend_requests set status = $3, reason = $4
      where project_id = $1 and id = $2 returning ${requestColumns}`,
    values: [projectId, id, decision.status, decision.reason ?? null],
  })
  return rows[0] && toRequest(rows[0])
}

/** Without telling the other: a block says nothing of itself. */
export async function closeRequests(
  tx: Transaction,
  { projectId, userId, otherId }: { projectId: string; userId: string; otherId: string },
): Promise<void> {
  await tx.query({
    text: `update social.friend_requests
      set status = case when from_user_id = $2 then 'withdrawn' else 'rejected' end
      where project_id = $1 and social.friend_requests.status = 'pending'
        and ((from_user_id = $2 and to_user_id = $3) or (from_user_id = $3 and to_user_id = $2))`,
    values: [projectId, userId, otherId],
  })
}

export async function countOpen(
  queryable: Queryable,
  projectId: string,
  userId: string,
  side: 'from_user_id' | 'to_user_id',
): Promise<number> {
  const { rows } = await queryable.query<{ count: string | number }>({
    text: `select count(*) as count from social.friend_requests
      where project_id = $1 and ${side} = $2 and status = 'pending' and expires_at > now()`,
    values: [projectId, userId],
  })
  return Number(rows[0]?.count ?? 0)
}

export async function listRequests(
  project: ProjectScope,
  userId: string,
  given: PageRequest & { direction: 'received' | 'sent'; status?: FriendRequest['status'] | undefined },
): Promise<{ items: FriendRequest[]; nextCursor?: string }> {
  const { direction, limit, cursor } = given
  const side = direction === 'sent' ? 'from_user_id' : 'to_user_id'
  const { rows } = await project.query<RequestRow>({
    text: `select ${requestColumns} from social.friend_requests
      where project_id = $1 and ${side} = $2 and ($3::text is null or id < $3)
        and ($4::text is null or ${status} = $4)
      order by id desc limit $5`,
    values: [project.projectId, userId, decodeCursor(cursor) ?? null, given.status ?? null, limit + 1],
  })
  return toPage(rows, limit, { keyOf: (row) => row.id, itemOf: toRequest })
}
