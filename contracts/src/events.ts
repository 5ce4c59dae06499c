import type { Invitation, JoinRequest } from './chat-groups.ts'
import type { EnterpriseEvents } from './enterprise.ts'
import type { ModerationCase, Restriction } from './moderation.ts'
import type { SocialEvents, SocialInnerEvents } from './social.ts'

/**
 * Facts that survive: written to the outbox in the transaction that causes them, dispatched at least once, in
 * order per resource. Names are `resource.past-verb`; the data is what webhooks will carry.
 */
export interface DomainEvents extends EnterpriseEvents, SocialEvents, SocialInnerEvents {
  /** A run of entries was appended to a conversation. Consumers read the entries from the log. */
  'conversation.appended': { conversationId: string; fromSeq: number; toSeq: number; version: number }
  'conversation.created': {
    conversationId: string
    type: 'direct' | 'group' | 'community' | 'channel'
    memberIds: string[]
  }
  'conversation.members-added': { conversationId: string; seq: number; userIds: string[] }
  'conversation.members-removed': { conversationId: string; seq: number; userIds: string[] }
  'notice.created': { noticeId: string; no: number }
  'notice.withdrawn': { noticeId: string; no: number }
  'conversation.join-requested': JoinRequest
  'conversation.join-decided': JoinRequest
  'conversation.invited': { conversationId: string; invitations: Invitation[] }
  /** Something that concerns one member only: a draft, messages deleted for oneself. */
  'conversation.overlay-changed': { conversationId: string; userId: string }
  'conversation.read': { conversationId: string; userId: string; readSeq: number }
  'room.created': { roomId: string }
  'room.closed': { roomId: string }
  'room.participant-joined': { roomId: string; participantId: string; userId: string }
  'room.participant-left': { roomId: string; participantId: string; userId: string; reason: string }
  'room.publication-added': { roomId: string; participantId: string; publicationId: string; source: string }
  'room.publication-removed': { roomId: string; participantId: string; publicationId: string }
  'user.created': { userId: string }
  'user.updated': { userId: string }
  'user.tokens-revoked': { userId: string }
  'key.revoked': { keyId: string }
  'case.opened': { case: ModerationCase }
  'case.resolved': { case: ModerationCase }
  'restriction.created': { restriction: Restriction }
  'restriction.ended': { restriction: Restriction; reason: 'lifted' | 'expired' }
  /** Word lists, audit service or settings of the project are others now. Not told to customers. */
  'moderation.changed': { part: 'words' | 'audit' | 'settings' }
}

export type DomainEventType = keyof DomainEvents

export interface DomainEvent<T extends DomainEventType = DomainEventType> {
  projectId: string
  /** What the order is kept for, such as `conversation/conv_...`. */
  resource: string
  type: T
  data: DomainEvents[T]
}
