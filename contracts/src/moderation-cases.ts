import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { anyId, customId, text } from './ids.ts'
import { moderationInstant } from './moderation-verdict.ts'
import { done, pageOf, pageQuery, timestamp } from './pagination.ts'

export const restrictionKind = z.enum(['mute', 'ban'])
export const restriction = z
  .object({
    id: z.string(),
    userId: z.string(),
    kind: restrictionKind,
    conversationId: z.string().optional().meta({ description: 'Absent: everywhere in the project' }),
    untilMs: moderationInstant.optional().meta({ description: 'Absent: until it is lifted' }),
    reason: z.string().optional(),
    createdAt: timestamp,
  })
  .meta({ id: 'Restriction' })
export type Restriction = z.infer<typeof restriction>

export const caseTarget = z
  .object({
    type: z.enum(['message', 'user', 'conversation', 'room', 'restriction', 'case']),
    id: anyId,
  })
  .meta({ id: 'CaseTarget' })
export type CaseTarget = z.infer<typeof caseTarget>

const evidence = z
  .record(z.string().max(64), z.json())
  .refine((value) => JSON.stringify(value).length <= 16_384, 'must be at most 16384 characters of JSON')

export const caseActions = ['none', 'recall', 'mute', 'ban', 'lift'] as const
export const moderationCase = z
  .object({
    id: z.string(),
    source: z.enum(['report', 'screening', 'appeal']),
    state: z.enum(['open', 'claimed', 'resolved']),
    target: caseTarget,
    conversationId: z.string().optional(),
    userId: z.string().optional().meta({ description: 'Whom it is about' }),
    reasons: z.array(z.string()),
    reportCount: z.int(),
    evidence: z.record(z.string(), z.json()).optional(),
    claimedBy: z.string().optional(),
    action: z.enum(caseActions).optional(),
    resolution: z.string().optional(),
    createdAt: timestamp,
    updatedAt: timestamp,
    resolvedAt: timestamp.optional(),
  })
  .meta({ id: 'ModerationCase' })
export type ModerationCase = z.infer<typeof moderationCase>

export const caseNote = z
  .object({ id: z.string(), author: z.string(), text: z.string(), createdAt: timestamp })
  .meta({ id: 'CaseNote' })
export type CaseNote = z.infer<typeof caseNote>

export const caseReport = z
  .object({
    reporterId: z.string(),
    reason: z.string(),
    note: z.string().optional(),
    createdAt: timestamp,
  })
  .meta({ id: 'CaseReport' })
export type CaseReport = z.infer<typeof caseReport>

const caseWithDetails = moderationCase
  .extend({ reports: z.array(caseReport), notes: z.array(caseNote) })
  .meta({ id: 'ModerationCaseWithDetails' })
export type CaseWithDetails = z.infer<typeof caseWithDetails>

const byUser = z.object({ userId: customId })
const byCase = z.object({ caseId: anyId })
const author = text(128).min(1).default('moderator').meta({ description: 'Who acts, in your own words' })

