import {
  AppError,
  type Approval,
  type CardClick,
  type EnterpriseEvents,
  approvalServerEndpoints as endpoints,
} from '@parley/contracts'
import type { Logger, Scope } from '@parley/core/kernel'
import type { Platform } from '@parley/core/platform'
import { z } from 'zod'
import type { Doors } from '../doors.ts'
import type { EnterprisePorts } from '../ports.ts'
import { ApprovalCards } from './approval-cards.ts'
import { participantsOf } from './approval-row.ts'
import { Approvals } from './approvals.ts'
import { cardsJob } from './cards-job.ts'
import { ApprovalTemplates } from './templates.ts'

const told = [
  'approval.submitted',
  'approval.advanced',
  'approval.approved',
  'approval.rejected',
  'approval.withdrawn',
  'approval.commented',
] as const satisfies readonly (keyof EnterpriseEvents)[]

/** Approvals: REST, realtime, the cards of those concerned, and telling their devices. */
export function startApprovals(
  platform: Platform,
  { scope, doors, ports, logger }: { scope: Scope; doors: Doors; ports: EnterprisePorts; logger: Logger },
): { clicked(projectId: string, click: CardClick): Promise<void> } {
  const { database, outbox, jobs, http, gateway } = platform
  const { users, files } = ports
  const templates = new ApprovalTemplates(database)
  const approvals = new Approvals({ database, outbox, jobs, users, files, templates })
  const cards = new ApprovalCards({ database, ports, logger })
  jobs.define({
    name: cardsJob,
    schema: z.object({ approvalId: z.string() }),
    handle: ({ approvalId }, { projectId }) => cards.refresh(projectId, approvalId),
  })

  http.route(endpoints.putApprovalTemplate, ({ caller, params, body }) =>
    templates.put(caller.projectId, params.templateId, body),
  )
  http.route(endpoints.deleteApprovalTemplate, async ({ caller, params }) => {
    await templates.remove(caller.projectId, params.templateId)
    return { done: true as const }
  })
  doors.forAll('approval.templates', ({ projectId, userId }, page) => {
    return templates.list(projectId, { ...page, onlyEnabled: userId !== undefined })
  })
  doors.forUsers('approval.submit', (actor, submission) => {
    return approvals.submit(actor, submission)
  })
  doors.forUsers('approval.list', (actor, query) => {
    return approvals.list(actor, query)
  })
  doors.forAll('approval.get', (actor, { approvalId }) => {
    return approvals.get(actor, approvalId)
  })
  doors.forUsers('approval.decide', ({ projectId, userId }, { approvalId, ...decision }) => {
    return approvals.act(projectId, approvalId, { type: 'decide', userId, ...decision })
  })
  doors.forUsers('approval.transfer', ({ projectId, userId }, { approvalId, ...transfer }) => {
    return approvals.act(projectId, approvalId, { type: 'transfer', userId, ...transfer })
  })
  doors.forUsers('approval.add-approver', ({ projectId, userId }, { approvalId, ...addition }) => {
    return approvals.act(projectId, approvalId, { type: 'add-approver', userId, ...addition })
  })
  doors.forUsers('approval.withdraw', ({ projectId, userId }, { approvalId }) => {
    return approvals.act(projectId, approvalId, { type: 'withdraw', userId })
  })
  doors.forUsers('approval.comment', (actor, { approvalId, text }) => {
    return approvals.comment(actor, approvalId, text)
  })

  const stopTail = outbox.tail({
    types: [...told],
    handle: (events) => {
      for (const { projectId, data } of events) {
        const { approval } = data as { approval: Approval }
        const { id: approvalId, state, version } = approval
        const frame = gateway.encode({ type: 'approval.changed', approvalId, state, version })
        gateway.deliver(projectId, participantsOf(approval), frame, () => false)
      }
    },
  })
  scope.onClose('approvals tail', stopTail)

  return {
    clicked: async (projectId, { userId, actionId, value }) => {
      const verdict = actionId === 'approved' || actionId === 'rejected' ? actionId : undefined
      const [approvalId = '', step = ''] = value?.split('/') ?? []
      if (verdict === undefined || !/^\d{1,3}$/.test(step)) return
      try {
        await approvals.act(projectId, approvalId, { type: 'decide', step: Number(step), userId, verdict })
      } catch (error) {
        // Somebody else decided first: the card shows it by then.
        if (!(error instanceof AppError) || error.retryable) throw error
      }
    },
  }
}
