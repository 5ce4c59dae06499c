import { type EntryContent, type MessageFacts, newId } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import { type EraseCall, type EraseStep, Holds, heldPlace } from '@parley/core/personal-data'
import type { Database, Transaction } from '@parley/core/store'
import { type AppendedRun, appendedEvent } from '../message/append.ts'
import { appendChange } from '../message/append-change.ts'
import { type EntryRow, entryColumns } from '../message/entry-row.ts'
import { keyOf, type LockedHead, lockHeads, numberEntries, versionOf, writeEntries } from '../message/log.ts'
import { eraseEntries, filesIn } from './erase-entries.ts'
import { replaceUser } from './name-replacement.ts'

/** Entries that one step looks through while it holds the conversation. */
const entriesAtOnce = 400

export interface EraseParts {
  database: Database
  outbox: Outbox
  /** Files nobody refers to any more. */
  eraseFiles(tx: Transaction, projectId: string, objectIds: readonly string[]): Promise<number>
  onAppended: (run: AppendedRun) => void
}

interface Place {
  conversationId: string
  seq: number
}

/**
 * Takes a user out of the conversations the user is or was in: the membership ends, messages are emptied, and whatever
 * names the user names the pseudonym. One step is one conversation, or a piece of its log.
 */
export async function eraseInConversations(
  tx: Transaction,
  parts: EraseParts,
  call: EraseCall,
): Promise<EraseStep> {
  const at = (call.checkpoint ?? { conversationId: '', seq: -1 }) as Place
  if (at.seq === -1) return enterNext(tx, parts, call, at.conversationId)
  return eraseInLog(tx, parts, call, at)
}

async function enterNext(
  tx: Transaction,
  parts: EraseParts,
  call: EraseCall,
  afterId: string,
): Promise<EraseStep> {
  const { projectId, userId } = call
  const { rows } = await tx.query<{ conversation_id: string }>({
    text: `select conversation_id from chat.members
      where project_id = $1 and user_id = $2 and conversation_id > $3 order by conversation_id limit 1`,
    values: [projectId, userId, afterId],
  })
  const conversationId = rows[0]?.conversation_id
  if (conversationId === undefined) return { counts: {} }
  const held = await new Holds(parts.database).among(tx, projectId, 'conversation', [conversationId])
  if (held.size > 0) {
    // Counted once; the second pass passes it over as well.
    const counts = call.pass === 1 ? { [heldPlace]: 1 } : {}
    return { counts, checkpoint: { conversationId, seq: -1 } }
  }
  const ended = await endMembership(tx, parts, call, conversationId)
  return { counts: { 'chat.memberships': ended }, checkpoint: { conversationId, seq: 0 } }
}

async function endMembership(
  tx: Transaction,
  { outbox, onAppended }: EraseParts,
  { projectId, userId, pseudonym }: EraseCall,
  conversationId: string,
): Promise<number> {
  const head = (await lockHeads(tx, [{ projectId, conversationId }])).get(keyOf(projectId, conversationId))
  if (head === undefined) return 0
  const leaves = head.type !== 'direct'
  const { rows } = await tx.query<{ was_member: boolean; public: boolean }>({
    text: `update chat.members m set left_seq = case when $4 then coalesce(m.left_seq, $5) else m.left_seq end,
        draft = null, nickname = null, custom = null, role = 'member', changed_version = $6
      from (select left_seq is null as was_member from chat.members
        where project_id = $1 and conversation_id = $2 and user_id = $3) before, chat.conversations c
      where m.project_id = $1 and m.conversation_id = $2 and m.user_id = $3 and c.project_id = $1 and c.id = $2
      returning before.was_member, c.public`,
    values: [projectId, conversationId, userId, leaves, head.head_seq + 1, head.version + 1],
  })
  const [row] = rows
  if (row === undefined || !row.was_member || !leaves || row.public) return rows.length
  head.version += 1
  head.member_count = Math.max(0, head.member_count - 1)
  const content = { type: 'members-removed' as const, userIds: [pseudonym], left: true }
  const run = await appendChange(tx, head, { id: newId('message'), senderId: '', content })
  await outbox.append(tx, [appendedEvent(run)])
  tx.afterCommit(() => onAppended(run))
  return 1
}

