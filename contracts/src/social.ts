import { endpointsOf, type OperationAnswers } from './operation.ts'
import { type Interaction, momentOperations } from './social-moments.ts'
import {
  blockOperations,
  type FriendChange,
  type FriendRequest,
  followOperations,
  friendOperations,
} from './social-people.ts'
import { profileOperations, socialServerEndpoints } from './social-profiles.ts'

export * from './social-moments.ts'
export * from './social-people.ts'
export * from './social-profiles.ts'

/** What users do with each other beside talking, by the type of the realtime frame; each is an endpoint, too. */
export const socialOperations = {
  ...blockOperations,
  ...friendOperations,
  ...followOperations,
  ...profileOperations,
  ...momentOperations,
} as const
export type SocialOperations = typeof socialOperations
export type SocialOperationAnswers = OperationAnswers<SocialOperations>

export const socialEndpoints = { ...socialServerEndpoints, ...endpointsOf(socialOperations) } as const

/** Facts of people, moments and what others do with them; webhooks tell them as they are. */
export interface SocialEvents {
  'user.blocked': { userId: string; blockedId: string }
  'user.unblocked': { userId: string; blockedId: string }
  'user.followed': { userId: string; followedId: string }
  'user.unfollowed': { userId: string; followedId: string }
  'friend.requested': { request: FriendRequest }
  /** Two users became friends; no request where the policy or the server made them so. */
  'friend.accepted': { userIds: [string, string]; request?: FriendRequest }
  'friend.rejected': { request: FriendRequest }
  'friend.withdrawn': { request: FriendRequest }
  'friend.removed': { userId: string; friendId: string; sides: 'both' | 'own' }
  'profile.updated': { userId: string; fields: string[] }
  'moment.created': { momentId: string; authorId: string }
  'moment.deleted': { momentId: string; authorId: string }
  'moment.liked': { momentId: string; userId: string }
  'moment.unliked': { momentId: string; userId: string }
  'moment.commented': { momentId: string; commentId: string; userId: string }
  'moment.comment-deleted': { momentId: string; commentId: string; userId: string }
}

/** Those that customers may hear of. */
export const socialEventTypes = [
  'user.blocked',
  'user.unblocked',
  'user.followed',
  'user.unfollowed',
  'friend.requested',
  'friend.accepted',
  'friend.rejected',
  'friend.withdrawn',
  'friend.removed',
  'profile.updated',
  'moment.created',
  'moment.deleted',
  'moment.liked',
  'moment.unliked',
  'moment.commented',
  'moment.comment-deleted',
] as const satisfies readonly (keyof SocialEvents)[]

/** Not told to customers: what processes tell each other. */
export interface SocialInnerEvents {
  /** The list of friends of a user moved on. */
  'friend.changed': { userId: string; change: FriendChange }
  'interaction.created': { userId: string; interaction: Interaction }
  'social.settings-changed': Record<string, never>
}

/** Live to the devices of users whom it concerns. */
export interface SocialServerEvents {
  'friend.requested': { request: FriendRequest }
  /** A request was accepted, rejected or withdrawn; both sides hear it. */
  'friend.decided': { request: FriendRequest }
  'friend.changed': { change: FriendChange }
  /** The own list of blocked users moved, maybe from another device. */
  'block.changed': { userId: string; blocked: boolean }
  /** A profile of a friend, or the own one, is another now; read it again. */
  'profile.changed': { userId: string }
  /** There is a moment that the user may see and would find in the timeline. */
  'moment.created': { momentId: string; authorId: string }
  'interaction.created': { interaction: Interaction; unread: number }
}
