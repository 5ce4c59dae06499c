import type { Logger, Scope } from '@parley/core/kernel'
import { type Database, GroupCommit } from '@parley/core/store'

const leaseSeconds = 15
const heartbeatMs = 5_000
/** Above this many in a room, counting takes its time and is done less often. */
const crowd = 10_000
const countMs = 2_000
const crowdCountMs = 10_000

export interface RoomSession {
  projectId: string
  roomId: string
  userId: string
  sessionId: string
}

type Change = RoomSession & { here: boolean }

const live = `exists (select from chat.chatroom_processes p where p.process_id = s.process_id and p.lease_until > now())`

export interface RoomPresenceOptions {
  database: Database
  processId: string
  scope: Scope
  logger: Logger
}

/** Who is in which room, over all processes. Sessions of a process that died stop counting when its lease ends. */
export class RoomPresence {
  readonly #database: Database
  readonly #processId: string
  readonly #changes: GroupCommit<Change, boolean>
  readonly #counts = new Map<string, { online: number; atMs: number }>()

  private constructor({ database, processId }: RoomPresenceOptions) {
    this.#database = database
    this.#processId = processId
    this.#changes = new GroupCommit<Change, boolean>({
      database,
      lanes: 2,
      maxBatch: 1_000,
      maxQueued: 200_000,
      laneOf: ({ projectId, roomId, userId }) => JSON.stringify([projectId, roomId, userId]),
      commit: (changes, tx) => this.#write(changes, tx),
    })
  }

  static async open(options: RoomPresenceOptions): Promise<RoomPresence> {
    const presence = new RoomPresence(options)
    const { scope, logger } = options
    await presence.#beat()
    scope.every('chatroom lease', heartbeatMs, () => {
      presence
        .#beat()
        .catch((error: unknown) => logger.warn({ error }, 'the lease of chat rooms was not extended'))
    })
    scope.onClose('chatroom presence', () => presence.#close())
    return presence
  }

  /** Answers whether the user is new in the room. */
  enter(session: RoomSession): Promise<boolean> {
    return this.#changes.submit({ ...session, here: true })
  }

  /** Answers whether the user is gone on all connections. */
  leave(session: RoomSession): Promise<boolean> {
    return this.#changes.submit({ ...session, here: false })
  }

  /** Users in the room, as of a few seconds ago. */
  async count(projectId: string, roomId: string): Promise<number> {
    return (await this.countAll(projectId, [roomId])).get(roomId) ?? 0
  }

  /** The same of several rooms, by their ids. */
  async countAll(projectId: string, roomIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const nowMs = Date.now()
    const keyOf = (roomId: string) => JSON.stringify([projectId, roomId])
    const stale = roomIds.filter((roomId) => {
      const known = this.#counts.get(keyOf(roomId))
      return !known || nowMs - known.atMs >= (known.online > crowd ? crowdCountMs : countMs)
    })
    const counts = new Map(
      roomIds.map((roomId) => [roomId, this.#counts.get(keyOf(roomId))?.online ?? 0] as const),
    )
    if (stale.length === 0) return counts
    const { rows } = await this.#database.project(projectId).query<{ chatroom_id: string; n: number }>({
      name: 'chat-room-count',
      text: `select s.chatroom_id, count(distinct s.user_id)::int as n from chat.chatroom_sessions s
        where s.project_id = $1 and s.chatroom_id = any($2) and ${live} group by s.chatroom_id`,
      values: [projectId, stale],
    })
    const read = new Map(rows.map((row) => [row.chatroom_id, row.n]))
    if (this.#counts.size > 10_000) this.#counts.clear()
    for (const roomId of stale) {
      const online = read.get(roomId) ?? 0
      counts.set(roomId, online)
      this.#counts.set(keyOf(roomId), { online, atMs: nowMs })
    }
    return counts
  }

  async list(
    projectId: string,
    roomId: string,
    afterUserId: string,
    limit: number,
  ): Promise<{ userId: string; joinedAt: string }[]> {
    const { rows } = await this.#database.project(projectId).query<{ user_id: string; joined_at: Date }>({
      name: 'chat-room-list',
      text: `select s.user_id, min(s.joined_at) as joined_at from chat.chatroom_sessions s
        where s.project_id = $1 and s.chatroom_id = $2 and s.user_id > $3 and ${live}
        group by s.user_id order by s.user_id limit $4`,
      values: [projectId, roomId, afterUserId, limit],
    })
    return rows.map((row) => ({ userId: row.user_id, joinedAt: row.joined_at.toISOString() }))
  }

  async #write(
    changes: readonly Change[],
    tx: Parameters<ConstructorParameters<typeof GroupCommit<Change, boolean>>[0]['commit']>[1],
  ): Promise<boolean[]> {
    const columns = (of: readonly Change[]) => [
      of.map(({ projectId }) => projectId),
      of.map(({ roomId }) => roomId),
      of.map(({ userId }) => userId),
      of.map(({ sessionId }) => sessionId),
    ]
    // The last word on a session counts: it may come and go within a batch.
    const last = new Map(changes.map((change) => [change.sessionId + change.roomId, change]))
    const entering = [...last.values()].filter(({ here }) => here)
    const leaving = [...last.values()].filter(({ here }) => !here)
    await tx.query({
      name: 'chat-room-enter',
      text: `insert into chat.chatroom_sessions (project_id, chatroom_id, user_id, session_id, process_id)
        select a, b, c, d, $5 from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as n (a, b, c, d)
        on conflict do nothing`,
      values: [...columns(entering), this.#processId],
    })
    await tx.query({
      name: 'chat-room-leave',
      text: `delete from chat.chatroom_sessions s
        using unnest($1::text[], $2::text[], $3::text[], $4::text[]) as n (a, b, c, d)
        where s.project_id = n.a and s.chatroom_id = n.b and s.user_id = n.c and s.session_id = n.d`,
      values: columns(leaving),
    })
    const { rows } = await tx.query<{ place: number; n: number }>({
      name: 'chat-room-connections',
      text: `select n.place::int, count(s.session_id)::int as n
        from unnest($1::text[], $2::text[], $3::text[]) with ordinality as n (a, b, c, place)
        left join chat.chatroom_sessions s on s.project_id = n.a and s.chatroom_id = n.b and s.user_id = n.c and ${live}
        group by n.place`,
      values: columns(changes).slice(0, 3),
    })
    const connections = new Map(rows.map(({ place, n }) => [place, n]))
    return changes.map(({ here }, index) => {
      const left = connections.get(index + 1) ?? 0
      return here ? left === 1 : left === 0
    })
  }

  async #beat(): Promise<void> {
    await this.#database.system.query({
      name: 'chat-room-lease',
      text: `with gone as (delete from chat.chatroom_processes where lease_until < now() - interval '1 minute'
          returning process_id),
        swept as (delete from chat.chatroom_sessions s using gone where s.process_id = gone.process_id)
        insert into chat.chatroom_processes (process_id, lease_until)
        values ($1, now() + make_interval(secs => $2))
        on conflict (process_id) do update set lease_until = excluded.lease_until`,
      values: [this.#processId, leaseSeconds],
    })
  }

  async #close(): Promise<void> {
    await this.#changes.close()
    await this.#database.system.query({
      text: `with gone as (delete from chat.chatroom_sessions where process_id = $1)
        delete from chat.chatroom_processes where process_id = $1`,
      values: [this.#processId],
    })
  }
}
