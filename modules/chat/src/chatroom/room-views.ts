import { AppError } from '@parley/contracts'
import type { Database } from '@parley/core/store'
import { keyOf } from '../message/log.ts'
import { type RoomRow, roomColumns } from './room-row.ts'

/** A view is read again after it: a lost wake-up costs no more than this. */
const freshMs = 3_000
const mostViews = 20_000

export interface RoomView {
  readonly row: RoomRow
  /** Users with a restriction, and until when in milliseconds since 1970. */
  readonly muted: ReadonlyMap<string, number>
  readonly banned: ReadonlyMap<string, number>
  readonly allowed: ReadonlyMap<string, number>
  readonly readAtMs: number
}

type Kind = 'mute' | 'ban' | 'allow'

/** Rooms in memory, as they were a few seconds ago at most; dropped when told of a change. */
export class RoomViews {
  readonly #database: Database
  readonly #views = new Map<string, Promise<RoomView>>()

  constructor(database: Database) {
    this.#database = database
  }

  /** Throws `room-not-found`. */
  async get(projectId: string, roomId: string): Promise<RoomView> {
    const key = keyOf(projectId, roomId)
    const known = await this.#views.get(key)?.catch(() => undefined)
    if (known !== undefined && Date.now() - known.readAtMs < freshMs) return known
    const reading = this.#read(projectId, roomId)
    reading.catch(() => this.#views.delete(key))
    this.#views.delete(key)
    this.#views.set(key, reading)
    if (this.#views.size > mostViews)
      for (const oldest of [...this.#views.keys()].slice(0, 100)) this.#views.delete(oldest)
    return reading
  }

  drop(projectId: string, roomId: string): void {
    this.#views.delete(keyOf(projectId, roomId))
  }

  async #read(projectId: string, roomId: string): Promise<RoomView> {
    const readAtMs = Date.now()
    const { rows } = await this.#database
      .project(projectId)
      .query<RoomRow & { restrictions: [kind: Kind, userId: string, untilMs: number | null][] | null }>({
        name: 'chat-room-view',
        text: `select ${roomColumns},
          (select jsonb_agg(jsonb_build_array(x.kind, x.user_id, (extract(epoch from x.until) * 1000)::bigint))
            from chat.chatroom_restrictions x
            where x.project_id = r.project_id and x.chatroom_id = r.id and (x.until is null or x.until > now())
          ) as restrictions
        from chat.chatrooms r where r.project_id = $1 and r.id = $2`,
        values: [projectId, roomId],
      })
    const [row] = rows
    if (row === undefined)
      throw new AppError('room-not-found', `There is no chat room ${JSON.stringify(roomId)}`)
    const of = (kind: Kind) =>
      new Map(
        (row.restrictions ?? []).flatMap(([each, userId, untilMs]) =>
          each === kind ? [[userId, untilMs ?? Number.POSITIVE_INFINITY] as const] : [],
        ),
      )
    return { row, muted: of('mute'), banned: of('ban'), allowed: of('allow'), readAtMs }
  }
}

/** Whether a restriction holds now. */
export function holds(restrictions: ReadonlyMap<string, number>, userId: string): boolean {
  return (restrictions.get(userId) ?? 0) > Date.now()
}

/** Owner, admins and, without a user, the customer's server. */
export function leads(row: RoomRow, userId: string | undefined): boolean {
  return userId === undefined || row.owner_id === userId || row.admin_ids.includes(userId)
}

export function requireLeader(row: RoomRow, userId: string | undefined): void {
  if (!leads(row, userId))
    throw new AppError('forbidden', 'Only owner and admins of the chat room may do this')
}
