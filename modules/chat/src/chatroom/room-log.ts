import type { ChatRoomMessage } from '@parley/contracts'
import { type Database, GroupCommit, type ProjectScope, type Transaction } from '@parley/core/store'
import { keyOf } from '../message/log.ts'

export interface RoomEntry {
  projectId: string
  roomId: string
  message: ChatRoomMessage
}

interface EntryRow {
  seq: number
  id: string
  sender_id: string
  client_message_id: string | null
  priority: ChatRoomMessage['priority']
  content: ChatRoomMessage['content']
  created_at: Date
}

/** History of the rooms that keep one: dense seq, answered when durable. */
export class RoomLog {
  readonly #database: Database
  readonly #commits: GroupCommit<RoomEntry, number | undefined>

  constructor(database: Database, lanes: number) {
    this.#database = database
    this.#commits = new GroupCommit<RoomEntry, number | undefined>({
      database,
      lanes,
      laneOf: ({ projectId, roomId }) => keyOf(projectId, roomId),
      commit: (entries, tx) => append(tx, entries),
    })
  }

  /** The seq; undefined when the room was closed meanwhile. */
  append(entry: RoomEntry): Promise<number | undefined> {
    return this.#commits.submit(entry)
  }

  async read(
    projectId: string,
    roomId: string,
    range: { beforeSeq?: number | undefined; afterSeq?: number | undefined; limit: number },
  ): Promise<{ items: ChatRoomMessage[]; headSeq: number }> {
    const project = this.#database.project(projectId)
    const rows = await readRange(project, roomId, range)
    const { rows: heads } = await project.query<{ head_seq: number }>({
      text: 'select head_seq from chat.chatrooms where project_id = $1 and id = $2',
      values: [projectId, roomId],
    })
    return { items: rows.map(toRoomMessage), headSeq: heads[0]?.head_seq ?? 0 }
  }

  close(): Promise<void> {
    return this.#commits.close()
  }
}

async function readRange(
  project: ProjectScope,
  roomId: string,
  {
    beforeSeq,
    afterSeq,
    limit,
  }: { beforeSeq?: number | undefined; afterSeq?: number | undefined; limit: number },
): Promise<EntryRow[]> {
  const ascending = afterSeq !== undefined
  const { rows } = await project.query<EntryRow>({
    name: ascending ? 'chat-room-entries-after' : 'chat-room-entries-before',
    text: `select seq, id, sender_id, client_message_id, priority, content, created_at from chat.chatroom_entries
      where project_id = $1 and chatroom_id = $2 and seq > $3 and seq < $4
      order by seq ${ascending ? 'asc' : 'desc'} limit $5`,
    values: [project.projectId, roomId, afterSeq ?? 0, beforeSeq ?? Number.MAX_SAFE_INTEGER, limit],
  })
  return ascending ? rows : rows.reverse()
}

function toRoomMessage(row: EntryRow): ChatRoomMessage {
  return {
    id: row.id,
    senderId: row.sender_id,
    ...(row.client_message_id !== null && { clientMessageId: row.client_message_id }),
    seq: row.seq,
    priority: row.priority,
    content: row.content,
    createdAt: row.created_at.toISOString(),
  }
}

async function append(tx: Transaction, entries: readonly RoomEntry[]): Promise<(number | undefined)[]> {
  const counts = new Map<string, { projectId: string; roomId: string; count: number }>()
  for (const { projectId, roomId } of entries) {
    const key = keyOf(projectId, roomId)
    counts.set(key, { projectId, roomId, count: (counts.get(key)?.count ?? 0) + 1 })
  }
  const rooms = [...counts.values()].sort((a, b) =>
    keyOf(a.projectId, a.roomId) < keyOf(b.projectId, b.roomId) ? -1 : 1,
  )
  const { rows } = await tx.query<{ project_id: string; id: string; head_seq: number }>({
    name: 'chat-room-number',
    text: `with locked as (
        select r.project_id, r.id, n.count from chat.chatrooms r
        join unnest($1::text[], $2::text[], $3::int[]) as n (project_id, id, count) using (project_id, id)
        order by r.project_id, r.id for no key update of r
      )
      update chat.chatrooms r set head_seq = head_seq + l.count from locked l
      where r.project_id = l.project_id and r.id = l.id
      returning r.project_id, r.id, r.head_seq`,
    values: [
      rooms.map((room) => room.projectId),
      rooms.map((room) => room.roomId),
      rooms.map((room) => room.count),
    ],
  })
  const next = new Map(
    rows.map((row) => {
      const key = keyOf(row.project_id, row.id)
      return [key, row.head_seq - (counts.get(key)?.count ?? 0)]
    }),
  )
  const seqs = entries.map(({ projectId, roomId }) => {
    const key = keyOf(projectId, roomId)
    const before = next.get(key)
    if (before === undefined) return undefined
    next.set(key, before + 1)
    return before + 1
  })
  const written = entries.flatMap(({ projectId, roomId, message }, index) => {
    const seq = seqs[index]
    if (seq === undefined) return []
    const { id, senderId, clientMessageId, priority, content, createdAt } = message
    return [
      {
        ...{ project_id: projectId, chatroom_id: roomId, seq, id, sender_id: senderId },
        ...{ client_message_id: clientMessageId ?? null, priority, content, created_at: createdAt },
      },
    ]
  })
  await tx.query({
    name: 'chat-room-append',
    text: `insert into chat.chatroom_entries
      select * from jsonb_populate_recordset(null::chat.chatroom_entries, $1::jsonb)`,
    values: [JSON.stringify(written)],
  })
  return seqs
}
