import { z } from 'zod'
import { storedContent } from './chat-content.ts'
import { customId, text } from './ids.ts'
import { customData, timestamp } from './pagination.ts'

/** A message of a chat room is told to all who are there in frames that many messages share: it stays small. */
export const maxChatRoomContentBytes = 4_096
export const maxChatRoomAttributes = 200

/** Under load, messages of lower priority are dropped first; those of high priority never. */
export const chatRoomPriority = z.enum(['high', 'normal', 'low']).meta({ id: 'ChatRoomPriority' })
export type ChatRoomPriority = z.infer<typeof chatRoomPriority>

/** The `kind` of the custom content that a gift is; in chat rooms only the server writes it. */
export const giftKind = 'parley.gift'

export const chatRoomGift = z
  .object({
    giftId: text(64).min(1).meta({ description: 'Of the customer’s own catalogue' }),
    name: text(64).min(1),
    count: z.int().min(1).max(9_999).default(1),
    emoji: text(16).min(1).optional(),
    imageUrl: z
      .url({ protocol: /^https?$/ })
      .max(1_024)
      .optional(),
    toUserId: customId.optional().meta({ description: 'Whom it is for; absent: the room' }),
  })
  .meta({ id: 'ChatRoomGift' })
export type ChatRoomGift = z.infer<typeof chatRoomGift>

export const chatRoom = z
  .object({
    id: z.string(),
    name: z.string().optional(),
    custom: customData.optional(),
    ownerId: z.string().optional(),
    adminIds: z.array(z.string()),
    history: z
      .boolean()
      .meta({ description: 'Messages are kept, numbered by seq, and acknowledged when durable' }),
    slowModeMs: z.int(),
    mutedAll: z.boolean(),
    joinByAllowed: z.boolean(),
    listed: z.boolean(),
    online: z.int().meta({ description: 'Users who are there now, as of a few seconds ago' }),
    createdAt: timestamp,
  })
  .meta({ id: 'ChatRoom' })
export type ChatRoom = z.infer<typeof chatRoom>

export const chatRoomMessage = z
  .object({
    id: z.string(),
    senderId: z.string().meta({ description: 'Empty for the customer’s server without a user' }),
    clientMessageId: z.string().optional(),
    seq: z.int().optional().meta({ description: 'In rooms with history' }),
    priority: chatRoomPriority,
    content: storedContent,
    createdAt: timestamp,
  })
  .meta({ id: 'ChatRoomMessage' })
export type ChatRoomMessage = z.infer<typeof chatRoomMessage>

export const chatRoomAttribute = z
  .object({
    key: z.string(),
    value: z.string(),
    userId: z.string().meta({ description: 'Who set it last; empty for the customer’s server' }),
    version: z.int().meta({ description: 'Of the room’s attributes after this change' }),
  })
  .meta({ id: 'ChatRoomAttribute' })
export type ChatRoomAttribute = z.infer<typeof chatRoomAttribute>

export const chatRoomRestriction = z
  .object({
    userId: z.string(),
    kind: z.enum(['mute', 'ban', 'allow']),
    until: timestamp.optional(),
  })
  .meta({ id: 'ChatRoomRestriction' })
export type ChatRoomRestriction = z.infer<typeof chatRoomRestriction>

/** What sessions hear that joined a chat room. */
export interface ChatRoomServerEvents {
  /** Several messages in one frame, in order; `dropped` of lower priority were left out before them. */
  'chatroom.messages': { chatRoomId: string; messages: ChatRoomMessage[]; dropped?: number }
  /** A gap between versions says that something was missed: list them again. */
  'chatroom.attributes': {
    chatRoomId: string
    version: number
    set?: ChatRoomAttribute[]
    removed?: string[]
  }
  'chatroom.changed': { room: ChatRoom }
  /** How many users are there, when that has changed, every few seconds at most. */
  'chatroom.online': { chatRoomId: string; online: number }
  /** This connection hears the room no more. */
  'chatroom.left': { chatRoomId: string; reason: 'kicked' | 'banned' | 'closed' | 'left'; detail?: string }
}
