import type { ClientFrameBody, FrameAnswers } from '@parley/contracts'
import type { Chat } from './chat.ts'
import type { Conversation } from './conversation.ts'
import type { PageRequest } from './group.ts'

export type ChannelInput = Omit<ClientFrameBody<'community.create-channel'>, 'conversationId'>

/** Channels of a community, in their order, with unread counts; one that was opened is a conversation of the list. */
export function listChannels(
  community: Conversation,
  page: PageRequest = {},
): Promise<FrameAnswers['community.list-channels']> {
  return community.request('community.list-channels', { ...page, conversationId: community.id })
}

/** Makes a channel; owner and admins of the community may. */
export function createChannel(
  community: Conversation,
  channel: ChannelInput = {},
): Promise<FrameAnswers['community.create-channel']> {
  return community.request('community.create-channel', { ...channel, conversationId: community.id })
}

/** Opens a channel: from now on it is synced, heard live, and counted on from here. */
export async function openChannel(chat: Chat, channelId: string): Promise<Conversation> {
  await chat.request('conversation.get', { conversationId: channelId }, { resend: true })
  const channel = chat.conversation(channelId)
  await channel.load()
  return channel
}

/** Makes a community with the user as its owner. `groupOf` runs it, as it runs groups. */
export async function createCommunity(
  chat: Chat,
  community: Omit<ClientFrameBody<'conversation.create'>['conversation'], 'type' | 'ownerId'> = {},
): Promise<Conversation> {
  const { id } = await chat.request('conversation.create', {
    conversation: { ...community, type: 'community' },
  })
  const made = chat.conversation(id)
  await made.load()
  return made
}
