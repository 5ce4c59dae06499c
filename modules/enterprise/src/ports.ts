import type { EntryContent, Message, MessageContent } from '@parley/contracts'
import type { ProjectScope } from '@parley/core/store'

/** Who exists, and making users. Offered by identity. */
export interface Users {
  /** Throws `user-not-found` unless all exist. */
  ensure(project: ProjectScope, userIds: readonly string[]): Promise<void>
  /** Makes the user unless there is one. */
  make(projectId: string, userId: string): Promise<void>
}

/** Stored files. Offered by core/objects. */
export interface Files {
  /** Throws `object-not-found` for one that is missing or not yet stored. */
  requireStored(project: ProjectScope, objectIds: readonly string[]): Promise<void>
}

export type LogEntry = Pick<Message, 'id' | 'seq' | 'conversationId' | 'senderId'> & { content: EntryContent }

export interface OutgoingMessage {
  projectId: string
  senderId: string
  conversationId?: string
  toUserId?: string
  /** The same again sends nothing and answers the first message. */
  clientMessageId: string
  content: MessageContent
}

/** Messages and who may see them. Offered by chat. */
export interface Messages {
  /** Throws what sending throws: `not-a-member`, `muted`, `client-message-id-conflict`, ... */
  send(message: OutgoingMessage): Promise<{ messageId: string }>
  /** Puts other content in the place of a message, as the server. */
  replace(projectId: string, messageId: string, content: MessageContent): Promise<void>
  /** Throws `message-not-found` for what the reader may not see; no reader: the customer's server. */
  find(projectId: string, messageId: string, readerId: string | undefined): Promise<LogEntry>
  /** Entries of a conversation, ascending; none when it is gone. */
  entries(projectId: string, conversationId: string, fromSeq: number, toSeq: number): Promise<LogEntry[]>
  /** Those of the users named who are bots of chat. */
  botsAmong(projectId: string, userIds: readonly string[]): Promise<ReadonlySet<string>>
  /** Throws `conversation-not-found`, or `not-a-member`. */
  requireMember(projectId: string, conversationId: string, userId: string): Promise<void>
}

export interface EnterprisePorts {
  users: Users
  files: Files
  messages: Messages
}
