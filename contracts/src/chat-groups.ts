import { z } from 'zod'
import {
  attributeKey,
  attributeValue,
  groupSettings,
  groupSettingsChange,
  maxAnnouncementLength,
  maxExemptUsers,
  memberRole,
} from './chat-conversation-entries.ts'
import { announcement, conversation, maxMembersPerCall, member } from './chat-conversations.ts'
import { byConversation } from './chat-parameters.ts'
import { anyId, customId, text } from './ids.ts'
import { operation } from './operation.ts'
import { customData, done, pageOf, pageQuery, timestamp } from './pagination.ts'

const byMember = { ...byConversation.shape, userId: customId }
const reason = text(500).optional()
/** At most ten years; absent means for good. */
const durationMs = z
  .int()
  .min(1_000)
  .max(10 * 366 * 86_400_000)
  .optional()
  .meta({ description: 'Absent: until it is lifted' })

export const maxAttributes = 100
export const maxChannels = 500
export const maxNicknameLength = 128
export const maxInvitationLinks = 100
export const maxOpenInvitations = 10_000

export const mutedMember = z
  .object({
    userId: customId,
    mutedUntil: timestamp.meta({ description: 'The year 9999 stands for: until it is lifted' }),
  })
  .meta({ id: 'MutedMember' })

export const ban = z
  .object({
    userId: customId,
    bannedBy: z.string().optional().meta({ description: 'Absent for the server' }),
    reason: z.string().optional(),
    until: timestamp.optional(),
    createdAt: timestamp,
  })
  .meta({ id: 'ConversationBan' })
export type ConversationBan = z.infer<typeof ban>

export const joinRequestStatus = z.enum(['pending', 'approved', 'rejected', 'withdrawn', 'expired'])
export const joinRequest = z
  .object({
    id: z.string(),
    conversationId: z.string(),
    userId: customId,
    message: z.string().optional(),
    status: joinRequestStatus,
    reason: z.string().optional(),
    decidedBy: z.string().optional(),
    createdAt: timestamp,
    expiresAt: timestamp,
  })
  .meta({ id: 'JoinRequest' })
export type JoinRequest = z.infer<typeof joinRequest>

export const invitationStatus = z.enum(['pending', 'accepted', 'declined', 'withdrawn', 'expired'])
export const invitation = z
  .object({
    id: z.string(),
    conversationId: z.string(),
    conversationName: z.string().optional(),
    userId: customId.meta({ description: 'Who is invited' }),
    inviterId: z.string().optional().meta({ description: 'Absent for the server' }),
    message: z.string().optional(),
    status: invitationStatus,
    createdAt: timestamp,
    expiresAt: timestamp,
  })
  .meta({ id: 'Invitation' })
export type Invitation = z.infer<typeof invitation>

export const invitationLink = z
  .object({
    id: z.string(),
    conversationId: z.string(),
    createdBy: z.string().optional(),
    uses: z.int(),
    maxUses: z.int().optional(),
    createdAt: timestamp,
    expiresAt: timestamp.optional(),
  })
  .meta({ id: 'InvitationLink' })
export type InvitationLink = z.infer<typeof invitationLink>

export const attribute = z
  .object({
    key: z.string(),
    value: z.string(),
    version: z.int().meta({ description: 'Moves with every change of this key' }),
    updatedBy: z.string().optional(),
    updatedAt: timestamp,
  })
  .meta({ id: 'ConversationAttribute' })
export type ConversationAttribute = z.infer<typeof attribute>

export const joinAnswer = z
  .object({ status: z.enum(['joined', 'requested']), request: joinRequest.optional() })
  .meta({ id: 'JoinAnswer' })
export type JoinAnswer = z.infer<typeof joinAnswer>

/** A channel as a member of its community sees it. */
export const channelView = conversation
  .extend({
    opened: z.boolean().meta({ description: 'The user has opened it: it is synced and heard live' }),
    readSeq: z.int().optional(),
    unread: z.int().min(0).max(999),
  })
  .meta({ id: 'ChannelView' })
