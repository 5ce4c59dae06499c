import type { RoomJoinQuestion, RoomPublishQuestion } from '@parley/contracts'
import type { Authenticator } from '@parley/core/auth'

/**
 * Asked before somebody enters a room and before something new is published there. To refuse is to throw the AppError
 * that the asker gets; how long an answer may take is the guard's own concern.
 */
export interface RoomGuard {
  beforeJoin(question: RoomJoinQuestion & { projectId: string }): Promise<void>
  beforePublish(question: RoomPublishQuestion & { projectId: string }): Promise<void>
}

export interface RtcPorts {
  /** For WHIP and WHEP, whose requests do not pass the door of REST. Offered by identity. */
  authenticator: Authenticator
  /** Asked in their order; the first that throws ends it. Offered by webhooks. */
  guards?: readonly RoomGuard[]
  /** The media worker program; that of the build when absent. For tests. */
  sfuEntry?: string
}
