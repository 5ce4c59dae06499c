import type { Attachment, ConversationType, MessageContent, ProjectSettings } from '@parley/contracts'
import type { ProjectScope, Transaction } from '@parley/core/store'

/** Who exists. Offered by identity. */
export interface UserDirectory {
  /** Throws `user-not-found`, naming the first missing ids, unless all exist. */
  ensure(project: ProjectScope, userIds: readonly string[]): Promise<void>
}

/** Many users at a time, as imports meet them. Offered by identity. */
export interface UserAccounts {
  /** Which of these exist. */
  exists(projectId: string, userIds: Iterable<string>): Promise<ReadonlySet<string>>
  /** Makes those who are not there yet. */
  make(projectId: string, userIds: readonly string[]): Promise<void>
}

/** Settings of projects. Offered by identity; cached there. */
export interface ProjectSettingsReader {
  settings(projectId: string): Promise<ProjectSettings>
}

/** What is stored of a file with the message that holds it. */
export type AttachmentFacts = Omit<Attachment, 'url' | 'thumbnailUrl'>

/** Stored files. Offered by core/objects. */
export interface AttachmentSource {
  /** Facts of stored files; throws `object-not-found` for one that is missing or not yet stored. */
  describe(
    project: ProjectScope,
    objectIds: readonly string[],
    options: { requireStored: boolean },
  ): Promise<Map<string, AttachmentFacts>>
  /** A signed address that is the same for all readers of the day. */
  signUrl(projectId: string, objectId: string, name: string): string
  /** Likewise, of a smaller picture; undefined for files that have none. Absent: no file has one. */
  signThumbnailUrl?(projectId: string, objectId: string, file: AttachmentFacts): string | undefined
  /**
   * Nothing of chat holds these files any more, which a message of this user held. Those that the user owns and nobody
   * else holds are not found from the commit on. Absent: files stay.
   */
  releaseUnused?(
    tx: Transaction,
    projectId: string,
    userId: string,
    objectIds: readonly string[],
  ): Promise<void>
}

/** What is about to happen with the content: a new message, a change of one, or a copy of one elsewhere. */
export type GuardedOperation = 'send' | 'edit' | 'forward'

export interface OutgoingMessage {
  projectId: string
  conversationId: string
  conversationType: ConversationType | 'chatroom'
  operation: GuardedOperation
  senderId: string
  /** The other user of a direct conversation. */
  peerId?: string
  /** The id under which the sender sends it: the same send again has the same. Absent for edits. */
  clientMessageId?: string
  content: MessageContent
}

/**
 * Asked before a message gets its seq, and before an edit takes its place. It returns the content to store (maybe replaced) or throws an AppError
 * (`blocked`, `muted`, `forbidden`); then nothing is stored and nobody hears of it. Guards run in the order given.
 */
export interface SendGuard {
  check(message: OutgoingMessage): Promise<MessageContent>
}

/** Users on their way into a group. */
export interface GuardedJoin {
  projectId: string
  conversationId: string
  conversationType: string
  userIds: string[]
  /** Of their own accord, added by a member, a request accepted, or by API key. */
  via: 'join' | 'invite' | 'request' | 'server'
  /** The member who adds or accepts them. */
  actorId?: string
}

/** Asked before users become members: those who may; throws `forbidden` when none may. Offered by core/webhooks. */
export interface JoinGuard {
  check(join: GuardedJoin): Promise<string[]>
}

/** A user on the way to a share of a packet. The same claim may be asked about again: message and user name it. */
export interface PacketClaim {
  projectId: string
  conversationId: string
  messageId: string
  kind: 'red-packet' | 'gift'
  senderId: string
  userId: string
  /** In units of 10^-scale of the currency. */
  amount: number
  currency: string
  scale: number
}

/** Moves the money of a claim, or throws `forbidden`; then the share is free again. Offered by core/webhooks. */
export interface PacketGuard {
  beforeClaim(claim: PacketClaim): Promise<void>
}

/** Puts a text into another language. `to` is a BCP 47 tag. */
export interface Translator {
  translate(question: {
    projectId: string
    text: string
    to: string
  }): Promise<{ text: string; detectedLanguage?: string }>
}

/** A piece of a growing text, on its way to the readers. */
export interface StreamPiece {
  projectId: string
  conversationId: string
  messageId: string
  userId: string
  /** The end of what was written before, so that words over the border are seen. Told already. */
  before: string
  piece: string
}

/** Answers the piece as it may be stored and told, of the same length, or throws an AppError: then it is neither. */
export type StreamGate = (piece: StreamPiece) => Promise<string>

export interface ChatPorts {
  users: UserDirectory
  /** Absent: nothing can be imported. */
  accounts?: UserAccounts
  projects: ProjectSettingsReader
  attachments: AttachmentSource
  sendGuards: readonly SendGuard[]
  /** Absent: growing texts are judged when they end only. Offered by moderation. */
  streamGate?: StreamGate
  /** Absent: claims of packets are not asked about. */
  packetGuard?: PacketGuard
  /** Absent: the translator of the settings, if one is set. */
  translator?: Translator
  /** Absent: everybody may join who the group lets in. */
  joinGuard?: JoinGuard
}
