import {
  AppError,
  type DomainEvent,
  type GroupSettingsChange,
  type MemberRole,
  type MuteAll,
} from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import { type Database, GroupCommit, type Transaction } from '@parley/core/store'
import type { ChatSettings } from '../config.ts'
import { ConversationNotFoundError, NotAMemberError } from '../errors.ts'
import { noTalkInCommunity, roleInChannel, rulesOf, whySilent } from '../group/group-rules.ts'
import type { EntryRow } from './entry-row.ts'
import {
  keyOf,
  type LockedHead,
  lockHeads,
  type NewEntry,
  numberEntries,
  versionOf,
  writeEntries,
} from './log.ts'

/** A message that passed every check and waits for its place in the log. */
export interface OutgoingEntry extends NewEntry {
  clientMessageId: string
  /** SHA-256 of what the sender gave; tells a retry from another message under the same id. */
  digest: Buffer
  /** Version of the conversation under which membership was checked. */
  checkedVersion: number
  /** Work that stands or falls with this entry, in its transaction, once it has its place. */
  alongside?: (tx: Transaction, row: EntryRow) => Promise<void>
}

export interface AppendedMessage {
  messageId: string
  conversationId: string
  seq: number
  createdAt: Date
}

/** A run of entries that one transaction appended to one conversation. */
export interface AppendedRun {
  projectId: string
  conversationId: string
  version: number
  rows: EntryRow[]
}

export interface AppenderOptions {
  database: Database
  outbox: Outbox
  settings: ChatSettings
  /** Called after the commit, in the order of the log for each conversation of a lane. */
  onAppended: (run: AppendedRun) => void
}

/**
 * The only way a message enters the log. Sends that arrive together share a transaction: idempotency keys first
 * (sorted), then the locks of the conversations (in id order), then numbers for what survived, then one insert.
 * The answer comes after the commit.
 */
export class Appender {
  readonly #outbox: Outbox
  readonly #onAppended: (run: AppendedRun) => void
  readonly #commits: GroupCommit<OutgoingEntry, AppendedMessage>

