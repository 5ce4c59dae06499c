import { AppError, type ConversationJoinQuestion, conversationJoinReplacement } from '@parley/contracts'
import type { BlockingHooks } from './blocking-hooks.ts'

/** Users on their way into a conversation, as chat tells it to guards. */
export interface GuardedJoin extends ConversationJoinQuestion {
  projectId: string
}

/**
 * Asks `conversation.before-join` before users become members: the ids of those who may, in the order asked, never
 * none; or throws `forbidden` with what the hook said. It has the shape of the port that chat declares.
 */
export function conversationJoinGuard(hooks: BlockingHooks): {
  check(join: GuardedJoin): Promise<string[]>
} {
  return {
    check: async ({ projectId, ...join }) => {
      const asked = new Set(join.userIds)
      const answer = await hooks.ask(projectId, 'conversation.before-join', {
        payload: join,
        subject: `conversation/${join.conversationId}`,
        // Whoever was not asked about cannot be let in by an answer.
        replacement: conversationJoinReplacement.refine(({ userIds }) =>
          userIds.every((id) => asked.has(id)),
        ),
        withReplacement: (payload, { userIds }) => ({ ...payload, userIds }),
      })
      if (answer.verdict === 'reject') throw new AppError('forbidden', answer.detail)
      if (answer.verdict === 'allow') return [...join.userIds]
      const admitted = new Set(answer.data.userIds)
      return join.userIds.filter((id) => admitted.has(id))
    },
  }
}
