import type { MessageContent } from '@parley/contracts'
import type { ConversationMembers } from '../conversation/conversation-views.ts'
import type { GuardedOperation, SendGuard } from '../ports.ts'

/** The content to store, after every guard agreed in turn; throws what a guard throws (CHAT-11, CHAT-50). */
export async function admit(
  guards: readonly SendGuard[],
  members: Pick<ConversationMembers, 'projectId' | 'conversationId' | 'type' | 'directUsers'>,
  {
    senderId,
    operation,
    content: given,
    clientMessageId,
  }: {
    senderId: string
    operation: GuardedOperation
    content: MessageContent
    clientMessageId?: string
  },
): Promise<MessageContent> {
  const peerId = members.directUsers?.find((userId) => userId !== senderId)
  let content = given
  for (const guard of guards) {
    content = await guard.check({
      projectId: members.projectId,
      conversationId: members.conversationId,
      conversationType: members.type,
      operation,
      senderId,
      ...(peerId !== undefined && { peerId }),
      ...(clientMessageId !== undefined && { clientMessageId }),
      content,
    })
  }
  return content
}
