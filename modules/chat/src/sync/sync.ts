import type { SyncAnswer } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { Database, ProjectScope } from '@parley/core/store'
import { readViews } from '../conversation/conversation-list.ts'
import type { ContentDecorator } from '../message/entry-row.ts'
import { decodeSyncCursor, encodeSyncCursor, type SyncCursor } from './sync-cursor.ts'
import { userChangesConsumer } from './user-changes.ts'

/** How long a sync waits for the change log to catch up with the log of the conversations. */
const catchUpMs = 2_000

export interface SyncOptions {
  database: Database
  outbox: Outbox
  decorate: ContentDecorator
}

export interface SyncRequest {
  projectId: string
  userId: string
  cursor?: string | undefined
  limit: number
}

interface Moved {
  conversationIds: string[]
  next: SyncCursor
  more: boolean
}

/**
 * Tells a device which conversations moved since its cursor. It waits until everything that committed before the
 * call stands in the change log; when that takes too long it answers in full, which is never wrong.
 */
export class ConversationSync {
  readonly #options: SyncOptions

  constructor(options: SyncOptions) {
    this.#options = options
  }

  async sync({ projectId, userId, cursor: text, limit }: SyncRequest): Promise<SyncAnswer> {
    const { database, outbox, decorate } = this.#options
    const project = database.project(projectId)
    // Transaction numbers mean something within one line of history only.
    const { epoch } = outbox
    let cursor = decodeSyncCursor(text, epoch)
    if (cursor?.phase !== 'listing') {
      const caughtUp = await outbox.caughtUp(userChangesConsumer, { timeoutMs: catchUpMs })
      if (!caughtUp) cursor = undefined
    }
    const from = cursor ?? (await startListing(project, epoch))
    const moved =
      from.phase === 'listing'
        ? await listJoined(project, userId, from, limit)
        : await listChanged(project, userId, from, limit)
    const conversations = await readViews(project, userId, moved.conversationIds, decorate)
    const present = new Set(conversations.map((view) => view.id))
    return {
      full: cursor === undefined,
      conversations,
      removed: moved.conversationIds.filter((id) => !present.has(id)),
      cursor: encodeSyncCursor(moved.next),
      more: moved.more,
    }
  }
}

/** A listing continues with the changes since it began, so that nothing which moves meanwhile is missed. */
async function startListing(project: ProjectScope, epoch: string): Promise<SyncCursor> {
  const { rows } = await project.query<{ txid: string }>({
    name: 'chat-sync-horizon',
    text: 'select pg_snapshot_xmin(pg_current_snapshot())::text as txid',
  })
  return { phase: 'listing', epoch, startTxid: rows[0]?.txid ?? '0', conversationId: '' }
}

async function listJoined(
  project: ProjectScope,
  userId: string,
  cursor: Extract<SyncCursor, { phase: 'listing' }>,
  limit: number,
): Promise<Moved> {
  const { rows } = await project.query<{ conversation_id: string }>({
    name: 'chat-sync-joined',
    text: `select conversation_id from chat.members
      where project_id = $1 and user_id = $2 and left_seq is null and conversation_id > $3
      order by conversation_id limit $4`,
    values: [project.projectId, userId, cursor.conversationId, limit + 1],
  })
  const conversationIds = rows.slice(0, limit).map((row) => row.conversation_id)
  const more = rows.length > limit
  const { epoch, startTxid } = cursor
  const last = conversationIds.at(-1) ?? ''
  const next: SyncCursor = more
    ? { phase: 'listing', epoch, startTxid, conversationId: last }
    : { phase: 'changes', epoch, txid: startTxid, conversationId: '' }
  return { conversationIds, next, more }
}

async function listChanged(
  project: ProjectScope,
  userId: string,
  cursor: Extract<SyncCursor, { phase: 'changes' }>,
  limit: number,
): Promise<Moved> {
  const { rows } = await project.query<{ conversation_id: string | null; txid: string; horizon: string }>({
    name: 'chat-sync-changed',
    text: `with horizon as (select pg_snapshot_xmin(pg_current_snapshot()) as txid)
      select u.conversation_id, u.txid::text, h.txid::text as horizon
      from horizon h left join lateral (
        select conversation_id, txid from chat.user_changes
        where project_id = $1 and user_id = $2 and (txid, conversation_id) > ($3::xid8, $4)
        order by txid, conversation_id limit $5
      ) u on true
      order by u.txid, u.conversation_id`,
    values: [project.projectId, userId, cursor.txid, cursor.conversationId, limit + 1],
  })
  const changed = rows.flatMap((row) =>
    row.conversation_id === null ? [] : [{ ...row, id: row.conversation_id }],
  )
  const shown = changed.slice(0, limit)
  const { epoch } = cursor
  const last = shown.at(-1)
  if (changed.length > limit && last !== undefined) {
    const next: SyncCursor = { phase: 'changes', epoch, txid: last.txid, conversationId: last.id }
    return { conversationIds: shown.map((row) => row.id), next, more: true }
  }
  // Everything below the horizon is seen. Rows at or above it may be told once more, which is harmless.
  const horizon = rows[0]?.horizon ?? cursor.txid
  const next: SyncCursor = { phase: 'changes', epoch, txid: horizon, conversationId: '' }
  const large = await listLarge(project, userId)
  return { conversationIds: [...new Set([...shown.map((row) => row.id), ...large])], next, more: false }
}

/** Large conversations do not write to the change log of every member; they are told at each sync. */
async function listLarge(project: ProjectScope, userId: string): Promise<string[]> {
  const { rows } = await project.query<{ conversation_id: string }>({
    name: 'chat-sync-large',
    text: `select conversation_id from chat.members
      where project_id = $1 and user_id = $2 and large and left_seq is null
      order by conversation_id limit 500`,
    values: [project.projectId, userId],
  })
  return rows.map((row) => row.conversation_id)
}