/** What people decide: reports, reviews, appeals, and who is muted or banned. */
export const moderationCaseCalls = {
  createReport: endpoint({
    name: 'createReport',
    tag: 'moderation',
    method: 'POST',
    path: '/v1/reports',
    auth: 'key-or-user',
    audit: false,
    summary: 'Report a message, user, conversation or room; reports of the same thing become one case',
    body: z.object({
      target: z.object({ type: z.enum(['message', 'user', 'conversation', 'room']), id: anyId }),
      reason: text(64).min(1),
      note: text(2_000).optional(),
      evidence: evidence.optional().meta({ description: 'Kept with the first report of a case' }),
      userId: customId.optional().meta({ description: 'With an API key: who reports' }),
    }),
    status: 201,
    answer: z.object({ caseId: z.string() }),
    errors: ['message-not-found', 'user-not-found', 'conversation-not-found', 'not-a-member', 'forbidden'],
  }),
  createAppeal: endpoint({
    name: 'createAppeal',
    tag: 'moderation',
    method: 'POST',
    path: '/v1/appeals',
    auth: 'key-or-user',
    audit: false,
    summary: 'The user a restriction or a case is about objects; a banned user does so through your server',
    body: z
      .object({
        restrictionId: anyId.optional(),
        caseId: anyId.optional(),
        note: text(2_000).min(1),
        userId: customId.optional().meta({ description: 'With an API key: who appeals' }),
      })
      .refine(({ restrictionId, caseId }) => (restrictionId === undefined) !== (caseId === undefined), {
        error: 'give either restrictionId or caseId',
      }),
    status: 201,
    answer: z.object({ caseId: z.string() }),
    errors: ['not-found', 'forbidden'],
  }),
  listCases: endpoint({
    name: 'listCases',
    tag: 'moderation',
    method: 'GET',
    path: '/v1/moderation/cases',
    auth: 'key',
    summary: 'The queue of cases, the oldest first',
    query: pageQuery.extend({
      state: z.enum(['open', 'claimed', 'resolved']).optional(),
      source: z.enum(['report', 'screening', 'appeal']).optional(),
      targetType: caseTarget.shape.type.optional(),
      targetId: anyId.optional(),
      userId: customId.optional(),
    }),
    status: 200,
    answer: pageOf(moderationCase),
    errors: ['invalid-cursor'],
  }),
  getCase: endpoint({
    name: 'getCase',
    tag: 'moderation',
    method: 'GET',
    path: '/v1/moderation/cases/{caseId}',
    auth: 'key',
    summary: 'One case with its first 200 reports and notes',
    params: byCase,
    status: 200,
    answer: caseWithDetails,
    errors: ['not-found'],
  }),
  claimCase: endpoint({
    name: 'claimCase',
    tag: 'moderation',
    method: 'POST',
    path: '/v1/moderation/cases/{caseId}/claim',
    auth: 'key',
    summary: 'Take a case, so that nobody else works on it; the same name again answers the same',
    params: byCase,
    body: z.object({ by: text(128).min(1) }),
    status: 200,
    answer: moderationCase,
    errors: ['not-found', 'conflict'],
  }),
  resolveCase: endpoint({
    name: 'resolveCase',
    tag: 'moderation',
    method: 'POST',
    path: '/v1/moderation/cases/{caseId}/resolve',
    auth: 'key',
    summary:
      'Close a case with an action that is carried out first; `lift` ends the restriction of an appeal',
    params: byCase,
    body: z.object({
      action: z.enum(caseActions),
      note: text(2_000).optional(),
      by: author,
      untilMs: moderationInstant.optional().meta({ description: 'End of a mute or ban' }),
      conversationId: anyId.optional().meta({ description: 'Limits a mute or ban' }),
    }),
    status: 200,
    answer: moderationCase,
    errors: ['not-found', 'conflict', 'message-not-found'],
  }),
  createCaseNote: endpoint({
    name: 'createCaseNote',
    tag: 'moderation',
    method: 'POST',
    path: '/v1/moderation/cases/{caseId}/notes',
    auth: 'key',
    summary: 'Add a note to a case',
    params: byCase,
    body: z.object({ text: text(2_000).min(1), by: author }),
    status: 201,
    answer: caseNote,
    errors: ['not-found', 'limit-exceeded'],
  }),
  createRestriction: endpoint({
    name: 'createRestriction',
    tag: 'moderation',
    method: 'POST',
    path: '/v1/users/{userId}/restrictions',
    auth: 'key',
    summary: 'Mute or ban a user: at once in the process that answers, everywhere within a second',
    params: byUser,
    body: z.object({
      kind: restrictionKind,
      untilMs: moderationInstant.optional(),
      conversationId: anyId.optional(),
      reason: text(500).optional(),
    }),
    status: 201,
    answer: restriction,
    errors: ['user-not-found', 'limit-exceeded'],
  }),
  listRestrictions: endpoint({
    name: 'listRestrictions',
    tag: 'moderation',
    method: 'GET',
    path: '/v1/users/{userId}/restrictions',
    auth: 'key',
    summary: 'Restrictions of a user that hold now',
    params: byUser,
    status: 200,
    answer: pageOf(restriction),
    errors: ['user-not-found'],
  }),
  deleteRestriction: endpoint({
    name: 'deleteRestriction',
    tag: 'moderation',
    method: 'DELETE',
    path: '/v1/users/{userId}/restrictions/{restrictionId}',
    auth: 'key',
    summary: 'Lift a restriction',
    params: z.object({ userId: customId, restrictionId: anyId }),
    status: 200,
    answer: done,
    errors: ['not-found'],
  }),
} as const
