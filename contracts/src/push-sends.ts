import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { anyId, customId, text } from './ids.ts'
import { done, pageOf, pageQuery, timestamp } from './pagination.ts'
import { acting, pushProvider, tag } from './push-call.ts'
import { languageTag } from './push-devices.ts'

const templateText = z.object({ title: text(256), body: text(2_000) })

export const pushTemplate = z
  .object({
    name: z.string(),
    languages: z.record(z.string(), templateText),
    updatedAt: timestamp,
  })
  .meta({ id: 'PushTemplate' })
export type PushTemplate = z.infer<typeof pushTemplate>

const templateName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'is not a name of lower-case letters, digits, dots and dashes')

export const suppressionReasons = [
  'online-took',
  'blocked',
  'muted',
  'quiet-hours',
  'level',
  'no-device',
] as const
export const pushFailureReasons = [
  'unregistered',
  'invalid-token',
  'payload-too-large',
  'credentials',
  'no-provider',
  'rejected',
  'expired',
  'unreachable',
] as const

export const pushReceipt = z
  .object({
    pushId: z.string(),
    messageId: z.string().optional(),
    conversationId: z.string().optional(),
    seq: z.int().optional(),
    batchId: z.string().optional().meta({ description: 'The send it belongs to' }),
    userId: z.string(),
    deviceId: z.string().optional().meta({ description: 'Absent when the user was left out as a whole' }),
    provider: pushProvider.optional(),
    state: z.enum(['waiting', 'sent', 'failed', 'suppressed']),
    reason: z.enum([...suppressionReasons, ...pushFailureReasons]).optional(),
    detail: z.string().optional().meta({ description: 'What the push service said' }),
    attemptCount: z.int(),
    createdAt: timestamp,
    settledAt: timestamp.optional(),
    deliveredAt: timestamp.optional(),
    openedAt: timestamp.optional(),
  })
  .meta({ id: 'PushReceipt' })
export type PushReceipt = z.infer<typeof pushReceipt>

const variables = z
  .record(z.string().regex(/^[A-Za-z0-9_.]{1,64}$/), text(1_000))
  .refine((value) => Object.keys(value).length <= 32, 'holds more than 32 variables')
const pushData = z
  .record(text(64).min(1), text(1_000))
  .refine((value) => JSON.stringify(value).length <= 2_000, 'is longer than 2,000 characters of JSON')
  .meta({ description: 'Given to the app with the push' })

const byTemplate = z.object({ name: templateName })

/** What is pushed, and what became of it. */
export const pushSendCalls = {
  putPushTemplate: endpoint({
    name: 'putPushTemplate',
    tag,
    method: 'PUT',
    path: '/v1/push/templates/{name}',
    auth: 'key',
    summary: 'Say how pushes read: `message.text`, `message.image` ... stand in for the built-in texts',
    params: byTemplate,
    body: z.object({
      languages: z
        .record(languageTag, templateText)
        .refine((value) => Object.keys(value).length > 0, 'names no language')
        .refine((value) => Object.keys(value).length <= 50, 'names more than 50 languages'),
    }),
    status: 200,
    answer: pushTemplate,
    errors: ['limit-exceeded'],
  }),
  listPushTemplates: endpoint({
    name: 'listPushTemplates',
    tag,
    method: 'GET',
    path: '/v1/push/templates',
    auth: 'key',
    summary: 'Templates of the project, by name',
    query: pageQuery,
    status: 200,
    answer: pageOf(pushTemplate),
    errors: ['invalid-cursor'],
  }),
  deletePushTemplate: endpoint({
    name: 'deletePushTemplate',
    tag,
    method: 'DELETE',
    path: '/v1/push/templates/{name}',
    auth: 'key',
    summary: 'Remove a template; the built-in text stands again where there is one',
    params: byTemplate,
    status: 200,
    answer: done,
    errors: ['not-found'],
  }),
  sendPush: endpoint({
    name: 'sendPush',
    tag,
    method: 'POST',
    path: '/v1/push/send',
    auth: 'key',
    audit: false,
    summary: 'Push to users directly, by a template or by title and body',
    body: z
      .object({
        userIds: z.array(customId).min(1).max(1_000),
        template: templateName.optional(),
        title: text(256).optional(),
        body: text(2_000).optional(),
        variables: variables.optional(),
        data: pushData.optional(),
        collapseId: text(64)
          .regex(/^[A-Za-z0-9._:-]+$/)
          .optional()
          .meta({ description: 'A later push with the same one takes the place of the earlier' }),
        ttlMs: z
          .int()
          .min(1_000)
          .max(28 * 86_400_000)
          .optional(),
        quietHours: z
          .enum(['obey', 'ignore'])
          .default('obey')
          .meta({ description: 'ignore: for what cannot wait, such as a code' }),
      })
      .refine((value) => (value.template === undefined) === (value.body !== undefined), {
        path: ['template'],
        error: 'name a template, or give title and body',
      }),
    status: 202,
    answer: z.object({ batchId: z.string(), waiting: z.int(), suppressed: z.int() }),
    errors: ['user-not-found', 'not-found'],
  }),
  listPushReceipts: endpoint({
    name: 'listPushReceipts',
    tag,
    method: 'GET',
    path: '/v1/push/receipts',
    auth: 'key',
    summary: 'What became of pushes, by message, by send or by user',
    query: pageQuery
      .extend({ messageId: anyId.optional(), batchId: anyId.optional(), userId: customId.optional() })
      .refine(
        (query) => [query.messageId, query.batchId, query.userId].some((value) => value !== undefined),
        {
          error: 'name messageId, batchId or userId',
          path: ['messageId'],
        },
      ),
    status: 200,
    answer: pageOf(pushReceipt),
    errors: ['invalid-cursor'],
  }),
  reportPushReceipts: endpoint({
    name: 'reportPushReceipts',
    tag,
    method: 'POST',
    path: '/v1/push/receipts',
    auth: 'key-or-user',
    audit: false,
    summary: 'A device says that pushes were shown or opened',
    body: z.object({
      items: z
        .array(z.object({ pushId: anyId, event: z.enum(['delivered', 'opened']) }))
        .min(1)
        .max(100),
      userId: acting,
    }),
    status: 200,
    answer: z.object({ recorded: z.int() }),
    errors: [],
  }),
} as const
