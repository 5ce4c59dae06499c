import type { ProjectScope, Queryable } from '@parley/core/store'
import type { GuardedJoin, GuardedMessage } from './ports.ts'

/** What social offers to other modules; `apps/server` hands it over. */
export interface Social {
  /** Whether a user blocks another, as this process knows it within about a second. */
  blocks(projectId: string, userId: string, otherId: string): Promise<boolean>
  /** Those of the users named who block the other. */
  whoBlocks(project: ProjectScope, otherId: string, userIds: readonly string[]): Promise<ReadonlySet<string>>
  /** Which of these files stand in moments of a user. */
  filesInMoments(
    tx: Queryable,
    projectId: string,
    authorId: string,
    objectIds: readonly string[],
  ): Promise<ReadonlySet<string>>
  /** For chat: throws `blocked` before a direct message to who blocks the sender gets a seq. */
  readonly sendGuard: { check<Content>(message: GuardedMessage<Content>): Promise<Content> }
  /** For chat: leaves out of invitations whoever blocks the one who invites. */
  readonly joinGuard: { check(join: GuardedJoin): Promise<string[]> }
}
