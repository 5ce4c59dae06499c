import type { Gateway, Session } from '@parley/core/gateway'
import { requireChatGrant } from './acting-user.ts'
import { directConversationId } from './conversation/direct-id.ts'
import { destinationOf } from './message/send.ts'
import { optionsIn } from './message/send-options.ts'
import type { ChatService } from './service.ts'

/** Chat over the realtime connection. */
export function registerFrames(gateway: Gateway, chat: ChatService): void {
  const actorOf = ({ projectId, userId }: Session) => ({ projectId, userId })

  gateway.handle('message.send', async (session, body) => {
    requireChatGrant(session.grants, 'send', () => destinationOf(session.userId, body))
    const { projectId, userId: senderId } = session
    const { conversationId: given, toUserId, clientMessageId, content } = body
    const sent = await chat.sender.send({
      projectId,
      senderId,
      conversationId: given,
      toUserId,
      clientMessageId,
      content,
      options: optionsIn(body),
    })
    const { messageId, conversationId, seq, createdAt } = sent
    return { messageId, conversationId, seq, createdAt: createdAt.toISOString() }
  })

  gateway.handle('message.edit', async (session, { messageId, content }) => {
    requireChatGrant(session.grants, 'send', await conversationOf(chat, session, messageId))
    return chat.changes.edit(actorOf(session), messageId, content)
  })

  gateway.handle('message.recall', async (session, { messageId }) => {
    requireChatGrant(session.grants, 'send', await conversationOf(chat, session, messageId))
    return chat.changes.recall(actorOf(session), messageId)
  })

  gateway.handle('message.find', async (session, { clientMessageId }) => {
    requireChatGrant(session.grants, 'send')
    return chat.find(session.projectId, session.userId, clientMessageId)
  })

  gateway.handle('message.list', async (session, { conversationId, ...range }) => {
    requireChatGrant(session.grants, 'read', conversationId)
    return chat.history.list(session.projectId, conversationId, session.userId, range)
  })

  gateway.handle('conversation.create', async (session, { conversation: { ownerId: _, ...group } }) => {
    requireChatGrant(session.grants, 'send')
    return chat.groups.create(actorOf(session), group)
  })

  gateway.handle('conversation.get', async (session, { conversationId }) => {
    requireChatGrant(session.grants, 'read', conversationId)
    return chat.conversation(session.projectId, conversationId, session.userId)
  })

  gateway.handle('conversation.update', async (session, { conversationId, version, ...change }) => {
    requireChatGrant(session.grants, 'send', conversationId)
    return chat.groups.update(actorOf(session), conversationId, change, version)
  })

  gateway.handle('conversation.open-direct', async (session, { userId: peerId }) => {
    requireChatGrant(session.grants, 'send', () => directConversationId(session.userId, peerId))
    const conversation = await chat.openDirect(session.projectId, session.userId, peerId)
    return { conversationId: conversation.id, conversation }
  })

  gateway.handle('conversation.read', async (session, { conversationId, seq }) => {
    requireChatGrant(session.grants, 'read', conversationId)
    const { readSeq, unread } = await chat.read(session.projectId, conversationId, session.userId, seq)
    return { readSeq, unread }
  })

  gateway.handle('conversation.typing', async (session, { conversationId }) => {
    requireChatGrant(session.grants, 'send', conversationId)
    await chat.typing(session.projectId, conversationId, session.userId)
    return {}
  })

  gateway.handle('conversation.sync', async (session, { cursor, limit }) => {
    requireChatGrant(session.grants, 'read')
    return chat.syncs.sync({ projectId: session.projectId, userId: session.userId, cursor, limit })
  })
}

/** Only tokens limited to some conversations need the look-up. */
async function conversationOf(
  chat: ChatService,
  session: Session,
  messageId: string,
): Promise<string | undefined> {
  if (session.grants?.chat?.conversations === undefined) return undefined
  return (await chat.history.get(session.projectId, messageId, session.userId)).conversationId
}
