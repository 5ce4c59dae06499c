import { AppError, type MessageContent, type SendAnswer } from '@parley/contracts'
import { requireChatGrant } from '../acting-user.ts'
import { type Operations, requireSomewhere, type UserActor } from '../operations.ts'
import { forwardable } from './copy.ts'
import { readEntry } from './history.ts'
import type { MessageParts } from './message-parts.ts'
import { destinationOf } from './send.ts'
import { requireLiving } from './target.ts'

export interface ForwardCommand {
  messageId: string
  clientMessageId: string
  conversationId?: string | undefined
  toUserId?: string | undefined
}

/** Sends a copy of a message elsewhere; guards are told that it is one (CHAT-60). */
export async function forward(
  { database, send }: MessageParts,
  { projectId, userId: senderId }: UserActor,
  { messageId, clientMessageId, conversationId, toUserId }: ForwardCommand,
): Promise<SendAnswer> {
  const source = await readEntry(database.project(projectId), messageId, senderId)
  requireLiving(source)
  const copied = forwardable(source.content)
  const merged = copied.type === 'merged-forward'
  const content: MessageContent = merged
    ? { type: 'merged-forward', messageIds: [messageId], ...(copied.title && { title: copied.title }) }
    : plain(copied)
  const { forwardedFrom } = source.facts ?? {}
  const sent = await send({
    projectId,
    senderId,
    conversationId,
    toUserId,
    clientMessageId,
    content,
    operation: 'forward',
    ...(merged && { stored: copied }),
    facts: {
      forwardedFrom: forwardedFrom ?? {
        senderId: source.sender_id,
        createdAt: source.created_at.toISOString(),
      },
    },
  })
  return { ...sent, createdAt: sent.createdAt.toISOString() }
}

/** What the sender would have given: facts about files are looked up anew, nobody is called by name. */
function plain(copied: ReturnType<typeof forwardable>): MessageContent {
  const { attachment: _a, poster: _p, mentions: _m, ...content } = copied as Record<string, unknown>
  return content as MessageContent
}

export function registerForward(operations: Operations, parts: MessageParts): void {
  operations.forUsers('message.forward', (actor, { toConversationId, toUserId, ...input }, { grants }) => {
    if ((toConversationId === undefined) === (toUserId === undefined))
      throw new AppError('invalid-request', 'give either toConversationId or toUserId')
    const to = { conversationId: toConversationId, toUserId }
    requireChatGrant(grants, 'send', destinationOf(actor.userId, to))
    requireSomewhere(grants, 'read')
    return forward(parts, actor, { ...input, ...to })
  })
}
