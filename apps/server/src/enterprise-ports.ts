import type { ChatService } from '@parley/chat'
import { AppError } from '@parley/contracts'
import type { Platform } from '@parley/core/platform'
import type { EnterprisePorts } from '@parley/enterprise'
import type { createAuthenticator, Identity } from '@parley/identity'

interface Parts {
  platform: Platform
  authenticator: ReturnType<typeof createAuthenticator>
  identity: Identity
  chat: ChatService
}

/** What directory, webhook bots and approvals ask of the other parts. */
export function enterprisePorts({ platform, authenticator, identity, chat }: Parts): EnterprisePorts {
  return {
    users: {
      ensure: (project, userIds) => identity.users.ensure(project, userIds),
      make: async (projectId, userId) => {
        await authenticator.users.make(projectId, userId)
      },
    },
    files: {
      requireStored: async (project, objectIds) => {
        await platform.objects.describe(project, objectIds, { requireStored: true })
      },
    },
    messages: {
      send: async (message) => {
        const { messageId } = await chat.sender.send(message)
        return { messageId }
      },
      replace: async (projectId, messageId, content) => {
        await chat.changes.edit({ projectId, userId: undefined }, messageId, content)
      },
      find: (projectId, messageId, readerId) => chat.history.get(projectId, messageId, readerId),
      entries: async (projectId, conversationId, fromSeq, toSeq) => {
        const page = { afterSeq: fromSeq - 1, limit: toSeq - fromSeq + 1 }
        try {
          const { items } = await chat.history.list(projectId, conversationId, undefined, page)
          return items.filter(({ seq }) => seq <= toSeq)
        } catch (error) {
          if (error instanceof AppError && error.code === 'conversation-not-found') return []
          throw error
        }
      },
      botsAmong: (projectId, userIds) => chat.botsAmong(projectId, userIds),
      requireMember: async (projectId, conversationId, userId) => {
        await chat.conversation(projectId, conversationId, userId)
      },
    },
  }
}
