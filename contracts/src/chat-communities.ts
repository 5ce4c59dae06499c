import { z } from 'zod'
import { conversation, maxMembersPerCall } from './chat-conversations.ts'
import { common, known, path } from './chat-group-call.ts'
import { byConversation } from './chat-parameters.ts'
import { customId, text } from './ids.ts'
import { operation } from './operation.ts'
import { pageOf, pageQuery } from './pagination.ts'

export const maxChannels = 500

/** A channel as a member of its community sees it. */
export const channelView = conversation
  .extend({
    opened: z.boolean().meta({ description: 'The user has opened it: it is synced and heard live' }),
    readSeq: z.int().optional(),
    unread: z.int().min(0).max(999),
  })
  .meta({ id: 'ChannelView' })
export type ChannelView = z.infer<typeof channelView>

/** Channels of communities. */
export const communityOperations = {
  'community.create-channel': operation({
    ...common,
    name: 'createChannel',
    method: 'POST',
    right: 'send',
    path: `${path}/channels`,
    summary: 'Make a channel in a community (owner, admins)',
    params: byConversation.shape,
    input: {
      channelId: customId.optional(),
      name: text(256).optional(),
      public: z.boolean().default(true),
      category: text(128).optional(),
      position: z.int().min(-1_000_000).max(1_000_000).default(0),
      memberIds: z
        .array(customId)
        .max(maxMembersPerCall)
        .optional()
        .meta({ description: 'Of a private channel; members of the community' }),
    },
    status: 201,
    answer: conversation,
    errors: [...known, 'already-exists', 'conflict', 'limit-exceeded'],
  }),
  'community.list-channels': operation({
    ...common,
    name: 'listChannels',
    method: 'GET',
    right: 'read',
    path: `${path}/channels`,
    summary: 'Channels of a community, in their order, with unread counts',
    params: byConversation.shape,
    input: pageQuery.shape,
    answer: pageOf(channelView),
    errors: ['conversation-not-found', 'not-a-member', 'invalid-cursor'],
  }),
} as const
