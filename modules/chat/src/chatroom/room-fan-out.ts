import type { ChatRoomMessage, ChatRoomPriority, ServerEvent } from '@parley/contracts'
import type { Gateway, Session } from '@parley/core/gateway'
import { hearsConversation } from '../acting-user.ts'

/** Deliveries a second in a room from which on frames are gathered for the longest time. */
const busyDeliveries = 50_000
const someDeliveries = 5_000
const gatherMs = { idle: 0, some: 50, busy: 125 } as const
const windowMs = 1_000

const ranks: Record<ChatRoomPriority, number> = { low: 0, normal: 1, high: 2 }

export interface RoomFanOutOptions {
  gateway: Gateway
  /** Of normal and low priority; more than what a second of it holds does not wait. */
  messagesPerSecond: number
  onDropped: (priority: ChatRoomPriority) => void
}

interface LocalRoom {
  readonly id: string
  readonly sessions: Set<Session>
  pending: ChatRoomMessage[]
  dropped: number
  timer: ReturnType<typeof setTimeout> | undefined
  lastFlushMs: number
  /** Deliveries in the window that began at `windowAtMs`, and in the one before. */
  windowAtMs: number
  deliveries: number
  rate: number
}

/**
 * Messages of chat rooms to the sessions of this process. Alone, a message leaves at once; under load messages gather
 * for up to 125 ms and leave in one frame that is encoded once for all. What exceeds the rate of the room is dropped,
 * lowest priority and oldest first, and the frame says how many; high priority is never dropped.
 */
export class RoomFanOut {
  readonly #options: RoomFanOutOptions
  readonly #rooms = new Map<string, LocalRoom>()

  constructor(options: RoomFanOutOptions) {
    this.#options = options
  }

  /** Keys of rooms that somebody here listens to. */
  get keys(): IterableIterator<string> {
    return this.#rooms.keys()
  }

  sessions(key: string): ReadonlySet<Session> | undefined {
    return this.#rooms.get(key)?.sessions
  }

  add(key: string, roomId: string, session: Session): void {
    const room = this.#rooms.get(key) ?? {
      ...{ id: roomId, sessions: new Set<Session>(), pending: [], dropped: 0, timer: undefined },
      ...{ lastFlushMs: 0, windowAtMs: 0, deliveries: 0, rate: 0 },
    }
    room.sessions.add(session)
    this.#rooms.set(key, room)
  }

  /** Answers whether the session was there. */
  remove(key: string, session: Session): boolean {
    const room = this.#rooms.get(key)
    if (room === undefined || !room.sessions.delete(session)) return false
    if (room.sessions.size === 0) this.#forget(key, room)
    return true
  }

  take(key: string, messages: readonly ChatRoomMessage[]): void {
    const room = this.#rooms.get(key)
    if (room === undefined) return
    room.pending.push(...messages)
    this.#dropBeyond(room, this.#options.messagesPerSecond)
    if (room.timer !== undefined) return
    const waitMs = Math.max(0, room.lastFlushMs + this.#gatherMs(room) - Date.now())
    // Even alone a message waits for the end of the turn, for those that came with it.
    room.timer = setTimeout(() => this.#flush(key), waitMs)
  }

  /** What is no message goes its own way, after the messages before it. */
  tell(key: string, event: ServerEvent): void {
    const room = this.#rooms.get(key)
    if (room === undefined) return
    this.#flush(key)
    this.#send(room, event)
  }

  close(): void {
    for (const [key, room] of this.#rooms) this.#forget(key, room)
  }

  #forget(key: string, room: LocalRoom): void {
    clearTimeout(room.timer)
    this.#rooms.delete(key)
  }

  #gatherMs({ rate }: LocalRoom): number {
    if (rate > busyDeliveries) return gatherMs.busy
    return rate > someDeliveries ? gatherMs.some : gatherMs.idle
  }

  #flush(key: string): void {
    const room = this.#rooms.get(key)
    if (room === undefined) return
    clearTimeout(room.timer)
    room.timer = undefined
    if (room.pending.length === 0) return
    const nowMs = Date.now()
    const spanMs = Math.min(windowMs, Math.max(gatherMs.busy, nowMs - room.lastFlushMs))
    this.#dropBeyond(room, Math.ceil((this.#options.messagesPerSecond * spanMs) / windowMs))
    const { pending: messages, dropped } = room
    room.pending = []
    room.dropped = 0
    room.lastFlushMs = nowMs
    this.#count(room, messages.length * room.sessions.size, nowMs)
    this.#send(room, {
      type: 'chatroom.messages',
      chatRoomId: room.id,
      messages,
      ...(dropped > 0 && { dropped }),
    })
  }

  #count(room: LocalRoom, deliveries: number, nowMs: number): void {
    if (nowMs - room.windowAtMs >= windowMs) {
      room.rate = nowMs - room.windowAtMs < 2 * windowMs ? room.deliveries : 0
      room.windowAtMs = nowMs
      room.deliveries = 0
    }
    room.deliveries += deliveries
    room.rate = Math.max(room.rate, room.deliveries)
  }

  /** Keeps so many of normal and low priority, the newest. */
  #dropBeyond(room: LocalRoom, most: number): void {
    for (const priority of ['low', 'normal'] as const) {
      let excess = room.pending.filter((message) => ranks[message.priority] < ranks.high).length - most
      if (excess <= 0) return
      room.pending = room.pending.filter((message) => {
        if (excess <= 0 || message.priority !== priority) return true
        excess -= 1
        room.dropped += 1
        this.#options.onDropped(priority)
        return false
      })
    }
  }

  #send(room: LocalRoom, event: ServerEvent): void {
    const frame = this.#options.gateway.encode(event)
    const hears = hearsConversation(room.id)
    for (const session of room.sessions) {
      if (session.grants === undefined || hears(session.grants)) session.sendEncoded(frame)
    }
  }
}
