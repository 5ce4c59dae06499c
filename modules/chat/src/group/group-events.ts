import type { Invitation, JoinRequest, ServerEvent } from '@parley/contracts'
import type { Platform } from '@parley/core/platform'
import type { ChatService } from '../service.ts'

/** What happens around groups to users who are no members yet. */
export const groupEventTypes = [
  'conversation.join-requested',
  'conversation.join-decided',
  'conversation.invited',
] as const

/** Seq 0 stands for a channel whose community the users have left: no entry of its own tells of it. */
const leftBehind = 'conversation.members-removed'

/**
 * Tells the users of this process who are concerned: those who decide of a request, the one who asked of the decision,
 * the invited of the invitation. Returns how to stop.
 */
export function tellGroupEvents({ outbox, gateway, logger }: Platform, chat: ChatService): () => void {
  const tell = (projectId: string, userIds: readonly string[], event: ServerEvent): void => {
    gateway.deliver(projectId, userIds, gateway.encode(event), ({ chat: grant }) => grant?.read === true)
  }
  return outbox.tail({
    types: [...groupEventTypes, leftBehind],
    handle: (events) => {
      for (const { projectId, type, data } of events) {
        if (gateway.online(projectId).size === 0) continue
        if (type === 'conversation.join-requested') {
          const request = data as unknown as JoinRequest
          chat
            .deciders(projectId, request.conversationId)
            .then((userIds) => tell(projectId, userIds, { type: 'conversation.join-requested', request }))
            .catch((error: unknown) => logger.warn({ error }, 'a request to join was not told live'))
        } else if (type === 'conversation.join-decided') {
          const request = data as unknown as JoinRequest
          tell(projectId, [request.userId], { type: 'conversation.join-decided', request })
        } else if (type === leftBehind) {
          const { conversationId, seq, userIds } = data as {
            conversationId: string
            seq: number
            userIds: string[]
          }
          if (seq === 0) tell(projectId, userIds, { type: 'conversation.left', conversationId, seq })
        } else {
          const { invitations } = data as unknown as { invitations: Invitation[] }
          for (const invitation of invitations)
            tell(projectId, [invitation.userId], { type: 'conversation.invited', invitation })
        }
      }
    },
  })
}
