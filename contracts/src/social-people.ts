import { z } from 'zod'
import { anyId, customId, text } from './ids.ts'
import { operation } from './operation.ts'
import { done, pageOf, pageQuery, timestamp } from './pagination.ts'

export const maxFriendLabels = 20
export const maxImportedFriends = 500

const page = pageQuery.shape
const friendLabel = text(64).min(1)
const remark = text(128)
/** A hash that the customer computes over a number or an address; Parley only compares it. */
export const contactHash = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be SHA-256 in lower-case hex')
  .meta({ description: 'SHA-256 in lower-case hex over what the customer normalised' })

export const friendPolicy = z.enum(['everyone', 'approval', 'nobody']).meta({
  id: 'FriendPolicy',
  description: 'Whose friend requests count at once, are asked about, or refused',
})
export type FriendPolicy = z.infer<typeof friendPolicy>

export const block = z.object({ userId: customId, createdAt: timestamp }).meta({ id: 'Block' })
export type Block = z.infer<typeof block>

export const friendRequestStatus = z.enum(['pending', 'accepted', 'rejected', 'withdrawn', 'expired'])
export const friendRequest = z
  .object({
    id: z.string(),
    fromUserId: customId,
    toUserId: customId,
    message: z.string().optional(),
    status: friendRequestStatus,
    reason: z.string().optional(),
    createdAt: timestamp,
    expiresAt: timestamp,
  })
  .meta({ id: 'FriendRequest' })
export type FriendRequest = z.infer<typeof friendRequest>

export const friend = z
  .object({
    userId: customId,
    remark: z
      .string()
      .optional()
      .meta({ description: 'What the user calls this friend; nobody else sees it' }),
    labels: z.array(z.string()).meta({ description: 'Groups of friends this one is in' }),
    version: z.int().meta({ description: 'Place of its last change in the list of the user' }),
    createdAt: timestamp,
  })
  .meta({ id: 'Friend' })
export type Friend = z.infer<typeof friend>

export const friendChange = z
  .object({
    userId: customId,
    version: z.int(),
    friend: friend.optional().meta({ description: 'Absent: no friend any more' }),
  })
  .meta({ id: 'FriendChange' })
export type FriendChange = z.infer<typeof friendChange>

export const follow = z
  .object({
    userId: customId,
    mutual: z.boolean().meta({ description: 'Each follows the other' }),
    createdAt: timestamp,
  })
  .meta({ id: 'Follow' })
export type Follow = z.infer<typeof follow>

export const relation = z
  .object({
    userId: customId,
    friend: z.boolean().meta({ description: 'In the own list' }),
    following: z.boolean(),
    followedBy: z.boolean(),
    blocked: z.boolean().meta({ description: 'By the asking user; that the other blocks is not told' }),
    counts: z.object({ followers: z.int(), following: z.int() }),
  })
  .meta({ id: 'Relation' })
export type Relation = z.infer<typeof relation>

const byFriend = { friendId: customId }
const byRequest = { requestId: anyId }

export const blockOperations = {
  'block.add': operation({
    tag: 'social',
    status: 200,
    name: 'blockUser',
    method: 'PUT',
    right: 'send',
    path: '/v1/blocks/{blockedId}',
    summary: 'Block a user everywhere; friendship, follows and open requests between the two end',
    params: { blockedId: customId },
    input: {},
    answer: block,
    errors: ['user-not-found', 'limit-exceeded', 'conflict'],
  }),
  'block.remove': operation({
    tag: 'social',
    status: 200,
    name: 'unblockUser',
    method: 'DELETE',
    right: 'send',
    path: '/v1/blocks/{blockedId}',
    summary: 'Lift a block; what it ended stays ended',
    params: { blockedId: customId },
    input: {},
    answer: done,
    errors: [],
  }),
  'block.list': operation({
    tag: 'social',
    status: 200,
    name: 'listBlocks',
    method: 'GET',
    right: 'read',
    path: '/v1/blocks',
    summary: 'Users whom a user blocks, by id',
    params: {},
    input: page,
    answer: pageOf(block),
    errors: ['invalid-cursor'],
  }),
} as const

