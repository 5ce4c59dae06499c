import { z } from 'zod'
import {
  type ChatOperationAnswers,
  type Conversation,
  type ConversationView,
  chatOperations,
  clientMessageId,
  conversationProfile,
  createConversationRequest,
  type Draft,
  type HistoryPage,
  historyQuery,
  type Message,
  messageContent,
  type SendAnswer,
  type SyncAnswer,
  sendRequest,
  syncQuery,
} from './chat.ts'
import type { GroupServerEvents } from './chat-groups.ts'
import type { NoticeServerEvents } from './chat-notices.ts'
import type { ChatRoomServerEvents } from './chat-rooms.ts'
import {
  type EnterpriseOperationAnswers,
  type EnterpriseServerEvents,
  enterpriseOperations,
} from './enterprise.ts'
import type { RealtimeError } from './errors.ts'
import { type Grants, type Presence, platform } from './identity.ts'
import { anyId, customId, text } from './ids.ts'
import { framesOf } from './operation.ts'
import { type RtcFrameAnswers, type RtcServerEvents, rtcFrames } from './rtc.ts'
import { type SocialOperationAnswers, type SocialServerEvents, socialOperations } from './social.ts'

/** WebSocket subprotocol. A frame is one JSON object or an array of them. */
export const realtimeSubprotocol = 'parley.v1'
export const realtimePath = '/v1/realtime'

/** Frames a client sends, by `type`. Every frame but `ping` wants an `id`, which the answer names in `re`. */
export const clientFrames = {
  auth: z.object({
    token: z.string().max(8192),
    device: z.object({ id: customId, platform, name: text(128).optional() }).optional(),
  }),
  ping: z.object({}),
  'message.send': sendRequest,
  'message.edit': z.object({ messageId: anyId, content: messageContent }),
  'message.recall': z.object({ messageId: anyId }),
  'message.find': z.object({ clientMessageId }),
  'message.list': historyQuery.extend({ conversationId: anyId }),
  /** Nested, because a conversation has a `type` and an `id` as the frame has. */
  'conversation.create': z.object({ conversation: createConversationRequest }),
  'conversation.get': z.object({ conversationId: anyId }),
  /** `version` names what the caller has seen, as If-Match does over REST. */
  'conversation.update': z.object({
    conversationId: anyId,
    ...conversationProfile,
    version: z.int().min(0).optional(),
  }),
  'conversation.open-direct': z.object({ userId: customId }),
  'conversation.read': z.object({ conversationId: anyId, seq: z.int().min(0) }),
  'conversation.typing': z.object({ conversationId: anyId }),
  'conversation.sync': syncQuery,
  ...framesOf(chatOperations),
  ...framesOf(socialOperations),
  ...framesOf(enterpriseOperations),
  'presence.subscribe': z.object({ userIds: z.array(customId).min(1).max(500) }),
  'presence.unsubscribe': z.object({ userIds: z.array(customId).min(1).max(500) }),
  ...rtcFrames,
} as const

export type ClientFrameType = keyof typeof clientFrames
/** What a client passes for a frame of the type. */
export type ClientFrameBody<T extends ClientFrameType> = z.input<(typeof clientFrames)[T]>

/** Answers to client frames, by the type of the frame. */
export interface FrameAnswers
  extends RtcFrameAnswers,
    ChatOperationAnswers,
    SocialOperationAnswers,
    EnterpriseOperationAnswers {
  auth: {
    projectId: string
    userId: string
    deviceId: string
    sessionId: string
    grants?: Grants
    expiresAt: string
    serverTime: string
    heartbeatMs: number
    maxFrameBytes: number
  }
  ping: { serverTime: string }
  'message.send': SendAnswer
  'message.edit': Message
  'message.recall': Message
  'message.find': Message
  'message.list': HistoryPage
  'conversation.create': Conversation
  'conversation.get': ConversationView
  'conversation.update': Conversation
  /** `conversationId` is final even before the first message makes the conversation. */
  'conversation.open-direct': { conversationId: string; conversation?: ConversationView }
  'conversation.read': { readSeq: number; unread: number }
  'conversation.typing': Record<string, never>
  'conversation.sync': SyncAnswer
  'presence.subscribe': { items: Presence[] }
  'presence.unsubscribe': Record<string, never>
}

/** Events a server sends unasked, by `type`. */
export interface ServerEvents
  extends GroupServerEvents,
    NoticeServerEvents,
    ChatRoomServerEvents,
    RtcServerEvents,
    SocialServerEvents,
    EnterpriseServerEvents {
  /** A new entry of kind message. */
  'message.created': { message: Message }
  /** An `edit` or `recall` entry, and the message as it stands now. */
  'message.edited': { entry: Message; message: Message }
  'message.recalled': { entry: Message; message: Message }
  /**
   * An `annotated` or `expire` entry (reactions, pins, votes, erasure, ...), and the message as it stands now; without
   * it where somebody joined since. The entry alone tells what changed.
   */
  'message.changed': { entry: Message; message?: Message }
  /** The user deleted messages for themselves, maybe on another device. */
  'message.hidden': { conversationId: string; seqs: number[]; hiddenVersion: number }
  /** A text that is being written has grown by `text` at `offset` (UTF-16 units). */
  'message.delta': { conversationId: string; messageId: string; offset: number; text: string }
  /** The user's draft is another now; absent: there is none. */
  'conversation.draft-changed': { conversationId: string; draft?: Draft }
  /** A membership or profile entry. */
  'conversation.changed': { entry: Message }
  /** The user became a member (or the direct conversation was made); sync it. */
  'conversation.joined': { conversationId: string }
  /** The user is no member any more; nothing after `seq` will come. */
  'conversation.left': { conversationId: string; seq: number }
  /** A member, maybe the same user on another device, has read up to `readSeq`. */
  'conversation.read': { conversationId: string; userId: string; readSeq: number }
  /** In a direct conversation: everything up to `deliveredSeq` has reached a device of the other user. */
  'conversation.delivered': { conversationId: string; userId: string; deliveredSeq: number }
  'conversation.typing': { conversationId: string; userId: string }
  'presence.changed': { presence: Presence }
  /** The connection is about to be closed; `retryable` says whether coming back makes sense. */
  'session.closing': { code: string; detail: string; retryable: boolean; retryAfterMs?: number }
}

export type ServerEventType = keyof ServerEvents
export type ServerEvent = { [T in ServerEventType]: { type: T } & ServerEvents[T] }[ServerEventType]

/** The dress of a client frame before its body is parsed. */
export const frameEnvelope = z.looseObject({
  id: z.union([z.string().max(64), z.int()]).optional(),
  type: z.string().max(64),
})

export type FrameAnswer<T extends ClientFrameType = ClientFrameType> =
  | { re: string | number; ok: FrameAnswers[T] }
  | { re?: string | number; error: RealtimeError }

/** WebSocket close codes in the private range, with the error code that `session.closing` names before. */
export const closeCodes = {
  'auth-timeout': 4001,
  unauthenticated: 4002,
  'token-expired': 4003,
  'token-revoked': 4004,
  'key-revoked': 4005,
  'device-limit': 4006,
  'slow-consumer': 4008,
  'rate-limited': 4009,
  'frame-too-large': 4010,
  'too-many-connections': 4011,
  'invalid-json': 4012,
  unavailable: 4013,
  banned: 4014,
} as const
export type CloseReason = keyof typeof closeCodes
