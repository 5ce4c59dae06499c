import { z } from 'zod'
import {
  conversationProfile,
  groupSettings,
  groupSettingsChange,
  memberRole,
  messageExpiry,
  muteAll,
} from './chat-conversation-entries.ts'
import { message } from './chat-entries.ts'
import { actingUser, byConversation } from './chat-parameters.ts'
import { endpoint } from './endpoint.ts'
import { customId } from './ids.ts'
import { customData, pageOf, pageQuery, timestamp } from './pagination.ts'

export const conversationType = z
  .enum(['direct', 'group', 'community', 'channel'])
  .meta({ id: 'ConversationType' })
export type ConversationType = z.infer<typeof conversationType>

export const announcement = z
  .object({
    text: z.string(),
    announcedAt: timestamp,
    userId: z.string().optional().meta({ description: 'Who announced it; absent for the server' }),
  })
  .meta({ id: 'Announcement' })
export type Announcement = z.infer<typeof announcement>

/** What a user has begun to write, kept for all devices of the user. */
export const draft = z.object({ text: z.string(), updatedAt: timestamp }).meta({ id: 'Draft' })
export type Draft = z.infer<typeof draft>

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
    communityId: z.string().optional().meta({ description: 'The community of a channel' }),
    public: z.boolean().optional().meta({ description: 'Everybody in the community is in the channel' }),
    category: z.string().optional(),
    position: z.int().optional().meta({ description: 'Place of a channel among its siblings' }),
    memberCount: z.int(),
    headSeq: z.int(),
    headMessageNo: z.int(),
    version: z.int().meta({ description: 'Moves with every change of profile or members; names If-Match' }),
    settings: groupSettings.optional().meta({ description: 'How a group is run' }),
    muteAll: muteAll.optional(),
    announcement: announcement.optional(),
    messageExpiry: messageExpiry.optional(),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Conversation' })
export type Conversation = z.infer<typeof conversation>

/** A conversation as one of its members sees it. */
export const conversationView = conversation
  .extend({
    role: memberRole,
    mutedUntil: timestamp.optional().meta({ description: 'The user may not speak here until then' }),
    readSeq: z.int(),
    unread: z.int().min(0).max(999).meta({ description: 'Unread messages of others, at most 999' }),
    lastMessage: message.optional(),
    draft: draft.optional(),
    hiddenVersion: z
      .int()
      .optional()
      .meta({ description: 'Moves with every message that the user deletes for themselves' }),
  })
  .meta({ id: 'ConversationView' })
export type ConversationView = z.infer<typeof conversationView>

export const member = z
  .object({
    userId: customId,
    role: memberRole,
    joinedSeq: z.int(),
    joinedAt: timestamp,
    nickname: z.string().optional(),
    custom: customData.optional(),
    mutedUntil: timestamp.optional(),
  })
  .meta({ id: 'Member' })
export type Member = z.infer<typeof member>
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

export const maxInitialMembers = 5_000
export const maxMembersPerCall = 1_000

export const createConversationRequest = z.object({
  type: z.enum(['group', 'community']),
  id: customId.optional(),
  ...conversationProfile,
  ownerId: customId.optional(),
  memberIds: z.array(customId).max(maxInitialMembers).optional(),
  settings: groupSettingsChange.optional(),
})

export const conversationCalls = {
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
    summary:
      'Change the profile of a group (whoever `whoMay.editProfile` names, or an API key); takes If-Match',
    params: byConversation,
    body: z.object({ ...conversationProfile, ...actingUser }),
    status: 200,
    answer: conversation,
    errors: ['conversation-not-found', 'not-a-member', 'forbidden', 'version-mismatch'],
  }),
} as const
