import type { ClientFrameBody, FrameAnswers } from '@parley/contracts'
import type { Chat } from './chat.ts'

type Ask<T extends keyof FrameAnswers> = Promise<FrameAnswers[T]>
type Given<T extends 'chatroom.update' | 'chatroom.restrict'> = Omit<ClientFrameBody<T>, 'chatRoomId'>
type Kind = ClientFrameBody<'chatroom.restrict'>['kind']

// What can be done with chat rooms beyond being in one, which `joinChatRoom` is for.

/** Makes a chat room with the user as its owner. */
export const createChatRoom = (
  chat: Chat,
  room: ClientFrameBody<'chatroom.create'> = {},
): Ask<'chatroom.create'> => chat.request('chatroom.create', room)

/** Chat rooms that the user may find and enter, the newest first. */
export const listChatRooms = (
  chat: Chat,
  page: { limit?: number; cursor?: string } = {},
): Ask<'chatroom.list'> => chat.request('chatroom.list', page, { resend: true })

export const getChatRoom = (chat: Chat, chatRoomId: string): Ask<'chatroom.get'> =>
  chat.request('chatroom.get', { chatRoomId }, { resend: true })

/** Name, rules, admins; owner and admins may. */
export const updateChatRoom = (
  chat: Chat,
  chatRoomId: string,
  change: Given<'chatroom.update'>,
): Ask<'chatroom.update'> => chat.request('chatroom.update', { ...change, chatRoomId }, { resend: true })

/** Sends everybody out and forgets the room. */
export const closeChatRoom = (chat: Chat, chatRoomId: string): Ask<'chatroom.close'> =>
  chat.request('chatroom.close', { chatRoomId })

/** Mutes, bans or allows a user, whether or not the user is there. */
export const restrictInChatRoom = (
  chat: Chat,
  chatRoomId: string,
  restriction: Given<'chatroom.restrict'>,
): Ask<'chatroom.restrict'> =>
  chat.request('chatroom.restrict', { ...restriction, chatRoomId }, { resend: true })

export const unrestrictInChatRoom = (
  chat: Chat,
  chatRoomId: string,
  kind: Kind,
  memberId: string,
): Ask<'chatroom.unrestrict'> =>
  chat.request('chatroom.unrestrict', { chatRoomId, kind, memberId }, { resend: true })

export const listChatRoomRestrictions = (
  chat: Chat,
  chatRoomId: string,
  kind: Kind,
  page: { limit?: number; cursor?: string } = {},
): Ask<'chatroom.list-restrictions'> =>
  chat.request('chatroom.list-restrictions', { ...page, chatRoomId, kind }, { resend: true })
