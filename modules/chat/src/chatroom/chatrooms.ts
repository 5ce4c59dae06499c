import {
  AppError,
  type ChatRoom,
  type ChatRoomMessage,
  type ChatRoomPriority,
  type ServerEvent,
} from '@parley/contracts'
import type { Bus, Json } from '@parley/core/bus'
import type { Gateway, Session } from '@parley/core/gateway'
import type { Logger } from '@parley/core/kernel'
import { decodeCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { Database } from '@parley/core/store'
import type { ChatSettings } from '../config.ts'
import type { Actor } from '../message/change-message.ts'
import { keyOf } from '../message/log.ts'
import type { ChatPorts } from '../ports.ts'
import { RoomAttributes } from './room-attributes.ts'
import { RoomFanOut } from './room-fan-out.ts'
import { RoomLog } from './room-log.ts'
import { RoomModeration } from './room-moderation.ts'
import type { RoomPresence } from './room-presence.ts'
import { RoomRestrictions } from './room-restrictions.ts'
import { toChatRoom } from './room-row.ts'
import { RoomSpeech } from './room-speech.ts'
import { type RoomProfile, RoomStore } from './room-store.ts'
import { leads, type RoomView, RoomViews, requireLeader } from './room-views.ts'
import { requireEntry } from './room-voice.ts'

const topic = 'chat.room'
/** Of messages in one publish: what fits into a wake-up of PostgreSQL with room for its dress. */
const publishBytes = 6_000
const recentKept = 50
const roomsPerSession = 20
const joined = Symbol('chat rooms')

/** What processes tell each other. Lossy: views are read again, attributes have versions. */
type Note = { projectId: string; roomId: string } & (
  | { kind: 'messages'; messages: ChatRoomMessage[] }
  | { kind: 'event'; event: ServerEvent }
  | { kind: 'changed' }
  | { kind: 'out'; userId?: string; reason: 'kicked' | 'banned' | 'closed' | 'left'; detail?: string }
)

interface Place {
  projectId: string
  roomId: string
}

export interface ChatRoomsOptions {
  database: Database
  bus: Bus
  gateway: Gateway
  logger: Logger
  settings: ChatSettings
  ports: ChatPorts
  presence: RoomPresence
  onDropped: (priority: ChatRoomPriority) => void
}

/** Chat rooms: people come and go, messages go to whoever is there. */
export class ChatRooms {
  readonly moderation: RoomModeration
  readonly speech: RoomSpeech
  readonly #options: ChatRoomsOptions
  readonly #views: RoomViews
  readonly #fanOut: RoomFanOut
  readonly #log: RoomLog
  readonly #attributes: RoomAttributes
  readonly #recent = new Map<string, ChatRoomMessage[]>()
  readonly #told = new Map<string, number>()
  readonly #store: RoomStore
  readonly #unsubscribe: () => void

  constructor(options: ChatRoomsOptions) {
    const { database, bus, gateway, settings, onDropped } = options
    this.#options = options
    this.#views = new RoomViews(database)
    this.#fanOut = new RoomFanOut({ gateway, messagesPerSecond: settings.roomMessagesPerSecond, onDropped })
    this.#log = new RoomLog(database, settings.appendLanes)
    this.#attributes = new RoomAttributes(database)
    this.#store = new RoomStore(database)
    this.moderation = new RoomModeration({
      views: this.#views,
      restrictions: new RoomRestrictions(database),
      changed: (projectId, roomId) => this.#changed(projectId, roomId),
      sendOut: (projectId, roomId, user) => this.#publish({ projectId, roomId, kind: 'out', ...user }),
    })
    this.speech = new RoomSpeech({
      ...{ database, ports: options.ports, settings, views: this.#views, log: this.#log },
      isHeard: (session, key) => roomsOf(session).has(key),
      publish: (projectId, roomId, message) =>
        this.#publish({ projectId, roomId, kind: 'messages', messages: [message] }),
    })
    this.#unsubscribe = bus.subscribe(topic, (note) => {
      if (note !== null) this.#heard(note as unknown as Note)
    })
  }

  async create(
    { projectId, userId }: Actor,
    input: RoomProfile & { chatRoomId?: string | undefined; history: boolean },
  ): Promise<ChatRoom> {
    return toChatRoom(await this.#store.insert(projectId, input, userId), 0)
  }

  async get({ projectId }: Actor, roomId: string): Promise<ChatRoom> {
    const { row } = await this.#views.get(projectId, roomId)
    return toChatRoom(row, await this.#options.presence.count(projectId, roomId))
  }

  async list({ projectId, userId }: Actor, request: PageRequest): Promise<Page<ChatRoom>> {
    const { items, ...rest } = await this.#store.list(projectId, userId, request)
    const ids = items.map((row) => row.id)
    const online = await this.#options.presence.countAll(projectId, ids)
    return { items: items.map((row) => toChatRoom(row, online.get(row.id) ?? 0)), ...rest }
  }

  async update(actor: Actor, roomId: string, change: RoomProfile): Promise<ChatRoom> {
    const { projectId, userId } = actor
    const { row } = await this.#views.get(projectId, roomId)
    requireLeader(row, userId)
    if (change.ownerId !== undefined && userId !== undefined && row.owner_id !== userId)
      throw new AppError('forbidden', 'Only the owner hands the chat room over')
    await this.#store.update(projectId, roomId, change)
    this.#changed(projectId, roomId)
    const room = await this.get(actor, roomId)
    this.#publish({ projectId, roomId, kind: 'event', event: { type: 'chatroom.changed', room } })
    return room
  }

  async remove(actor: Actor, roomId: string): Promise<void> {
    const { projectId, userId } = actor
    const { row } = await this.#views.get(projectId, roomId)
    if (userId !== undefined && row.owner_id !== userId)
      throw new AppError('forbidden', 'Only the owner closes the chat room')
    await this.#store.delete(projectId, roomId)
    this.#publish({ projectId, roomId, kind: 'out', reason: 'closed' })
  }

  /** The session hears the room from here on. */
  async join(session: Session, roomId: string, recent: number) {
    const { projectId, userId } = session
    const view = await this.#views.get(projectId, roomId)
    requireEntry(view, userId)
    const rooms = roomsOf(session)
    const key = keyOf(projectId, roomId)
    if (!rooms.has(key) && rooms.size >= roomsPerSession)
      throw new AppError('limit-exceeded', `A connection hears at most ${roomsPerSession} chat rooms`)
    const place = { projectId, roomId, userId, sessionId: session.id }
    this.#fanOut.add(key, roomId, session)
    rooms.set(key, { projectId, roomId })
    await this.#options.presence.enter(place)
    if (session.signal.aborted) await this.#leave(session, key)
    const { items, version } = await this.#attributes.list(projectId, roomId)
    const messages = await this.#latest(view, recent)
    const online = await this.#options.presence.count(projectId, roomId)
    return { room: toChatRoom(view.row, online), attributes: items, attributesVersion: version, messages }
  }

  /** One connection, or without a session all connections of the user. */
  async leave(actor: Actor, roomId: string, session: Session | undefined): Promise<void> {
    const { projectId, userId } = actor
    await this.#views.get(projectId, roomId)
    if (session !== undefined) await this.#leave(session, keyOf(projectId, roomId))
    else if (userId !== undefined) this.#publish({ projectId, roomId, kind: 'out', userId, reason: 'left' })
  }

  /** The connection has ended. */
  async ended(session: Session): Promise<void> {
    for (const key of [...roomsOf(session).keys()]) await this.#leave(session, key)
  }

  async history(
    { projectId, userId }: Actor,
    roomId: string,
    range: { beforeSeq?: number | undefined; afterSeq?: number | undefined; limit: number },
  ) {
    const view = await this.#views.get(projectId, roomId)
    if (!view.row.history) throw new AppError('conflict', 'This chat room keeps no history')
    if (userId !== undefined) requireEntry(view, userId)
    return this.#log.read(projectId, roomId, range)
  }

  async online({ projectId }: Actor, roomId: string, page: PageRequest) {
    await this.#views.get(projectId, roomId)
    const users = await this.#options.presence.list(
      projectId,
      roomId,
      decodeCursor(page.cursor) ?? '',
      page.limit + 1,
    )
    return toPage(users, page.limit, { keyOf: (user) => user.userId, itemOf: (user) => user })
  }

  async listAttributes({ projectId }: Actor, roomId: string) {
    return this.#attributes.list(projectId, roomId)
  }

  async setAttributes(
    { projectId, userId }: Actor,
    roomId: string,
    change: { attributes: { key: string; value: string }[]; untilLeave: boolean; takeOver: boolean },
  ): Promise<{ version: number }> {
    const view = await this.#views.get(projectId, roomId)
    if (userId !== undefined) requireEntry(view, userId)
    if (change.takeOver) requireLeader(view.row, userId)
    const takeOver = change.takeOver || userId === undefined
    const { version, set } = await this.#attributes.set(projectId, roomId, {
      ...change,
      takeOver,
      userId: userId ?? '',
    })
    this.#tellAttributes(projectId, roomId, { version, set, removed: [] })
    return { version }
  }

  async removeAttributes(
    { projectId, userId }: Actor,
    roomId: string,
    keys: string[],
  ): Promise<{ version: number }> {
    const { row } = await this.#views.get(projectId, roomId)
    const ofUserId = leads(row, userId) ? undefined : userId
    const change = await this.#attributes.remove(projectId, roomId, { keys, ofUserId })
    this.#tellAttributes(projectId, roomId, change)
    return { version: change.version }
  }

  /** Tells rooms of this process how many are there, where that has changed. */
  async tellOnline(): Promise<void> {
    for (const key of [...this.#fanOut.keys]) {
      const [session] = this.#fanOut.sessions(key) ?? []
      const place = session && roomsOf(session).get(key)
      if (place === undefined) continue
      const online = await this.#options.presence.count(place.projectId, place.roomId)
      if (this.#told.get(key) === online) continue
      this.#told.set(key, online)
      this.#fanOut.tell(key, { type: 'chatroom.online', chatRoomId: place.roomId, online })
    }
    for (const key of this.#told.keys()) if (this.#fanOut.sessions(key) === undefined) this.#told.delete(key)
    for (const key of this.#recent.keys())
      if (this.#fanOut.sessions(key) === undefined) this.#recent.delete(key)
  }

  async close(): Promise<void> {
    this.#unsubscribe()
    this.#fanOut.close()
    await this.#log.close()
  }

  async #latest({ row }: RoomView, limit: number): Promise<ChatRoomMessage[]> {
    if (limit === 0) return []
    if (row.history) return (await this.#log.read(row.project_id, row.id, { limit })).items
    return (this.#recent.get(keyOf(row.project_id, row.id)) ?? []).slice(-limit)
  }

  async #leave(session: Session, key: string): Promise<void> {
    const place = roomsOf(session).get(key)
    if (place === undefined) return
    roomsOf(session).delete(key)
    this.#fanOut.remove(key, session)
    const { projectId, roomId } = place
    const gone = await this.#options.presence.leave({
      projectId,
      roomId,
      userId: session.userId,
      sessionId: session.id,
    })
    if (gone) await this.#dropAttributesOf(place, session.userId)
  }

  async #dropAttributesOf({ projectId, roomId }: Place, userId: string): Promise<void> {
    const { items } = await this.#attributes.list(projectId, roomId).catch(() => ({ items: [] }))
    if (!items.some((attribute) => attribute.userId === userId)) return
    const change = await this.#attributes.remove(projectId, roomId, { ofUserId: userId, untilLeave: true })
    if (change.removed.length > 0) this.#tellAttributes(projectId, roomId, change)
  }

  #tellAttributes(
    projectId: string,
    roomId: string,
    { version, set, removed }: Awaited<ReturnType<RoomAttributes['remove']>>,
  ): void {
    const event: ServerEvent = {
      ...{ type: 'chatroom.attributes', chatRoomId: roomId, version },
      ...(set.length > 0 && { set }),
      ...(removed.length > 0 && { removed }),
    }
    this.#publish({ projectId, roomId, kind: 'event', event })
  }

  #changed(projectId: string, roomId: string): void {
    this.#publish({ projectId, roomId, kind: 'changed' })
    this.#views.drop(projectId, roomId)
  }

  #publish(note: Note): void {
    const payload = note as unknown as Json
    // What is too long for a wake-up reaches the others without its content: they see the version, and ask.
    const short = Buffer.byteLength(JSON.stringify(payload)) > publishBytes ? shortened(note) : note
    this.#options.bus.publish(topic, short as unknown as Json)
  }

  #heard(note: Note): void {
    const { projectId, roomId } = note
    const key = keyOf(projectId, roomId)
    switch (note.kind) {
      case 'messages':
        this.#keepRecent(key, note.messages)
        this.#fanOut.take(key, note.messages)
        return
      case 'event':
        this.#fanOut.tell(key, note.event)
        return
      case 'changed':
        this.#views.drop(projectId, roomId)
        return
      case 'out':
        if (note.reason === 'closed') this.#views.drop(projectId, roomId)
        this.#sendOut(key, roomId, note)
        return
    }
  }

  #keepRecent(key: string, messages: readonly ChatRoomMessage[]): void {
    if (this.#fanOut.sessions(key) === undefined) return
    const recent = [...(this.#recent.get(key) ?? []), ...messages].slice(-recentKept)
    this.#recent.set(key, recent)
  }

  #sendOut(key: string, roomId: string, { userId, reason, detail }: Extract<Note, { kind: 'out' }>): void {
    for (const session of [...(this.#fanOut.sessions(key) ?? [])]) {
      if (userId !== undefined && session.userId !== userId) continue
      session.send({
        type: 'chatroom.left',
        chatRoomId: roomId,
        reason,
        ...(detail !== undefined && { detail }),
      })
      this.#leave(session, key).catch((error: unknown) => {
        this.#options.logger.warn({ error }, 'a session that left a chat room is still counted')
      })
    }
  }
}

function roomsOf(session: Session): Map<string, Place> {
  const known = session.state.get(joined) as Map<string, Place> | undefined
  if (known !== undefined) return known
  const made = new Map<string, Place>()
  session.state.set(joined, made)
  return made
}

/** Without what made it long. */
function shortened(note: Note): Note {
  if (note.kind !== 'event' || note.event.type !== 'chatroom.attributes') return note
  const { chatRoomId, version } = note.event
  return { ...note, event: { type: 'chatroom.attributes', chatRoomId, version } }
}
