import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { anyId, customId, text } from './ids.ts'
import { customData, done, pageOf, pageQuery, timestamp } from './pagination.ts'

export const maxTextLength = 20_000
export const maxContentBytes = 32 * 1024

/** Who a text calls by name: chosen users, or everyone in the conversation. */
const mentions = z.object({ userIds: z.array(customId).max(100).optional(), all: z.boolean().optional() })

const textContent = z.object({
  type: z.literal('text'),
  text: text(maxTextLength).min(1),
  mentions: mentions.optional(),
})
const imageContent = z.object({
  type: z.literal('image'),
  objectId: anyId,
  width: z.int().min(1).max(100_000).optional(),
  height: z.int().min(1).max(100_000).optional(),
  caption: text(2_000).optional(),
})
const fileContent = z.object({ type: z.literal('file'), objectId: anyId, caption: text(2_000).optional() })
const customContent = z.object({
  type: z.literal('custom'),
  kind: text(128).min(1).meta({ description: 'Name of the message type in the customer’s own application' }),
  data: z.json(),
  summary: text(256).optional().meta({ description: 'Shown where the type is unknown: lists, pushes' }),
})

/** What a caller may send. */
export const messageContent = z
  .discriminatedUnion('type', [textContent, imageContent, fileContent, customContent])
  .refine(
    (content) => JSON.stringify(content).length <= maxContentBytes,
    `must be at most ${maxContentBytes} bytes`,
  )
  .meta({ id: 'MessageContent' })
export type MessageContent = z.infer<typeof messageContent>

/** Facts about the stored file, added by the server when the entry is written. */
export const attachment = z
  .object({
    name: z.string(),
    contentType: z.string(),
    sizeBytes: z.int(),
    url: z.string().optional().meta({ description: 'Signed address on the content origin; expires' }),
  })
  .meta({ id: 'Attachment' })
export type Attachment = z.infer<typeof attachment>

export const memberRole = z.enum(['owner', 'admin', 'member']).meta({ id: 'MemberRole' })
export type MemberRole = z.infer<typeof memberRole>

const conversationProfile = {
  name: text(256).optional(),
  avatarUrl: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional(),
  custom: customData.optional(),
}

const recalledContent = z
  .object({ type: z.literal('recalled') })
  .meta({ description: 'Stands where the content of a recalled message was' })

/** Content of a message as it is stored and read: what was sent, with facts about the file. */
const storedVariants = [
  textContent,
  imageContent.extend({ attachment: attachment.optional() }),
  fileContent.extend({ attachment: attachment.optional() }),
  customContent,
  recalledContent,
] as const
export const storedContent = z.discriminatedUnion('type', storedVariants).meta({ id: 'StoredContent' })
export type StoredContent = z.infer<typeof storedContent>

/**
 * What an entry of the log holds. `text`, `image`, `file`, `custom` and `recalled` are messages; the others change a
 * message or the conversation and stand in the same dense sequence. New content types may be added: a reader that
 * does not know a type shows nothing and keeps its `seq`.
 */
export const entryContent = z
  .discriminatedUnion('type', [
    ...storedVariants,
    z.object({ type: z.literal('edit'), targetId: anyId, targetSeq: z.int(), content: storedContent }),
    z.object({ type: z.literal('recall'), targetId: anyId, targetSeq: z.int() }),
    z.object({
      type: z.literal('members-added'),
      members: z.array(z.object({ userId: customId, role: memberRole })),
    }),
    z.object({ type: z.literal('members-removed'), userIds: z.array(customId), left: z.boolean() }),
    z.object({ type: z.literal('profile-changed'), ...conversationProfile }),
  ])
  .meta({ id: 'EntryContent' })
export type EntryContent = z.infer<typeof entryContent>

/** One entry of a conversation's log. Seq is dense from 1; `messageNo` counts the entries that bear unread. */
export const message = z
  .object({
    id: z.string(),
    conversationId: z.string(),
    seq: z.int(),
    messageNo: z.int(),
    senderId: z.string().meta({ description: 'User who caused the entry; empty for the system' }),
    clientMessageId: z.string().optional(),
    content: entryContent,
    createdAt: timestamp,
    editedAt: timestamp.optional(),
    recalledAt: timestamp.optional(),
  })
  .meta({ id: 'Message' })
export type Message = z.infer<typeof message>

export const conversationType = z.enum(['direct', 'group']).meta({ id: 'ConversationType' })

