import type { ChatService } from '@parley/chat'
import { AppError } from '@parley/contracts'
import type { Identity } from '@parley/identity'
import type { PushPorts } from '@parley/push'
import type { Social } from '@parley/social'

/** What push asks of chat, identity and social. */
export function pushPorts(chat: ChatService, identity: Identity, social: Social): PushPorts {
  return {
    conversations: {
      describe: async (projectId, conversationId) => {
        const found = await unlessGone(chat.conversation(projectId, conversationId, undefined))
        if (found === undefined) return undefined
        const { type, name, memberCount } = found
        return { type, memberCount, ...(name !== undefined && { name }) }
      },
      entries: async (projectId, conversationId, fromSeq, toSeq) => {
        const page = { afterSeq: fromSeq - 1, limit: toSeq - fromSeq + 1 }
        const found = await unlessGone(chat.history.list(projectId, conversationId, undefined, page))
        return (found?.items ?? []).filter(({ seq }) => seq <= toSeq)
      },
      audience: (...input) => chat.audience(...input),
      audienceAmong: (...input) => chat.audienceAmong(...input),
      unreadTotal: (...input) => chat.unreadTotal(...input),
    },
    deliveries: {
      taken: ({ projectId, conversationId, seq, userIds }) =>
        chat.taken(projectId, conversationId, seq, userIds),
    },
    users: {
      ensure: (project, userIds) => identity.users.ensure(project, userIds),
      names: async (project, userIds) => {
        const users = await identity.users.getMany(project, userIds)
        return new Map(
          [...users].flatMap(([id, { name }]) => (name === undefined ? [] : [[id, name] as const])),
        )
      },
    },
    blocks: social,
  }
}

async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof AppError && error.code === 'conversation-not-found') return undefined
    throw error
  }
}