async function eraseInLog(
  tx: Transaction,
  parts: EraseParts,
  call: EraseCall,
  { conversationId, seq }: Place,
): Promise<EraseStep> {
  const { projectId, userId, pseudonym, pass } = call
  const head = (await lockHeads(tx, [{ projectId, conversationId }])).get(keyOf(projectId, conversationId))
  const { rows } = await tx.query<EntryRow>({
    name: 'chat-erase-sources',
    text: `select ${entryColumns} from chat.entries e
      where e.project_id = $1 and e.conversation_id = $2 and e.seq > $3 and e.seq <= $3 + ${entriesAtOnce}
        and (e.sender_id = $4 or position($5 in e.content::text) > 0 or position($5 in e.facts::text) > 0)
      order by e.seq for update`,
    values: [projectId, conversationId, seq, userId, JSON.stringify(userId)],
  })
  const own = rows.filter((row) => isErasable(row, userId))
  const files = await parts.eraseFiles(tx, projectId, filesIn(own))
  await eraseEntries(tx, projectId, conversationId, own)
  const renamed = await renameIn(tx, call, conversationId, seq)
  if (head !== undefined && own.length > 0) await tellExpired(tx, parts, head, own)
  const counts = { 'chat.messages': own.length, 'chat.names': renamed, 'chat.files': files }
  const end = head?.head_seq ?? 0
  if (seq + entriesAtOnce < end) {
    return { counts, checkpoint: { conversationId, seq: seq + entriesAtOnce } }
  }
  if (pass === 2 && pseudonym !== userId) await renameMember(tx, call, conversationId)
  return { counts, checkpoint: { conversationId, seq: -1 } }
}

/** Money does not vanish with a message: of a packet the greeting goes only. */
function isErasable(row: EntryRow, userId: string): boolean {
  return (
    row.bears_unread && row.sender_id === userId && row.recalled_at === null && row.content.type !== 'packet'
  )
}

/** Whatever still names the user names the pseudonym; what the user wrote outside of messages goes. */
async function renameIn(
  tx: Transaction,
  { projectId, userId, pseudonym }: EraseCall,
  conversationId: string,
  seq: number,
): Promise<number> {
  const { rows } = await tx.query<EntryRow>({
    name: 'chat-rename-sources',
    text: `select ${entryColumns} from chat.entries e
      where e.project_id = $1 and e.conversation_id = $2 and e.seq > $3 and e.seq <= $3 + ${entriesAtOnce}
        and (e.sender_id = $4 or position($5 in e.content::text) > 0 or position($5 in e.facts::text) > 0)`,
    values: [projectId, conversationId, seq, userId, JSON.stringify(userId)],
  })
  const changed = rows.map((row) => ({
    seq: row.seq,
    sender_id: row.sender_id === userId ? pseudonym : row.sender_id,
    client_message_id: row.sender_id === userId ? null : row.client_message_id,
    content: replaceUser(withoutWords(row, userId), userId, pseudonym),
    facts: row.facts ? replaceUser<MessageFacts>(row.facts, userId, pseudonym) : null,
  }))
  if (changed.length === 0) return 0
  await tx.query({
    name: 'chat-rename-entries',
    text: `update chat.entries e set sender_id = r.sender_id, client_message_id = r.client_message_id,
        content = r.content, facts = r.facts
      from jsonb_to_recordset($3::jsonb) as r (seq bigint, sender_id text, client_message_id text, content jsonb,
        facts jsonb)
      where e.project_id = $1 and e.conversation_id = $2 and e.seq = r.seq`,
    values: [projectId, conversationId, JSON.stringify(changed)],
  })
  return changed.length
}

function withoutWords({ sender_id, content }: EntryRow, userId: string): EntryContent {
  if (content.type === 'merged-forward') {
    const items = content.items.map((item) =>
      item.senderId === userId ? { ...item, content: { type: 'expired' as const } } : item,
    )
    return { ...content, items }
  }
  if (content.type === 'member-changed' && content.userId === userId) return { ...content, nickname: null }
  if (sender_id !== userId) return content
  if (content.type === 'announcement-changed') return { ...content, text: '' }
  if (content.type === 'packet') {
    const { greeting: _, ...packet } = content
    return packet
  }
  return content
}

