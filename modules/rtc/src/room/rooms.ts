import { AppError, type ServerEvent } from '@parley/contracts'
import type { EncodedFrame } from '@parley/core/gateway'
import type { Logger } from '@parley/core/kernel'
import type { MediaWorker } from '../sfu/media-worker.ts'
import type { SfuPool } from '../sfu/sfu-pool.ts'
import type { UsageMeter } from '../usage/usage-meter.ts'
import { publicationOf } from './publication.ts'
import { Room, type RoomLimits } from './room.ts'
import { RoomLog } from './room-log.ts'
import { type RoomRow, type RoomStore, roomKey } from './room-store.ts'

export interface RoomsOptions {
  store: RoomStore
  pool: SfuPool
  usage: UsageMeter
  logger: Logger
  processId: string
  limits: RoomLimits
  leaseMs: number
  encode: (event: ServerEvent) => EncodedFrame
}

/**
 * The rooms that are alive in this process. A room begins with the first who joins and ends with the last who leaves;
 * its row stays. Owns the rooms.
 */
export class Rooms {
  readonly #options: RoomsOptions
  readonly #rooms = new Map<string, Room>()
  readonly #logs = new Map<Room, RoomLog>()
  readonly #opening = new Map<string, Promise<Room>>()
  readonly #releasing = new Map<string, Promise<void>>()
  readonly #heardWorkers = new WeakSet<MediaWorker>()
  #closed = false

  constructor(options: RoomsOptions) {
    this.#options = options
  }

  get alive(): readonly Room[] {
    return [...this.#rooms.values()]
  }

  get(projectId: string, roomId: string): Room | undefined {
    return this.#rooms.get(roomKey(projectId, roomId))
  }

  /**
   * The room, brought to life in this process; one that is made by this has `e2ee`.
   * @throws AppError `unavailable` when another process holds it
   */
  async open(projectId: string, roomId: string, options: { e2ee: boolean }): Promise<Room> {
    if (this.#closed) throw new AppError('unavailable', 'This server is stopping')
    const key = roomKey(projectId, roomId)
    const present = this.#rooms.get(key)
    if (present !== undefined) {
      // After the end of a worker there may be none for a moment.
      await this.#options.pool.leastLoaded()
      return present
    }
    const opening =
      this.#opening.get(key) ??
      this.#open(projectId, roomId, options).finally(() => this.#opening.delete(key))
    this.#opening.set(key, opening)
    return opening
  }

  /** Waits a while until there is room for one more. @throws AppError `overloaded` */
  capacity(): Promise<void> {
    return this.#options.pool.capacity()
  }

  /** The row of a room that this process may answer for. @throws AppError `room-not-found`, `unavailable` */
  async describe(projectId: string, roomId: string): Promise<{ row: RoomRow; room: Room | undefined }> {
    const row = await this.#options.store.find(projectId, roomId)
    if (row === undefined) throw new AppError('room-not-found')
    const room = this.get(projectId, roomId)
    if (room === undefined && row.heldElsewhere) throw heldElsewhere(this.#options.leaseMs)
    return { row, room }
  }

  /** The room when it is alive. @throws AppError `unavailable` when another process holds it */
  async find(projectId: string, roomId: string): Promise<Room | undefined> {
    const room = this.get(projectId, roomId)
    if (room !== undefined) return room
    const row = await this.#options.store.find(projectId, roomId)
    if (row?.heldElsewhere) throw heldElsewhere(this.#options.leaseMs)
    return undefined
  }

  /** Keeps what is held; ends rooms that another process took. */
  async extendLeases(): Promise<void> {
    const asked = [...this.#rooms]
    if (asked.length === 0) return
    const held = await this.#options.store.extend()
    for (const [key, room] of asked) {
      if (held.has(key) || room.closed || this.#rooms.get(key) !== room) continue
      this.#options.logger.error({ projectId: room.projectId }, 'a room was taken by another process')
      room.close('server-stopping')
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#opening.values())
    for (const room of this.alive) room.close('server-stopping')
    await Promise.all(this.#releasing.values())
  }

  async #open(projectId: string, roomId: string, options: { e2ee: boolean }): Promise<Room> {
    const { store, pool, usage, logger, processId, limits, encode } = this.#options
    const key = roomKey(projectId, roomId)
    await this.#releasing.get(key)
    const worker = await pool.leastLoaded()
    const row = await store.hold(projectId, roomId, options)
    if (row === undefined) throw heldElsewhere(this.#options.leaseMs)
    if (!worker.running || this.#closed) {
      await store.release(projectId, roomId)
      throw new AppError('unavailable', 'The media worker ended just now', { retryAfterMs: 500 })
    }
    const log = new RoomLog({ store, logger, projectId, roomId })
    const room = new Room({
      ...{ projectId, id: roomId, name: row.name, e2ee: row.e2ee, createdAt: row.createdAt },
      ...{ announced: pool.addresses.announced, legs: pool.legs, place: (...asked) => this.#place(...asked) },
      measuredBy: ({ index }) => `sfu/${processId}/${index}`,
      ...{ limits, usage, log, encode },
      onEmpty: (ended) => this.#ended(ended),
    })
    this.#rooms.set(key, room)
    this.#logs.set(room, log)
    return room
  }

  #place(present: Iterable<MediaWorker>, options: { newcomer: boolean }): MediaWorker {
    const worker = this.#options.pool.place(present, options)
    this.#listen(worker)
    return worker
  }

  /** The participants of a worker that ended go on at another, or at the same one started anew. */
  async #moveFrom(worker: MediaWorker): Promise<void> {
    const rooms = this.alive.filter((room) => room.strandAt(worker))
    if (rooms.length === 0 || this.#closed) return
    // Without one in time there is no place, which the room answers.
    await this.#options.pool.leastLoaded().catch(() => undefined)
    for (const room of rooms) if (!room.closed) room.moveFrom(worker)
  }

  #ended(room: Room): void {
    const { store, logger } = this.#options
    const { projectId, id } = room
    const key = roomKey(projectId, id)
    if (this.#rooms.get(key) !== room) return
    this.#rooms.delete(key)
    const log = this.#logs.get(room)
    this.#logs.delete(room)
    const releasing = (async () => {
      await log?.written()
      await store.release(projectId, id)
    })()
      .catch((error: unknown) => logger.warn({ error }, 'a room could not be released; its lease runs out'))
      .finally(() => this.#releasing.delete(key))
    this.#releasing.set(key, releasing)
  }

  /** One listener a worker, whatever the number of rooms. */
  #listen(worker: MediaWorker): void {
    if (this.#heardWorkers.has(worker)) return
    this.#heardWorkers.add(worker)
    worker.on('levels.measured', (levels) => {
      for (const level of levels) {
        const track = worker.tracks.get(level.trackId)
        const publication = track && publicationOf(track)
        publication?.owner.room.hear(publication, level)
      }
    })
    worker.once('closed', () => {
      const { logger } = this.#options
      this.#moveFrom(worker).catch((error: unknown) => logger.error({ error }, 'participants could not move'))
    })
  }
}

function heldElsewhere(leaseMs: number): AppError {
  return new AppError(
    'unavailable',
    'The room lives on another server process; connect the processes (PARLEY_RTC_CLUSTER_ADDRESS) or route by room id',
    { retryAfterMs: leaseMs },
  )
}
