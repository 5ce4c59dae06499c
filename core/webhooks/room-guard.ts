import {
  AppError,
  type BlockingHookName,
  type RoomJoinQuestion,
  type RoomPublishQuestion,
} from '@parley/contracts'
import type { BlockingHooks } from './blocking-hooks.ts'

/**
 * Asks `room.before-join` and `room.before-publish`: resolves when it may happen, or throws `forbidden` with what the
 * hook said. It has the shape of the port that rtc declares.
 */
export function roomGuard(hooks: BlockingHooks): {
  beforeJoin(question: RoomJoinQuestion & { projectId: string }): Promise<void>
  beforePublish(question: RoomPublishQuestion & { projectId: string }): Promise<void>
} {
  const ask = async (
    hook: BlockingHookName,
    { projectId, ...payload }: { projectId: string; roomId: string },
  ): Promise<void> => {
    const answer = await hooks.ask(projectId, hook, { payload, subject: `room/${payload.roomId}` })
    if (answer.verdict === 'reject') throw new AppError('forbidden', answer.detail)
  }
  return {
    beforeJoin: (question) => ask('room.before-join', question),
    beforePublish: (question) => ask('room.before-publish', question),
  }
}
