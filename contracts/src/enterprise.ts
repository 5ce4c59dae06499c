import { type ApprovalEvents, approvalOperations, approvalServerEndpoints } from './enterprise-approvals.ts'
import { type CardEvents, cardOperations, cardServerEndpoints } from './enterprise-cards.ts'
import {
  type DirectoryEvents,
  directoryOperations,
  directoryServerEndpoints,
} from './enterprise-directory.ts'
import { endpointsOf, type OperationAnswers } from './operation.ts'

export * from './enterprise-approvals.ts'
export * from './enterprise-cards.ts'
export * from './enterprise-directory.ts'

/** What users do in their organisation, by the type of the realtime frame; each is an endpoint, too. */
export const enterpriseOperations = {
  ...directoryOperations,
  ...cardOperations,
  ...approvalOperations,
} as const
export type EnterpriseOperations = typeof enterpriseOperations
export type EnterpriseOperationAnswers = OperationAnswers<EnterpriseOperations>

export const enterpriseEndpoints = {
  ...directoryServerEndpoints,
  ...cardServerEndpoints,
  ...approvalServerEndpoints,
  ...endpointsOf(enterpriseOperations),
} as const

/** Facts of the organisation; webhooks tell them as they are. */
export interface EnterpriseEvents extends DirectoryEvents, CardEvents, ApprovalEvents {}

export const enterpriseEventTypes = [
  'department.changed',
  'member.changed',
  'card.clicked',
  'approval.submitted',
  'approval.advanced',
  'approval.approved',
  'approval.rejected',
  'approval.withdrawn',
  'approval.commented',
] as const satisfies readonly (keyof EnterpriseEvents)[]

/** Live to the devices of users whom it concerns. */
export interface EnterpriseServerEvents {
  /** The directory moved on by so many changes: sync it. */
  'directory.changed': { changes: number }
  'approval.changed': { approvalId: string; state: string; version: number }
}
