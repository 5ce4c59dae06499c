import { changesConversation, type ServerEvent } from '@parley/contracts'
import type { Bus } from '@parley/core/bus'
import type { Gateway } from '@parley/core/gateway'
import type { Logger } from '@parley/core/kernel'
import type { Database } from '@parley/core/store'
import { hearsConversation } from '../acting-user.ts'
import {
  type ConversationMembers,
  type ConversationViews,
  hears,
} from '../conversation/conversation-views.ts'
import { ConversationNotFoundError } from '../errors.ts'
import type { AppendedRun } from '../message/append.ts'
import { type ContentDecorator, type EntryRow, entryColumns, toMessage } from '../message/entry-row.ts'
import { readRange } from '../message/history.ts'
import { keyOf } from '../message/log.ts'

/** Says to other processes that a run of entries was appended. A lost one is found by the sweep. */
interface AppendedNote {
  p: string
  c: string
  f: number
  t: number
  v: number
}

const topic = 'chat.appended'
const pageSize = 500
/** A conversation without news for this long is forgotten; no note is ever that late. */
const forgetAfterMs = 10 * 60_000
/** News of entries younger than this may still be on its way when a conversation is first heard of. */
const inFlightMs = 15_000

/** Where delivery of one conversation stands in this process. */
interface Progress {
  projectId: string
  conversationId: string
  /** Everything up to here was delivered to this process's connections. */
  deliveredSeq: number | undefined
  targetSeq: number
  /** Lowest seq news came of, until `deliveredSeq` is known. */
  firstSeq: number
  version: number
  /** Rows committed by this process: no need to read them back. */
  rows: Map<number, EntryRow>
  running: boolean
  heardAtMs: number
}

export interface FanOutOptions {
  bus: Bus
  gateway: Gateway
  database: Database
  views: ConversationViews
  decorate: ContentDecorator
  logger: Logger
}

/**
 * Takes appended entries to the connections of this process, each conversation in the order of its log: own
 * commits at once, those of other processes when a note (or the sweep of the outbox) names them. Gaps are read
 * from the log, so that a lost note costs time and never an entry.
 */
export class FanOut {
  readonly #options: FanOutOptions
  readonly #progress = new Map<string, Progress>()
  readonly #unsubscribe: () => void

