import type { Grants } from '@parley/contracts'
import type { RoomInput, RoomOperations } from '../cluster/room-operations.ts'
import type { RtcService } from '../service.ts'
import { entityTag, findSession, type HttpSessionKind, openSession, patchSession } from './http-session.ts'

interface SessionUser extends RoomInput {
  userId: string
  grants?: Grants | undefined
}

interface SessionPath extends SessionUser {
  participantId: string
}

/** What WHIP or WHEP asks of a room, wherever it lives. Media goes to the process that holds it: its addresses are answered. */
export function sessionOperations(rtc: RtcService, operations: RoomOperations, kind: HttpSessionKind) {
  return {
    start: operations.operation(`${kind}.start`, async (request: SessionUser & { sdp: string }) => {
      const { participant, sdp } = await openSession(rtc, request, kind)
      return { participantId: participant.id, tag: entityTag(participant), sdp }
    }),

    /** Answers undefined when nothing is to be said. */
    update: operations.operation(
      `${kind}.update`,
      async (request: SessionPath & { ifMatch?: string | undefined; fragment: string }) => {
        const participant = await findSession(rtc, request, kind)
        return patchSession(participant, request.ifMatch, request.fragment)
      },
    ),

    end: operations.operation(`${kind}.end`, async (request: SessionPath) => {
      const participant = await findSession(rtc, request, kind)
      participant.room.leave(participant, 'left')
    }),
  }
}
