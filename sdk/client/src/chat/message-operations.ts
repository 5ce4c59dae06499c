import type {
  ClientFrameBody,
  FrameAnswers,
  Message,
  MessageContent,
  MessageExpiry,
  SendOptions,
} from '@parley/contracts'
import { randomId } from '../random-id.ts'
import type { Chat } from './chat.ts'
import type { Conversation } from './conversation.ts'

// Each function is one operation, so that a page loads only those it uses. All reject with a ParleyError.

interface Page {
  limit?: number
  cursor?: string
}
type Ask<T extends keyof FrameAnswers> = Promise<FrameAnswers[T]>

/** Replies in the thread of a message, ascending, with the root as it stands. */
export const listThread = (
  conversation: Conversation,
  messageId: string,
  range: { afterSeq?: number; beforeSeq?: number; limit?: number } = {},
): Ask<'message.thread'> => conversation.perform('message.thread', { messageId, ...range })

/** Who reacted, by emoji and user. */
export const listReactions = (
  conversation: Conversation,
  messageId: string,
  page: Page & { emoji?: string } = {},
): Ask<'message.reactions'> => conversation.perform('message.reactions', { messageId, ...page })

/** What a message was before each of its edits. */
export const listEdits = (
  conversation: Conversation,
  messageId: string,
  page: Page = {},
): Ask<'message.edits'> => conversation.perform('message.edits', { messageId, ...page })

/** Who has read a message, or has not, and how many. */
export const listReaders = (
  conversation: Conversation,
  messageId: string,
  page: Page & { state?: 'read' | 'unread' } = {},
): Ask<'message.readers'> => conversation.perform('message.readers', { messageId, ...page })

/** Pinned messages, the latest pin first. */
export const listPins = async (conversation: Conversation): Promise<Message[]> =>
  (await conversation.perform('conversation.pins', { conversationId: conversation.id })).items

export const pinMessage = (conversation: Conversation, messageId: string): Promise<Message> =>
  conversation.change('message.pin', { messageId })

export const unpinMessage = (conversation: Conversation, messageId: string): Promise<Message> =>
  conversation.change('message.unpin', { messageId })

/** Puts keys and values on a message; a `version` guards against another's change. */
export const extendMessage = (
  conversation: Conversation,
  messageId: string,
  change: Omit<ClientFrameBody<'message.extend'>, 'messageId'>,
): Promise<Message> => conversation.change('message.extend', { messageId, ...change })

/** The text of a message in another language (BCP 47). */
export const translateMessage = (
  conversation: Conversation,
  messageId: string,
  language: string,
): Ask<'message.translate'> => conversation.perform('message.translate', { messageId, language })

/** Sends a copy of a message to another conversation or user. */
export const forwardMessage = (
  conversation: Conversation,
  messageId: string,
  to: { toConversationId: string } | { toUserId: string },
): Ask<'message.forward'> =>
  conversation.perform('message.forward', { messageId, clientMessageId: randomId('c'), ...to })

/** How long messages sent from now on live; nothing given: for ever. */
export const setMessageExpiry = (
  conversation: Conversation,
  expiry: MessageExpiry,
): Ask<'conversation.expiry'> =>
  conversation.perform('conversation.expiry', { conversationId: conversation.id, ...expiry })

/** Votes by the place of the options; none takes the vote back. */
export const votePoll = (
  conversation: Conversation,
  messageId: string,
  options: number[],
): Promise<Message> => conversation.change('poll.vote', { messageId, options })

export const closePoll = (conversation: Conversation, messageId: string): Promise<Message> =>
  conversation.change('poll.close', { messageId })

export const listVotes = (
  conversation: Conversation,
  messageId: string,
  page: Page = {},
): Ask<'poll.votes'> => conversation.perform('poll.votes', { messageId, ...page })

/** Takes the user's share of a packet; the same share however often it is asked. */
export const claimPacket = (conversation: Conversation, messageId: string): Ask<'packet.claim'> =>
  conversation.perform('packet.claim', { messageId })

export const listClaims = (
  conversation: Conversation,
  messageId: string,
  page: Page = {},
): Ask<'packet.claims'> => conversation.perform('packet.claims', { messageId, ...page })

/** Sends a message at a time to come; whether or not this client is there then. */
export const scheduleMessage = (
  conversation: Conversation,
  message: SendOptions & { content: MessageContent; sendAt: Date },
): Ask<'message.schedule'> => {
  const { sendAt, ...rest } = message
  const { id, peerId } = conversation
  return conversation.perform('message.schedule', {
    // A direct conversation need not be there before its first message.
    ...(peerId === undefined ? { conversationId: id } : { toUserId: peerId }),
    clientMessageId: randomId('c'),
    sendAt: sendAt.toISOString(),
    ...rest,
  })
}

/** Messages of all conversations that hold all words, newest first; the last word may be unfinished. */
export const searchMessages = (chat: Chat, query: ClientFrameBody<'message.search'>): Ask<'message.search'> =>
  chat.request('message.search', query, { resend: true })

/** Commands that bots of the conversation understand. */
export const listCommands = (conversation: Conversation): Ask<'conversation.list-commands'> =>
  conversation.perform('conversation.list-commands', { conversationId: conversation.id })

/** Messages of the user that wait for their time, of all conversations. */
export const listScheduled = (chat: Chat, page: Page = {}): Ask<'message.scheduled'> =>
  chat.request('message.scheduled', page, { resend: true })

export const cancelScheduled = async (chat: Chat, scheduledMessageId: string): Promise<void> => {
  await chat.request('message.cancel-scheduled', { scheduledMessageId }, { resend: true })
}

/** Unread messages over all conversations, at most 999. */
export const unreadTotal = async (chat: Chat): Promise<number> =>
  (await chat.request('conversation.unread-total', {}, { resend: true })).unread

/** A message that is being written. Appending is safe to repeat; ending makes the text final. */
export interface StreamWriter {
  readonly messageId: string
  append(text: string): Promise<void>
  finish(options?: { interrupted?: boolean }): Promise<Message>
}

/** Begins a message whose text grows while readers watch. Appends leave one after the other. */
export async function beginStream(
  conversation: Conversation,
  options: SendOptions & { format?: string } = {},
): Promise<StreamWriter> {
  const { messageId } = await conversation.perform('stream.begin', {
    conversationId: conversation.id,
    clientMessageId: randomId('c'),
    ...options,
  })
  let length = 0
  let last: Promise<unknown> = Promise.resolve()
  return {
    messageId,
    append(text) {
      const offset = length
      length += text.length
      const appended = last.then(() => conversation.perform('stream.append', { messageId, offset, text }))
      last = appended
      appended.catch(() => undefined)
      return appended.then(() => undefined)
    },
    async finish({ interrupted = false } = {}) {
      await last
      return conversation.change('stream.finish', { messageId, interrupted })
    },
  }
}