  constructor({ database, outbox, settings, onAppended }: AppenderOptions) {
    this.#outbox = outbox
    this.#onAppended = onAppended
    this.#commits = new GroupCommit<OutgoingEntry, AppendedMessage>({
      database,
      lanes: settings.appendLanes,
      maxBatch: settings.appendBatch,
      maxQueued: settings.appendQueue,
      laneOf: (entry) => keyOf(entry.projectId, entry.conversationId),
      commit: (entries, tx) => this.#commit(entries, tx),
    })
  }

  submit(entry: OutgoingEntry): Promise<AppendedMessage> {
    return this.#commits.submit(entry)
  }

  /** Waits for what was accepted, refuses what comes later. */
  close(): Promise<void> {
    return this.#commits.close()
  }

  async #commit(entries: readonly OutgoingEntry[], tx: Transaction): Promise<(AppendedMessage | Error)[]> {
    // Sent in one flight and run in this order: keys first, then locks (a circle of waiting needs the other order).
    const [fresh, heads] = await Promise.all([claimKeys(tx, entries), lockHeads(tx, entries)])
    const refused = await refuseSilenced(tx, [...fresh], heads)
    if (refused.size > 0) await releaseKeys(tx, [...refused.keys()])
    const accepted = entries.filter((entry) => fresh.has(entry) && !refused.has(entry))
    const runs = await this.#append(tx, accepted, heads)
    const answers = new Map<OutgoingEntry, AppendedMessage | Error>(refused)
    const rowsById = new Map(runs.flatMap((run) => run.rows.map((row) => [row.id, row] as const)))
    for (const entry of accepted) {
      const row = rowsById.get(entry.id)
      if (row !== undefined) answers.set(entry, toAppended(row))
    }
    for (const { id, alongside } of accepted) {
      const row = alongside && rowsById.get(id)
      if (row !== undefined) await alongside?.(tx, row)
    }
    const repeated = entries.filter((entry) => !fresh.has(entry))
    for (const [entry, answer] of await resolveRepeats(tx, repeated)) answers.set(entry, answer)
    tx.afterCommit(() => runs.forEach(this.#onAppended))
    return entries.map((entry) => answers.get(entry) ?? new AppError('internal-error'))
  }

  async #append(
    tx: Transaction,
    accepted: readonly OutgoingEntry[],
    heads: Map<string, LockedHead>,
  ): Promise<AppendedRun[]> {
    if (accepted.length === 0) return []
    const touched = new Set(accepted.map((entry) => keyOf(entry.projectId, entry.conversationId)))
    const moving = new Map([...heads].filter(([key]) => touched.has(key)))
    const rows = numberEntries(accepted, moving, new Date())
    const runs = groupIntoRuns(rows, moving)
    await Promise.all([writeEntries(tx, rows, moving), this.#outbox.append(tx, runs.map(appendedEvent))])
    return runs
  }
}

export function appendedEvent(run: AppendedRun): DomainEvent<'conversation.appended'> {
  return {
    projectId: run.projectId,
    resource: `conversation/${run.conversationId}`,
    type: 'conversation.appended',
    data: {
      conversationId: run.conversationId,
      fromSeq: run.rows[0]?.seq ?? 0,
      toSeq: run.rows.at(-1)?.seq ?? 0,
      version: run.version,
    },
  }
}

function groupIntoRuns(rows: readonly EntryRow[], heads: Map<string, LockedHead>): AppendedRun[] {
  const runs = new Map<string, AppendedRun>()
  for (const row of rows) {
    const key = keyOf(row.project_id, row.conversation_id)
    const run = runs.get(key)
    if (run !== undefined) run.rows.push(row)
    else {
      const head = heads.get(key)
      const version = head === undefined ? 0 : versionOf(head)
      runs.set(key, { projectId: row.project_id, conversationId: row.conversation_id, version, rows: [row] })
    }
  }
  return [...runs.values()]
}

const toAppended = (row: EntryRow): AppendedMessage => ({
  messageId: row.id,
  conversationId: row.conversation_id,
  seq: row.seq,
  createdAt: row.created_at,
})

/** Inserts the idempotency keys; the entries it returns are the first of their key. */
async function claimKeys(tx: Transaction, entries: readonly OutgoingEntry[]): Promise<Set<OutgoingEntry>> {
  const byKey = [...entries].sort(compareKeys)
  const { rows } = await tx.query<{ message_id: string }>({
    name: 'chat-claim-keys',
    text: `insert into chat.send_keys (project_id, sender_id, client_message_id, digest, message_id)
      select * from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[])
      on conflict do nothing
      returning message_id`,
    values: [
      byKey.map((entry) => entry.projectId),
      byKey.map((entry) => entry.senderId),
      byKey.map((entry) => entry.clientMessageId),
      byKey.map((entry) => entry.digest),
      byKey.map((entry) => entry.id),
    ],
  })
  const claimed = new Set(rows.map((row) => row.message_id))
  return new Set(entries.filter((entry) => claimed.has(entry.id)))
}

/** One order of keys for all processes: by code unit, as `<` compares, whatever the collation. */
function compareKeys(a: OutgoingEntry, b: OutgoingEntry): number {
  return (
    compare(a.projectId, b.projectId) ||
    compare(a.senderId, b.senderId) ||
    compare(a.clientMessageId, b.clientMessageId)
  )
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

async function releaseKeys(tx: Transaction, entries: readonly OutgoingEntry[]): Promise<void> {
  await tx.query({
    name: 'chat-release-keys',
    text: `delete from chat.send_keys k
      using unnest($1::text[], $2::text[], $3::text[]) as gone (project_id, sender_id, client_message_id)
      where (k.project_id, k.sender_id, k.client_message_id)
        = (gone.project_id, gone.sender_id, gone.client_message_id)`,
    values: [
      entries.map((entry) => entry.projectId),
      entries.map((entry) => entry.senderId),
      entries.map((entry) => entry.clientMessageId),
    ],
  })
}

/**
 * Membership and voice were checked in memory before. Where the conversation has changed since, they are checked again
 * here, under the lock: nobody speaks after a removal or a mute committed.
 */
async function refuseSilenced(
  tx: Transaction,
  entries: readonly OutgoingEntry[],
  heads: Map<string, LockedHead>,
): Promise<Map<OutgoingEntry, AppError>> {
  const refused = new Map<OutgoingEntry, AppError>()
  const doubtful: OutgoingEntry[] = []
  for (const entry of entries) {
    const head = heads.get(keyOf(entry.projectId, entry.conversationId))
    if (head === undefined) refused.set(entry, new ConversationNotFoundError(entry.conversationId))
    else if (versionOf(head) !== entry.checkedVersion) doubtful.push(entry)
  }
  if (doubtful.length === 0) return refused
  const { rows } = await tx.query<VoiceRow>({
    name: 'chat-recheck-members',
    text: `select k.place::int, c.type, c.public, c.settings, c.mute_all, m.role, m.muted_until,
        p.mute_all as parent_mute_all, pm.role as parent_role, pm.muted_until as parent_muted_until
      from unnest($1::text[], $2::text[], $3::text[]) with ordinality as k (project_id, conversation_id, user_id, place)
      join chat.conversations c on c.project_id = k.project_id and c.id = k.conversation_id
      left join chat.members m on m.project_id = c.project_id and m.conversation_id = c.id and m.user_id = k.user_id
        and m.left_seq is null
      left join chat.conversations p on p.project_id = c.project_id and p.id = c.parent_id
      left join chat.members pm on pm.project_id = p.project_id and pm.conversation_id = p.id
        and pm.user_id = k.user_id and pm.left_seq is null`,
    values: [
      doubtful.map((entry) => entry.projectId),
      doubtful.map((entry) => entry.conversationId),
      doubtful.map((entry) => entry.senderId),
    ],
  })
  const voices = new Map(rows.map((row) => [row.place, row]))
  doubtful.forEach((entry, index) => {
    const why = whyRefused(entry.senderId, entry.conversationId, voices.get(index + 1))
    if (why !== undefined) refused.set(entry, why)
  })
  return refused
}

interface VoiceRow {
  place: number
  type: LockedHead['type']
  public: boolean
  settings: GroupSettingsChange | null
  mute_all: MuteAll | null
  role: MemberRole | null
  muted_until: Date | null
  parent_mute_all: MuteAll | null
  parent_role: MemberRole | null
  parent_muted_until: Date | null
}

function whyRefused(userId: string, conversationId: string, row: VoiceRow | undefined): AppError | undefined {
  if (row === undefined) return new NotAMemberError(userId, conversationId)
  if (row.type === 'community') return noTalkInCommunity()
  const own = row.role ?? undefined
  const parent = row.parent_role ?? undefined
  const role = row.type === 'channel' ? roleInChannel(row.public, parent, own) : own
  if (role === undefined) return new NotAMemberError(userId, conversationId)
  const mutedUntilMs = Math.max(row.muted_until?.getTime() ?? 0, row.parent_muted_until?.getTime() ?? 0)
  const speaker = { userId, role, mutedUntilMs }
  const { settings } = rulesOf(row)
  return (
    whySilent({ settings, muteAll: row.mute_all ?? undefined }, speaker) ??
    whySilent({ settings, muteAll: row.parent_mute_all ?? undefined }, speaker)
  )
}

/** Answers sends whose key was taken: with the first message when it is the same, with a conflict when not. */
async function resolveRepeats(
  tx: Transaction,
  entries: readonly OutgoingEntry[],
): Promise<[OutgoingEntry, AppendedMessage | AppError][]> {
  if (entries.length === 0) return []
  const { rows } = await tx.query<{
    place: number
    digest: Buffer
    message_id: string
    conversation_id: string
    seq: number
    created_at: Date
  }>({
    name: 'chat-resolve-repeats',
    text: `select k.place::int, s.digest, s.message_id, e.conversation_id, e.seq, e.created_at
      from unnest($1::text[], $2::text[], $3::text[]) with ordinality as k (project_id, sender_id, client_message_id, place)
      join chat.send_keys s using (project_id, sender_id, client_message_id)
      join chat.entries e on e.project_id = s.project_id and e.id = s.message_id`,
    values: [
      entries.map((entry) => entry.projectId),
      entries.map((entry) => entry.senderId),
      entries.map((entry) => entry.clientMessageId),
    ],
  })
  const found = new Map(rows.map((row) => [row.place, row]))
  return entries.map((entry, index) => {
    const row = found.get(index + 1)
    if (row === undefined)
      return [entry, new AppError('unavailable', 'The first send with this id was not stored; send again')]
    if (!entry.digest.equals(row.digest)) return [entry, new AppError('client-message-id-conflict')]
    const { message_id: messageId, conversation_id: conversationId, seq, created_at: createdAt } = row
    return [entry, { messageId, conversationId, seq, createdAt }]
  })
}
