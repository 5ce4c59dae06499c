import { z } from 'zod'
import { messageContent } from './chat-content.ts'
import { memberRole } from './chat-conversation-entries.ts'
import { endpoint } from './endpoint.ts'
import { anyId, customId, text } from './ids.ts'
import { longOperation } from './long-operations.ts'
import { customData, done, pageOf, pageQuery, timestamp } from './pagination.ts'

const days = z.union([z.int().min(1).max(36_500), z.literal('forever')])

/** Types of content that a retention policy may name. */
export const retainedContentTypes = [
  'text',
  'image',
  'file',
  'voice',
  'video',
  'location',
  'contact',
  'sticker',
  'merged-forward',
  'poll',
  'custom',
  'stream',
] as const

/** For how many days contents are kept. The shorter of what fits the conversation and what fits the content holds. */
export const retentionPolicy = z
  .object({
    default: days.meta({ description: 'Where nothing else is said' }),
    byConversationType: z
      .partialRecord(z.enum(['direct', 'group', 'community', 'channel', 'chatroom']), days)
      .meta({ description: 'In place of the default' }),
    byContentType: z
      .partialRecord(z.enum(retainedContentTypes), days)
      .meta({ description: 'Shortens what the conversation says' }),
  })
  .meta({ id: 'RetentionPolicy' })
export type RetentionPolicy = z.infer<typeof retentionPolicy>

export const retentionStatus = retentionPolicy
  .extend({
    erasedMessages: z.int().meta({ description: 'Messages that retention has emptied so far' }),
    lastRunAt: timestamp.optional(),
    dueBefore: timestamp.optional().meta({ description: 'The newest time of what the last run looked for' }),
  })
  .meta({ id: 'RetentionStatus' })
export type RetentionStatus = z.infer<typeof retentionStatus>

export const hold = z
  .object({
    kind: z.enum(['user', 'conversation']),
    id: customId,
    reason: z.string().optional(),
    createdAt: timestamp,
  })
  .meta({ id: 'Hold' })
export type Hold = z.infer<typeof hold>

export const erasureReceipt = z
  .object({
    id: z.string(),
    pseudonym: z.string().meta({ description: 'What stands where the id of the user was' }),
    subjectHash: z.string().meta({ description: 'Keyed hash of the id; give `userId` to compare' }),
    keepSenderId: z.boolean(),
    places: z.array(z.object({ place: z.string(), count: z.int() })),
    heldConversations: z.int().meta({ description: 'Left as they are, for they are held' }),
    startedAt: timestamp,
    endedAt: timestamp,
    sha256: z.string().meta({ description: 'Over the fields above as canonical JSON. Hex' }),
    signature: z
      .string()
      .meta({ description: 'HMAC-SHA256 over the hash, by a key of the installation. Hex' }),
  })
  .meta({ id: 'ErasureReceipt' })
export type ErasureReceipt = z.infer<typeof erasureReceipt>

const importedMember = z.object({ userId: customId, role: memberRole.optional() })

/** One line of an import. Conversations come before their messages, and messages in their order. */
export const importLine = z
  .discriminatedUnion('type', [
    z.object({
      type: z.literal('conversation'),
      id: customId,
      conversationType: z.literal('group').optional(),
      name: text(256).optional(),
      custom: customData.optional(),
      createdAt: timestamp.optional(),
      members: z.array(importedMember).max(5_000),
    }),
    z.object({
      type: z.literal('message'),
      conversationId: anyId.optional(),
      toUserId: customId.optional().meta({ description: 'The other user of a direct conversation' }),
      senderId: customId,
      externalId: text(128)
        .min(1)
        .meta({ description: 'Id in the system it comes from; imported once in a conversation' }),
      clientMessageId: text(128).min(1).optional(),
      createdAt: timestamp,
      content: messageContent,
    }),
  ])
  .meta({ id: 'ImportLine' })
export type ImportLine = z.infer<typeof importLine>

const maxInlineLines = 1_000_000

