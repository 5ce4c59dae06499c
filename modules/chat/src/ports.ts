import type { MessageContent, ProjectSettings } from '@parley/contracts'
import type { ProjectScope } from '@parley/core/store'

/** Who exists. Offered by identity. */
export interface UserDirectory {
  /** Throws `user-not-found`, naming the first missing ids, unless all exist. */
  ensure(project: ProjectScope, userIds: readonly string[]): Promise<void>
}

/** Settings of projects. Offered by identity; cached there. */
export interface ProjectSettingsReader {
  settings(projectId: string): Promise<ProjectSettings>
}

/** Stored files. Offered by core/objects. */
export interface AttachmentSource {
  /** Facts of stored files; throws `object-not-found` for one that is missing or not yet stored. */
  describe(
    project: ProjectScope,
    objectIds: readonly string[],
    options: { requireStored: boolean },
  ): Promise<Map<string, { name: string; contentType: string; sizeBytes: number }>>
  /** A signed address that is the same for all readers of the day. */
  signUrl(projectId: string, objectId: string, name: string): string
}

export interface OutgoingMessage {
  projectId: string
  conversationId: string
  conversationType: 'direct' | 'group'
  senderId: string
  /** The other user of a direct conversation. */
  peerId?: string
  content: MessageContent
}

/**
 * Asked before a message gets its seq. It returns the content to store (maybe replaced) or throws an AppError
 * (`blocked`, `muted`, `forbidden`); then nothing is stored and nobody hears of it. Guards run in the order given.
 */
export interface SendGuard {
  check(message: OutgoingMessage): Promise<MessageContent>
}

export interface ChatPorts {
  users: UserDirectory
  projects: ProjectSettingsReader
  attachments: AttachmentSource
  sendGuards: readonly SendGuard[]
}