  constructor(options: FanOutOptions) {
    this.#options = options
    this.#unsubscribe = options.bus.subscribe(topic, (note) => {
      if (note === null) return // too large to travel: the sweep will tell
      const { p, c, f, t, v } = note as unknown as AppendedNote
      this.handleNews(p, c, { fromSeq: f, toSeq: t, version: v })
    })
  }

  close(): void {
    this.#unsubscribe()
  }

  /** A run this process committed. */
  handleAppended(run: AppendedRun): void {
    const fromSeq = run.rows[0]?.seq ?? 0
    const toSeq = run.rows.at(-1)?.seq ?? 0
    const note: AppendedNote = {
      p: run.projectId,
      c: run.conversationId,
      f: fromSeq,
      t: toSeq,
      v: run.version,
    }
    this.handleNews(run.projectId, run.conversationId, { fromSeq, toSeq, version: run.version }, run.rows)
    this.#options.bus.publish(topic, { ...note })
  }

  /** A run some process committed, maybe this one, maybe told before. */
  handleNews(
    projectId: string,
    conversationId: string,
    news: { fromSeq: number; toSeq: number; version: number },
    rows: readonly EntryRow[] = [],
  ): void {
    if (this.#options.gateway.online(projectId).size === 0) return
    const progress = this.#progressOf(projectId, conversationId, news.fromSeq)
    progress.heardAtMs = Date.now()
    if (progress.deliveredSeq !== undefined && news.toSeq <= progress.deliveredSeq) return
    progress.targetSeq = Math.max(progress.targetSeq, news.toSeq)
    progress.firstSeq = Math.min(progress.firstSeq, news.fromSeq)
    progress.version = Math.max(progress.version, news.version)
    for (const row of rows) progress.rows.set(row.seq, row)
    if (!progress.running) void this.#deliver(progress)
  }

  /** Forgets conversations that have been quiet. Called from time to time by the owner. */
  forgetQuiet(nowMs: number = Date.now()): void {
    for (const [key, progress] of this.#progress) {
      if (!progress.running && nowMs - progress.heardAtMs > forgetAfterMs) this.#progress.delete(key)
    }
  }

  #progressOf(projectId: string, conversationId: string, fromSeq: number): Progress {
    const key = keyOf(projectId, conversationId)
    const known = this.#progress.get(key)
    if (known !== undefined) return known
    const fresh: Progress = {
      projectId,
      conversationId,
      deliveredSeq: undefined,
      targetSeq: 0,
      firstSeq: fromSeq,
      version: 0,
      rows: new Map(),
      running: false,
      heardAtMs: Date.now(),
    }
    this.#progress.set(key, fresh)
    return fresh
  }

  async #deliver(progress: Progress): Promise<void> {
    const { views, logger } = this.#options
    const { projectId, conversationId } = progress
    progress.running = true
    try {
      progress.deliveredSeq ??= (await this.#firstUnheard(progress)) - 1
      while (progress.deliveredSeq < progress.targetSeq) {
        // Taken together: the version tells the audience up to this seq, and of nothing that was appended since.
        const { version, targetSeq } = progress
        const members = await views.get(projectId, conversationId, version)
        const rows = await this.#nextRows(progress, progress.deliveredSeq, targetSeq)
        const last = rows.at(-1)
        if (last === undefined) break
        await this.#deliverRows(members, rows)
        progress.deliveredSeq = last.seq
      }
    } catch (error) {
      // The sweep names the conversation again; what was not delivered is read from the log then.
      if (error instanceof ConversationNotFoundError) this.#progress.delete(keyOf(projectId, conversationId))
      else
        logger.error({ error, conversationId }, 'delivery of a conversation failed and will be tried again')
    } finally {
      progress.running = false
    }
  }

  /**
   * Where to begin in a conversation this process has not delivered before: at the first entry whose news may
   * still be on its way from another process, so that a later one does not overtake it.
   */
  async #firstUnheard(progress: Progress): Promise<number> {
    const { projectId, conversationId, firstSeq } = progress
    const { rows } = await this.#options.database.project(projectId).query<{ seq: number | null }>({
      name: 'chat-first-unheard',
      text: `select min(seq) as seq from (
          select seq, created_at from chat.entries
          where project_id = $1 and conversation_id = $2 and seq < $3 order by seq desc limit 200
        ) recent
        where created_at > now() - $4 * interval '1 millisecond'`,
      values: [projectId, conversationId, firstSeq, inFlightMs],
    })
    return rows[0]?.seq ?? firstSeq
  }

  /** The next rows without a gap: kept ones when they continue, else a page of the log. */
  async #nextRows(progress: Progress, deliveredSeq: number, targetSeq: number): Promise<EntryRow[]> {
    const kept: EntryRow[] = []
    for (let seq = deliveredSeq + 1; seq <= targetSeq; seq++) {
      const row = progress.rows.get(seq)
      if (row === undefined) break
      kept.push(row)
      progress.rows.delete(seq)
    }
    if (kept.length > 0) return kept
    const rows = await readRange(
      this.#options.database.project(progress.projectId),
      progress.conversationId,
      { afterSeq: deliveredSeq, beforeSeq: targetSeq + 1, limit: pageSize },
      true,
    )
    for (const row of rows) progress.rows.delete(row.seq)
    return rows
  }

  async #deliverRows(members: ConversationMembers, rows: readonly EntryRow[]): Promise<void> {
    const { gateway } = this.#options
    const targets = await this.#readTargets(members, rows)
    const online = gateway.online(members.projectId)
    const admits = hearsConversation(members.conversationId)
    let settled: string[] | undefined
    const audience = (seq: number): Iterable<string> => {
      if (seq <= members.settledSeq) return audienceOf(members, online, seq)
      settled ??= [...audienceOf(members, online, seq)]
      return settled
    }
    for (const row of rows) {
      const event = this.#toEvent(row, targets, members)
      if (event !== undefined)
        gateway.deliver(members.projectId, audience(row.seq), gateway.encode(event), admits)
      this.#tellThoseRemoved(row, members, online)
    }
  }

  /** Messages that the edits and recalls among the rows speak of, as they stand now. */
  async #readTargets(
    members: ConversationMembers,
    rows: readonly EntryRow[],
  ): Promise<Map<number, EntryRow>> {
    const seqs = rows.flatMap(({ content }) => ('targetSeq' in content ? [content.targetSeq] : []))
    if (seqs.length === 0) return new Map()
    const found = await this.#options.database.project(members.projectId).query<EntryRow>({
      name: 'chat-entries-by-seq',
      text: `select ${entryColumns} from chat.entries e
        where e.project_id = $1 and e.conversation_id = $2 and e.seq = any($3)`,
      values: [members.projectId, members.conversationId, seqs],
    })
    return new Map(found.rows.map((row) => [row.seq, row]))
  }

  #toEvent(
    row: EntryRow,
    targets: Map<number, EntryRow>,
    { settledSeq }: ConversationMembers,
  ): ServerEvent | undefined {
    const { decorate } = this.#options
    const entry = toMessage(row, decorate)
    const { content } = row
    switch (content.type) {
      case 'edit':
      case 'recall': {
        const target = targets.get(content.targetSeq)
        if (target === undefined) return undefined
        const type = content.type === 'edit' ? 'message.edited' : 'message.recalled'
        return { type, entry, message: toMessage(target, decorate) }
      }
      case 'expire':
      case 'annotated': {
        const target = targets.get(content.targetSeq)
        if (target === undefined) return undefined
        // Whoever came after the message may not know it; the facts in the entry say nothing of its content.
        if (settledSeq > target.seq) return { type: 'message.changed', entry }
        return { type: 'message.changed', entry, message: toMessage(target, decorate) }
      }
      default:
        if (changesConversation(content)) return { type: 'conversation.changed', entry }
        return { type: 'message.created', message: entry }
    }
  }

  #tellThoseRemoved(row: EntryRow, members: ConversationMembers, online: ReadonlyMap<string, unknown>): void {
    const { gateway } = this.#options
    const { content } = row
    if (content.type !== 'members-removed' && content.type !== 'dissolved') return
    const left = gateway.encode({
      type: 'conversation.left',
      conversationId: row.conversation_id,
      seq: row.seq,
    })
    const gone = content.type === 'dissolved' ? audienceOf(members, online, row.seq - 1) : content.userIds
    gateway.deliver(row.project_id, gone, left)
  }
}

/** The online users an entry is meant for; goes through whichever is fewer, members or users online. */
function* audienceOf(
  members: ConversationMembers,
  online: ReadonlyMap<string, unknown>,
  seq: number,
): Iterable<string> {
  if (online.size < members.members.size) {
    for (const userId of online.keys()) if (hears(members, userId, seq)) yield userId
  } else {
    for (const userId of members.members.keys())
      if (online.has(userId) && hears(members, userId, seq)) yield userId
  }
}
