import type { Operations } from '../operations.ts'
import type { ChatService } from '../service.ts'

const done = { done: true as const }

/** Groups over REST and realtime. */
export function registerGroups(operations: Operations, { groups, group, communities }: ChatService): void {
  const { members, joining, invitations, links, attributes, announcements } = group

  operations.forAll('conversation.list-members', (actor, { conversationId, ...page }) =>
    members.list(actor, conversationId, page),
  )
  operations.forAll('conversation.add-members', async (actor, { conversationId, userIds, role }) => ({
    added: await groups.add(actor, conversationId, userIds, role),
  }))
  operations.forAll('conversation.remove-member', async (actor, { conversationId, userId }) => {
    await groups.remove(actor, conversationId, userId)
    return done
  })
  operations.forAll('conversation.remove-members', async (actor, { conversationId, userIds, reason }) => ({
    removed: await groups.removeMany(actor, conversationId, userIds, reason),
  }))
  operations.forAll('conversation.get-member', (actor, { conversationId, userId }) =>
    members.get(actor, conversationId, userId),
  )
  operations.forAll('conversation.update-member', (actor, { conversationId, userId, ...change }) =>
    members.update(actor, conversationId, userId, change),
  )
  operations.forAll('conversation.transfer', (actor, { conversationId, ownerId }) =>
    groups.transfer(actor, conversationId, ownerId),
  )
  operations.forAll('conversation.update-settings', (actor, { conversationId, ...change }) =>
    groups.updateSettings(actor, conversationId, change),
  )
  operations.forAll('conversation.dissolve', async (actor, { conversationId }) => {
    await groups.dissolve(actor, conversationId)
    return done
  })

  operations.forAll('community.create-channel', (actor, { conversationId, channelId, ...channel }) =>
    communities.createChannel(actor, conversationId, { ...channel, id: channelId }),
  )
  operations.forAll('community.list-channels', (actor, { conversationId, ...page }) =>
    communities.listChannels(actor, conversationId, page),
  )

  operations.forAll('conversation.mute-member', (actor, { conversationId, userId, ...mute }) =>
    members.mute(actor, conversationId, userId, mute),
  )
  operations.forAll('conversation.unmute-member', (actor, { conversationId, userId }) =>
    members.unmute(actor, conversationId, userId),
  )
  operations.forAll('conversation.list-muted', (actor, { conversationId, ...page }) =>
    members.listMuted(actor, conversationId, page),
  )
  operations.forAll('conversation.mute', (actor, { conversationId, ...mute }) =>
    members.muteAll(actor, conversationId, mute),
  )
  operations.forAll('conversation.unmute', (actor, { conversationId }) =>
    members.unmuteAll(actor, conversationId),
  )
  operations.forAll('conversation.ban', (actor, { conversationId, userId, ...ban }) =>
    members.ban(actor, conversationId, userId, ban),
  )
  operations.forAll('conversation.unban', async (actor, { conversationId, userId }) => {
    await members.unban(actor, conversationId, userId)
    return done
  })
  operations.forAll('conversation.list-bans', (actor, { conversationId, ...page }) =>
    members.listBans(actor, conversationId, page),
  )

  operations.forAll('conversation.list-attributes', (actor, { conversationId }) =>
    attributes.list(actor, conversationId),
  )
  operations.forAll('conversation.update-attributes', (actor, { conversationId, ...change }) =>
    attributes.update(actor, conversationId, change),
  )
  operations.forAll('conversation.announce', (actor, { conversationId, text }) =>
    announcements.announce(actor, conversationId, text),
  )
  operations.forAll('conversation.list-announcements', (actor, { conversationId, ...page }) =>
    announcements.list(actor, conversationId, page),
  )

  operations.forUsers('conversation.join', (actor, { conversationId, ...wish }) =>
    joining.join(actor, conversationId, wish),
  )
  operations.forAll('conversation.list-join-requests', (actor, { conversationId, ...page }) =>
    joining.list(actor, conversationId, page),
  )
  operations.forAll('conversation.approve-join', (actor, { conversationId, requestId }) =>
    joining.approve(actor, conversationId, requestId),
  )
  operations.forAll('conversation.reject-join', (actor, { conversationId, requestId, reason }) =>
    joining.reject(actor, conversationId, requestId, reason),
  )
  operations.forUsers('conversation.withdraw-join', (actor, { conversationId, requestId }) =>
    joining.withdraw(actor, conversationId, requestId),
  )

  operations.forAll('conversation.invite', (actor, { conversationId, ...invite }) =>
    invitations.invite(actor, conversationId, invite),
  )
  operations.forAll('conversation.list-sent-invitations', (actor, { conversationId, ...page }) =>
    invitations.listSent(actor, conversationId, page),
  )
  operations.forAll('conversation.withdraw-invitation', (actor, { conversationId, invitationId }) =>
    invitations.withdraw(actor, conversationId, invitationId),
  )
  operations.forUsers('invitation.list', (actor, page) => invitations.listReceived(actor, page))
  operations.forUsers('invitation.accept', (actor, { invitationId }) =>
    invitations.accept(actor, invitationId),
  )
  operations.forUsers('invitation.decline', (actor, { invitationId }) =>
    invitations.decline(actor, invitationId),
  )

  operations.forAll('conversation.create-link', (actor, { conversationId, ...wish }) =>
    links.create(actor, conversationId, wish),
  )
  operations.forAll('conversation.list-links', (actor, { conversationId }) =>
    links.list(actor, conversationId),
  )
  operations.forAll('conversation.revoke-link', async (actor, { conversationId, linkId }) => {
    await links.revoke(actor, conversationId, linkId)
    return done
  })
}
