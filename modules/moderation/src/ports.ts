import type { EntryContent, Message, MessageContent } from '@parley/contracts'
import type { ProjectScope } from '@parley/core/store'

/** Who exists. Offered by identity. */
export interface UserDirectory {
  /** Throws `user-not-found` unless all exist. */
  ensure(project: ProjectScope, userIds: readonly string[]): Promise<void>
}

/** Asks about each good user token; what the check throws is the answer. Offered by identity. */
export interface TokenGate {
  onToken(check: (projectId: string, userId: string) => Promise<void>): void
}

/** Signed addresses of stored files. Offered by core/objects. */
export interface FileAddresses {
  signUrl(projectId: string, objectId: string, name: string): string
}

export type LogEntry = Pick<Message, 'id' | 'seq' | 'conversationId' | 'senderId'> & { content: EntryContent }

/** What was said, and taking it back. Offered by chat. */
export interface MessageLog {
  /** Throws `message-not-found` for what the reader may not see; no reader: the customer's server. */
  message(projectId: string, messageId: string, readerId: string | undefined): Promise<LogEntry>
  entries(
    projectId: string,
    conversationId: string,
    range: { afterSeq: number; beforeSeq: number; limit: number },
  ): Promise<LogEntry[]>
  /** Recalls as the server; recalled again is fine. */
  recall(projectId: string, messageId: string): Promise<void>
  /** Answers the type of the conversation; throws unless it is there and the reader is a member. */
  conversationType(projectId: string, conversationId: string, readerId: string | undefined): Promise<string>
}

export interface ModerationPorts {
  users: UserDirectory
  tokens: TokenGate
  files: FileAddresses
}

/** A message on its way into the log, as chat tells it to guards. */
export interface GuardedMessage {
  projectId: string
  conversationId: string
  conversationType: string
  senderId: string
  content: MessageContent
}
