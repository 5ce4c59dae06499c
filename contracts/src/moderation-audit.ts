import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { text } from './ids.ts'
import { moderationVerdict } from './moderation-verdict.ts'
import { done, timestamp } from './pagination.ts'

export const contentKinds = [
  'text',
  'image',
  'audio',
  'video-snapshot',
  'audio-slice',
  'video',
  'file',
] as const
export const contentKind = z.enum(contentKinds).meta({ id: 'ModerationContentKind' })
export type ContentKind = z.infer<typeof contentKind>

const auditFields = {
  url: z.url({ protocol: /^https?$/ }).max(2048),
  kinds: z.array(contentKind).min(1).max(contentKinds.length),
  timeoutMs: z.int().min(50).max(30_000),
  fallback: z
    .enum(['pass', 'review', 'reject'])
    .meta({ description: 'Verdict when no valid answer came in time' }),
  mode: z.enum(['before', 'after']).meta({
    description:
      '`before`: asked before the message is stored; `after`: it is sent, and recalled when rejected',
  }),
}

export const auditPort = z
  .object({ ...auditFields, createdAt: timestamp, updatedAt: timestamp })
  .meta({ id: 'ModerationAudit' })
export type AuditPort = z.infer<typeof auditPort>

/** What the audit service is asked. Signed as webhooks are. */
export const auditQuestion = z
  .object({
    projectId: z.string(),
    source: z.string(),
    userId: z.string().optional(),
    conversationId: z.string().optional(),
    conversationType: z.string().optional(),
    messageId: z.string().optional(),
    parts: z.array(
      z.object({
        kind: contentKind,
        text: z.string().optional(),
        url: z.string().optional().meta({ description: 'Signed address of the content; expires' }),
        reference: z.string().optional(),
        contentType: z.string().optional(),
      }),
    ),
  })
  .meta({ id: 'ModerationAuditQuestion' })
export type AuditQuestion = z.infer<typeof auditQuestion>

/** What the audit service answers, as JSON with status 200. */
export const auditAnswer = z
  .object({
    verdict: moderationVerdict,
    reasons: z.array(text(128)).max(16).optional(),
    text: text(20_000).min(1).optional().meta({
      description: 'With `replace`: stands in for the one text that was asked about',
    }),
  })
  .meta({ id: 'ModerationAuditAnswer' })
export type AuditAnswer = z.infer<typeof auditAnswer>

export const moderationSettings = z
  .object({
    onReview: z.enum(['hold', 'pass']).meta({
      description:
        '`hold`: a message to be reviewed is refused with `content-under-review`; `pass`: it is sent, and a case opened',
    }),
    reportsPerHour: z.int().min(1).max(10_000).meta({ description: 'Reports of one user' }),
  })
  .meta({ id: 'ModerationSettings' })
export type ModerationSettings = z.infer<typeof moderationSettings>
export const defaultModerationSettings: ModerationSettings = { onReview: 'hold', reportsPerHour: 30 }

/** The audit service of a project, and how the project moderates. */
export const moderationAuditCalls = {
  putAudit: endpoint({
    name: 'putAudit',
    tag: 'moderation',
    method: 'PUT',
    path: '/v1/moderation/audit',
    auth: 'key',
    summary: 'Name the audit service of the project; the secret that signs is told at its first call',
    body: z.object({
      ...auditFields,
      timeoutMs: auditFields.timeoutMs.default(1_000),
      fallback: auditFields.fallback.default('pass'),
      mode: auditFields.mode.default('before'),
    }),
    status: 200,
    answer: auditPort.extend({ secret: z.string().optional() }).meta({ id: 'ModerationAuditWithSecret' }),
    errors: ['invalid-request'],
  }),
  getAudit: endpoint({
    name: 'getAudit',
    tag: 'moderation',
    method: 'GET',
    path: '/v1/moderation/audit',
    auth: 'key',
    summary: 'The audit service of the project',
    status: 200,
    answer: auditPort,
    errors: ['not-found'],
  }),
  deleteAudit: endpoint({
    name: 'deleteAudit',
    tag: 'moderation',
    method: 'DELETE',
    path: '/v1/moderation/audit',
    auth: 'key',
    summary: 'Ask no audit service any more; the next one gets another secret',
    status: 200,
    answer: done,
    errors: ['not-found'],
  }),
  getModerationSettings: endpoint({
    name: 'getModerationSettings',
    tag: 'moderation',
    method: 'GET',
    path: '/v1/moderation/settings',
    auth: 'key',
    summary: 'How the project moderates',
    status: 200,
    answer: moderationSettings,
    errors: [],
  }),
  updateModerationSettings: endpoint({
    name: 'updateModerationSettings',
    tag: 'moderation',
    method: 'PATCH',
    path: '/v1/moderation/settings',
    auth: 'key',
    summary: 'Change how the project moderates',
    body: moderationSettings.partial(),
    status: 200,
    answer: moderationSettings,
    errors: [],
  }),
} as const
