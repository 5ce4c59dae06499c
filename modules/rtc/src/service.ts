import {
  AppError,
  type Grants,
  type IceServer,
  type Participant as ParticipantView,
  type PublicationSource,
  type Room as RoomView,
  type RtcFrameAnswers,
} from '@parley/contracts'
import type { EndReason, Session } from '@parley/core/gateway'
import type { OutgoingRoomData } from './data/room-data.ts'
import { iceServers, type TurnOptions } from './ice-servers.ts'
import type { RoomGuard } from './ports.ts'
import type { Participant, ParticipantOptions } from './room/participant.ts'
import type { PublicationOffer } from './room/publishing.ts'
import { rightsOf } from './room/rights.ts'
import type { Room } from './room/room.ts'
import type { RoomStore } from './room/room-store.ts'
import type { Rooms } from './room/rooms.ts'

export interface RtcServiceOptions {
  rooms: Rooms
  store: RoomStore
  turn: TurnOptions
  guards: readonly RoomGuard[]
}

export interface JoinRequest {
  roomId: string
  name?: string | undefined
  participantId?: string | undefined
  data?: boolean | undefined
  e2ee: boolean
}

const places = Symbol('rtc places')
const maxPlaces = 16

/** What can be done with rooms, whatever way it is asked for. */
export class RtcService {
  readonly rooms: Rooms
  readonly #store: RoomStore
  readonly #turn: TurnOptions
  readonly #guards: readonly RoomGuard[]

  constructor(options: RtcServiceOptions) {
    this.rooms = options.rooms
    this.#store = options.store
    this.#turn = options.turn
    this.#guards = options.guards
  }

