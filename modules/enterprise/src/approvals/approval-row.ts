import { AppError, type Approval } from '@parley/contracts'
import type { Queryable } from '@parley/core/store'

export interface ApprovalRow {
  id: string
  submitter_id: string
  digest: Buffer
  state: Approval['state']
  body: Pick<Approval, 'templateId' | 'title' | 'fields' | 'form' | 'steps' | 'copiedTo' | 'comments'>
  version: number
  created_at: Date
  updated_at: Date
}

export const approvalColumns =
  'a.id, a.submitter_id, a.digest, a.state, a.body, a.version, a.created_at, a.updated_at'

export function toApproval(row: ApprovalRow): Approval {
  return {
    id: row.id,
    submitterId: row.submitter_id,
    state: row.state,
    ...row.body,
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}

/** Throws `not-found` for who takes no part in it; no reader: the customer's server. */
export async function readApproval(
  queryable: Queryable,
  projectId: string,
  id: string,
  readerId: string | undefined,
  options: { lock?: boolean } = {},
): Promise<Approval> {
  const { rows } = await queryable.query<ApprovalRow>({
    text: `select ${approvalColumns} from enterprise.approvals a
      where a.project_id = $1 and a.id = $2 ${options.lock === true ? 'for update' : ''}`,
    values: [projectId, id],
  })
  const approval = rows[0] && toApproval(rows[0])
  if (approval === undefined || (readerId !== undefined && !participantsOf(approval).has(readerId)))
    throw new AppError('not-found', 'There is no such approval')
  return approval
}

/** Everybody who may see it. */
export function participantsOf({ submitterId, steps, copiedTo }: Approval): Set<string> {
  const approvers = steps.flatMap(({ tasks }) => tasks.map(({ userId }) => userId))
  return new Set([submitterId, ...approvers, ...copiedTo])
}

/** Who takes part in which role, for lists. */
export function rolesOf({ submitterId, steps, copiedTo }: Approval): { userId: string; role: string }[] {
  const roles = [
    { userId: submitterId, role: 'submitter' },
    ...copiedTo.map((userId) => ({ userId, role: 'copied' })),
  ]
  for (const { state, tasks } of steps) {
    for (const { userId, verdict } of tasks) {
      if (state === 'current' && verdict === 'waiting') roles.push({ userId, role: 'decider' })
      if (verdict !== 'waiting' && verdict !== 'spared') roles.push({ userId, role: 'decided' })
    }
  }
  return roles
}
