import type { Actor } from '../message/change-message.ts'
import type { GuardedJoin, JoinGuard } from '../ports.ts'

/** Those of the users who may join, as the guard says; asked before, never inside, the transaction. */
export async function admitted(
  guard: JoinGuard | undefined,
  { projectId, userId }: Actor,
  join: Pick<GuardedJoin, 'conversationId' | 'userIds' | 'via'> & { actorId?: string | undefined },
): Promise<string[]> {
  if (guard === undefined) return [...join.userIds]
  const actorId = join.actorId ?? (join.via === 'join' ? undefined : userId)
  return guard.check({
    projectId,
    conversationId: join.conversationId,
    conversationType: 'group',
    userIds: join.userIds,
    via: join.via,
    ...(actorId !== undefined && { actorId }),
  })
}
