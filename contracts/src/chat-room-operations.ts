import { z } from 'zod'
import { messageContent } from './chat-content.ts'
import { clientMessageId } from './chat-messages.ts'
import {
  chatRoom,
  chatRoomAttribute,
  chatRoomGift,
  chatRoomMessage,
  chatRoomPriority,
  chatRoomRestriction,
  giftKind,
  maxChatRoomContentBytes,
} from './chat-rooms.ts'
import { customId, text } from './ids.ts'
import { operation } from './operation.ts'
import { customData, done, pageOf, pageQuery, timestamp } from './pagination.ts'

const maxValueBytes = 2_048

/** What is kept or counted elsewhere makes no sense in a stream that nobody keeps. */
const spoken = messageContent
  .refine(
    ({ type }) => type !== 'merged-forward' && type !== 'poll' && type !== 'packet',
    'this type of message is not for chat rooms',
  )
  .refine(
    (content) => content.type !== 'custom' || content.kind !== giftKind,
    'a gift is given by an operation of its own',
  )

const profile = {
  name: text(256).optional(),
  custom: customData.optional(),
  ownerId: customId.optional().meta({ description: 'May do everything in the room' }),
  adminIds: z.array(customId).max(100).optional(),
  slowModeMs: z
    .int()
    .min(0)
    .max(86_400_000)
    .optional()
    .meta({ description: 'Least time between two messages of a user; owner and admins are free' }),
  mutedAll: z.boolean().optional().meta({ description: 'Only owner, admins and allowed users may speak' }),
  joinByAllowed: z
    .boolean()
    .optional()
    .meta({ description: 'Only owner, admins and allowed users may join' }),
  listed: z
    .boolean()
    .optional()
    .meta({ description: 'Users find it in the list of chat rooms; false unless it is said' }),
}

const byRoom = { chatRoomId: customId }
/** Without history only accepted, and no seq. */
const sent = z.object({ messageId: z.string(), seq: z.int().optional(), createdAt: timestamp })
const sendErrors = [
  ...(['room-not-found', 'forbidden', 'muted', 'banned', 'content-rejected'] as const),
  ...(['rate-limited', 'overloaded'] as const),
] as const
const roomErrors = ['room-not-found', 'forbidden'] as const
const attributeKey = text(128).min(1)
const value = text(maxValueBytes)
const tag = 'chat rooms'

