import type { Operations } from '../operations.ts'
import type { ChatService } from '../service.ts'

/** Delivered cursors and the total of unread messages. */
export function registerReceipts(operations: Operations, chat: ChatService): void {
  operations.forUsers('conversation.delivered', async ({ projectId, userId }, { conversationId, seq }) => ({
    deliveredSeq: await chat.delivered(projectId, conversationId, userId, seq),
  }))
  operations.forUsers('conversation.unread-total', async ({ projectId, userId }) => ({
    unread: await chat.unreadTotal(projectId, userId),
  }))
}
