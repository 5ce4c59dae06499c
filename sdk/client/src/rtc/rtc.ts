import type { ServerEvent } from '@parley/contracts'
import type { Request } from '../connection/connection.ts'
import { ParleyError } from '../parley-error.ts'
import { Devices } from './devices.ts'
import type { Room } from './room.ts'
import type { JoinOptions } from './room-events.ts'

export type RtcEvent = Extract<ServerEvent, { type: `rtc.${string}` }>

export interface RtcOptions {
  userId: string
  request: Request
  isConnected: () => boolean
}

/**
 * Rooms with audio and video. A small front: what does the work is loaded at the first join, so that clients
 * which only chat do not carry it. It owns the rooms it opened.
 */
export class Rtc {
  readonly devices = new Devices()
  readonly #options: RtcOptions
  readonly #rooms = new Map<string, Room>()
  /** Rooms being left; a new join of the same waits, so that the server sees the two in this order. */
  readonly #leaving = new Map<string, Promise<void>>()
  #closed = false

  constructor(options: RtcOptions) {
    this.#options = options
  }

  /** The rooms this client is in, by id. */
  get rooms(): ReadonlyMap<string, Room> {
    return this.#rooms
  }

  /**
   * Joins a room; with `audio` or `video` it captures and publishes too, and resolves once the server has taken
   * them. Rejects with the server's code (`grant-missing`, ...), or `permission-denied`, `device-not-found`,
   * `device-busy`, `media-unsupported` when capturing fails; then the place in the room is given back.
   */
  async join(roomId: string, options: JoinOptions = {}): Promise<Room> {
    const { openRoom } = await import('./room.ts')
    await this.#leaving.get(roomId)
    options.signal?.throwIfAborted()
    if (this.#closed) throw ParleyError.closed()
    if (this.#rooms.has(roomId)) throw new ParleyError('conflict', `The room ${roomId} is open already`)
    return openRoom({
      id: roomId,
      userId: this.#options.userId,
      join: options,
      request: this.#options.request,
      isConnected: this.#options.isConnected,
      devices: this.devices,
      onOpen: (room) => this.#rooms.set(roomId, room),
      onClose: (told) => {
        this.#rooms.delete(roomId)
        this.#leaving.set(roomId, told)
        void told.then(() => {
          if (this.#leaving.get(roomId) === told) this.#leaving.delete(roomId)
        })
      },
    })
  }

  /** @internal */
  handleEvent(event: RtcEvent): void {
    this.#rooms.get(event.roomId)?.handleEvent(event)
  }

  /** @internal */
  handleConnected(): void {
    for (const room of [...this.#rooms.values()]) room.handleConnected()
  }

  /** @internal */
  handleDisconnected(): void {
    for (const room of [...this.#rooms.values()]) room.handleDisconnected()
  }

  /** Leaves every room. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#rooms.values()].map((room) => room.leave()))
    this.devices.close()
  }
}