/** Devices that hold the messages hear that they are gone. */
async function tellExpired(
  tx: Transaction,
  { outbox, onAppended }: EraseParts,
  head: LockedHead,
  messages: readonly EntryRow[],
): Promise<void> {
  const projectId = head.project_id
  const conversationId = head.id
  const heads = new Map([[keyOf(projectId, conversationId), head]])
  const entries = messages.map(({ id, seq }) => ({
    ...{ projectId, conversationId, id: newId('message'), senderId: '', clientMessageId: null },
    bearsUnread: false,
    content: { type: 'expire' as const, targetId: id, targetSeq: seq },
  }))
  const rows = numberEntries(entries, heads, new Date())
  await writeEntries(tx, rows, heads)
  const run = { projectId, conversationId, version: versionOf(head), rows }
  await outbox.append(tx, [appendedEvent(run)])
  tx.afterCommit(() => onAppended(run))
}

/** The row stays, for it says who was there when. Processes know by then that the user has left. */
async function renameMember(
  tx: Transaction,
  { projectId, userId, pseudonym }: EraseCall,
  conversationId: string,
): Promise<void> {
  const values = [projectId, conversationId, userId, pseudonym]
  await tx.query({
    text: `delete from chat.members old using chat.members renamed
      where old.project_id = $1 and old.conversation_id = $2 and old.user_id = $3
        and renamed.project_id = $1 and renamed.conversation_id = $2 and renamed.user_id = $4`,
    values,
  })
  await tx.query({
    text: `with moved as (
        update chat.conversations set version = version + 1 where project_id = $1 and id = $2 returning version)
      update chat.members set user_id = $4, changed_version = moved.version from moved
      where project_id = $1 and conversation_id = $2 and user_id = $3`,
    values,
  })
  await tx.query({
    text: `update chat.conversations set direct_users = array_replace(direct_users, $3, $4)
      where project_id = $1 and id = $2 and $3 = any(direct_users)`,
    values,
  })
  for (const column of ['mute_all', 'announcement', 'settings'] as const) {
    const { rows } = await tx.query<{ value: object }>({
      text: `select ${column} as value from chat.conversations
        where project_id = $1 and id = $2 and position($3 in ${column}::text) > 0`,
      values: [projectId, conversationId, JSON.stringify(userId)],
    })
    const [row] = rows
    if (row === undefined) continue
    const renamed = replaceUser(row.value, userId, pseudonym)
    const value = column === 'announcement' ? { ...renamed, text: '' } : renamed
    await tx.query({
      text: `update chat.conversations set ${column} = $3 where project_id = $1 and id = $2`,
      values: [projectId, conversationId, JSON.stringify(value)],
    })
  }
}

/** What others sent on of the user's messages, wherever it went. */
export async function eraseCopies(tx: Transaction, parts: EraseParts, call: EraseCall): Promise<EraseStep> {
  const { projectId, userId, pseudonym } = call
  const { rows: forwarded } = await tx.query<EntryRow>({
    text: `select ${entryColumns} from chat.entries e
      where e.project_id = $1 and e.facts ? 'forwardedFrom' and e.facts->'forwardedFrom'->>'senderId' = $2
        and e.recalled_at is null
      order by e.conversation_id, e.seq limit ${entriesAtOnce}`,
    values: [projectId, userId],
  })
  const [first] = forwarded
  if (first !== undefined) {
    // One conversation a step: the locks of several are never taken in turn.
    const here = forwarded.filter((row) => row.conversation_id === first.conversation_id)
    await eraseOnes(tx, parts, projectId, first.conversation_id, here)
    return { counts: { 'chat.forwards': here.length }, checkpoint: { conversationId: '', seq: 0 } }
  }
  const after = (call.checkpoint ?? { conversationId: '', seq: 0 }) as Place
  const { rows: merged } = await tx.query<EntryRow>({
    text: `select ${entryColumns} from chat.entries e
      where e.project_id = $1 and e.content->>'type' = 'merged-forward' and (e.conversation_id, e.seq) > ($2, $3)
      order by e.conversation_id, e.seq limit ${entriesAtOnce}`,
    values: [projectId, after.conversationId, after.seq],
  })
  let changed = 0
  for (const row of merged) {
    if (!JSON.stringify(row.content).includes(JSON.stringify(userId))) continue
    changed += 1
    await tx.query({
      text: 'update chat.entries set content = $4 where project_id = $1 and conversation_id = $2 and seq = $3',
      values: [
        projectId,
        row.conversation_id,
        row.seq,
        JSON.stringify(replaceUser(withoutWords(row, userId), userId, pseudonym)),
      ],
    })
    await tx.query({
      text: 'delete from chat.search_documents where project_id = $1 and conversation_id = $2 and seq = $3',
      values: [projectId, row.conversation_id, row.seq],
    })
  }
  const counts = { 'chat.merged-forwards': changed }
  const last = merged.at(-1)
  if (merged.length < entriesAtOnce || last === undefined) return { counts }
  return { counts, checkpoint: { conversationId: last.conversation_id, seq: last.seq } }
}