  iceServers(userId: string): IceServer[] {
    return iceServers(this.#turn, userId)
  }

  /** Joins, or takes up the place of a lost connection of the same user. */
  async join(session: Session, request: JoinRequest): Promise<RtcFrameAnswers['rtc.join']> {
    const { roomId, name, e2ee } = request
    rightsOf(session.grants, roomId)
    const own = placesOf(session)
    requirePlace(own, roomId)
    const asked = this.#keptPlace(session, request) === undefined
    if (asked) {
      const { projectId, userId } = session
      await this.#ask((guard) => guard.beforeJoin({ projectId, roomId, userId, name, via: 'member' }))
      await this.rooms.capacity()
      if (session.signal.aborted) throw new AppError('unavailable', 'The connection is gone')
    }
    const rights = rightsOf(session.grants, roomId)
    requirePlace(own, roomId)
    const room = await this.#openRoom(session.projectId, roomId, { e2ee })
    const kept = this.#keptPlace(session, request)
    if (kept === undefined && !asked) {
      // The kept place ended in between: this is a joining like any other.
      if (room.participants.size === 0) room.close('room-closed')
      return this.join(session, { roomId, name, e2ee, data: request.data })
    }
    const previous = own.get(roomId)
    if (previous !== undefined && previous !== kept) room.leave(previous, 'left')
    let participant: Participant
    if (kept !== undefined) {
      participant = kept
      participant.rights = rights
      if (request.data === true) participant.data.want()
      if (participant.session !== undefined) placesOf(participant.session).delete(roomId)
      room.resume(participant, session)
    } else {
      // Leaving may have ended the room.
      const alive = room.closed ? await this.#openRoom(session.projectId, roomId, { e2ee }) : room
      participant = this.#enter(alive, {
        ...{ userId: session.userId, name, rights, via: 'member', session },
        // What the server passes on by itself it could read.
        data: request.data === true && !alive.e2ee,
      })
    }
    own.set(roomId, participant)
    if (session.signal.aborted) participant.room.detach(participant)
    return {
      ...{ roomId, participantId: participant.id, resumed: kept !== undefined },
      participants: participant.room
        .members()
        .filter((other) => other !== participant)
        .map((other) => other.view()),
      iceServers: this.iceServers(session.userId),
      ...{ canPublish: [...rights.publish], canSubscribe: rights.subscribe, admin: rights.admin },
      canSendData: rights.data,
    }
  }

  /**
   * Enters a room by HTTP: WHIP and WHEP. `publications` says what will be published, of the sources that the rights
   * allow; guards are asked about joining and publishing before anybody hears of it.
   */
  async enter(
    caller: { projectId: string; userId: string; grants?: Grants | undefined },
    roomId: string,
    via: 'whip' | 'whep',
    publications: (allowed: readonly PublicationSource[]) => PublicationOffer[] = () => [],
  ): Promise<Participant> {
    const { projectId, userId } = caller
    const rights = rightsOf(caller.grants, roomId)
    if (via === 'whip' && rights.publish.length === 0) {
      throw new AppError('grant-missing', 'The token holds no grant rtc.publish')
    }
    if (via === 'whep' && !rights.subscribe) {
      throw new AppError('grant-missing', 'The token holds no grant rtc.subscribe')
    }
    const planned = publications(rights.publish).map(({ kind, source }) => ({ kind, source }))
    await this.#ask((guard) => guard.beforeJoin({ projectId, roomId, userId, via }))
    if (planned.length > 0) {
      await this.#ask((guard) =>
        guard.beforePublish({ projectId, roomId, userId, via, publications: planned }),
      )
    }
    await this.rooms.capacity()
    const room = await this.#openRoom(projectId, roomId, { e2ee: false })
    return this.#enter(room, { userId, name: undefined, rights, via })
  }

  /** Answers an offer of the publish connection, when the guards agree to what begins with it. */
  async publish(
    session: Session,
    roomId: string,
    { sdp, items }: { sdp: string; items: readonly PublicationOffer[] },
  ): Promise<RtcFrameAnswers['rtc.publish']> {
    const participant = this.place(session, roomId)
    return participant.inTurn(async () => {
      // Without a worker for a moment: whoever asks hears of the move first.
      await participant.placed
      const { projectId, userId } = session
      const publications = participant
        .beginning(items)
        .map(({ kind, source, name }) => ({ kind, source, ...(name !== undefined && { name }) }))
      if (publications.length > 0) {
        const { id: participantId, via } = participant
        await this.#ask((guard) =>
          guard.beforePublish({ projectId, roomId, userId, participantId, via, publications }),
        )
      }
      // Meanwhile the place may have been left or taken over, and the token renewed.
      if (this.place(session, roomId) !== participant) throw new AppError('participant-not-found')
      return participant.publish(sdp, items)
    })
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
      if (reason === 'token-revoked' || reason === 'key-revoked' || reason === 'banned') {
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
    body: { id?: string | undefined; name?: string | undefined; e2ee: boolean },
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

  /** Sends to the participants of a room on behalf of the application's server; answers how many get it. */
  async sendData(projectId: string, roomId: string, message: OutgoingRoomData): Promise<number> {
    const { room } = await this.rooms.describe(projectId, roomId)
    return room?.data.send(message) ?? 0
  }

  async removeParticipant(projectId: string, roomId: string, participantId: string): Promise<void> {
    const { room } = await this.rooms.describe(projectId, roomId)
    if (room === undefined) throw new AppError('participant-not-found')
    room.remove(participantId)
  }

  /** Sends a user out of all rooms of this process, in whatever way the user came in; media ends at once. */
  removeUser(projectId: string, userId: string): void {
    for (const room of this.rooms.alive) {
      if (room.projectId !== projectId) continue
      for (const participant of [...room.participants.values()]) {
        if (participant.userId === userId) room.leave(participant, 'removed')
      }
    }
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

  async #ask(ask: (guard: RoomGuard) => Promise<void>): Promise<void> {
    for (const guard of this.#guards) await ask(guard)
  }

  /** The place that a lost connection of the same user left, if it is the one that is asked for. */
  #keptPlace(session: Session, { roomId, participantId }: JoinRequest): Participant | undefined {
    if (participantId === undefined) return undefined
    const kept = this.rooms.get(session.projectId, roomId)?.participants.get(participantId)
    return kept?.via === 'member' && kept.userId === session.userId ? kept : undefined
  }

  /** @throws AppError `e2ee-room` when the room is not of the kind that whoever enters takes it for */
  async #openRoom(projectId: string, roomId: string, options: { e2ee: boolean }): Promise<Room> {
    for (;;) {
      const room = await this.rooms.open(projectId, roomId, options)
      if (room.closed) continue
      if (room.e2ee === options.e2ee) return room
      if (room.participants.size === 0) room.close('room-closed')
      throw new AppError(
        'e2ee-room',
        room.e2ee
          ? 'Media in this room is encrypted end to end: join with a key, over the realtime connection'
          : 'Media in this room is not encrypted end to end: join without a key, or take another room',
      )
    }
  }

  #enter(
    room: Room,
    options: Omit<ParticipantOptions, 'room' | 'worker'> & { session?: Session },
  ): Participant {
    try {
      return room.join(options)
    } finally {
      if (room.participants.size === 0) room.close('room-closed')
    }
  }
}

function requirePlace(own: ReadonlyMap<string, Participant>, roomId: string): void {
  if (own.size >= maxPlaces && !own.has(roomId)) {
    throw new AppError('limit-exceeded', `A connection may be in ${maxPlaces} rooms at once`)
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
  row: { id: string; name: string | undefined; e2ee: boolean; createdAt: Date },
  room: Room | undefined,
): RoomView {
  return {
    id: row.id,
    ...(row.name !== undefined && { name: row.name }),
    e2ee: row.e2ee,
    createdAt: row.createdAt.toISOString(),
    participantCount: room?.participants.size ?? 0,
  }
}
