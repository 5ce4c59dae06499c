import { AppError, type ChatRoomMessage } from '@parley/contracts'
import { type Database, GroupCommit, type ProjectScope, type Transaction } from '@parley/core/store'
import { keyOf } from '../message/log.ts'
import { type AcceptedMessage, claimGifts, type GiftKey, numberGifts } from './gift-keys.ts'

export interface RoomEntry {
  projectId: string
  roomId: string
  message: ChatRoomMessage
  /** Of a gift: it is taken once. */
  gift?: GiftKey | undefined
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
  readonly #commits: GroupCommit<RoomEntry, AcceptedMessage>

  constructor(database: Database, lanes: number) {
    this.#database = database
    this.#commits = new GroupCommit<RoomEntry, AcceptedMessage>({
      database,
      lanes,
      laneOf: ({ projectId, roomId }) => keyOf(projectId, roomId),
      commit: (entries, tx) => append(tx, entries),
    })
  }

  /**
   * A gift that is there already is not appended: the answer names the first one. Throws `room-not-found` when the room was
   * closed meanwhile, `client-message-id-conflict`.
   */
  append(entry: RoomEntry): Promise<AcceptedMessage> {
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

type Answer = AcceptedMessage | AppError

async function append(tx: Transaction, entries: readonly RoomEntry[]): Promise<Answer[]> {
  const earlier = await earlierGifts(tx, entries)
  const fresh = entries.filter((entry) => !earlier.has(entry))
  const seqs = await number(tx, fresh)
  await write(tx, fresh, seqs)
  const answers = new Map<string, AcceptedMessage>()
  for (const { message } of fresh) {
    const seq = seqs.get(message.id)
    if (seq !== undefined)
      answers.set(message.id, { messageId: message.id, seq, createdAt: message.createdAt })
  }
  return entries.map((entry) => {
    const first = earlier.get(entry)
    if (first instanceof AppError) return first
    // The first may stand in this very batch: then it has just got its seq.
    return answers.get(first?.messageId ?? entry.message.id) ?? first ?? new AppError('room-not-found')
  })
}

/** Of the gifts that are not the first of their key how that was taken, or why they are refused. */
async function earlierGifts(tx: Transaction, entries: readonly RoomEntry[]): Promise<Map<RoomEntry, Answer>> {
  const earlier = new Map<RoomEntry, Answer>()
  const gifts = entries.flatMap((entry) => (entry.gift === undefined ? [] : [{ entry, gift: entry.gift }]))
  if (gifts.length === 0) return earlier
  const claims = gifts.map(({ entry: { message }, gift }) => ({
    ...gift,
    messageId: message.id,
    createdAt: message.createdAt,
  }))
  const taken = await claimGifts(tx, claims)
  gifts.forEach(({ entry }, index) => {
    const answer = taken[index]
    if (answer === undefined) return
    if (answer instanceof AppError || answer.messageId !== entry.message.id) earlier.set(entry, answer)
  })
  return earlier
}

/** By message; none for those whose room was closed. */
async function number(tx: Transaction, entries: readonly RoomEntry[]): Promise<Map<string, number>> {
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
  const seqs = new Map<string, number>()
  for (const { projectId, roomId, message } of entries) {
    const key = keyOf(projectId, roomId)
    const before = next.get(key)
    if (before === undefined) continue
    next.set(key, before + 1)
    seqs.set(message.id, before + 1)
  }
  return seqs
}

async function write(
  tx: Transaction,
  entries: readonly RoomEntry[],
  seqs: ReadonlyMap<string, number>,
): Promise<void> {
  const written = entries.flatMap(({ projectId, roomId, message }) => {
    const seq = seqs.get(message.id)
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
  const gifts = entries.flatMap(({ message, gift }) => {
    const seq = seqs.get(message.id)
    // Whoever throws takes the claim back with it: a room of the same id begins anew.
    if (gift !== undefined && seq === undefined) throw new AppError('room-not-found')
    return gift === undefined || seq === undefined ? [] : [{ ...gift, seq }]
  })
  if (gifts.length > 0) await numberGifts(tx, gifts)
}
