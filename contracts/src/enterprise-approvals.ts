import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { anyId, customId, text } from './ids.ts'
import { operation } from './operation.ts'
import { done, pageOf, pageQuery, timestamp } from './pagination.ts'

export const maxApprovalSteps = 20
export const maxApprovers = 50
export const maxApprovalComments = 200

const fieldBase = {
  id: z.string().regex(/^[\w-]{1,64}$/),
  label: text(128).min(1),
  required: z.boolean().default(false),
}
const choices = z.array(text(128).min(1)).min(1).max(100)

export const approvalField = z
  .discriminatedUnion('type', [
    z.object({ ...fieldBase, type: z.literal('text'), maxLength: z.int().min(1).max(10_000).default(2_000) }),
    z.object({
      ...fieldBase,
      type: z.literal('number'),
      min: z.number().optional(),
      max: z.number().optional(),
    }),
    z.object({ ...fieldBase, type: z.literal('money'), currency: text(16).min(1) }).meta({
      description: 'The value is a decimal as text, such as "1250.00"',
    }),
    z.object({ ...fieldBase, type: z.literal('date') }),
    z.object({ ...fieldBase, type: z.literal('choice'), options: choices }),
    z.object({ ...fieldBase, type: z.literal('choices'), options: choices }),
    z.object({ ...fieldBase, type: z.literal('user') }),
    z.object({ ...fieldBase, type: z.literal('department') }),
    z
      .object({ ...fieldBase, type: z.literal('attachment') })
      .meta({ description: 'Ids of up to 20 stored objects' }),
  ])
  .meta({ id: 'ApprovalField' })
export type ApprovalField = z.infer<typeof approvalField>

/** Who: users by name, the manager of the submitter (or of the manager, by level), or all members with a tag. */
export const approvalPeople = z
  .discriminatedUnion('by', [
    z.object({ by: z.literal('users'), userIds: z.array(customId).min(1).max(maxApprovers) }),
    z.object({ by: z.literal('manager'), level: z.int().min(1).max(10).default(1) }),
    z.object({ by: z.literal('role'), tag: text(64).min(1) }),
  ])
  .meta({ id: 'ApprovalPeople' })
export type ApprovalPeople = z.infer<typeof approvalPeople>

export const approvalStep = z
  .object({
    name: text(128).min(1),
    approvers: approvalPeople,
    mode: z.enum(['any', 'all']).meta({ description: 'Whether one approver suffices' }),
  })
  .meta({ id: 'ApprovalStep' })
export type ApprovalStep = z.infer<typeof approvalStep>

export const approvalTemplate = z
  .object({
    id: customId,
    name: text(128).min(1),
    fields: z.array(approvalField).max(100),
    steps: z.array(approvalStep).min(1).max(maxApprovalSteps),
    copyTo: z.array(approvalPeople).max(20),
    enabled: z.boolean(),
    version: z.int(),
  })
  .meta({ id: 'ApprovalTemplate' })
export type ApprovalTemplate = z.infer<typeof approvalTemplate>

export const approvalStates = ['pending', 'approved', 'rejected', 'withdrawn'] as const
export const approvalVerdicts = ['waiting', 'approved', 'rejected', 'transferred', 'spared'] as const

export const approvalTask = z.object({
  userId: customId,
  verdict: z.enum(approvalVerdicts).meta({ description: '`spared`: settled before it was needed' }),
  comment: z.string().optional(),
  decidedAt: timestamp.optional(),
  from: customId.optional().meta({ description: 'Who transferred it to this user, or added them' }),
  added: z.boolean().optional().meta({ description: 'Must agree even where one would suffice' }),
})
export type ApprovalTask = z.infer<typeof approvalTask>

export const approvalStanding = z.object({
  name: z.string(),
  mode: z.enum(['any', 'all']),
  state: z.enum(['ahead', 'current', 'approved', 'rejected', 'spared']),
  tasks: z.array(approvalTask),
})
export type ApprovalStanding = z.infer<typeof approvalStanding>

export const approvalComment = z.object({ userId: customId, text: z.string(), createdAt: timestamp })

