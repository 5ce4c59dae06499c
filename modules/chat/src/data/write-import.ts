import { newId } from '@parley/contracts'
import type { Queryable, Transaction } from '@parley/core/store'
import type { EntryRow } from '../message/entry-row.ts'
import { keyOf, lockHeads, numberEntries, writeEntries } from '../message/log.ts'
import { writeDocuments } from '../search/search-index.ts'
import type {
  ConversationLine,
  ImportContext,
  ImportProblem,
  PreparedBatch,
  ReadyMessage,
} from './import-batch.ts'

export interface ImportCounts {
  conversations: number
  messages: number
  repeated: number
  errors: number
}

/** Writes a prepared batch: conversations, members, messages in their order, words of the search, the change log. */
export async function writeBatch(
  tx: Transaction,
  context: ImportContext,
  { conversations, directs, messages, problems: found }: PreparedBatch,
): Promise<ImportCounts> {
  const problems = [...found]
  let made = 0
  for (const { value } of conversations) made += await makeGroup(tx, context, value)
  for (const [id, userIds] of directs) made += await makeDirect(tx, context, id, userIds)
  const { written, repeated } = await writeMessages(tx, context, messages, problems)
  await writeProblems(tx, context, problems)
  return { conversations: made, messages: written, repeated, errors: problems.length }
}

async function makeGroup(
  tx: Transaction,
  { parts, projectId }: ImportContext,
  line: ConversationLine,
): Promise<number> {
  const members = [...new Map(line.members.map((member) => [member.userId, member])).values()]
  const { rowCount } = await tx.query({
    text: `insert into chat.conversations (project_id, id, type, name, custom, history_from_start, member_count, large,
        created_at, updated_at)
      values ($1, $2, 'group', $3, $4, true, $5, $6, coalesce($7::timestamptz, now()), coalesce($7::timestamptz, now()))
      on conflict do nothing`,
    values: [
      projectId,
      line.id,
      line.name ?? null,
      line.custom === undefined ? null : JSON.stringify(line.custom),
      members.length,
      members.length >= parts.settings.largeFrom,
      line.createdAt ?? null,
    ],
  })
  if (rowCount === 0) return 0
  // A group has one owner at most: the first who is named.
  const ownerId = members.find(({ role }) => role === 'owner')?.userId
  await tx.query({
    text: `insert into chat.members (project_id, conversation_id, user_id, role, joined_seq, visible_from_seq, large)
      select $1, $2, m.user_id, m.role, 0, 1, $5 from unnest($3::text[], $4::text[]) as m (user_id, role)`,
    values: [
      projectId,
      line.id,
      members.map(({ userId }) => userId),
      members.map(({ userId, role }) =>
        role === 'owner' && userId !== ownerId ? 'admin' : (role ?? 'member'),
      ),
      members.length >= parts.settings.largeFrom,
    ],
  })
  return 1
}

async function makeDirect(
  tx: Transaction,
  { projectId }: ImportContext,
  id: string,
  userIds: readonly string[],
): Promise<number> {
  const { rowCount } = await tx.query({
    text: `insert into chat.conversations (project_id, id, type, direct_users, history_from_start, member_count)
      values ($1, $2, 'direct', $3, true, $4) on conflict do nothing`,
    values: [projectId, id, userIds, userIds.length],
  })
  if (rowCount === 0) return 0
  await tx.query({
    text: `insert into chat.members (project_id, conversation_id, user_id, role, joined_seq, visible_from_seq)
      select $1, $2, user_id, 'member', 0, 1 from unnest($3::text[]) as u (user_id)`,
    values: [projectId, id, userIds],
  })
  return 1
}

interface PlaceRow {
  conversation_id: string
  type: string
  head_seq: number
  imported_head: number | null
  last_at: Date | null
  senders: string[]
}

async function writeMessages(
  tx: Transaction,
  { projectId, operationId }: ImportContext,
  messages: readonly ReadyMessage[],
  problems: ImportProblem[],
): Promise<{ written: number; repeated: number }> {
  if (messages.length === 0) return { written: 0, repeated: 0 }
  const ids = [...new Set(messages.map(({ conversationId }) => conversationId))].sort()
  const heads = await lockHeads(
    tx,
    ids.map((conversationId) => ({ projectId, conversationId })),
  )
  const places = await readPlaces(tx, projectId, ids, [
    ...new Set(messages.map(({ value }) => value.senderId)),
  ])
  const taken = messages.filter((message) => {
    const why = whyNot(message, places.get(message.conversationId))
    if (why !== undefined) problems.push({ line: message.line, ...why })
    return why === undefined
  })
  const fresh = await claimKeys(tx, projectId, taken)
  const known = taken.length - fresh.size
  const rows: EntryRow[] = []
  for (const message of taken) {
    const id = fresh.get(message)
    const place = places.get(message.conversationId)
    if (id === undefined || place === undefined) continue
    const at = new Date(message.value.createdAt)
    if (place.last_at !== null && at < place.last_at) {
      problems.push({
        line: message.line,
        code: 'invalid-request',
        detail: 'createdAt lies before the message in front of it',
      })
      fresh.delete(message)
      continue
    }
    place.last_at = at
    const entry = {
      ...{ projectId, conversationId: message.conversationId, id, senderId: message.value.senderId },
      clientMessageId: message.value.clientMessageId ?? null,
      content: message.content,
      bearsUnread: true,
    }
    rows.push(...numberEntries([entry], heads, at))
  }
  await releaseKeys(tx, projectId, taken, fresh)
  if (rows.length === 0) return { written: 0, repeated: known }
  const moved = new Map([...heads].filter(([, head]) => rows.some((row) => row.conversation_id === head.id)))
  await writeEntries(tx, rows, moved)
  await writeDocuments(tx, rows)
  await noteImported(
    tx,
    projectId,
    operationId,
    [...moved.values()].map((head) => ({
      id: head.id,
      seq: heads.get(keyOf(projectId, head.id))?.head_seq ?? 0,
      at: places.get(head.id)?.last_at ?? null,
    })),
  )
  return { written: rows.length, repeated: known }
}

