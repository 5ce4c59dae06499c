import { AppError } from '@parley/contracts'

export class ConversationNotFoundError extends AppError {
  constructor(conversationId: string) {
    super('conversation-not-found', `There is no conversation ${conversationId}`)
  }
}

export class NotAMemberError extends AppError {
  constructor(userId: string, conversationId: string) {
    super('not-a-member', `${userId} is not a member of ${conversationId}`)
  }
}

export class MessageNotFoundError extends AppError {
  constructor(messageId: string) {
    super('message-not-found', `There is no message ${messageId}`)
  }
}
