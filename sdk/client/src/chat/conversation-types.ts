import type { ConversationView, Draft, Message, MessageContent, SendOptions } from '@parley/contracts'
import type { Request } from '../connection/connection.ts'
import type { Rest } from '../rest.ts'
import type { ChatCache } from './chat-cache.ts'
import type { Outbox } from './outbox.ts'

export interface ConversationEvents {
  /** Every message once, in the order of the log, own ones included. */
  message: Message
  /** A message was edited; this is how it stands now. */
  updated: Message
  recalled: Message
  /** Everything up to `deliveredSeq` has reached a device of the other user of a direct conversation. */
  delivered: { userId: string; deliveredSeq: number }
  /** The text of a message that is being written has grown to this. */
  growing: { messageId: string; text: string }
  /** The user's draft is another now, maybe by another device. */
  draft: Draft | undefined
  /** A member (maybe the user on another device) has read up to `readSeq`. */
  read: { userId: string; readSeq: number }
  /** Everybody who types now. */
  typing: { userIds: string[] }
  /** Members came or went: an entry of type `members-added` or `members-removed`. */
  member: Message
  profile: ConversationView
  /** How the group is run changed: settings, roles, mutes, announcement, attributes, member data, expiry. */
  group: Message
  /** The log could not be continued from where it was: what was shown must be read again. */
  reloaded: Record<string, never>
  /** Anything that `messages`, `view`, `typingUserIds` or `readCursors` show is different now. */
  changed: Record<string, never>
}

export interface Mentions {
  userIds?: string[]
  all?: boolean
  online?: boolean
}

export type SendInput = SendOptions & { clientMessageId?: string } & (
    | { text: string; mentions?: Mentions }
    | { content: MessageContent }
  )

/** Resolves with the stored message. Ignoring a rejection is safe: `messages` shows the failed one. */
export type SendResult = Promise<Message> & { readonly clientMessageId: string }

export interface HistoryOptions {
  /** How many messages, 50 unless told. */
  limit?: number
  /** Only messages before this seq; the newest when absent. */
  beforeSeq?: number
}

export interface ConversationPorts {
  userId: string
  request: Request
  rest: Rest
  cache: ChatCache
  outbox: Outbox
  /** True when the application wants every message of every conversation. */
  followsAll: () => boolean
  connected: () => boolean
}