async function eraseOnes(
  tx: Transaction,
  parts: EraseParts,
  projectId: string,
  conversationId: string,
  messages: readonly EntryRow[],
): Promise<void> {
  const head = (await lockHeads(tx, [{ projectId, conversationId }])).get(keyOf(projectId, conversationId))
  await eraseEntries(tx, projectId, conversationId, messages)
  if (head !== undefined) await tellExpired(tx, parts, head, messages)
}

/** A reaction of the user counts no more; a vote neither. */
export async function eraseMarks(tx: Transaction, call: EraseCall): Promise<EraseStep> {
  const { projectId, userId } = call
  const { rows } = await tx.query<{ message_id: string; conversation_id: string }>({
    text: `select m.message_id, e.conversation_id from (
        select message_id from chat.reactions where project_id = $1 and user_id = $2
        union select message_id from chat.poll_votes where project_id = $1 and user_id = $2 limit 100) m
      join chat.entries e on e.project_id = $1 and e.id = m.message_id`,
    values: [projectId, userId],
  })
  if (rows.length === 0) return { counts: {} }
  await lockHeads(
    tx,
    rows.map((row) => ({ projectId, conversationId: row.conversation_id })),
  )
  for (const { message_id } of rows) await unmark(tx, projectId, userId, message_id)
  return { counts: { 'chat.reactions-and-votes': rows.length }, checkpoint: {} }
}

async function unmark(tx: Transaction, projectId: string, userId: string, messageId: string): Promise<void> {
  const values = [projectId, messageId, userId]
  const found = await tx.query<{ facts: MessageFacts | null }>({
    text: 'select facts from chat.entries where project_id = $1 and id = $2 for update',
    values: values.slice(0, 2),
  })
  const emojis = await tx.query<{ emoji: string }>({
    text: 'delete from chat.reactions where project_id = $1 and message_id = $2 and user_id = $3 returning emoji',
    values,
  })
  const votes = await tx.query<{ options: number[] }>({
    text: 'delete from chat.poll_votes where project_id = $1 and message_id = $2 and user_id = $3 returning options',
    values,
  })
  const facts = found.rows[0]?.facts
  if (!facts) return
  const taken = new Set(emojis.rows.map((row) => row.emoji))
  const chosen = new Set(votes.rows.flatMap((row) => row.options))
  const reactions = facts.reactions
    ?.map((each) =>
      taken.has(each.emoji)
        ? { ...each, count: each.count - 1, userIds: each.userIds.filter((id) => id !== userId) }
        : each,
    )
    .filter((each) => each.count > 0)
  const poll =
    facts.poll && votes.rows.length > 0
      ? {
          ...facts.poll,
          counts: facts.poll.counts.map((n, index) => (chosen.has(index) ? Math.max(0, n - 1) : n)),
          voters: Math.max(0, facts.poll.voters - 1),
        }
      : facts.poll
  const { reactions: _r, poll: _p, ...others } = facts
  const left = { ...others, ...(reactions?.length && { reactions }), ...(poll && { poll }) }
  await tx.query({
    text: 'update chat.entries set facts = $3 where project_id = $1 and id = $2',
    values: [projectId, messageId, JSON.stringify(left)],
  })
}
