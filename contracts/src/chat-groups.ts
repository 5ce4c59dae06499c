import { communityOperations } from './chat-communities.ts'
import { common, known, path } from './chat-group-call.ts'
import { groupJoiningOperations, type Invitation, type JoinRequest } from './chat-group-joining.ts'
import { groupMemberOperations } from './chat-group-members.ts'
import { groupProfileOperations } from './chat-group-profile.ts'
import { byConversation } from './chat-parameters.ts'
import { operation } from './operation.ts'
import { done } from './pagination.ts'

export {
  type ChannelView,
  channelView,
  maxChannels,
} from './chat-communities.ts'
export {
  type Invitation,
  type InvitationLink,
  invitation,
  invitationLink,
  invitationStatus,
  type JoinAnswer,
  type JoinRequest,
  joinAnswer,
  joinRequest,
  joinRequestStatus,
  maxInvitationLinks,
  maxOpenInvitations,
} from './chat-group-joining.ts'
export {
  ban,
  type ConversationBan,
  maxNicknameLength,
  mutedMember,
} from './chat-group-members.ts'
export {
  attribute,
  type ConversationAttribute,
  maxAttributes,
} from './chat-group-profile.ts'

/** How groups are run: members, silence, joining, and what a group says of itself. */
export const groupOperations = {
  ...groupMemberOperations,
  ...groupProfileOperations,
  ...groupJoiningOperations,
  ...communityOperations,
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