export const dataEndpoints = {
  getRetention: endpoint({
    name: 'getRetention',
    tag: 'data',
    method: 'GET',
    path: '/v1/retention',
    auth: 'key',
    summary: 'How long contents are kept, and what became of it',
    status: 200,
    answer: retentionStatus,
    errors: [],
  }),
  setRetention: endpoint({
    name: 'setRetention',
    tag: 'data',
    method: 'PUT',
    path: '/v1/retention',
    auth: 'key',
    summary: 'Say how long contents are kept; what is older is emptied in place from then on',
    body: z.object({
      default: days.default('forever'),
      byConversationType: retentionPolicy.shape.byConversationType.default({}),
      byContentType: retentionPolicy.shape.byContentType.default({}),
    }),
    status: 200,
    answer: retentionStatus,
    errors: [],
  }),
  setHold: endpoint({
    name: 'setHold',
    tag: 'data',
    method: 'PUT',
    path: '/v1/holds',
    auth: 'key',
    summary: 'Hold a conversation or a user: retention and erasure leave it alone until it is lifted',
    body: z.object({ kind: z.enum(['user', 'conversation']), id: customId, reason: text(500).optional() }),
    status: 200,
    answer: hold,
    errors: [],
  }),
  listHolds: endpoint({
    name: 'listHolds',
    tag: 'data',
    method: 'GET',
    path: '/v1/holds',
    auth: 'key',
    summary: 'What is held',
    query: pageQuery,
    status: 200,
    answer: pageOf(hold),
    errors: ['invalid-cursor'],
  }),
  liftHold: endpoint({
    name: 'liftHold',
    tag: 'data',
    method: 'DELETE',
    path: '/v1/holds',
    auth: 'key',
    summary: 'Lift a hold; none is fine, too',
    query: z.object({ kind: z.enum(['user', 'conversation']), id: customId }),
    status: 200,
    answer: done,
    errors: [],
  }),
  createExport: endpoint({
    name: 'createExport',
    tag: 'data',
    method: 'POST',
    path: '/v1/exports',
    auth: 'key',
    summary:
      'Write everything of a user, or of a conversation, into a file of JSON lines (gzip); a long operation',
    body: z
      .object({
        userId: customId.optional(),
        conversationId: anyId.optional(),
        from: timestamp.optional().meta({ description: 'Messages from then on' }),
        to: timestamp.optional().meta({ description: 'Messages before then' }),
        include: z
          .array(z.enum(['files']))
          .max(1)
          .optional()
          .meta({ description: '`files`: what messages carry comes along, in pieces of Base64' }),
      })
      .refine(
        ({ userId, conversationId }) => (userId === undefined) !== (conversationId === undefined),
        'give either userId or conversationId',
      ),
    status: 202,
    answer: longOperation,
    errors: ['user-not-found', 'conversation-not-found', 'limit-exceeded'],
  }),
  getExport: endpoint({
    name: 'getExport',
    tag: 'data',
    method: 'GET',
    path: '/v1/exports/{operationId}',
    auth: 'key',
    audit: true,
    summary: 'The address of an export that is done; the file goes at `expiresAt`',
    params: z.object({ operationId: anyId }),
    status: 200,
    answer: z
      .object({
        id: z.string(),
        objectId: z.string(),
        url: z.string().meta({ description: 'Signed; holds for 24 to 48 hours' }),
        expiresAt: timestamp,
        createdAt: timestamp,
      })
      .meta({ id: 'Export' }),
    errors: ['not-found'],
  }),
  eraseUser: endpoint({
    name: 'eraseUser',
    tag: 'data',
    method: 'POST',
    path: '/v1/users/{userId}/erasure',
    auth: 'key',
    summary: 'Erase a user everywhere, with a signed receipt at the end; a long operation',
    params: z.object({ userId: customId }),
    body: z
      .object({
        keepSenderId: z
          .boolean()
          .default(false)
          .meta({ description: 'The id stays where it says who sent or did something, the contents go' }),
      })
      .default({ keepSenderId: false }),
    status: 202,
    answer: longOperation,
    errors: ['user-not-found', 'conflict', 'limit-exceeded'],
  }),
  getErasure: endpoint({
    name: 'getErasure',
    tag: 'data',
    method: 'GET',
    path: '/v1/erasures/{operationId}',
    auth: 'key',
    summary: 'The receipt of an erasure, and whether it is ours and unchanged',
    params: z.object({ operationId: anyId }),
    query: z.object({
      userId: customId.optional().meta({ description: 'Is compared with whom the receipt is about' }),
    }),
    status: 200,
    answer: z
      .object({
        receipt: erasureReceipt,
        verified: z.boolean(),
        subjectMatches: z.boolean().optional(),
      })
      .meta({ id: 'Erasure' }),
    errors: ['not-found'],
  }),
  createImport: endpoint({
    name: 'createImport',
    tag: 'data',
    method: 'POST',
    path: '/v1/imports',
    auth: 'key',
    summary: 'Bring conversations and messages with their own times, from JSON lines; a long operation',
    body: z
      .object({
        objectId: anyId.optional().meta({ description: 'A stored file of lines, plain or gzip' }),
        lines: text(maxInlineLines).min(1).optional().meta({ description: 'The lines themselves' }),
        createUsers: z.boolean().default(false).meta({ description: 'Make users who are not there' }),
        markRead: z.boolean().default(true).meta({ description: 'What is imported is unread for nobody' }),
      })
      .refine(
        ({ objectId, lines }) => (objectId === undefined) !== (lines === undefined),
        'give either objectId or lines',
      ),
    status: 202,
    answer: longOperation,
    errors: ['object-not-found', 'limit-exceeded'],
  }),
  listImportErrors: endpoint({
    name: 'listImportErrors',
    tag: 'data',
    method: 'GET',
    path: '/v1/imports/{operationId}/errors',
    auth: 'key',
    summary: 'Lines that were not taken, and why; the first 10,000',
    params: z.object({ operationId: anyId }),
    query: pageQuery,
    status: 200,
    answer: pageOf(z.object({ line: z.int(), code: z.string(), detail: z.string() })),
    errors: ['not-found', 'invalid-cursor'],
  }),
} as const
