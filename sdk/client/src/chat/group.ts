import type { ClientFrameBody, ClientFrameType, FrameAnswers, MemberRole } from '@parley/contracts'
import type { Chat } from './chat.ts'
import type { Conversation } from './conversation.ts'

type GroupFrame = Extract<ClientFrameType, `conversation.${string}`>
type Given<T extends GroupFrame> = Omit<ClientFrameBody<T>, 'conversationId'>
type Answer<T extends GroupFrame> = Promise<FrameAnswers[T]>

/** How long something holds; for good when absent. Milliseconds. */
export interface Lasting {
  durationMs?: number
  reason?: string
}

export interface PageRequest {
  limit?: number
  cursor?: string
}

/**
 * What can be done in a group beyond talking. Changes come back as entries of the conversation, which tells of them by
 * its events `member`, `profile` and `group`. What the user may not do is refused with `forbidden`.
 */
export interface Group {
  members(page?: PageRequest): Answer<'conversation.list-members'>
  member(userId: string): Answer<'conversation.get-member'>
  add(userIds: string[], role?: 'admin' | 'member'): Answer<'conversation.add-members'>
  remove(userIds: string[], reason?: string): Answer<'conversation.remove-members'>
  setRole(userId: string, role: 'admin' | 'member'): Answer<'conversation.update-member'>
  /** Nickname and custom data of a member in this group; null takes the nickname away. */
  describeMember(
    userId: string,
    change: Pick<Given<'conversation.update-member'>, 'nickname' | 'custom'>,
  ): Answer<'conversation.update-member'>
  /** Name, picture and custom data; with `version`, only when nobody has changed the group since. */
  update(change: Given<'conversation.update'>): Answer<'conversation.update'>
  transfer(ownerId: string): Answer<'conversation.transfer'>
  leave(): Promise<void>
  dissolve(): Answer<'conversation.dissolve'>
  updateSettings(change: Given<'conversation.update-settings'>): Answer<'conversation.update-settings'>

  mute(userId: string, lasting?: Lasting): Answer<'conversation.mute-member'>
  unmute(userId: string): Answer<'conversation.unmute-member'>
  muted(page?: PageRequest): Answer<'conversation.list-muted'>
  muteAll(options?: {
    durationMs?: number
    exemptRoles?: MemberRole[]
    exemptUserIds?: string[]
  }): Answer<'conversation.mute'>
  unmuteAll(): Answer<'conversation.unmute'>
  ban(userId: string, lasting?: Lasting): Answer<'conversation.ban'>
  unban(userId: string): Answer<'conversation.unban'>
  bans(page?: PageRequest): Answer<'conversation.list-bans'>

  attributes(): Answer<'conversation.list-attributes'>
  updateAttributes(change: Given<'conversation.update-attributes'>): Answer<'conversation.update-attributes'>
  announce(text: string): Answer<'conversation.announce'>
  announcements(page?: PageRequest): Answer<'conversation.list-announcements'>

  invite(userIds: string[], message?: string): Answer<'conversation.invite'>
  sentInvitations(page?: PageRequest): Answer<'conversation.list-sent-invitations'>
  withdrawInvitation(invitationId: string): Answer<'conversation.withdraw-invitation'>
  /** The token of a link is answered once and never again. */
  createLink(options?: { expiresInMs?: number; maxUses?: number }): Answer<'conversation.create-link'>
  links(): Answer<'conversation.list-links'>
  revokeLink(linkId: string): Answer<'conversation.revoke-link'>
  joinRequests(
    page?: PageRequest & { status?: FrameAnswers['conversation.approve-join']['status'] },
  ): Answer<'conversation.list-join-requests'>
  approve(requestId: string): Answer<'conversation.approve-join'>
  reject(requestId: string, reason?: string): Answer<'conversation.reject-join'>
}

/** The group behind a conversation. Only applications that call this load what it takes. */
export function groupOf(conversation: Conversation): Group {
  const ask = <T extends GroupFrame>(type: T, given: Given<T>): Answer<T> =>
    conversation.request(type, { ...given, conversationId: conversation.id } as unknown as ClientFrameBody<T>)
  return {
    members: (page = {}) => ask('conversation.list-members', page),
    member: (userId) => ask('conversation.get-member', { userId }),
    add: (userIds, role = 'member') => ask('conversation.add-members', { userIds, role }),
    remove: (userIds, reason) => ask('conversation.remove-members', { userIds, ...(reason && { reason }) }),
    setRole: (userId, role) => ask('conversation.update-member', { userId, role }),
    describeMember: (userId, change) => ask('conversation.update-member', { userId, ...change }),
    update: (change) => ask('conversation.update', change),
    transfer: (ownerId) => ask('conversation.transfer', { ownerId }),
    leave: () => conversation.leave(),
    dissolve: () => ask('conversation.dissolve', {}),
    updateSettings: (change) => ask('conversation.update-settings', change),

    mute: (userId, lasting = {}) => ask('conversation.mute-member', { userId, ...lasting }),
    unmute: (userId) => ask('conversation.unmute-member', { userId }),
    muted: (page = {}) => ask('conversation.list-muted', page),
    muteAll: (options = {}) => ask('conversation.mute', options),
    unmuteAll: () => ask('conversation.unmute', {}),
    ban: (userId, lasting = {}) => ask('conversation.ban', { userId, ...lasting }),
    unban: (userId) => ask('conversation.unban', { userId }),
    bans: (page = {}) => ask('conversation.list-bans', page),

    attributes: () => ask('conversation.list-attributes', {}),
    updateAttributes: (change) => ask('conversation.update-attributes', change),
    announce: (text) => ask('conversation.announce', { text }),
    announcements: (page = {}) => ask('conversation.list-announcements', page),

    invite: (userIds, message) => ask('conversation.invite', { userIds, ...(message && { message }) }),
    sentInvitations: (page = {}) => ask('conversation.list-sent-invitations', page),
    withdrawInvitation: (invitationId) => ask('conversation.withdraw-invitation', { invitationId }),
    createLink: (options = {}) => ask('conversation.create-link', options),
    links: () => ask('conversation.list-links', {}),
    revokeLink: (linkId) => ask('conversation.revoke-link', { linkId }),
    joinRequests: (page = {}) => ask('conversation.list-join-requests', page),
    approve: (requestId) => ask('conversation.approve-join', { requestId }),
    reject: (requestId, reason) => ask('conversation.reject-join', { requestId, ...(reason && { reason }) }),
  }
}

/** Joins an open group, asks to join one with approval, or joins with the token of an invitation link. */
export function joinGroup(
  chat: Chat,
  conversationId: string,
  wish: { message?: string; token?: string } = {},
): Answer<'conversation.join'> {
  return chat.request('conversation.join', { conversationId, ...wish })
}

export function withdrawJoinRequest(
  chat: Chat,
  conversationId: string,
  requestId: string,
): Answer<'conversation.withdraw-join'> {
  return chat.request('conversation.withdraw-join', { conversationId, requestId })
}

/** Open invitations to the user; new ones come by the event `invited` of the chat. */
export function listInvitations(
  chat: Chat,
  page: PageRequest = {},
): Promise<FrameAnswers['invitation.list']> {
  return chat.request('invitation.list', page)
}

export function acceptInvitation(
  chat: Chat,
  invitationId: string,
): Promise<FrameAnswers['invitation.accept']> {
  return chat.request('invitation.accept', { invitationId })
}

export function declineInvitation(
  chat: Chat,
  invitationId: string,
): Promise<FrameAnswers['invitation.decline']> {
  return chat.request('invitation.decline', { invitationId })
}
