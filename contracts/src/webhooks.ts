import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { enterpriseEventTypes } from './enterprise.ts'
import { anyId, customId, text } from './ids.ts'
import { done, pageOf, pageQuery, timestamp } from './pagination.ts'
import { publicationSource, trackKind } from './rtc.ts'
import { socialEventTypes } from './social.ts'

/** Everything a webhook can tell. Names are `resource.past-verb` and never change their meaning. */
export const webhookEventTypes = [
  'message.created',
  'message.edited',
  'message.recalled',
  'message.changed',
  'conversation.created',
  'conversation.changed',
  'conversation.join-requested',
  'conversation.join-decided',
  'conversation.invited',
  'room.created',
  'room.closed',
  'room.participant-joined',
  'room.participant-left',
  'room.publication-added',
  'room.publication-removed',
  'user.created',
  'user.updated',
  'case.opened',
  'case.resolved',
  'restriction.created',
  'restriction.ended',
  ...socialEventTypes,
  ...enterpriseEventTypes,
] as const
export type WebhookEventType = (typeof webhookEventTypes)[number]

/** Questions that are asked before something happens. */
export const blockingHookNames = [
  'message.before-send',
  'conversation.before-join',
  'packet.before-claim',
  'room.before-join',
  'room.before-publish',
] as const
export type BlockingHookName = (typeof blockingHookNames)[number]

const resources = new Set(webhookEventTypes.map((type) => type.slice(0, type.indexOf('.'))))

function isFilter(filter: string): boolean {
  if (filter === '*') return true
  if (filter.endsWith('.*')) return resources.has(filter.slice(0, -2))
  return (webhookEventTypes as readonly string[]).includes(filter)
}

/** `message.created`, all of a resource (`message.*`), or everything (`*`). */
export const webhookEventFilter = z
  .string()
  .max(128)
  .refine(isFilter, `is not an event: ${webhookEventTypes.join(', ')}, or <resource>.*, or *`)
  .meta({ id: 'WebhookEventFilter' })

export const blockingConfig = z
  .object({
    hooks: z.array(z.enum(blockingHookNames)).min(1).max(blockingHookNames.length),
    timeoutMs: z
      .int()
      .min(50)
      .max(10_000)
      .default(1_000)
      .meta({ description: 'How long the answer may take, connecting included' }),
    onTimeout: z
      .enum(['allow', 'reject'])
      .default('allow')
      .meta({ description: 'Verdict when no valid answer came in time' }),
  })
  .meta({ id: 'BlockingHookConfig' })
export type BlockingConfig = z.infer<typeof blockingConfig>

/** What a receiver of a blocking hook answers, as JSON with status 200. */
export const blockingVerdict = z
  .discriminatedUnion('verdict', [
    z.object({ verdict: z.literal('allow') }),
    z.object({
      verdict: z.literal('replace'),
      data: z.json().meta({ description: 'Stands in for what was asked about, such as the message content' }),
    }),
    z.object({ verdict: z.literal('reject'), detail: text(500).optional() }),
  ])
  .meta({ id: 'BlockingVerdict' })
export type BlockingVerdict = z.infer<typeof blockingVerdict>

/** What `conversation.before-join` asks about: users who are about to become members. */
export const conversationJoinQuestion = z
  .object({
    conversationId: anyId,
    conversationType: z.string(),
    userIds: z.array(anyId).min(1),
    via: z.enum(['join', 'invite', 'request', 'server']).meta({
      description:
        '`join`: of their own accord; `invite`: a member adds them; `request`: a request of theirs is accepted; ' +
        '`server`: by API key',
    }),
    actorId: anyId.optional().meta({ description: 'The member who adds or accepts them' }),
  })
  .meta({ id: 'ConversationJoinQuestion' })
export type ConversationJoinQuestion = z.infer<typeof conversationJoinQuestion>

/**
 * What `packet.before-claim` asks about: a user is about to take a share. The same claim (message and user) may be asked
 * about again, when an answer was lost: move the money once.
 */
export const packetClaimQuestion = z
  .object({
    messageId: z.string(),
    conversationId: anyId,
    kind: z.enum(['red-packet', 'gift']),
    senderId: anyId,
    userId: anyId,
    amount: z.int().meta({ description: 'In units of 10^-scale of the currency' }),
    currency: z.string(),
    scale: z.int(),
  })
  .meta({ id: 'PacketClaimQuestion' })
export type PacketClaimQuestion = z.infer<typeof packetClaimQuestion>

