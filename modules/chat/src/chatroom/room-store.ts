import { AppError, newId } from '@parley/contracts'
import { decodeRowCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { Database } from '@parley/core/store'
import { type RoomRow, roomColumns } from './room-row.ts'

export type RoomProfile = Record<string, unknown>

/** Rows of chat rooms. */
export class RoomStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Throws `already-exists`. */
  async insert(
    projectId: string,
    given: RoomProfile & { chatRoomId?: string | undefined; history: boolean },
    ownerId: string | undefined,
  ): Promise<RoomRow> {
    const { chatRoomId, history, ...profile } = given
    const columns = { ...columnsOf(profile), ...(ownerId !== undefined && { owner_id: ownerId }) }
    const names = Object.keys(columns)
    const { rows } = await this.#database.project(projectId).query<RoomRow>({
      text: `insert into chat.chatrooms as r (project_id, id, history${names.map((name) => `, ${name}`).join('')})
        values ($1, $2, $3${names.map((_name, index) => `, $${index + 4}`).join('')})
        on conflict do nothing returning ${roomColumns}`,
      values: [projectId, chatRoomId ?? newId('chatRoom'), history, ...Object.values(columns)],
    })
    const [made] = rows
    if (made !== undefined) return made
    throw new AppError('already-exists', `The id ${JSON.stringify(chatRoomId)} is taken`)
  }

  async update(projectId: string, roomId: string, change: RoomProfile): Promise<void> {
    const columns = columnsOf(change)
    const names = Object.keys(columns)
    if (names.length === 0) return
    await this.#database.project(projectId).query({
      text: `update chat.chatrooms set ${names.map((name, index) => `${name} = $${index + 3}`).join(', ')}
        where project_id = $1 and id = $2`,
      values: [projectId, roomId, ...Object.values(columns)],
    })
  }

  /**
   * The newest first: all of them, or, for a user, those that are listed and would let the user in. Of a room that is
   * closed to the user the list tells nothing.
   */
  async list(
    projectId: string,
    userId: string | undefined,
    { limit, cursor }: PageRequest,
  ): Promise<Page<RoomRow>> {
    const before = decodeRowCursor(cursor, ['time', 'text']) ?? [null, null]
    const { rows } = await this.#database.project(projectId).query<RoomRow & { place: string }>({
      name: userId === undefined ? 'chat-rooms' : 'chat-rooms-of-user',
      text: `select ${roomColumns}, r.created_at::text as place from chat.chatrooms r
        where r.project_id = $1 and ($2::timestamptz is null or (r.created_at, r.id) < ($2, $3))
          ${userId === undefined ? '' : `and r.listed and ${isOpenTo('$5')}`}
        order by r.created_at desc, r.id desc limit $4`,
      values: [projectId, ...before, limit + 1, ...(userId === undefined ? [] : [userId])],
    })
    return toPage(rows, limit, { keyOf: (row) => [row.place, row.id], itemOf: (row) => row })
  }

  /** With everything that belongs to it. */
  async delete(projectId: string, roomId: string): Promise<void> {
    await this.#database.project(projectId).transaction(async (tx) => {
      for (const part of ['entries', 'gifts', 'attributes', 'restrictions', 'sessions'])
        await tx.query({
          text: `delete from chat.chatroom_${part} where project_id = $1 and chatroom_id = $2`,
          values: [projectId, roomId],
        })
      await tx.query({
        text: 'delete from chat.chatrooms where project_id = $1 and id = $2',
        values: [projectId, roomId],
      })
    })
  }
}

/** Of a room `r`: what `requireEntry` asks, in SQL. */
const isOpenTo = (userId: string): string => {
  const is = (kind: 'ban' | 'allow') => `exists (select from chat.chatroom_restrictions x
    where x.project_id = r.project_id and x.chatroom_id = r.id and x.kind = '${kind}' and x.user_id = ${userId}
      and (x.until is null or x.until > now()))`
  const leads = `r.owner_id = ${userId} or ${userId} = any(r.admin_ids)`
  return `not ${is('ban')} and (not r.join_by_allowed or ${leads} or ${is('allow')})`
}

const columnNames: Record<string, string> = {
  name: 'name',
  custom: 'custom',
  ownerId: 'owner_id',
  adminIds: 'admin_ids',
  slowModeMs: 'slow_mode_ms',
  mutedAll: 'muted_all',
  joinByAllowed: 'join_by_allowed',
  listed: 'listed',
}

function columnsOf(profile: RoomProfile): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(profile).flatMap(([name, value]) => {
      const column = columnNames[name]
      return column === undefined || value === undefined ? [] : [[column, value]]
    }),
  )
}
