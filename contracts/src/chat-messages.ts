import { z } from 'zod'
import { messageContent } from './chat-content.ts'
import { message } from './chat-entries.ts'
import { actingUser, byConversation, byMessage } from './chat-parameters.ts'
import { endpoint } from './endpoint.ts'
import { anyId, customId, text } from './ids.ts'
import { done, pageOf, pageQuery, timestamp } from './pagination.ts'

export const readCursor = z
  .object({
    userId: customId,
    readSeq: z.int(),
    readAt: timestamp.optional(),
    deliveredSeq: z.int().optional(),
  })
  .meta({ id: 'ReadCursor' })
export type ReadCursor = z.infer<typeof readCursor>

export const clientMessageId = text(128).min(1)

/** Where a message goes: a conversation, or the direct conversation with a user (made on first use). */
export const destination = { conversationId: anyId.optional(), toUserId: customId.optional() }
export const oneDestination = (value: {
  conversationId?: string | undefined
  toUserId?: string | undefined
}) => (value.conversationId === undefined) !== (value.toUserId === undefined)
export const oneDestinationText = 'give either conversationId or toUserId'

const timer = z
  .int()
  .min(1_000)
  .max(366 * 86_400_000)

/** What a message refers to and how long it lives. */
export const sendOptions = {
  replyToId: anyId.optional().meta({ description: 'The message it quotes, of the same conversation' }),
  threadRootId: anyId.optional().meta({ description: 'The message whose thread it belongs to' }),
  expiresAfterMs: timer.optional().meta({ description: 'Erased so long after it was sent' }),
  burnAfterReadMs: timer
    .optional()
    .meta({ description: 'Erased so long after the first other member has read it' }),
}
export type SendOptions = { [Name in keyof typeof sendOptions]?: z.infer<(typeof sendOptions)[Name]> }

export const sendRequest = z
  .object({ ...destination, clientMessageId, content: messageContent, ...sendOptions })
  .refine(oneDestination, oneDestinationText)
export type SendRequest = z.infer<typeof sendRequest>

export const sendAnswer = z.object({
  messageId: z.string(),
  conversationId: z.string(),
  seq: z.int(),
  createdAt: timestamp,
})
export type SendAnswer = z.infer<typeof sendAnswer>

export const historyQuery = z.object({
  afterSeq: z.coerce.number().int().min(0).optional(),
  beforeSeq: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
})

export const historyPage = z
  .object({
    items: z.array(message).meta({ description: 'Ascending by seq, without gaps' }),
    headSeq: z.int(),
    visibleFromSeq: z.int().meta({ description: 'The first seq this reader may see' }),
  })
  .meta({ id: 'HistoryPage' })
export type HistoryPage = z.infer<typeof historyPage>

export const messageCalls = {
  listMessages: endpoint({
    name: 'listMessages',
    tag: 'messages',
    method: 'GET',
    path: '/v1/conversations/{conversationId}/messages',
    auth: 'key-or-user',
    summary: 'History: entries after a seq, before a seq, or the newest; always ascending and without gaps',
    params: byConversation,
    query: historyQuery.extend(actingUser),
    status: 200,
    answer: historyPage,
    errors: ['conversation-not-found', 'not-a-member'],
  }),
  sendMessage: endpoint({
    name: 'sendMessage',
    tag: 'messages',
    method: 'POST',
    path: '/v1/messages',
    auth: 'key-or-user',
    summary:
      'Send a message; answered once it is durable. The same clientMessageId again answers the same message',
    body: z
      .object({
        ...destination,
        fromUserId: customId.optional().meta({ description: 'Sender; required with an API key' }),
        clientMessageId,
        content: messageContent,
        ...sendOptions,
      })
      .refine(oneDestination, oneDestinationText),
    status: 201,
    answer: z.object({ id: z.string(), conversationId: z.string(), seq: z.int(), createdAt: timestamp }),
    errors: [
      'conversation-not-found',
      'user-not-found',
      'not-a-member',
      'forbidden',
      'object-not-found',
      'blocked',
      'muted',
      'banned',
      'content-rejected',
      'content-under-review',
      'client-message-id-conflict',
      'overloaded',
      'storage-full',
    ],
  }),
  findMessage: endpoint({
    name: 'findMessage',
    tag: 'messages',
    method: 'GET',
    path: '/v1/messages',
    auth: 'key-or-user',
    summary: 'The message stored under a clientMessageId, to resolve a send whose answer was lost',
    query: z.object({ clientMessageId, ...actingUser }),
    status: 200,
    answer: message,
    errors: ['message-not-found'],
  }),
  getMessage: endpoint({
    name: 'getMessage',
    tag: 'messages',
    method: 'GET',
    path: '/v1/messages/{messageId}',
    auth: 'key-or-user',
    summary: 'One message',
    params: byMessage,
    query: z.object(actingUser),
    status: 200,
    answer: message,
    errors: ['message-not-found'],
  }),
  editMessage: endpoint({
    name: 'editMessage',
    tag: 'messages',
    method: 'PATCH',
    path: '/v1/messages/{messageId}',
    auth: 'key-or-user',
    summary: 'Replace the content of an own message within the edit window',
    params: byMessage,
    body: z.object({ content: messageContent, ...actingUser }),
    status: 200,
    answer: message,
    errors: [
      'message-not-found',
      'forbidden',
      'message-recalled',
      'recall-window-passed',
      'muted',
      'banned',
      'content-rejected',
      'content-under-review',
    ],
  }),
  recallMessage: endpoint({
    name: 'recallMessage',
    tag: 'messages',
    method: 'POST',
    path: '/v1/messages/{messageId}/recall',
    auth: 'key-or-user',
    summary: 'Empty a message in place: the sender within the window, an owner, admin or API key at any time',
    params: byMessage,
    body: z.object(actingUser).default({}),
    status: 200,
    answer: message,
    errors: ['message-not-found', 'forbidden', 'recall-window-passed'],
  }),
  updateReadCursor: endpoint({
    name: 'updateReadCursor',
    tag: 'messages',
    method: 'PUT',
    path: '/v1/conversations/{conversationId}/read-cursor',
    auth: 'key-or-user',
    summary: 'Move the read cursor forward; it never moves back',
    params: byConversation,
    body: z.object({ seq: z.int().min(0), ...actingUser }),
    status: 200,
    answer: z.object({ readSeq: z.int(), unread: z.int() }),
    errors: ['conversation-not-found', 'not-a-member'],
  }),
  listReadCursors: endpoint({
    name: 'listReadCursors',
    tag: 'messages',
    method: 'GET',
    path: '/v1/conversations/{conversationId}/read-cursors',
    auth: 'key-or-user',
    summary: 'How far each member has read',
    params: byConversation,
    query: pageQuery,
    status: 200,
    answer: pageOf(readCursor),
    errors: ['conversation-not-found', 'not-a-member', 'invalid-cursor'],
  }),
  sendTyping: endpoint({
    name: 'sendTyping',
    tag: 'messages',
    method: 'POST',
    path: '/v1/conversations/{conversationId}/typing',
    auth: 'key-or-user',
    summary: 'Tell the online members that a user is typing; kept nowhere',
    params: byConversation,
    body: z.object(actingUser).default({}),
    status: 200,
    answer: done,
    errors: ['conversation-not-found', 'not-a-member'],
    idempotencyKey: false,
  }),
} as const
