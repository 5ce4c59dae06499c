import { AppError } from '@parley/contracts'
import type { Operations } from '../operations.ts'
import type { ChatRooms } from './chatrooms.ts'

const done = { done: true as const }

/** Chat rooms over REST and realtime. */
export function registerChatRooms(operations: Operations, rooms: ChatRooms): void {
  operations.forAll('chatroom.create', (actor, input) => rooms.create(actor, input))
  operations.forAll('chatroom.list', (actor, page) => rooms.list(actor, page))
  operations.forAll('chatroom.get', (actor, { chatRoomId }) => rooms.get(actor, chatRoomId))
  operations.forAll('chatroom.update', (actor, { chatRoomId, ...change }) =>
    rooms.update(actor, chatRoomId, change),
  )
  operations.forAll('chatroom.close', async (actor, { chatRoomId }) => {
    await rooms.remove(actor, chatRoomId)
    return done
  })

  operations.forUsers('chatroom.join', (_actor, { chatRoomId, recent }, { session }) => {
    if (session === undefined)
      throw new AppError('invalid-request', 'A chat room is joined over realtime: there it is heard')
    return rooms.join(session, chatRoomId, recent)
  })
  operations.forUsers('chatroom.leave', async (actor, { chatRoomId }, { session }) => {
    await rooms.leave(actor, chatRoomId, session)
    return done
  })
  operations.forAll('chatroom.send', (actor, { chatRoomId, ...message }, { session }) =>
    rooms.speech.send(actor, chatRoomId, message, session),
  )
  operations.forAll('chatroom.give', (actor, { chatRoomId, ...given }, { session }) =>
    rooms.speech.give(actor, chatRoomId, given, session),
  )
  operations.forAll('chatroom.list-messages', (actor, { chatRoomId, ...range }) =>
    rooms.history(actor, chatRoomId, range),
  )
  operations.forAll('chatroom.list-online', (actor, { chatRoomId, ...page }) =>
    rooms.online(actor, chatRoomId, page),
  )

  operations.forAll('chatroom.list-attributes', (actor, { chatRoomId }) =>
    rooms.listAttributes(actor, chatRoomId),
  )
  operations.forAll('chatroom.set-attributes', (actor, { chatRoomId, ...change }) =>
    rooms.setAttributes(actor, chatRoomId, change),
  )
  operations.forAll('chatroom.remove-attributes', (actor, { chatRoomId, keys }) =>
    rooms.removeAttributes(actor, chatRoomId, keys),
  )

  operations.forAll('chatroom.restrict', (actor, { chatRoomId, kind, memberId, untilMs }) =>
    rooms.moderation.restrict(actor, chatRoomId, kind, memberId, untilMs),
  )
  operations.forAll('chatroom.unrestrict', async (actor, { chatRoomId, kind, memberId }) => {
    await rooms.moderation.unrestrict(actor, chatRoomId, kind, memberId)
    return done
  })
  operations.forAll('chatroom.list-restrictions', (actor, { chatRoomId, kind, ...page }) =>
    rooms.moderation.list(actor, chatRoomId, kind, page),
  )
  operations.forAll('chatroom.kick', async (actor, { chatRoomId, memberId, reason }) => {
    await rooms.moderation.kick(actor, chatRoomId, memberId, reason)
    return done
  })
}