export const approval = z
  .object({
    id: z.string(),
    templateId: customId,
    title: z.string(),
    submitterId: customId,
    state: z.enum(approvalStates),
    fields: z.array(approvalField),
    form: z.record(z.string(), z.json()),
    steps: z.array(approvalStanding),
    copiedTo: z.array(customId),
    comments: z.array(approvalComment),
    version: z.int().meta({ description: 'Grows with every change' }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Approval' })
export type Approval = z.infer<typeof approval>

const common = { tag: 'approvals' } as const
const byApproval = { approvalId: anyId }
const comment = text(2_000).optional()
/** Who decides in several steps must not decide the next one by repeating a call. */
const step = z
  .int()
  .min(0)
  .max(maxApprovalSteps)
  .meta({ description: 'Which step is meant, from 0; it must be the current one' })

export const approvalOperations = {
  'approval.templates': operation({
    ...common,
    name: 'listApprovalTemplates',
    method: 'GET',
    right: 'read',
    path: '/v1/approval-templates',
    summary: 'What may be submitted; all templates for the customer’s server',
    params: {},
    input: pageQuery.shape,
    status: 200,
    answer: pageOf(approvalTemplate),
    errors: ['invalid-cursor'],
  }),
  'approval.submit': operation({
    ...common,
    name: 'submitApproval',
    method: 'POST',
    right: 'send',
    path: '/v1/approvals',
    summary: 'Ask for approval; the same requestId again answers the approval that is there',
    params: {},
    input: {
      requestId: z.string().regex(/^[\w.:-]{1,64}$/, 'must be 1-64 letters, digits, _ . : or -'),
      templateId: customId,
      form: z
        .record(z.string().max(64), z.json())
        .refine((form) => JSON.stringify(form).length <= 65_536, 'must be at most 65536 characters of JSON'),
    },
    status: 201,
    answer: approval,
    errors: ['not-found', 'conflict', 'user-not-found', 'object-not-found'],
    idempotencyKey: false,
  }),
  'approval.list': operation({
    ...common,
    name: 'listApprovals',
    method: 'GET',
    right: 'read',
    path: '/v1/approvals',
    summary: 'The own approvals, those to decide, or those copied; the latest first',
    params: {},
    input: {
      ...pageQuery.shape,
      role: z.enum(['submitter', 'decider', 'decided', 'copied']),
      state: z.enum(approvalStates).optional(),
    },
    status: 200,
    answer: pageOf(approval),
    errors: ['invalid-cursor'],
  }),
  'approval.get': operation({
    ...common,
    name: 'getApproval',
    method: 'GET',
    right: 'read',
    path: '/v1/approvals/{approvalId}',
    summary: 'One approval, for those who take part in it',
    params: byApproval,
    input: {},
    status: 200,
    answer: approval,
    errors: ['not-found'],
  }),
  'approval.decide': operation({
    ...common,
    name: 'decideApproval',
    method: 'POST',
    right: 'send',
    path: '/v1/approvals/{approvalId}/decision',
    summary: 'Approve or reject; the same decision again changes nothing',
    params: byApproval,
    input: { step, verdict: z.enum(['approved', 'rejected']), comment },
    status: 200,
    answer: approval,
    errors: ['not-found', 'forbidden', 'conflict'],
    idempotencyKey: false,
  }),
  'approval.transfer': operation({
    ...common,
    name: 'transferApproval',
    method: 'POST',
    right: 'send',
    path: '/v1/approvals/{approvalId}/transfer',
    summary: 'Let somebody else decide in one’s place',
    params: byApproval,
    input: { step, toUserId: customId, comment },
    status: 200,
    answer: approval,
    errors: ['not-found', 'forbidden', 'conflict', 'user-not-found'],
    idempotencyKey: false,
  }),
  'approval.add-approver': operation({
    ...common,
    name: 'addApprover',
    method: 'POST',
    right: 'send',
    path: '/v1/approvals/{approvalId}/approvers',
    summary: 'Have somebody decide in the present step as well; they must agree even where one would suffice',
    params: byApproval,
    input: { step, approverId: customId },
    status: 200,
    answer: approval,
    errors: ['not-found', 'forbidden', 'conflict', 'user-not-found', 'limit-exceeded'],
    idempotencyKey: false,
  }),
  'approval.withdraw': operation({
    ...common,
    name: 'withdrawApproval',
    method: 'POST',
    right: 'send',
    path: '/v1/approvals/{approvalId}/withdraw',
    summary: 'The submitter takes it back before it is decided',
    params: byApproval,
    input: {},
    status: 200,
    answer: approval,
    errors: ['not-found', 'forbidden', 'conflict'],
    idempotencyKey: false,
  }),
  'approval.comment': operation({
    ...common,
    name: 'commentApproval',
    method: 'POST',
    right: 'send',
    path: '/v1/approvals/{approvalId}/comments',
    summary: 'Say something about it to those who take part',
    params: byApproval,
    input: { text: text(2_000).min(1) },
    status: 201,
    answer: approval,
    errors: ['not-found', 'limit-exceeded'],
  }),
} as const

export const approvalServerEndpoints = {
  putApprovalTemplate: endpoint({
    ...common,
    name: 'putApprovalTemplate',
    method: 'PUT',
    path: '/v1/approval-templates/{templateId}',
    auth: 'key',
    summary: 'Make a template or take its place; what is under way keeps the one it began with',
    params: z.object({ templateId: customId }),
    body: z
      .object({
        name: text(128).min(1),
        fields: z.array(approvalField).max(100).default([]),
        steps: z.array(approvalStep).min(1).max(maxApprovalSteps),
        copyTo: z.array(approvalPeople).max(20).default([]),
        enabled: z.boolean().default(true),
      })
      .refine(({ fields }) => new Set(fields.map(({ id }) => id)).size === fields.length, {
        path: ['fields'],
        error: 'two fields have the same id',
      }),
    status: 200,
    answer: approvalTemplate,
    errors: ['limit-exceeded'],
  }),
  deleteApprovalTemplate: endpoint({
    ...common,
    name: 'deleteApprovalTemplate',
    method: 'DELETE',
    path: '/v1/approval-templates/{templateId}',
    auth: 'key',
    summary: 'Remove a template; what is under way goes on',
    params: z.object({ templateId: customId }),
    status: 200,
    answer: done,
    errors: ['not-found'],
  }),
} as const

export interface ApprovalEvents {
  'approval.submitted': { approval: Approval }
  /** Somebody decided, transferred or was added, and it goes on. */
  'approval.advanced': { approval: Approval; actorId: string }
  'approval.approved': { approval: Approval; actorId: string }
  'approval.rejected': { approval: Approval; actorId: string }
  'approval.withdrawn': { approval: Approval; actorId: string }
  'approval.commented': { approval: Approval; actorId: string }
}
