import { z } from 'zod'
import type { messageContent } from './chat-content.ts'
import { endpoint } from './endpoint.ts'
import { anyId, customId, text } from './ids.ts'
import { operation } from './operation.ts'
import { done, pageOf, pageQuery, timestamp } from './pagination.ts'

/** `kind` of the custom content that is a card, and of one that is text in Markdown. */
export const cardKind = 'parley.card'
export const markdownKind = 'parley.markdown'
export const maxWebhookBots = 500
export const maxHookReplies = 5

const actionId = z.string().regex(/^[\w.:-]{1,64}$/, 'must be 1-64 letters, digits, _ . : or -')
const webUrl = z.url({ protocol: /^https?$/ }).max(2048)

export const cardElement = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('text'), text: text(4_000).min(1), markdown: z.boolean().optional() }),
    z.object({
      type: z.literal('fields'),
      fields: z
        .array(z.object({ label: text(64).min(1), value: text(1_000), short: z.boolean().optional() }))
        .min(1)
        .max(30),
    }),
    z.object({
      type: z.literal('image'),
      url: webUrl.optional(),
      objectId: anyId.optional(),
      alternative: text(256).min(1).meta({ description: 'Read aloud and shown where the picture is not' }),
    }),
    z.object({ type: z.literal('divider') }),
    z.object({
      type: z.literal('buttons'),
      buttons: z
        .array(
          z.object({
            label: text(64).min(1),
            style: z.enum(['default', 'primary', 'danger']).optional(),
            actionId: actionId.optional(),
            value: text(1_000).optional(),
            url: webUrl.optional().meta({ description: 'Opened by the client; nothing is told' }),
          }),
        )
        .min(1)
        .max(10),
    }),
    z.object({
      type: z.literal('select'),
      actionId,
      placeholder: text(64).optional(),
      options: z
        .array(z.object({ label: text(64).min(1), value: text(256).min(1) }))
        .min(1)
        .max(50),
    }),
  ])
  .meta({ id: 'CardElement' })

export const card = z
  .object({
    title: text(256).min(1),
    color: z.enum(['neutral', 'blue', 'green', 'orange', 'red']).optional(),
    elements: z.array(cardElement).max(30),
  })
  .refine((value) => JSON.stringify(value).length <= 24 * 1024, 'must be at most 24576 characters of JSON')
  .meta({ id: 'Card' })
export type Card = z.infer<typeof card>

const security = {
  keywords: z
    .array(text(64).min(1))
    .max(10)
    .meta({ description: 'When any are given, what is posted must hold one of them' }),
  allowAddresses: z
    .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))
    .max(50)
    .meta({ description: 'When any are given, posts come from there only' }),
  requireSignature: z
    .boolean()
    .meta({ description: 'Posts are signed by Standard Webhooks with the secret' }),
}
const outgoing = z
  .object({
    url: webUrl,
    mention: z.boolean().default(true).meta({ description: 'Messages that mention the bot’s user' }),
    keywords: z
      .array(text(64).min(1))
      .max(20)
      .default([])
      .meta({ description: 'Texts that hold one of these' }),
  })
  .meta({ id: 'OutgoingHook' })
export type OutgoingHook = z.infer<typeof outgoing>

export const webhookBot = z
  .object({
    id: z.string(),
    conversationId: anyId,
    userId: customId,
    name: z.string(),
    enabled: z.boolean(),
    ...security,
    outgoing: outgoing.optional(),
    waiting: z.int().meta({ description: 'Calls that wait' }),
    failed: z.int().meta({ description: 'Calls that were given up' }),
    createdAt: timestamp,
  })
  .meta({ id: 'WebhookBot' })
export type WebhookBot = z.infer<typeof webhookBot>

export const hookPost = z
  .discriminatedUnion('type', [
    z.object({
      type: z.literal('text'),
      text: text(20_000).min(1),
      mentions: z
        .object({ userIds: z.array(customId).max(100).optional(), all: z.boolean().optional() })
        .optional(),
    }),
    z.object({ type: z.literal('markdown'), title: text(256).min(1), text: text(20_000).min(1) }),
    z.object({ type: z.literal('card'), card }),
  ])
  .meta({ id: 'HookPost' })
export type HookPost = z.infer<typeof hookPost>

/** What the receiver of an outgoing hook may answer. An empty answer says nothing. */
export const hookAnswer = z
  .object({ replies: z.array(hookPost).max(maxHookReplies).optional() })
  .meta({ id: 'HookAnswer' })
/** What the owner of a card may answer to a click. */
export const cardAnswer = z.object({ card: card.optional() }).meta({ id: 'CardAnswer' })

export const cardClick = z
  .object({
    id: z.string(),
    messageId: anyId,
    conversationId: anyId,
    ownerId: customId.meta({ description: 'Who sent the card' }),
    userId: customId,
    actionId: z.string(),
    value: z.string().optional(),
    createdAt: timestamp,
  })
  .meta({ id: 'CardClick' })
export type CardClick = z.infer<typeof cardClick>

