import { z } from 'zod'
import { maxMembersPerCall } from './chat-conversations.ts'
import { common, known, path, reason } from './chat-group-call.ts'
import { byConversation } from './chat-parameters.ts'
import { anyId, customId, text } from './ids.ts'
import { operation } from './operation.ts'
import { done, pageOf, pageQuery, timestamp } from './pagination.ts'

export const maxInvitationLinks = 100
export const maxOpenInvitations = 10_000

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

export const joinAnswer = z
  .object({ status: z.enum(['joined', 'requested']), request: joinRequest.optional() })
  .meta({ id: 'JoinAnswer' })
export type JoinAnswer = z.infer<typeof joinAnswer>

/** How people come into a group: of their own accord, invited, or by a link. */
export const groupJoiningOperations = {
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
} as const