export type ChannelView = z.infer<typeof channelView>

const known = ['conversation-not-found', 'not-a-member', 'forbidden'] as const
const common = { tag: 'groups', status: 200 } as const
const path = '/v1/conversations/{conversationId}'

/** How groups are run: members, silence, joining, and what a group says of itself. */
export const groupOperations = {
  'conversation.list-members': operation({
    ...common,
    name: 'listMembers',
    tag: 'conversations',
    method: 'GET',
    right: 'read',
    path: `${path}/members`,
    summary: 'Members by user id',
    params: byConversation.shape,
    input: pageQuery.shape,
    answer: pageOf(member),
    errors: [...known, 'invalid-cursor'],
  }),
  'conversation.add-members': operation({
    ...common,
    name: 'addMembers',
    tag: 'conversations',
    method: 'POST',
    right: 'send',
    path: `${path}/members`,
    summary: 'Add members to a group; those who are members already are passed over',
    params: byConversation.shape,
    input: {
      userIds: z.array(customId).min(1).max(maxMembersPerCall),
      role: z.enum(['admin', 'member']).default('member'),
    },
    answer: z.object({ added: z.array(customId) }),
    errors: [...known, 'user-not-found', 'banned', 'limit-exceeded'],
  }),
  'conversation.remove-member': operation({
    ...common,
    name: 'removeMember',
    tag: 'conversations',
    method: 'DELETE',
    right: 'send',
    path: `${path}/members/{userId}`,
    summary: 'Remove a member, or leave',
    params: byMember,
    input: {},
    answer: done,
    errors: known,
  }),
  'conversation.get-member': operation({
    ...common,
    name: 'getMember',
    method: 'GET',
    right: 'read',
    path: `${path}/members/{userId}`,
    summary: 'One member',
    params: byMember,
    input: {},
    answer: member,
    errors: known,
  }),
  'conversation.update-member': operation({
    ...common,
    name: 'updateMember',
    method: 'PATCH',
    right: 'send',
    path: `${path}/members/{userId}`,
    summary:
      'Change the role of a member (owner), or nickname and custom data (oneself; of others owner and admins)',
    params: byMember,
    input: {
      role: z.enum(['admin', 'member']).optional(),
      nickname: text(maxNicknameLength).nullable().optional(),
      custom: customData.optional(),
    },
    answer: member,
    errors: known,
  }),
  'conversation.remove-members': operation({
    ...common,
    name: 'removeMembers',
    method: 'POST',
    right: 'send',
    path: `${path}/members/remove`,
    summary: 'Remove members together; those who are no members are passed over',
    params: byConversation.shape,
    input: { userIds: z.array(customId).min(1).max(maxMembersPerCall), reason },
    answer: z.object({ removed: z.array(customId) }),
    errors: known,
  }),
  'conversation.mute-member': operation({
    ...common,
    name: 'muteMember',
    method: 'PUT',
    right: 'send',
    path: `${path}/members/{userId}/mute`,
    summary: 'Silence a member: owner anyone, admins ordinary members',
    params: byMember,
    input: { durationMs, reason },
    answer: member,
    errors: known,
  }),
  'conversation.unmute-member': operation({
    ...common,
    name: 'unmuteMember',
    method: 'DELETE',
    right: 'send',
    path: `${path}/members/{userId}/mute`,
    summary: 'Let a member speak again',
    params: byMember,
    input: {},
    answer: member,
    errors: known,
  }),
  'conversation.list-muted': operation({
    ...common,
    name: 'listMutedMembers',
    method: 'GET',
    right: 'read',
    path: `${path}/mutes`,
    summary: 'Members who may not speak now, by user id',
    params: byConversation.shape,
    input: pageQuery.shape,
    answer: pageOf(mutedMember),
    errors: [...known, 'invalid-cursor'],
  }),
  'conversation.mute': operation({
    ...common,
    name: 'muteConversation',
    method: 'PUT',
    right: 'send',
    path: `${path}/mute`,
    summary: 'Silence everybody but the roles and users that are exempt',
    params: byConversation.shape,
    input: {
      durationMs,
      exemptRoles: z.array(memberRole).max(3).default(['owner', 'admin']),
      exemptUserIds: z.array(customId).max(maxExemptUsers).default([]),
    },
    answer: conversation,
    errors: known,
  }),
  'conversation.unmute': operation({
    ...common,
    name: 'unmuteConversation',
    method: 'DELETE',
    right: 'send',
    path: `${path}/mute`,
    summary: 'Let everybody speak again who is not muted alone',
    params: byConversation.shape,
    input: {},
    answer: conversation,
    errors: known,
  }),
  'conversation.ban': operation({
    ...common,
    name: 'banMember',
    method: 'PUT',
    right: 'send',
    path: `${path}/bans/{userId}`,
    summary: 'Keep a user out of the group, removing a member at once',
    params: byMember,
    input: { durationMs, reason },
    answer: ban,
    errors: [...known, 'user-not-found', 'limit-exceeded'],
  }),
  'conversation.unban': operation({
    ...common,
    name: 'unbanMember',
    method: 'DELETE',
    right: 'send',
    path: `${path}/bans/{userId}`,
    summary: 'Lift a ban; it makes nobody a member',
    params: byMember,
    input: {},
    answer: done,
    errors: known,
  }),
  'conversation.list-bans': operation({
    ...common,
    name: 'listBans',
    method: 'GET',
    right: 'read',
    path: `${path}/bans`,
    summary: 'Who is banned, by user id (owner, admins)',
    params: byConversation.shape,
    input: pageQuery.shape,
    answer: pageOf(ban),
    errors: [...known, 'invalid-cursor'],
  }),
  'conversation.transfer': operation({
    ...common,
    name: 'transferOwnership',
    method: 'POST',
    right: 'send',
    path: `${path}/transfer`,
    summary: 'Make another member the owner; the owner before becomes an admin',
    params: byConversation.shape,
    input: { ownerId: customId },
    answer: conversation,
    errors: known,
  }),
  'conversation.update-settings': operation({
    ...common,
    name: 'updateGroupSettings',
    method: 'PATCH',
    right: 'send',
    path: `${path}/settings`,
    summary: 'Change how a group is run (owner)',
    params: byConversation.shape,
    input: groupSettingsChange.shape,
    answer: groupSettings,
    errors: known,
  }),
  'conversation.list-attributes': operation({
    ...common,
    name: 'listAttributes',
    method: 'GET',
    right: 'read',
    path: `${path}/attributes`,
    summary: 'All attributes of a group, by key',
    params: byConversation.shape,
    input: {},
    answer: z.object({ items: z.array(attribute) }),
    errors: known,
  }),
  'conversation.update-attributes': operation({
    ...common,
    name: 'updateAttributes',
    method: 'PATCH',
    right: 'send',
    path: `${path}/attributes`,
    summary: 'Set and remove attributes together; `versions` names what the caller has seen, 0 for none',
    params: byConversation.shape,
    input: {
      set: z.record(attributeKey, attributeValue).optional(),
      remove: z.array(attributeKey).max(maxAttributes).optional(),
      versions: z.record(attributeKey, z.int().min(0)).optional(),
    },
    answer: z.object({ items: z.array(attribute) }),
    errors: [...known, 'version-mismatch', 'limit-exceeded'],
  }),
  'conversation.announce': operation({
    ...common,
    name: 'announce',
    method: 'PUT',
    right: 'send',
    path: `${path}/announcement`,
    summary: 'Set the announcement; an empty text takes it down',
    params: byConversation.shape,
    input: { text: text(maxAnnouncementLength) },
    answer: announcement,
    errors: known,
  }),
  'conversation.list-announcements': operation({
    ...common,
    name: 'listAnnouncements',
    method: 'GET',
    right: 'read',
    path: `${path}/announcements`,
    summary: 'The announcements so far, newest first: what, who, when',
    params: byConversation.shape,
    input: pageQuery.shape,
    answer: pageOf(announcement),
    errors: [...known, 'invalid-cursor'],
  }),
  'conversation.join': operation({
    ...common,
    name: 'joinConversation',
    method: 'POST',
    right: 'send',
    path: `${path}/join`,
    summary: 'Join an open group, ask to join one with approval, or join by an invitation link’s token',
    params: byConversation.shape,
    input: { message: text(500).optional(), token: text(128).optional() },
    answer: joinAnswer,
    errors: [
      'conversation-not-found',
      'user-not-found',
      'forbidden',
      'banned',
      'invitation-expired',
      'limit-exceeded',
    ],
  }),
  'conversation.list-join-requests': operation({
    ...common,
    name: 'listJoinRequests',
    method: 'GET',
    right: 'read',
    path: `${path}/join-requests`,
    summary: 'Requests to join, oldest first (owner, admins)',
    params: byConversation.shape,
    input: { ...pageQuery.shape, status: joinRequestStatus.default('pending') },
    answer: pageOf(joinRequest),
    errors: [...known, 'invalid-cursor'],
  }),
  'conversation.approve-join': operation({
    ...common,
    name: 'approveJoinRequest',
    method: 'POST',
    right: 'send',
    path: `${path}/join-requests/{requestId}/approve`,
    summary: 'Let the one who asked in (owner, admins)',
    params: { ...byConversation.shape, requestId: anyId },
    input: {},
    answer: joinRequest,
    errors: [...known, 'not-found', 'conflict', 'banned', 'limit-exceeded'],
  }),
  'conversation.reject-join': operation({
    ...common,
    name: 'rejectJoinRequest',
    method: 'POST',
    right: 'send',
    path: `${path}/join-requests/{requestId}/reject`,
    summary: 'Turn the one who asked away (owner, admins)',
    params: { ...byConversation.shape, requestId: anyId },
    input: { reason },
    answer: joinRequest,
    errors: [...known, 'not-found', 'conflict'],
  }),
  'conversation.withdraw-join': operation({
    ...common,
    name: 'withdrawJoinRequest',
    method: 'POST',
    right: 'send',
    path: `${path}/join-requests/{requestId}/withdraw`,
    summary: 'Take an own request back',
    params: { ...byConversation.shape, requestId: anyId },
    input: {},
    answer: joinRequest,
    errors: ['conversation-not-found', 'forbidden', 'not-found', 'conflict'],
  }),
  'conversation.invite': operation({
    ...common,
    name: 'inviteMembers',
    method: 'POST',
    right: 'send',
    path: `${path}/invitations`,
    summary: 'Invite users: members at once, or asked first where the group’s `invitationConsent` says so',
    params: byConversation.shape,
    input: {
      userIds: z.array(customId).min(1).max(maxMembersPerCall),
      message: text(500).optional(),
    },
    answer: z.object({ joined: z.array(customId), invitations: z.array(invitation) }),
    errors: [...known, 'user-not-found', 'limit-exceeded'],
  }),
  'conversation.list-sent-invitations': operation({
    ...common,
    name: 'listSentInvitations',
    method: 'GET',
    right: 'read',
    path: `${path}/invitations`,
    summary: 'Open invitations of a group',
    params: byConversation.shape,
    input: pageQuery.shape,
    answer: pageOf(invitation),
    errors: [...known, 'invalid-cursor'],
  }),
  'conversation.withdraw-invitation': operation({
    ...common,
    name: 'withdrawInvitation',
    method: 'POST',
    right: 'send',
    path: `${path}/invitations/{invitationId}/withdraw`,
    summary: 'Take an invitation back (the inviter, owner, admins)',
    params: { ...byConversation.shape, invitationId: anyId },
    input: {},
    answer: invitation,
    errors: [...known, 'not-found', 'conflict'],
  }),
  'invitation.list': operation({
    ...common,
    name: 'listInvitations',
    method: 'GET',
    right: 'read',
    path: '/v1/invitations',
    summary: 'Open invitations to a user',
    params: {},
    input: pageQuery.shape,
    answer: pageOf(invitation),
    errors: ['invalid-cursor'],
  }),
  'invitation.accept': operation({
    ...common,
    name: 'acceptInvitation',
    method: 'POST',
    right: 'send',
    path: '/v1/invitations/{invitationId}/accept',
    summary: 'Follow an invitation',
    params: { invitationId: anyId },
    input: {},
    answer: invitation,
    errors: ['not-found', 'conflict', 'forbidden', 'banned', 'limit-exceeded'],
  }),
  'invitation.decline': operation({
    ...common,
    name: 'declineInvitation',
    method: 'POST',
    right: 'send',
    path: '/v1/invitations/{invitationId}/decline',
    summary: 'Decline an invitation',
    params: { invitationId: anyId },
    input: {},
    answer: invitation,
    errors: ['not-found', 'conflict'],
  }),
  'conversation.create-link': operation({
    ...common,
    name: 'createInvitationLink',
    method: 'POST',
    right: 'send',
    path: `${path}/invitation-links`,
    summary: 'Make a token with which users may join; it is shown once',
    params: byConversation.shape,
    input: {
      expiresInMs: z
        .int()
        .min(1_000)
        .max(366 * 86_400_000)
        .optional(),
      maxUses: z.int().min(1).max(1_000_000).optional(),
    },
    status: 201,
    answer: z.object({ link: invitationLink, token: z.string() }),
    errors: [...known, 'limit-exceeded'],
  }),
  'conversation.list-links': operation({
    ...common,
    name: 'listInvitationLinks',
    method: 'GET',
    right: 'read',
    path: `${path}/invitation-links`,
    summary: 'Invitation links of a group, without their tokens (owner, admins)',
    params: byConversation.shape,
    input: {},
    answer: z.object({ items: z.array(invitationLink) }),
    errors: known,
  }),
  'conversation.revoke-link': operation({
    ...common,
    name: 'revokeInvitationLink',
    method: 'DELETE',
    right: 'send',
    path: `${path}/invitation-links/{linkId}`,
    summary: 'End an invitation link (whoever made it, owner, admins)',
    params: { ...byConversation.shape, linkId: anyId },
    input: {},
    answer: done,
    errors: [...known, 'not-found'],
  }),
  'community.create-channel': operation({
    ...common,
    name: 'createChannel',
    method: 'POST',
    right: 'send',
    path: `${path}/channels`,
    summary: 'Make a channel in a community (owner, admins)',
    params: byConversation.shape,
    input: {
      channelId: customId.optional(),
      name: text(256).optional(),
      public: z.boolean().default(true),
      category: text(128).optional(),
      position: z.int().min(-1_000_000).max(1_000_000).default(0),
      memberIds: z
        .array(customId)
        .max(maxMembersPerCall)
        .optional()
        .meta({ description: 'Of a private channel; members of the community' }),
    },
    status: 201,
    answer: conversation,
    errors: [...known, 'already-exists', 'conflict', 'limit-exceeded'],
  }),
  'community.list-channels': operation({
    ...common,
    name: 'listChannels',
    method: 'GET',
    right: 'read',
    path: `${path}/channels`,
    summary: 'Channels of a community, in their order, with unread counts',
    params: byConversation.shape,
    input: pageQuery.shape,
    answer: pageOf(channelView),
    errors: ['conversation-not-found', 'not-a-member', 'invalid-cursor'],
  }),
  'conversation.dissolve': operation({
    ...common,
    name: 'dissolveConversation',
    method: 'DELETE',
    right: 'send',
    path,
    summary: 'End a group for everybody (owner)',
    params: byConversation.shape,
    input: {},
    answer: done,
    errors: known,
  }),
} as const
export type GroupOperations = typeof groupOperations

/** Events of groups to users who are no members yet, or who decide about members. */
export interface GroupServerEvents {
  /** Somebody asks to join; told to owner and admins. */
  'conversation.join-requested': { request: JoinRequest }
  /** An own request was decided. */
  'conversation.join-decided': { request: JoinRequest }
  'conversation.invited': { invitation: Invitation }
}