export const cardOperations = {
  'card.click': operation({
    tag: 'cards',
    name: 'clickCard',
    method: 'POST',
    right: 'send',
    path: '/v1/cards/{messageId}/actions',
    summary: 'Press a button or choose an option of a card; the same clickId again is the same click',
    params: { messageId: anyId },
    input: {
      clickId: z.string().regex(/^[\w.:-]{1,64}$/, 'must be 1-64 letters, digits, _ . : or -'),
      actionId,
      value: text(1_000).optional().meta({ description: 'Of a select: the option chosen' }),
    },
    status: 201,
    answer: cardClick,
    errors: ['message-not-found', 'conflict', 'message-recalled'],
    idempotencyKey: false,
  }),
} as const

const byBot = z.object({ botId: anyId })
const common = { tag: 'webhook-bots' } as const
const withSecrets = webhookBot
  .extend({
    url: z.string().meta({ description: 'Where to post; whoever knows it may. Shown this once' }),
    secret: z.string().meta({ description: '`whsec_...`; signs posts and outgoing calls. Shown this once' }),
  })
  .meta({ id: 'WebhookBotWithSecrets' })

export const cardServerEndpoints = {
  createWebhookBot: endpoint({
    ...common,
    name: 'createWebhookBot',
    method: 'POST',
    path: '/v1/webhook-bots',
    auth: 'key',
    summary: 'Give a group an address to post to, an outgoing hook, or both; the user must be a member',
    body: z.object({
      conversationId: anyId,
      userId: customId.meta({ description: 'In whose name it speaks' }),
      name: text(128).min(1),
      keywords: security.keywords.default([]),
      allowAddresses: security.allowAddresses.default([]),
      requireSignature: security.requireSignature.default(false),
      outgoing: outgoing.optional(),
    }),
    status: 201,
    answer: withSecrets,
    errors: ['conversation-not-found', 'not-a-member', 'limit-exceeded'],
  }),
  listWebhookBots: endpoint({
    ...common,
    name: 'listWebhookBots',
    method: 'GET',
    path: '/v1/webhook-bots',
    auth: 'key',
    summary: 'Webhook bots of the project, or of a group',
    query: pageQuery.extend({ conversationId: anyId.optional() }),
    status: 200,
    answer: pageOf(webhookBot),
    errors: ['invalid-cursor'],
  }),
  updateWebhookBot: endpoint({
    ...common,
    name: 'updateWebhookBot',
    method: 'PATCH',
    path: '/v1/webhook-bots/{botId}',
    auth: 'key',
    summary: 'Change a webhook bot; `outgoing: null` ends its outgoing hook',
    params: byBot,
    body: z.object({
      name: text(128).min(1).optional(),
      enabled: z.boolean().optional(),
      keywords: security.keywords.optional(),
      allowAddresses: security.allowAddresses.optional(),
      requireSignature: security.requireSignature.optional(),
      outgoing: outgoing.nullable().optional(),
    }),
    status: 200,
    answer: webhookBot,
    errors: ['not-found'],
  }),
  rotateWebhookBot: endpoint({
    ...common,
    name: 'rotateWebhookBot',
    method: 'POST',
    path: '/v1/webhook-bots/{botId}/rotate',
    auth: 'key',
    summary: 'A new address and a new secret; the old ones hold no more',
    params: byBot,
    status: 200,
    answer: withSecrets,
    errors: ['not-found'],
  }),
  deleteWebhookBot: endpoint({
    ...common,
    name: 'deleteWebhookBot',
    method: 'DELETE',
    path: '/v1/webhook-bots/{botId}',
    auth: 'key',
    summary: 'Remove a webhook bot; what waits for it is dropped, its user stays',
    params: byBot,
    status: 200,
    answer: done,
    errors: ['not-found'],
  }),
  postToWebhookBot: endpoint({
    ...common,
    name: 'postToWebhookBot',
    method: 'POST',
    path: '/v1/incoming/{token}',
    auth: 'none',
    summary: 'Post to a group by its secret address; a `webhook-id` header makes it idempotent',
    params: z.object({ token: z.string() }),
    body: hookPost,
    status: 201,
    answer: z.object({ messageId: z.string() }),
    errors: ['not-found', 'forbidden', 'rate-limited', 'client-message-id-conflict'],
    idempotencyKey: false,
  }),
  updateCard: endpoint({
    tag: 'cards',
    name: 'updateCard',
    method: 'PUT',
    path: '/v1/cards/{messageId}',
    auth: 'key',
    audit: false,
    summary: 'Show another card in the place of one that was sent',
    params: z.object({ messageId: anyId }),
    body: z.object({ card }),
    status: 200,
    answer: done,
    errors: ['message-not-found', 'conflict', 'message-recalled'],
  }),
} as const

/** The message content that shows a card. */
export function cardContent(value: Card): z.infer<typeof messageContent> {
  return {
    type: 'custom',
    kind: cardKind,
    data: value as z.infer<ReturnType<typeof z.json>>,
    summary: value.title.slice(0, 256),
  }
}

export interface CardEvents {
  'card.clicked': { click: CardClick }
}