export const friendOperations = {
  'friend.request': operation({
    tag: 'social',
    status: 200,
    name: 'requestFriend',
    method: 'POST',
    right: 'send',
    path: '/v1/friend-requests',
    summary: 'Ask to become friends; asked again while it is open, the same request is answered',
    params: {},
    input: { toUserId: customId, message: text(500).optional(), remark: remark.optional() },
    answer: z.object({ status: z.enum(['pending', 'accepted']), request: friendRequest.optional() }),
    errors: ['user-not-found', 'blocked', 'forbidden', 'conflict', 'limit-exceeded', 'content-rejected'],
  }),
  'friend.accept': operation({
    tag: 'social',
    status: 200,
    name: 'acceptFriend',
    method: 'POST',
    right: 'send',
    path: '/v1/friend-requests/{requestId}/accept',
    summary: 'Become friends',
    params: byRequest,
    input: { remark: remark.optional() },
    answer: friendRequest,
    errors: ['not-found', 'conflict', 'limit-exceeded'],
  }),
  'friend.reject': operation({
    tag: 'social',
    status: 200,
    name: 'rejectFriend',
    method: 'POST',
    right: 'send',
    path: '/v1/friend-requests/{requestId}/reject',
    summary: 'Decline a friend request',
    params: byRequest,
    input: { reason: text(500).optional() },
    answer: friendRequest,
    errors: ['not-found', 'conflict'],
  }),
  'friend.withdraw': operation({
    tag: 'social',
    status: 200,
    name: 'withdrawFriendRequest',
    method: 'POST',
    right: 'send',
    path: '/v1/friend-requests/{requestId}/withdraw',
    summary: 'Take an own request back',
    params: byRequest,
    input: {},
    answer: friendRequest,
    errors: ['not-found', 'conflict'],
  }),
  'friend.list-requests': operation({
    tag: 'social',
    status: 200,
    name: 'listFriendRequests',
    method: 'GET',
    right: 'read',
    path: '/v1/friend-requests',
    summary: 'Requests received or sent, newest first',
    params: {},
    input: {
      ...page,
      direction: z.enum(['received', 'sent']).default('received'),
      status: friendRequestStatus.optional(),
    },
    answer: pageOf(friendRequest),
    errors: ['invalid-cursor'],
  }),
  'friend.list': operation({
    tag: 'social',
    status: 200,
    name: 'listFriends',
    method: 'GET',
    right: 'read',
    path: '/v1/friends',
    summary: 'Friends by user id, all or those with a label',
    params: {},
    input: { ...page, label: friendLabel.optional() },
    answer: pageOf(friend),
    errors: ['invalid-cursor'],
  }),
  'friend.sync': operation({
    tag: 'social',
    status: 200,
    name: 'syncFriends',
    method: 'GET',
    right: 'read',
    path: '/v1/friends/changes',
    summary: 'What changed in the list of friends after a version, in order',
    params: {},
    input: {
      afterVersion: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
      limit: pageQuery.shape.limit,
    },
    answer: z.object({ items: z.array(friendChange), version: z.int(), more: z.boolean() }),
    errors: [],
  }),
  'friend.get': operation({
    tag: 'social',
    status: 200,
    name: 'getFriend',
    method: 'GET',
    right: 'read',
    path: '/v1/friends/{friendId}',
    summary: 'One friend',
    params: byFriend,
    input: {},
    answer: friend,
    errors: ['not-found'],
  }),
  'friend.update': operation({
    tag: 'social',
    status: 200,
    name: 'updateFriend',
    method: 'PATCH',
    right: 'send',
    path: '/v1/friends/{friendId}',
    summary: 'Own name and labels of a friend; null takes the name away',
    params: byFriend,
    input: {
      remark: remark.nullable().optional(),
      labels: z.array(friendLabel).max(maxFriendLabels).optional(),
    },
    answer: friend,
    errors: ['not-found'],
  }),
  'friend.remove': operation({
    tag: 'social',
    status: 200,
    name: 'removeFriend',
    method: 'DELETE',
    right: 'send',
    path: '/v1/friends/{friendId}',
    summary: 'End a friendship, on both sides or on the own side only',
    params: byFriend,
    input: { sides: z.enum(['both', 'own']).default('both') },
    answer: done,
    errors: [],
  }),
  'friend.mutual': operation({
    tag: 'social',
    status: 200,
    name: 'listMutualFriends',
    method: 'GET',
    right: 'read',
    path: '/v1/friends/{friendId}/mutual',
    summary: 'Friends whom both have: how many, and a page of them by id',
    params: byFriend,
    input: page,
    answer: z.object({ count: z.int(), items: z.array(customId), nextCursor: z.string().optional() }),
    errors: ['invalid-cursor', 'not-found'],
  }),
  'friend.list-labels': operation({
    tag: 'social',
    status: 200,
    name: 'listFriendLabels',
    method: 'GET',
    right: 'read',
    path: '/v1/friend-labels',
    summary: 'Labels in use and how many friends have each',
    params: {},
    input: {},
    answer: z.object({ items: z.array(z.object({ label: z.string(), friends: z.int() })) }),
    errors: [],
  }),
  'friend.rename-label': operation({
    tag: 'social',
    status: 200,
    name: 'renameFriendLabel',
    method: 'PATCH',
    right: 'send',
    path: '/v1/friend-labels/{label}',
    summary: 'Another name for a label; with null, no friend has it any more',
    params: { label: friendLabel },
    input: { name: friendLabel.nullable() },
    answer: done,
    errors: [],
  }),
} as const

