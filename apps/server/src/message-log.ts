import type { ChatService } from '@parley/chat'
import type { MessageLog } from '@parley/moderation'

/** Chat as moderation sees it. */
export function messageLog(chat: ChatService): MessageLog {
  return {
    message: (projectId, messageId, readerId) => chat.history.get(projectId, messageId, readerId),
    entries: async (projectId, conversationId, range) =>
      (await chat.history.list(projectId, conversationId, undefined, range)).items,
    recall: async (projectId, messageId) => {
      await chat.changes.recall({ projectId, userId: undefined }, messageId)
    },
    conversationType: async (projectId, conversationId, readerId) =>
      (await chat.conversation(projectId, conversationId, readerId)).type,
  }
}
