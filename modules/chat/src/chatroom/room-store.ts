import { AppError, newId } from '@parley/contracts'
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

  /** With everything that belongs to it. */
  async delete(projectId: string, roomId: string): Promise<void> {
    await this.#database.project(projectId).transaction(async (tx) => {
      for (const part of ['entries', 'attributes', 'restrictions', 'sessions'])
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

const columnNames: Record<string, string> = {
  name: 'name',
  custom: 'custom',
  ownerId: 'owner_id',
  adminIds: 'admin_ids',
  slowModeMs: 'slow_mode_ms',
  mutedAll: 'muted_all',
  joinByAllowed: 'join_by_allowed',
}

function columnsOf(profile: RoomProfile): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(profile).flatMap(([name, value]) => {
      const column = columnNames[name]
      return column === undefined || value === undefined ? [] : [[column, value]]
    }),
  )
}