export const chatRoomOperations = {
  'chatroom.create': operation({
    name: 'createChatRoom',
    tag,
    method: 'POST',
    path: '/v1/chatrooms',
    right: 'send',
    summary: 'Make a chat room for any number of people; they come and go, nobody is a member',
    params: {},
    input: { chatRoomId: customId.optional(), history: z.boolean().default(false), ...profile },
    status: 201,
    answer: chatRoom,
    errors: ['already-exists', 'forbidden'],
  }),
  'chatroom.list': operation({
    name: 'listChatRooms',
    tag,
    method: 'GET',
    path: '/v1/chatrooms',
    right: 'read',
    summary:
      'Chat rooms, the newest first: to a user those that are listed and open to them, to an API key all',
    params: {},
    input: { limit: pageQuery.shape.limit, cursor: pageQuery.shape.cursor },
    status: 200,
    answer: pageOf(chatRoom),
    errors: ['invalid-cursor'],
  }),
  'chatroom.get': operation({
    name: 'getChatRoom',
    tag,
    method: 'GET',
    path: '/v1/chatrooms/{chatRoomId}',
    right: 'read',
    summary: 'One chat room',
    params: byRoom,
    input: {},
    status: 200,
    answer: chatRoom,
    errors: ['room-not-found'],
  }),
  'chatroom.update': operation({
    name: 'updateChatRoom',
    tag,
    method: 'PATCH',
    path: '/v1/chatrooms/{chatRoomId}',
    right: 'send',
    summary: 'Change a chat room (owner, admin or API key)',
    params: byRoom,
    input: profile,
    status: 200,
    answer: chatRoom,
    errors: roomErrors,
  }),
  'chatroom.close': operation({
    name: 'closeChatRoom',
    tag,
    method: 'DELETE',
    path: '/v1/chatrooms/{chatRoomId}',
    right: 'send',
    summary: 'End a chat room; everybody is told and leaves, and nothing of it is kept',
    params: byRoom,
    input: {},
    status: 200,
    answer: done,
    errors: roomErrors,
  }),
  'chatroom.join': operation({
    name: 'joinChatRoom',
    tag,
    method: 'POST',
    path: '/v1/chatrooms/{chatRoomId}/join',
    right: 'read',
    summary: 'Hear a chat room on this connection; over REST it is refused, as there is nothing to hear with',
    params: byRoom,
    input: {
      recent: z.int().min(0).max(50).default(20).meta({ description: 'Latest messages to begin with' }),
    },
    status: 200,
    answer: z.object({
      room: chatRoom,
      attributes: z.array(chatRoomAttribute),
      attributesVersion: z.int(),
      messages: z.array(chatRoomMessage),
    }),
    errors: ['room-not-found', 'banned', 'forbidden', 'limit-exceeded', 'invalid-request'],
  }),
  'chatroom.leave': operation({
    name: 'leaveChatRoom',
    tag,
    method: 'POST',
    path: '/v1/chatrooms/{chatRoomId}/leave',
    right: 'read',
    summary: 'Hear it no more on this connection; over REST, on all connections of the user',
    params: byRoom,
    input: {},
    status: 200,
    answer: done,
    errors: ['room-not-found'],
  }),
  'chatroom.send': operation({
    name: 'sendChatRoomMessage',
    tag,
    method: 'POST',
    path: '/v1/chatrooms/{chatRoomId}/messages',
    right: 'send',
    summary:
      'Say something to all who are there; without history the answer means accepted, and names no seq',
    params: byRoom,
    input: {
      clientMessageId: clientMessageId.optional(),
      priority: chatRoomPriority
        .default('normal')
        .meta({ description: 'Only owner, admins and API keys may send with high priority' }),
      content: spoken.refine(
        (content) => JSON.stringify(content).length <= maxChatRoomContentBytes,
        `must be at most ${maxChatRoomContentBytes} bytes in a chat room`,
      ),
    },
    status: 201,
    answer: sent,
    errors: sendErrors,
  }),
  'chatroom.give': operation({
    name: 'giveInChatRoom',
    tag,
    method: 'POST',
    path: '/v1/chatrooms/{chatRoomId}/gifts',
    right: 'send',
    summary:
      'Give something in a chat room: told to all with high priority, never dropped; whoever takes the money for it is asked by `message.before-send`',
    params: byRoom,
    input: {
      clientMessageId: clientMessageId.meta({
        description:
          'Names this gift: the hook is told it, and a repeat with the same is answered as the first was and told to nobody',
      }),
      gift: chatRoomGift,
    },
    status: 201,
    answer: sent,
    errors: [...sendErrors, 'client-message-id-conflict'],
  }),
  'chatroom.list-messages': operation({
    name: 'listChatRoomMessages',
    tag,
    method: 'GET',
    path: '/v1/chatrooms/{chatRoomId}/messages',
    right: 'read',
    summary: 'History of a room that keeps it: before or after a seq, ascending',
    params: byRoom,
    input: {
      beforeSeq: z.coerce.number().int().min(1).optional(),
      afterSeq: z.coerce.number().int().min(0).optional(),
      limit: z.coerce.number().int().min(1).max(200).default(50),
    },
    status: 200,
    answer: z.object({ items: z.array(chatRoomMessage), headSeq: z.int() }),
    errors: ['room-not-found', 'banned', 'conflict'],
  }),
  'chatroom.list-online': operation({
    name: 'listChatRoomUsers',
    tag,
    method: 'GET',
    path: '/v1/chatrooms/{chatRoomId}/users',
    right: 'read',
    summary: 'Who is there now, by user id',
    params: byRoom,
    input: { limit: pageQuery.shape.limit, cursor: pageQuery.shape.cursor },
    status: 200,
    answer: pageOf(z.object({ userId: z.string(), joinedAt: timestamp })),
    errors: ['room-not-found', 'invalid-cursor'],
  }),
  'chatroom.set-attributes': operation({
    name: 'setChatRoomAttributes',
    tag,
    method: 'PUT',
    path: '/v1/chatrooms/{chatRoomId}/attributes',
    right: 'send',
    summary: 'Set key-value pairs, all or none; a pair belongs to who set it first',
    params: byRoom,
    input: {
      attributes: z
        .array(z.object({ key: attributeKey, value }))
        .min(1)
        .max(20),
      untilLeave: z
        .boolean()
        .default(false)
        .meta({ description: 'They go when the user has left on all connections' }),
      takeOver: z
        .boolean()
        .default(false)
        .meta({ description: 'Also those of other users; owner, admins and API keys only' }),
    },
    status: 200,
    answer: z.object({ version: z.int() }),
    errors: [...roomErrors, 'conflict', 'limit-exceeded'],
  }),
  'chatroom.remove-attributes': operation({
    name: 'removeChatRoomAttributes',
    tag,
    method: 'POST',
    right: 'send',
    path: '/v1/chatrooms/{chatRoomId}/attributes/remove',
    summary: 'Remove key-value pairs of one’s own; owner, admins and API keys any',
    params: byRoom,
    input: { keys: z.array(attributeKey).min(1).max(20) },
    status: 200,
    answer: z.object({ version: z.int() }),
    errors: roomErrors,
  }),
  'chatroom.list-attributes': operation({
    name: 'listChatRoomAttributes',
    tag,
    method: 'GET',
    path: '/v1/chatrooms/{chatRoomId}/attributes',
    right: 'read',
    summary: 'All key-value pairs and their version',
    params: byRoom,
    input: {},
    status: 200,
    answer: z.object({ items: z.array(chatRoomAttribute), version: z.int() }),
    errors: ['room-not-found'],
  }),
  'chatroom.restrict': operation({
    name: 'restrictChatRoomUser',
    tag,
    method: 'PUT',
    right: 'send',
    path: '/v1/chatrooms/{chatRoomId}/restrictions/{kind}/{memberId}',
    summary: 'Mute, ban or allow a user (owner, admin or API key); who is banned leaves at once',
    params: { ...byRoom, kind: chatRoomRestriction.shape.kind, memberId: customId },
    input: {
      untilMs: z.int().min(0).optional().meta({ description: 'Milliseconds since 1970; absent: for good' }),
    },
    status: 200,
    answer: chatRoomRestriction,
    errors: [...roomErrors, 'limit-exceeded'],
  }),
  'chatroom.unrestrict': operation({
    name: 'unrestrictChatRoomUser',
    tag,
    method: 'DELETE',
    right: 'send',
    path: '/v1/chatrooms/{chatRoomId}/restrictions/{kind}/{memberId}',
    summary: 'Lift a mute, ban or allowance',
    params: { ...byRoom, kind: chatRoomRestriction.shape.kind, memberId: customId },
    input: {},
    status: 200,
    answer: done,
    errors: roomErrors,
  }),
  'chatroom.list-restrictions': operation({
    name: 'listChatRoomRestrictions',
    tag,
    method: 'GET',
    right: 'read',
    path: '/v1/chatrooms/{chatRoomId}/restrictions/{kind}',
    summary: 'Who is muted, banned or allowed (owner, admin or API key)',
    params: { ...byRoom, kind: chatRoomRestriction.shape.kind },
    input: { limit: pageQuery.shape.limit, cursor: pageQuery.shape.cursor },
    status: 200,
    answer: pageOf(chatRoomRestriction),
    errors: [...roomErrors, 'invalid-cursor'],
  }),
  'chatroom.kick': operation({
    name: 'kickChatRoomUser',
    tag,
    method: 'POST',
    right: 'send',
    path: '/v1/chatrooms/{chatRoomId}/users/{memberId}/kick',
    summary: 'Send a user out on all connections; they may come back unless banned',
    params: { ...byRoom, memberId: customId },
    input: { reason: text(256).optional() },
    status: 200,
    answer: done,
    errors: roomErrors,
  }),
} as const
