import { AppError, type DomainEvent, newId } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { Database } from '@parley/core/store'

export interface RoomRow {
  projectId: string
  id: string
  name: string | undefined
  /** What is published in it is encrypted end to end. */
  e2ee: boolean
  createdAt: Date
  /** Another process holds it now. */
  heldElsewhere: boolean
}

interface Row {
  room_id: string
  name: string | null
  e2ee: boolean
  created_at: Date
  held_elsewhere: boolean
}

export interface RoomStoreOptions {
  database: Database
  outbox: Outbox
  processId: string
  leaseMs: number
  /** Where this process takes frames for its rooms from others; read when a room is taken. */
  address?: () => string | undefined
}

const columns = `room_id, name, e2ee, created_at,
  (holder is not null and holder <> $3 and held_until > now()) as held_elsewhere`

/** The rows of rooms, and which process holds which room. */
export class RoomStore {
  readonly #database: Database
  readonly #outbox: Outbox
  readonly #processId: string
  readonly #leaseMs: number
  readonly #address: () => string | undefined

  constructor(options: RoomStoreOptions) {
    this.#database = options.database
    this.#outbox = options.outbox
    this.#processId = options.processId
    this.#leaseMs = options.leaseMs
    this.#address = options.address ?? (() => undefined)
  }

  /** @throws AppError `already-exists` */
  async create(
    projectId: string,
    room: { id?: string | undefined; name?: string | undefined; e2ee: boolean },
  ): Promise<RoomRow> {
    const id = room.id ?? newId('room')
    return this.#database.project(projectId).transaction(async (tx) => {
      const { rows } = await tx.query<Row>({
        text: `insert into rtc.rooms (project_id, room_id, name, e2ee) values ($1, $2, $4, $5)
          on conflict (project_id, room_id) do nothing returning room_id, name, e2ee, created_at,
          $3::text is null as held_elsewhere`,
        values: [projectId, id, this.#processId, room.name ?? null, room.e2ee],
      })
      const [row] = rows
      if (row === undefined) throw new AppError('already-exists', `There is a room ${id} already`)
      await this.#outbox.append(tx, [event(projectId, id, 'room.created', { roomId: id })])
      return toRoom(projectId, { ...row, held_elsewhere: false })
    })
  }

  async find(projectId: string, roomId: string): Promise<RoomRow | undefined> {
    const { rows } = await this.#database.project(projectId).query<Row>({
      name: 'rtc-room',
      text: `select ${columns} from rtc.rooms where project_id = $1 and room_id = $2`,
      values: [projectId, roomId, this.#processId],
    })
    return rows[0] && toRoom(projectId, rows[0])
  }

  /**
   * Takes the room for this process, making it when it is not there, then with `e2ee`. Undefined: another process holds
   * it.
   */
  async hold(projectId: string, roomId: string, { e2ee }: { e2ee: boolean }): Promise<RoomRow | undefined> {
    return this.#database.project(projectId).transaction(async (tx) => {
      const { rows } = await tx.query<Row & { made: boolean }>({
        text: `insert into rtc.rooms as present (project_id, room_id, holder, held_until, e2ee, holder_address)
          values ($1, $2, $3, now() + $4 * interval '1 millisecond', $5, $6)
          on conflict (project_id, room_id) do update
            set holder = excluded.holder, held_until = excluded.held_until, holder_address = excluded.holder_address
            where present.holder is null or present.holder = $3 or present.held_until <= now()
          returning room_id, name, e2ee, created_at, false as held_elsewhere, xmax = 0 as made`,
        values: [projectId, roomId, this.#processId, this.#leaseMs, e2ee, this.#address() ?? null],
      })
      const [row] = rows
      if (row === undefined) return undefined
      if (row.made) await this.#outbox.append(tx, [event(projectId, roomId, 'room.created', { roomId })])
      return toRoom(projectId, row)
    })
  }

  /** Where the process is reached that holds the room now, when it is another one and takes frames for it. */
  async holderAddress(projectId: string, roomId: string): Promise<string | undefined> {
    const { rows } = await this.#database.project(projectId).query<{ holder_address: string | null }>({
      name: 'rtc-room-holder',
      text: `select holder_address from rtc.rooms
        where project_id = $1 and room_id = $2 and holder <> $3 and held_until > now()`,
      values: [projectId, roomId, this.#processId],
    })
    return rows[0]?.holder_address ?? undefined
  }

  /** Extends the lease of all held rooms. Answers the keys (`roomKey`) of those still held. */
  async extend(): Promise<Set<string>> {
    const { rows } = await this.#database.system.query<{ project_id: string; room_id: string }>({
      text: `update rtc.rooms set held_until = now() + $2 * interval '1 millisecond'
        where holder = $1 returning project_id, room_id`,
      values: [this.#processId, this.#leaseMs],
    })
    return new Set(rows.map((row) => roomKey(row.project_id, row.room_id)))
  }

  async release(projectId: string, roomId: string): Promise<void> {
    await this.#database.project(projectId).query({
      text: `update rtc.rooms set holder = null, held_until = null
        where project_id = $1 and room_id = $2 and holder = $3`,
      values: [projectId, roomId, this.#processId],
    })
  }

  async releaseAll(): Promise<void> {
    await this.#database.system.query({
      text: 'update rtc.rooms set holder = null, held_until = null where holder = $1',
      values: [this.#processId],
    })
  }

  /** Answers false when there was no such room. */
  async remove(projectId: string, roomId: string): Promise<boolean> {
    return this.#database.project(projectId).transaction(async (tx) => {
      const { rowCount } = await tx.query({
        text: 'delete from rtc.rooms where project_id = $1 and room_id = $2',
        values: [projectId, roomId],
      })
      if (rowCount === 0) return false
      await this.#outbox.append(tx, [event(projectId, roomId, 'room.closed', { roomId })])
      return true
    })
  }

  /** Writes what happened in a room, in the order given. */
  async append(projectId: string, roomId: string, events: readonly DomainEvent[]): Promise<void> {
    await this.#database.project(projectId).transaction(async (tx) => {
      // The order of a room's events is that of its lock.
      await tx.query({
        text: 'select 1 from rtc.rooms where project_id = $1 and room_id = $2 for update',
        values: [projectId, roomId],
      })
      await this.#outbox.append(tx, events)
    })
  }
}

/** What a room is known by inside a process. */
export function roomKey(projectId: string, roomId: string): string {
  return `${projectId}/${roomId}`
}

export function event<T extends DomainEvent['type']>(
  projectId: string,
  roomId: string,
  type: T,
  data: DomainEvent<T>['data'],
): DomainEvent<T> {
  return { projectId, resource: `room/${roomId}`, type, data }
}

function toRoom(projectId: string, row: Row): RoomRow {
  return {
    projectId,
    id: row.room_id,
    name: row.name ?? undefined,
    e2ee: row.e2ee,
    createdAt: row.created_at,
    heldElsewhere: row.held_elsewhere,
  }
}
