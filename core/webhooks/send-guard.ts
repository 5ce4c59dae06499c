import { AppError, type MessageContent, messageContent } from '@parley/contracts'
import type { BlockingHooks } from './blocking-hooks.ts'

/** A message on its way into the log, as chat tells it to guards. */
export interface GuardedMessage {
  projectId: string
  conversationId: string
  conversationType: string
  /** What is being done, `send`, `edit` or `forward`; the hook is told. */
  operation?: string
  senderId: string
  peerId?: string
  clientMessageId?: string
  content: MessageContent
}

/**
 * Asks `message.before-send` before a message gets its seq and before an edit takes its place: the content to store,
 * or `forbidden` with what the hook said. It has the shape of the port that chat declares.
 */
export function messageSendGuard(hooks: BlockingHooks): {
  check(message: GuardedMessage): Promise<MessageContent>
} {
  return {
    check: async ({ projectId, ...message }) => {
      const answer = await hooks.ask<MessageContent>(projectId, 'message.before-send', {
        payload: message,
        subject: `conversation/${message.conversationId}`,
        replacement: messageContent,
        withReplacement: (payload, content) => ({ ...payload, content }),
      })
      if (answer.verdict === 'reject') throw new AppError('forbidden', answer.detail)
      return answer.verdict === 'replace' ? answer.data : message.content
    },
  }
}