export const followOperations = {
  'follow.add': operation({
    tag: 'social',
    status: 200,
    name: 'followUser',
    method: 'PUT',
    right: 'send',
    path: '/v1/following/{followedId}',
    summary: 'Follow a user',
    params: { followedId: customId },
    input: {},
    answer: follow,
    errors: ['user-not-found', 'blocked', 'limit-exceeded', 'conflict'],
  }),
  'follow.remove': operation({
    tag: 'social',
    status: 200,
    name: 'unfollowUser',
    method: 'DELETE',
    right: 'send',
    path: '/v1/following/{followedId}',
    summary: 'Follow a user no more',
    params: { followedId: customId },
    input: {},
    answer: done,
    errors: [],
  }),
  'follow.list-following': operation({
    tag: 'social',
    status: 200,
    name: 'listFollowing',
    method: 'GET',
    right: 'read',
    path: '/v1/following',
    summary: 'Whom a user follows, by id; the own list when nobody is named',
    params: {},
    input: { ...page, ofUserId: customId.optional() },
    answer: pageOf(follow),
    errors: ['invalid-cursor', 'not-found'],
  }),
  'follow.list-followers': operation({
    tag: 'social',
    status: 200,
    name: 'listFollowers',
    method: 'GET',
    right: 'read',
    path: '/v1/followers',
    summary: 'Who follows a user, by id; the own list when nobody is named',
    params: {},
    input: { ...page, ofUserId: customId.optional() },
    answer: pageOf(follow),
    errors: ['invalid-cursor', 'not-found'],
  }),
  'relation.get': operation({
    tag: 'social',
    status: 200,
    name: 'getRelation',
    method: 'GET',
    right: 'read',
    path: '/v1/relations/{otherId}',
    summary: 'How a user stands to another, and how many follow and are followed',
    params: { otherId: customId },
    input: {},
    answer: relation,
    errors: ['user-not-found'],
  }),
} as const
