import {
  AppError,
  type Grants,
  type IceServer,
  type Participant as ParticipantView,
  type Room as RoomView,
  type RtcFrameAnswers,
} from '@parley/contracts'
import type { EndReason, Session } from '@parley/core/gateway'
import { iceServers, type TurnOptions } from './ice-servers.ts'
import type { Participant, ParticipantOptions } from './room/participant.ts'
import { rightsOf } from './room/rights.ts'
import type { Room } from './room/room.ts'
import type { RoomStore } from './room/room-store.ts'
import type { Rooms } from './room/rooms.ts'

export interface RtcServiceOptions {
  rooms: Rooms
  store: RoomStore
  turn: TurnOptions
}

export interface JoinRequest {
  roomId: string
  name?: string | undefined
  participantId?: string | undefined
}

const places = Symbol('rtc places')
const maxPlaces = 16

/** What can be done with rooms, whatever way it is asked for. */
export class RtcService {
  readonly rooms: Rooms
  readonly #store: RoomStore
  readonly #turn: TurnOptions

  constructor(options: RtcServiceOptions) {
    this.rooms = options.rooms
    this.#store = options.store
    this.#turn = options.turn
  }

  iceServers(userId: string): IceServer[] {
    return iceServers(this.#turn, userId)
  }

  /** Joins, or takes up the place of a lost connection of the same user. */
  async join(session: Session, request: JoinRequest): Promise<RtcFrameAnswers['rtc.join']> {
    const { roomId, name, participantId } = request
    const rights = rightsOf(session.grants, roomId)
    const room = await this.#openRoom(session.projectId, roomId)
    const own = placesOf(session)
    if (own.size >= maxPlaces && !own.has(roomId)) {
      throw new AppError('limit-exceeded', `A connection may be in ${maxPlaces} rooms at once`)
    }
    const kept = participantId === undefined ? undefined : room.participants.get(participantId)
    const resumed = kept !== undefined && kept.via === 'member' && kept.userId === session.userId
    const previous = own.get(roomId)
    if (previous !== undefined && previous !== kept) room.leave(previous, 'left')
    let participant: Participant
    if (resumed) {
      participant = kept
      participant.rights = rights
      if (participant.session !== undefined) placesOf(participant.session).delete(roomId)
      room.resume(participant, session)
    } else {
      // Leaving may have ended the room.
      const alive = room.closed ? await this.#openRoom(session.projectId, roomId) : room
      participant = this.#enter(alive, { userId: session.userId, name, rights, via: 'member', session })
    }
    own.set(roomId, participant)
    if (session.signal.aborted) participant.room.detach(participant)
    return {
      ...{ roomId, participantId: participant.id, resumed },
      participants: participant.room
        .members()
        .filter((other) => other !== participant)
        .map((other) => other.view()),
      iceServers: this.iceServers(session.userId),
      ...{ canPublish: [...rights.publish], canSubscribe: rights.subscribe, admin: rights.admin },
    }
  }

  /** Enters a room by HTTP: WHIP and WHEP. */
  async enter(
    caller: { projectId: string; userId: string; grants?: Grants | undefined },
    roomId: string,
    via: 'whip' | 'whep',
  ): Promise<Participant> {
    const rights = rightsOf(caller.grants, roomId)
    if (via === 'whip' && rights.publish.length === 0) {
      throw new AppError('grant-missing', 'The token holds no grant rtc.publish')
    }
    if (via === 'whep' && !rights.subscribe) {
      throw new AppError('grant-missing', 'The token holds no grant rtc.subscribe')
    }
    const room = await this.#openRoom(caller.projectId, roomId)
    return this.#enter(room, { userId: caller.userId, name: undefined, rights, via })
  }

  /** The caller's place in a room, with the rights its token has now. @throws AppError `participant-not-found` */
  place(session: Session, roomId: string): Participant {
    const participant = placesOf(session).get(roomId)
    if (participant === undefined || participant.session !== session) {
      throw new AppError('participant-not-found', 'This connection is not in the room; join first')
    }
    participant.rights = rightsOf(session.grants, roomId)
    return participant
  }

  leave(session: Session, roomId: string): void {
    const participant = placesOf(session).get(roomId)
    placesOf(session).delete(roomId)
    if (participant?.session === session) participant.room.leave(participant, 'left')
  }

  /** Keeps the places of a lost session, but not those of a revoked one. */
  handleSessionClosed(session: Session, reason: EndReason): void {
    for (const participant of placesOf(session).values()) {
      if (participant.session !== session) continue
      if (reason === 'token-revoked' || reason === 'key-revoked') {
        participant.room.leave(participant, 'grant-revoked')
      } else participant.room.detach(participant)
    }
    placesOf(session).clear()
  }

  /** Ends places whose token was renewed to one that does not open the room. */
  checkGrants(): void {
    for (const room of this.rooms.alive) {
      for (const participant of [...room.participants.values()]) {
        if (participant.session === undefined) continue
        try {
          participant.rights = rightsOf(participant.session.grants, room.id)
        } catch {
          room.leave(participant, 'grant-revoked')
        }
      }
    }
  }

  async createRoom(
    projectId: string,
    body: { id?: string | undefined; name?: string | undefined },
  ): Promise<RoomView> {
    const row = await this.#store.create(projectId, body)
    return roomView(row, undefined)
  }

  async getRoom(projectId: string, roomId: string): Promise<RoomView> {
    const { row, room } = await this.rooms.describe(projectId, roomId)
    return roomView(row, room)
  }

  async participants(projectId: string, roomId: string): Promise<ParticipantView[]> {
    const { room } = await this.rooms.describe(projectId, roomId)
    return [...(room?.participants.values() ?? [])].map((participant) => participant.view())
  }

  async removeParticipant(projectId: string, roomId: string, participantId: string): Promise<void> {
    const { room } = await this.rooms.describe(projectId, roomId)
    if (room === undefined) throw new AppError('participant-not-found')
    room.remove(participantId)
  }

  async deleteRoom(projectId: string, roomId: string): Promise<void> {
    const { room } = await this.rooms.describe(projectId, roomId)
    room?.close('room-closed')
    if (!(await this.#store.remove(projectId, roomId))) throw new AppError('room-not-found')
  }

  /** Takes nobody in any more and sends everybody away, so that clients come back elsewhere. */
  async close(): Promise<void> {
    await this.rooms.close()
  }

  async #openRoom(projectId: string, roomId: string): Promise<Room> {
    for (;;) {
      const room = await this.rooms.open(projectId, roomId)
      if (!room.closed) return room
    }
  }

  #enter(room: Room, options: Omit<ParticipantOptions, 'room'> & { session?: Session }): Participant {
    try {
      return room.join(options)
    } finally {
      if (room.participants.size === 0) room.close('room-closed')
    }
  }
}

function placesOf(session: Session): Map<string, Participant> {
  const known = session.state.get(places) as Map<string, Participant> | undefined
  if (known !== undefined) return known
  const made = new Map<string, Participant>()
  session.state.set(places, made)
  return made
}

function roomView(
  row: { id: string; name: string | undefined; createdAt: Date },
  room: Room | undefined,
): RoomView {
  return {
    id: row.id,
    ...(row.name !== undefined && { name: row.name }),
    createdAt: row.createdAt.toISOString(),
    participantCount: room?.participants.size ?? 0,
  }
}