export const conversation = z
  .object({
    id: z.string(),
    type: conversationType,
    name: z.string().optional(),
    avatarUrl: z.string().optional(),
    custom: customData.optional(),
    peerId: z
      .string()
      .optional()
      .meta({ description: 'The other user of a direct conversation, seen by the caller' }),
    memberCount: z.int(),
    headSeq: z.int(),
    headMessageNo: z.int(),
    version: z.int().meta({ description: 'Moves with every change of profile or members; names If-Match' }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Conversation' })
export type Conversation = z.infer<typeof conversation>

/** A conversation as one of its members sees it. */
export const conversationView = conversation
  .extend({
    role: memberRole,
    readSeq: z.int(),
    unread: z.int().min(0).max(999).meta({ description: 'Unread messages of others, at most 999' }),
    lastMessage: message.optional(),
  })
  .meta({ id: 'ConversationView' })
export type ConversationView = z.infer<typeof conversationView>

export const member = z
  .object({ userId: customId, role: memberRole, joinedSeq: z.int(), joinedAt: timestamp })
  .meta({ id: 'Member' })
export type Member = z.infer<typeof member>

export const readCursor = z
  .object({ userId: customId, readSeq: z.int(), readAt: timestamp.optional() })
  .meta({ id: 'ReadCursor' })
export type ReadCursor = z.infer<typeof readCursor>

export const clientMessageId = text(128).min(1)

/** Where a message goes: a conversation, or the direct conversation with a user (made on first use). */
const destination = { conversationId: anyId.optional(), toUserId: customId.optional() }
const oneDestination = (value: { conversationId?: string | undefined; toUserId?: string | undefined }) =>
  (value.conversationId === undefined) !== (value.toUserId === undefined)
const oneDestinationText = 'give either conversationId or toUserId'

export const sendRequest = z
  .object({ ...destination, clientMessageId, content: messageContent })
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

/**
 * Delta sync: which conversations moved since the cursor. `full: true` says that the cursor could not be
 * continued (first sync, restored backup): replace what is cached. `removed` names conversations the user left.
 * `more: true` asks to call again with the new cursor.
 */
export const syncAnswer = z
  .object({
    full: z.boolean(),
    conversations: z.array(conversationView),
    removed: z.array(z.string()),
    cursor: z.string(),
    more: z.boolean(),
  })
  .meta({ id: 'SyncAnswer' })
export type SyncAnswer = z.infer<typeof syncAnswer>

export const syncQuery = z.object({
  cursor: z.string().max(512).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(200),
})

/** With an API key the acting user is named; with a user token it is the token's. */
const actingUser = {
  userId: customId.optional().meta({ description: 'Acting user; required with an API key' }),
}
const byConversation = z.object({ conversationId: anyId })
const byMessage = z.object({ messageId: anyId })

export const maxInitialMembers = 5_000
export const maxMembersPerCall = 1_000

export const createConversationRequest = z.object({
  type: z.literal('group'),
  id: customId.optional(),
  ...conversationProfile,
  ownerId: customId.optional(),
  memberIds: z.array(customId).max(maxInitialMembers).optional(),
})

export const chatEndpoints = {
  createConversation: endpoint({
    name: 'createConversation',
    tag: 'conversations',
    method: 'POST',
    path: '/v1/conversations',
    auth: 'key-or-user',
    summary: 'Make a group; a user who makes it becomes its owner',
    body: createConversationRequest,
    status: 201,
    answer: conversation,
    errors: ['already-exists', 'user-not-found', 'limit-exceeded'],
  }),
  listConversations: endpoint({
    name: 'listConversations',
    tag: 'conversations',
    method: 'GET',
    path: '/v1/conversations',
    auth: 'key-or-user',
    summary: 'Conversations of a user, last moved first, with unread counts',
    query: pageQuery.extend(actingUser),
    status: 200,
    answer: pageOf(conversationView),
    errors: ['invalid-cursor'],
  }),
  syncConversations: endpoint({
    name: 'syncConversations',
    tag: 'conversations',
    method: 'GET',
    path: '/v1/sync',
    auth: 'key-or-user',
    summary: 'Conversations of a user that moved since a cursor',
    query: syncQuery.extend(actingUser),
    status: 200,
    answer: syncAnswer,
    errors: [],
  }),
  getConversation: endpoint({
    name: 'getConversation',
    tag: 'conversations',
    method: 'GET',
    path: '/v1/conversations/{conversationId}',
    auth: 'key-or-user',
    summary: 'One conversation; as a member sees it when the acting user is known',
    params: byConversation,
    query: z.object(actingUser),
    status: 200,
    answer: z.union([conversationView, conversation]),
    errors: ['conversation-not-found', 'not-a-member'],
  }),
  updateConversation: endpoint({
    name: 'updateConversation',
    tag: 'conversations',
    method: 'PATCH',
    path: '/v1/conversations/{conversationId}',
    auth: 'key-or-user',
    summary: 'Change the profile of a group (owner, admin or API key); takes If-Match',
    params: byConversation,
    body: z.object({ ...conversationProfile, ...actingUser }),
    status: 200,
    answer: conversation,
    errors: ['conversation-not-found', 'not-a-member', 'forbidden', 'version-mismatch'],
  }),
  listMembers: endpoint({
    name: 'listMembers',
    tag: 'conversations',
    method: 'GET',
    path: '/v1/conversations/{conversationId}/members',
    auth: 'key-or-user',
    summary: 'Members by user id',
    params: byConversation,
    query: pageQuery,
    status: 200,
    answer: pageOf(member),
    errors: ['conversation-not-found', 'not-a-member', 'invalid-cursor'],
  }),
  addMembers: endpoint({
    name: 'addMembers',
    tag: 'conversations',
    method: 'POST',
    path: '/v1/conversations/{conversationId}/members',
    auth: 'key-or-user',
    summary: 'Add members to a group; those who are members already are passed over',
    params: byConversation,
    body: z.object({
      userIds: z.array(customId).min(1).max(maxMembersPerCall),
      role: z.enum(['admin', 'member']).default('member'),
      ...actingUser,
    }),
    status: 200,
    answer: z.object({ added: z.array(customId) }),
    errors: ['conversation-not-found', 'not-a-member', 'forbidden', 'user-not-found', 'limit-exceeded'],
  }),
  removeMember: endpoint({
    name: 'removeMember',
    tag: 'conversations',
    method: 'DELETE',
    path: '/v1/conversations/{conversationId}/members/{userId}',
    auth: 'key-or-user',
    summary: 'Remove a member, or leave',
    params: byConversation.extend({ userId: customId }),
    status: 200,
    answer: done,
    errors: ['conversation-not-found', 'not-a-member', 'forbidden'],
  }),
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
    errors: ['message-not-found', 'forbidden', 'message-recalled', 'recall-window-passed'],
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
