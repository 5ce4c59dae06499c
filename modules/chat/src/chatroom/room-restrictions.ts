import { AppError, type ChatRoomRestriction } from '@parley/contracts'
import { decodeCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { Database } from '@parley/core/store'

const mostOfOneKind = 10_000

type Kind = ChatRoomRestriction['kind']

/** Who is muted, banned or allowed in a chat room. */
export class RoomRestrictions {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Throws `limit-exceeded`. */
  async put(
    projectId: string,
    roomId: string,
    { userId, kind, untilMs }: { userId: string; kind: Kind; untilMs: number | undefined },
  ): Promise<ChatRoomRestriction> {
    const until = untilMs === undefined ? null : new Date(untilMs)
    const { rows } = await this.#database.project(projectId).query({
      text: `insert into chat.chatroom_restrictions (project_id, chatroom_id, kind, user_id, until)
        select $1, $2, $3, $4, $5 where (select count(*) from chat.chatroom_restrictions
          where project_id = $1 and chatroom_id = $2 and kind = $3) < $6
        on conflict (project_id, chatroom_id, kind, user_id) do update set until = excluded.until returning kind`,
      values: [projectId, roomId, kind, userId, until, mostOfOneKind],
    })
    if (rows.length === 0) throw new AppError('limit-exceeded', `At most ${mostOfOneKind} users of one kind`)
    return { userId, kind, ...(until && { until: until.toISOString() }) }
  }

  async remove(projectId: string, roomId: string, kind: Kind, userId: string): Promise<void> {
    await this.#database.project(projectId).query({
      text: `delete from chat.chatroom_restrictions
        where project_id = $1 and chatroom_id = $2 and kind = $3 and user_id = $4`,
      values: [projectId, roomId, kind, userId],
    })
  }

  /** Those that hold now, by user id. */
  async list(
    projectId: string,
    roomId: string,
    kind: Kind,
    { limit, cursor }: PageRequest,
  ): Promise<Page<ChatRoomRestriction>> {
    const { rows } = await this.#database.project(projectId).query<{ user_id: string; until: Date | null }>({
      text: `select user_id, until from chat.chatroom_restrictions
        where project_id = $1 and chatroom_id = $2 and kind = $3 and user_id > $4 and (until is null or until > now())
        order by user_id limit $5`,
      values: [projectId, roomId, kind, decodeCursor(cursor) ?? '', limit + 1],
    })
    return toPage(rows, limit, {
      keyOf: (row) => row.user_id,
      itemOf: ({ user_id: userId, until }) => ({
        userId,
        kind,
        ...(until && { until: until.toISOString() }),
      }),
    })
  }
}