/** The `data` of a `replace` verdict of `conversation.before-join`: those who may, out of those asked about. */
export const conversationJoinReplacement = z
  .object({ userIds: z.array(anyId).min(1) })
  .meta({ id: 'ConversationJoinReplacement' })
export type ConversationJoinReplacement = z.infer<typeof conversationJoinReplacement>

const roomVia = z.enum(['member', 'whip', 'whep']).meta({
  description: '`member`: over a realtime connection; `whip`: to publish, `whep`: to play by HTTP',
})

/** What `room.before-join` asks about. Whoever takes up a kept place again is not asked about. */
export const roomJoinQuestion = z
  .object({ roomId: customId, userId: customId, name: z.string().optional(), via: roomVia })
  .meta({ id: 'RoomJoinQuestion' })
export type RoomJoinQuestion = z.infer<typeof roomJoinQuestion>

/** What `room.before-publish` asks about: publications that are about to begin. */
export const roomPublishQuestion = z
  .object({
    roomId: customId,
    userId: customId,
    participantId: anyId
      .optional()
      .meta({ description: 'Absent by WHIP: the publisher is not in the room yet' }),
    via: roomVia,
    publications: z
      .array(z.object({ kind: trackKind, source: publicationSource, name: z.string().optional() }))
      .min(1),
  })
  .meta({ id: 'RoomPublishQuestion' })
export type RoomPublishQuestion = z.infer<typeof roomPublishQuestion>

const webhookUrl = z
  .url({ protocol: /^https?$/ })
  .max(2048)
  .refine((url) => URL.canParse(url) && new URL(url).username === '' && new URL(url).password === '', {
    error: 'must not hold a user name or password',
  })

const events = z.array(webhookEventFilter).max(50)

