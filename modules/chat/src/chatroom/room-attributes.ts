import { AppError, type ChatRoomAttribute, maxChatRoomAttributes } from '@parley/contracts'
import type { Database, Transaction } from '@parley/core/store'

interface AttributeRow {
  key: string
  value: string
  user_id: string
  version: number
}

export interface AttributeChange {
  version: number
  set: ChatRoomAttribute[]
  removed: string[]
}

const toAttribute = (row: AttributeRow): ChatRoomAttribute => ({
  key: row.key,
  value: row.value,
  userId: row.user_id,
  version: row.version,
})

/** Key-value pairs of chat rooms. Every change moves the version by one, under the lock of the room's row. */
export class RoomAttributes {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async list(projectId: string, roomId: string): Promise<{ items: ChatRoomAttribute[]; version: number }> {
    const { rows } = await this.#database.project(projectId).query<{
      attributes_version: number
      items: AttributeRow[] | null
    }>({
      name: 'chat-room-attributes',
      text: `select r.attributes_version, (
          select jsonb_agg(jsonb_build_object('key', a.key, 'value', a.value, 'user_id', a.user_id, 'version', a.version)
            order by a.key)
          from chat.chatroom_attributes a where a.project_id = r.project_id and a.chatroom_id = r.id) as items
        from chat.chatrooms r where r.project_id = $1 and r.id = $2`,
      values: [projectId, roomId],
    })
    const [row] = rows
    if (row === undefined) throw new AppError('room-not-found')
    return { items: (row.items ?? []).map(toAttribute), version: row.attributes_version }
  }

  /** Throws `conflict` for a pair of another user unless `takeOver`, `limit-exceeded` for too many. */
  set(
    projectId: string,
    roomId: string,
    change: {
      userId: string
      attributes: readonly { key: string; value: string }[]
      untilLeave: boolean
      takeOver: boolean
    },
  ): Promise<AttributeChange> {
    const { userId, attributes, untilLeave, takeOver } = change
    return this.#change(projectId, roomId, async (tx, version) => {
      const { rows } = await tx.query<AttributeRow>({
        text: `insert into chat.chatroom_attributes as a
            (project_id, chatroom_id, key, value, user_id, until_leave, version)
          select $1, $2, k, v, $3, $4, $5 from unnest($6::text[], $7::text[]) as n (k, v)
          on conflict (project_id, chatroom_id, key) do update
            set value = excluded.value, user_id = excluded.user_id, until_leave = excluded.until_leave,
              version = excluded.version
            where a.user_id = excluded.user_id or $8
          returning key, value, user_id, version`,
        values: [
          ...[projectId, roomId, userId, untilLeave, version],
          ...[attributes.map(({ key }) => key), attributes.map(({ value }) => value), takeOver],
        ],
      })
      if (rows.length < attributes.length) {
        const taken = attributes.find(({ key }) => !rows.some((row) => row.key === key))
        throw new AppError('conflict', `The attribute ${JSON.stringify(taken?.key)} belongs to another user`)
      }
      const { rows: counted } = await tx.query<{ n: number }>({
        text: 'select count(*)::int as n from chat.chatroom_attributes where project_id = $1 and chatroom_id = $2',
        values: [projectId, roomId],
      })
      if ((counted[0]?.n ?? 0) > maxChatRoomAttributes)
        throw new AppError('limit-exceeded', `A chat room holds at most ${maxChatRoomAttributes} attributes`)
      return { set: rows.map(toAttribute), removed: [] }
    })
  }

  /** Those of `userId` only, unless undefined. Pairs that are not there are passed over. */
  remove(
    projectId: string,
    roomId: string,
    which: { keys?: readonly string[]; ofUserId?: string | undefined; untilLeave?: boolean },
  ): Promise<AttributeChange> {
    return this.#change(projectId, roomId, async (tx) => {
      const { rows } = await tx.query<{ key: string }>({
        text: `delete from chat.chatroom_attributes
          where project_id = $1 and chatroom_id = $2 and ($3::text[] is null or key = any($3))
            and ($4::text is null or user_id = $4) and (not $5 or until_leave)
          returning key`,
        values: [projectId, roomId, which.keys ?? null, which.ofUserId ?? null, which.untilLeave ?? false],
      })
      return { set: [], removed: rows.map(({ key }) => key) }
    })
  }

  #change(
    projectId: string,
    roomId: string,
    apply: (tx: Transaction, version: number) => Promise<Omit<AttributeChange, 'version'>>,
  ): Promise<AttributeChange> {
    return this.#database.project(projectId).transaction(async (tx) => {
      const { rows } = await tx.query<{ attributes_version: number }>({
        text: `update chat.chatrooms set attributes_version = attributes_version + 1
          where project_id = $1 and id = $2 returning attributes_version`,
        values: [projectId, roomId],
      })
      const [row] = rows
      if (row === undefined) throw new AppError('room-not-found')
      return { version: row.attributes_version, ...(await apply(tx, row.attributes_version)) }
    })
  }
}
