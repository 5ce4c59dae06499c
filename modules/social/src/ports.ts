import type { Attachment, User } from '@parley/contracts'
import type { ProjectScope } from '@parley/core/store'

/** Who exists, and by what name. Offered by identity. */
export interface UserDirectory {
  /** Throws `user-not-found` unless all exist. */
  ensure(project: ProjectScope, userIds: readonly string[]): Promise<void>
  getMany(project: ProjectScope, userIds: readonly string[]): Promise<Map<string, User>>
}

export type MediaFacts = Omit<Attachment, 'url' | 'thumbnailUrl'>

/** Stored files. Offered by core/objects. */
export interface MediaSource {
  /** Facts of stored files; throws `object-not-found` for one that is missing or not yet stored. */
  describe(
    project: ProjectScope,
    objectIds: readonly string[],
    options: { requireStored: boolean },
  ): Promise<Map<string, MediaFacts>>
  signUrl(projectId: string, objectId: string, name: string): string
  signThumbnailUrl?(projectId: string, objectId: string, file: MediaFacts): string | undefined
}

/** What a user is about to publish to others. */
export interface PublishedContent {
  projectId: string
  userId: string
  kind: 'profile' | 'friend-request' | 'moment' | 'comment'
  texts: readonly string[]
  media: readonly { objectId: string; contentType: string }[]
}

/**
 * Looks at content before it is stored: the texts to store, in the order given, or an AppError (`content-rejected`,
 * `content-under-review`, `muted`, `banned`). Offered by moderation.
 */
export interface ContentGate {
  check(content: PublishedContent): Promise<readonly string[]>
}

/** Whether others are there. Offered by identity. */
export interface PresenceCurtain {
  /** Asked who of these users look offline to the reader. */
  hideBy(
    check: (projectId: string, readerId: string, userIds: readonly string[]) => Promise<ReadonlySet<string>>,
  ): void
  /** From now on a user looks offline to the reader, on the connections of this process. */
  conceal(projectId: string, readerId: string, userId: string): void
}

export interface SocialPorts {
  users: UserDirectory
  media: MediaSource
  /** Absent: everything may be published. */
  gate?: ContentGate
  /** Absent: presence is not hidden by blocks. */
  presence?: PresenceCurtain
}

/** A message on its way into the log, as far as blocks concern it. Offered to chat. */
export interface GuardedMessage<Content> {
  projectId: string
  conversationType: string
  senderId: string
  peerId?: string
  content: Content
}

/** Users on their way into a group, as far as blocks concern it. Offered to chat. */
export interface GuardedJoin {
  projectId: string
  userIds: string[]
  via: string
  actorId?: string | undefined
}