export const webhook = z
  .object({
    id: z.string(),
    url: z.string(),
    description: z.string().optional(),
    events: z.array(z.string()),
    blocking: blockingConfig.optional(),
    circuit: z
      .enum(['closed', 'open', 'half-open'])
      .optional()
      .meta({
        description:
          'Of blocking hooks. `open`: the receiver went silent, nobody asks it for a while and its declared verdict ' +
          'holds at once; `half-open`: the next question tries it again',
      }),
    enabled: z.boolean(),
    disabledReason: z
      .enum(['gone', 'by-request'])
      .optional()
      .meta({ description: '`gone`: the receiver answered 410' }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Webhook' })
export type Webhook = z.infer<typeof webhook>

export const webhookAttempt = z
  .object({
    at: timestamp,
    durationMs: z.int(),
    status: z.int().optional().meta({ description: 'HTTP status; absent when no answer came' }),
    error: z.string().optional().meta({ description: 'Why no answer came, or why it did not count' }),
    responseExcerpt: z.string().optional().meta({ description: 'The first bytes of a failed answer' }),
  })
  .meta({ id: 'WebhookAttempt' })
export type WebhookAttempt = z.infer<typeof webhookAttempt>

export const webhookDelivery = z
  .object({
    id: z.string(),
    eventId: z
      .string()
      .meta({ description: 'The `webhook-id` header; the same at every attempt and replay' }),
    eventType: z.string(),
    resource: z.string().meta({ description: 'What the order is kept for' }),
    state: z.enum(['waiting', 'delivered', 'dead']),
    attempts: z.array(webhookAttempt).meta({ description: 'The latest 20' }),
    attemptCount: z.int(),
    nextAttemptAt: timestamp.optional().meta({
      description: 'Absent while an earlier delivery of the resource waits, or the webhook is disabled',
    }),
    replayOf: z.string().optional(),
    createdAt: timestamp,
    settledAt: timestamp.optional(),
  })
  .meta({ id: 'WebhookDelivery' })
export type WebhookDelivery = z.infer<typeof webhookDelivery>

/** A public event: CloudEvents 1.0 in JSON, as it is delivered. */
export const cloudEvent = z
  .object({
    specversion: z.literal('1.0'),
    id: z.string(),
    source: z.string(),
    type: z.string(),
    subject: z.string().optional(),
    time: timestamp,
    data: z.json(),
  })
  .meta({ id: 'CloudEvent' })
export type CloudEvent = z.infer<typeof cloudEvent>

const withSecret = webhook
  .extend({ secret: z.string().meta({ description: '`whsec_...` of Standard Webhooks; shown this once' }) })
  .meta({ id: 'WebhookWithSecret' })

const byWebhook = z.object({ webhookId: anyId })
const byDelivery = byWebhook.extend({ deliveryId: anyId })
const maxOverlapMs = 7 * 86_400_000

export const webhookEndpoints = {
  createWebhook: endpoint({
    name: 'createWebhook',
    tag: 'webhooks',
    method: 'POST',
    path: '/v1/webhooks',
    auth: 'key',
    summary: 'Have events sent to a URL, signed as Standard Webhooks says',
    body: z
      .object({
        url: webhookUrl,
        events,
        description: text(256).optional(),
        blocking: blockingConfig.optional(),
      })
      .refine((body) => body.events.length > 0 || body.blocking !== undefined, {
        path: ['events'],
        error: 'name at least one event, or configure blocking hooks',
      }),
    status: 201,
    answer: withSecret,
    errors: ['limit-exceeded'],
  }),
  listWebhooks: endpoint({
    name: 'listWebhooks',
    tag: 'webhooks',
    method: 'GET',
    path: '/v1/webhooks',
    auth: 'key',
    summary: 'Webhooks of the project, the oldest first',
    query: pageQuery,
    status: 200,
    answer: pageOf(webhook),
    errors: ['invalid-cursor'],
  }),
  getWebhook: endpoint({
    name: 'getWebhook',
    tag: 'webhooks',
    method: 'GET',
    path: '/v1/webhooks/{webhookId}',
    auth: 'key',
    summary: 'One webhook',
    params: byWebhook,
    status: 200,
    answer: webhook,
    errors: ['not-found'],
  }),
  updateWebhook: endpoint({
    name: 'updateWebhook',
    tag: 'webhooks',
    method: 'PATCH',
    path: '/v1/webhooks/{webhookId}',
    auth: 'key',
    summary:
      'Change a webhook. What waits is kept while it is disabled and goes out when it is enabled again',
    params: byWebhook,
    body: z.object({
      url: webhookUrl.optional(),
      events: events.optional(),
      description: text(256).nullable().optional(),
      blocking: blockingConfig.nullable().optional(),
      enabled: z.boolean().optional(),
    }),
    status: 200,
    answer: webhook,
    errors: ['not-found'],
  }),
  deleteWebhook: endpoint({
    name: 'deleteWebhook',
    tag: 'webhooks',
    method: 'DELETE',
    path: '/v1/webhooks/{webhookId}',
    auth: 'key',
    summary: 'Remove a webhook with its deliveries',
    params: byWebhook,
    status: 200,
    answer: done,
    errors: ['not-found'],
  }),
  rotateWebhookSecret: endpoint({
    name: 'rotateWebhookSecret',
    tag: 'webhooks',
    method: 'POST',
    path: '/v1/webhooks/{webhookId}/rotate-secret',
    auth: 'key',
    summary: 'A new secret; the earlier ones sign along until the overlap ends',
    params: byWebhook,
    body: z
      .object({ overlapMs: z.int().min(0).max(maxOverlapMs).default(86_400_000) })
      .default({ overlapMs: 86_400_000 }),
    status: 201,
    answer: z.object({ id: z.string(), secret: z.string(), earlierSecretsExpireAt: timestamp }),
    errors: ['not-found', 'limit-exceeded'],
  }),
  listWebhookDeliveries: endpoint({
    name: 'listWebhookDeliveries',
    tag: 'webhooks',
    method: 'GET',
    path: '/v1/webhooks/{webhookId}/deliveries',
    auth: 'key',
    summary: 'The delivery log, the latest first',
    params: byWebhook,
    query: pageQuery.extend({
      state: z.enum(['waiting', 'delivered', 'dead']).optional(),
      eventId: anyId.optional(),
    }),
    status: 200,
    answer: pageOf(webhookDelivery),
    errors: ['not-found', 'invalid-cursor'],
  }),
  getWebhookDelivery: endpoint({
    name: 'getWebhookDelivery',
    tag: 'webhooks',
    method: 'GET',
    path: '/v1/webhooks/{webhookId}/deliveries/{deliveryId}',
    auth: 'key',
    summary: 'One delivery with the event it carries',
    params: byDelivery,
    status: 200,
    answer: webhookDelivery.extend({ event: cloudEvent }).meta({ id: 'WebhookDeliveryWithEvent' }),
    errors: ['not-found'],
  }),
  replayWebhookDelivery: endpoint({
    name: 'replayWebhookDelivery',
    tag: 'webhooks',
    method: 'POST',
    path: '/v1/webhooks/{webhookId}/deliveries/{deliveryId}/replay',
    auth: 'key',
    summary:
      'Send an event again, behind what waits for its resource; one that waits itself is tried at once',
    params: byDelivery,
    status: 202,
    answer: webhookDelivery,
    errors: ['not-found'],
  }),
} as const