async function readPlaces(
  tx: Queryable,
  projectId: string,
  ids: readonly string[],
  senderIds: readonly string[],
): Promise<Map<string, PlaceRow>> {
  const { rows } = await tx.query<PlaceRow>({
    name: 'chat-import-places',
    text: `select c.id as conversation_id, c.type, c.head_seq, i.head_seq as imported_head, i.last_at,
        array(select user_id from chat.members m where m.project_id = c.project_id and m.conversation_id = c.id
          and m.user_id = any($3)) as senders
      from chat.conversations c
      left join chat.imported_conversations i on i.project_id = c.project_id and i.conversation_id = c.id
      where c.project_id = $1 and c.id = any($2)`,
    values: [projectId, ids, senderIds],
  })
  return new Map(rows.map((row) => [row.conversation_id, row]))
}

function whyNot(
  { value, conversationId }: ReadyMessage,
  place: PlaceRow | undefined,
): Omit<ImportProblem, 'line'> | undefined {
  if (place === undefined)
    return { code: 'conversation-not-found', detail: `There is no conversation ${conversationId}` }
  if (place.type !== 'direct' && place.type !== 'group')
    return { code: 'conflict', detail: 'History is imported into direct conversations and groups' }
  if (place.head_seq !== (place.imported_head ?? 0))
    return { code: 'conflict', detail: 'The conversation holds entries that were not imported' }
  if (!place.senders.includes(value.senderId))
    return { code: 'not-a-member', detail: `${value.senderId} is not a member of ${conversationId}` }
  return undefined
}

/** Ids for those that were not imported before. */
async function claimKeys(
  tx: Queryable,
  projectId: string,
  messages: readonly ReadyMessage[],
): Promise<Map<ReadyMessage, string>> {
  const ids = messages.map(({ value }) => newId('message', Date.parse(value.createdAt)))
  const { rows } = await tx.query<{ message_id: string }>({
    name: 'chat-import-keys',
    text: `insert into chat.import_keys (project_id, conversation_id, external_id, message_id)
      select $1, * from unnest($2::text[], $3::text[], $4::text[]) on conflict do nothing returning message_id`,
    values: [
      projectId,
      messages.map(({ conversationId }) => conversationId),
      messages.map(({ value }) => value.externalId),
      ids,
    ],
  })
  const claimed = new Set(rows.map((row) => row.message_id))
  const fresh = new Map<ReadyMessage, string>()
  messages.forEach((message, index) => {
    const id = ids[index]
    if (id !== undefined && claimed.has(id)) fresh.set(message, id)
  })
  return fresh
}

/** Keys of messages that were refused after all may be used by a corrected line. */
async function releaseKeys(
  tx: Queryable,
  projectId: string,
  taken: readonly ReadyMessage[],
  fresh: ReadonlyMap<ReadyMessage, string>,
): Promise<void> {
  const refused = taken.filter((message) => !fresh.has(message))
  if (refused.length === 0) return
  await tx.query({
    text: `delete from chat.import_keys k using unnest($2::text[], $3::text[]) as r (conversation_id, external_id)
      where k.project_id = $1 and k.conversation_id = r.conversation_id and k.external_id = r.external_id
        and not exists (select from chat.entries e where e.project_id = $1 and e.id = k.message_id)
        and k.message_id <> all($4)`,
    values: [
      projectId,
      refused.map(({ conversationId }) => conversationId),
      refused.map(({ value }) => value.externalId),
      [...fresh.values()],
    ],
  })
}

async function noteImported(
  tx: Queryable,
  projectId: string,
  operationId: string,
  places: readonly { id: string; seq: number; at: Date | null }[],
): Promise<void> {
  await tx.query({
    name: 'chat-import-heads',
    text: `insert into chat.imported_conversations (project_id, conversation_id, operation_id, head_seq, last_at)
      select $1, id, $2, seq, at from unnest($3::text[], $4::bigint[], $5::timestamptz[]) as p (id, seq, at)
      on conflict (project_id, conversation_id) do update
        set operation_id = excluded.operation_id, head_seq = excluded.head_seq, last_at = excluded.last_at`,
    values: [
      projectId,
      operationId,
      places.map(({ id }) => id),
      places.map(({ seq }) => seq),
      places.map(({ at }) => at),
    ],
  })
}

async function writeProblems(
  tx: Queryable,
  { projectId, operationId }: ImportContext,
  problems: readonly ImportProblem[],
): Promise<void> {
  if (problems.length === 0) return
  await tx.query({
    text: `insert into chat.import_errors (project_id, operation_id, line, code, detail)
      select $1, $2, * from unnest($3::bigint[], $4::text[], $5::text[])
      where (select count(*) from chat.import_errors where project_id = $1 and operation_id = $2) < 10000
      on conflict do nothing`,
    values: [
      projectId,
      operationId,
      problems.map(({ line }) => line),
      problems.map(({ code }) => code),
      problems.map(({ detail }) => detail.replaceAll('\u0000', '').toWellFormed().slice(0, 500)),
    ],
  })
}
