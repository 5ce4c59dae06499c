import { AppError } from '@parley/contracts'
import type { Queryable } from '@parley/core/store'

/** How a message of a chat room was taken; `seq` where the room has a history. */
export interface AcceptedMessage {
  messageId: string
  seq?: number
  createdAt: string
}

/** What names a gift: whoever gives it chooses the `clientMessageId`, in each room anew. */
export interface GiftKey {
  projectId: string
  roomId: string
  senderId: string
  clientMessageId: string
  /** SHA-256 of what is given; tells a repeat from another gift under the same id. */
  digest: Buffer
}

export interface GiftClaim extends GiftKey {
  messageId: string
  createdAt: string
}

/**
 * Of each claim how it was taken: as itself, or as the gift that was first under its key, whose `messageId` is another one.
 * Or why it is refused: `client-message-id-conflict`, `room-not-found`. Waits for claims of the same keys that are not committed yet.
 */
export async function claimGifts(
  queries: Queryable,
  claims: readonly GiftClaim[],
): Promise<(AcceptedMessage | AppError)[]> {
  // In one order for all, so that two transactions never wait for each other.
  const sorted = [...claims].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))
  await queries.query({
    name: 'chat-room-claim-gifts',
    text: `insert into chat.chatroom_gifts
        (project_id, chatroom_id, sender_id, client_message_id, digest, message_id, created_at)
      select k.* from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::timestamptz[])
        as k (project_id, chatroom_id, sender_id, client_message_id, digest, message_id, created_at)
      where exists (select from chat.chatrooms r where r.project_id = k.project_id and r.id = k.chatroom_id)
      on conflict do nothing`,
    values: [
      ...keyColumns(sorted),
      sorted.map((claim) => claim.digest),
      sorted.map((claim) => claim.messageId),
      sorted.map((claim) => claim.createdAt),
    ],
  })
  const found = await findGifts(queries, claims)
  return found.map((gift) => gift ?? new AppError('room-not-found'))
}

/** Of each key how its gift was taken; undefined where there was none. */
export async function findGifts(
  queries: Queryable,
  keys: readonly GiftKey[],
): Promise<(AcceptedMessage | AppError | undefined)[]> {
  const { rows } = await queries.query<{
    place: number
    digest: Buffer
    message_id: string
    seq: number | null
    created_at: Date
  }>({
    name: 'chat-room-find-gifts',
    text: `select k.place::int, g.digest, g.message_id, g.seq, g.created_at
      from unnest($1::text[], $2::text[], $3::text[], $4::text[])
        with ordinality as k (project_id, chatroom_id, sender_id, client_message_id, place)
      join chat.chatroom_gifts g using (project_id, chatroom_id, sender_id, client_message_id)`,
    values: keyColumns(keys),
  })
  const found = new Map(rows.map((row) => [row.place, row]))
  return keys.map(({ digest }, index) => {
    const row = found.get(index + 1)
    if (row === undefined) return undefined
    if (!digest.equals(row.digest)) return new AppError('client-message-id-conflict')
    const { message_id: messageId, seq, created_at: createdAt } = row
    return { messageId, createdAt: createdAt.toISOString(), ...(seq !== null && { seq }) }
  })
}

/** Writes down the places that claimed gifts have got in the log of their room. */
export async function numberGifts(
  queries: Queryable,
  numbered: readonly (GiftKey & { seq: number })[],
): Promise<void> {
  await queries.query({
    name: 'chat-room-number-gifts',
    text: `update chat.chatroom_gifts g set seq = k.seq
      from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
        as k (project_id, chatroom_id, sender_id, client_message_id, seq)
      where (g.project_id, g.chatroom_id, g.sender_id, g.client_message_id)
        = (k.project_id, k.chatroom_id, k.sender_id, k.client_message_id)`,
    values: [...keyColumns(numbered), numbered.map(({ seq }) => seq)],
  })
}

function keyColumns(keys: readonly GiftKey[]): string[][] {
  return [
    keys.map((key) => key.projectId),
    keys.map((key) => key.roomId),
    keys.map((key) => key.senderId),
    keys.map((key) => key.clientMessageId),
  ]
}

const sortKey = ({ projectId, roomId, senderId, clientMessageId }: GiftKey): string =>
  [projectId, roomId, senderId, clientMessageId].join('\u0000')
