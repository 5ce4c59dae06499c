import type { Message } from '@parley/contracts'
import type { ProjectScope } from '@parley/core/store'

/** Conversations and their messages. Offered by chat. */
export interface ConversationReader {
  /** Undefined when there is none. */
  describe(
    projectId: string,
    conversationId: string,
  ): Promise<{ type: string; name?: string; memberCount: number } | undefined>
  /** Entries from `fromSeq` to `toSeq`, both included, as they are now. */
  entries(projectId: string, conversationId: string, fromSeq: number, toSeq: number): Promise<Message[]>
  /** Who was a member when the entry was written and still is; by user id, after `afterUserId`. */
  audience(
    projectId: string,
    conversationId: string,
    seq: number,
    page: { afterUserId: string; limit: number },
  ): Promise<string[]>
  /** Those of the users named who belong to the audience of the entry. */
  audienceAmong(
    projectId: string,
    conversationId: string,
    seq: number,
    userIds: readonly string[],
  ): Promise<string[]>
  /** Unread messages over all conversations, for the badge. */
  unreadTotal(projectId: string, userId: string): Promise<number>
}

/** Who has a message already. Offered by chat. */
export interface Deliveries {
  /** Those of the users named to a device of whom the entry was delivered, or who have read it. */
  taken(input: {
    projectId: string
    conversationId: string
    seq: number
    userIds: readonly string[]
  }): Promise<Set<string>>
}

/** Who exists and what they are called. Offered by identity. */
export interface UserDirectory {
  /** Throws `user-not-found` unless all exist. */
  ensure(project: ProjectScope, userIds: readonly string[]): Promise<void>
  /** Absent where the user has no name. */
  names(project: ProjectScope, userIds: readonly string[]): Promise<Map<string, string>>
}

/** Who wants nothing of whom. Offered by social. */
export interface Blocks {
  /** Those of the users named who block the other. */
  whoBlocks(project: ProjectScope, otherId: string, userIds: readonly string[]): Promise<ReadonlySet<string>>
}

export interface PushPorts {
  conversations: ConversationReader
  deliveries: Deliveries
  users: UserDirectory
  blocks: Blocks
}
