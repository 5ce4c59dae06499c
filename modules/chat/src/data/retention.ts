import {
  type ConversationType,
  type RetentionPolicy,
  type RetentionStatus,
  retainedContentTypes,
} from '@parley/contracts'
import { Holds } from '@parley/core/personal-data'
import type { Database, ProjectScope } from '@parley/core/store'
import { type EntryRow, entryColumns } from '../message/entry-row.ts'
import { filesToRelease } from '../message/release-files.ts'
import type { AttachmentSource } from '../ports.ts'
import { eraseEntries } from './erase-entries.ts'

type ContentType = (typeof retainedContentTypes)[number]
const conversationTypes = ['direct', 'group', 'community', 'channel'] as const

const dayMs = 86_400_000
const entriesAtOnce = 500
const conversationsAtOnce = 200
const roomEntriesAtOnce = 1_000

interface PolicyRow {
  project_id: string
  policy: RetentionPolicy
  erased_messages: number
  last_run_at: Date | null
  due_before: Date | null
}

/** Contents that are kept for the same number of days. */
interface Bucket {
  days: number
  pairs: Set<string>
  types: ConversationType[]
}

export interface RetentionOptions {
  database: Database
  attachments: AttachmentSource
  now?: () => number
}

/**
 * Empties what is older than the policy of its project allows, in place and a few hundred entries at a time. No lock that
 * an append takes is taken.
 */
export class Retention {
  readonly #options: RetentionOptions
  readonly #holds: Holds
  readonly #now: () => number

  constructor(options: RetentionOptions) {
    this.#options = options
    this.#holds = new Holds(options.database)
    this.#now = options.now ?? Date.now
  }

  async get(project: ProjectScope): Promise<RetentionStatus> {
    const { rows } = await project.query<PolicyRow>({
      text: 'select * from chat.retention_policies where project_id = $1',
      values: [project.projectId],
    })
    return present(rows[0])
  }

  async set(project: ProjectScope, policy: RetentionPolicy): Promise<RetentionStatus> {
    return project.transaction(async (tx) => {
      const { rows } = await tx.query<PolicyRow>({
        text: `insert into chat.retention_policies (project_id, policy) values ($1, $2)
          on conflict (project_id) do update set policy = excluded.policy returning *`,
        values: [project.projectId, JSON.stringify(policy)],
      })
      // What another policy passed over may be due under this one.
      await this.lookAgain(tx, project.projectId)
      return present(rows[0])
    })
  }

  /** Everything is looked through again by the next run: a hold was lifted, the policy is another. */
  async lookAgain(tx: Pick<ProjectScope, 'query'>, projectId: string): Promise<void> {
    await tx.query({ text: 'delete from chat.retention_marks where project_id = $1', values: [projectId] })
  }

  /** Looks through all projects. It may be stopped between any two batches and goes on from there. */
  async run(signal: AbortSignal): Promise<number> {
    const { rows } = await this.#options.database.system.query<PolicyRow>({
      text: 'select * from chat.retention_policies',
    })
    let erased = 0
    for (const { project_id, policy } of rows) {
      if (signal.aborted) break
      erased += await this.runProject(project_id, policy, signal)
    }
    return erased
  }

  async runProject(projectId: string, policy: RetentionPolicy, signal: AbortSignal): Promise<number> {
    const project = this.#options.database.project(projectId)
    const nowMs = this.#now()
    let erased = 0
    let dueBefore: Date | undefined
    for (const bucket of bucketsOf(policy)) {
      const before = new Date(nowMs - bucket.days * dayMs)
      if (dueBefore === undefined || before > dueBefore) dueBefore = before
      erased += await this.#runBucket(project, bucket, before, signal)
    }
    erased += await this.#runRooms(project, policy, nowMs, signal)
    if (!signal.aborted) {
      await project.query({
        text: `update chat.retention_policies set last_run_at = now(), due_before = $2 where project_id = $1`,
        values: [projectId, dueBefore ?? null],
      })
    }
    return erased
  }

  async #runBucket(
    project: ProjectScope,
    bucket: Bucket,
    before: Date,
    signal: AbortSignal,
  ): Promise<number> {
    const { projectId } = project
    let erased = 0
    for (let after = ''; ; ) {
      const { rows } = await project.query<{ id: string; type: ConversationType; due: boolean }>({
        name: 'chat-retention-conversations',
        text: `select c.id, c.type, coalesce(first.created_at < $4, false) as due
          from (select id, type from chat.conversations
            where project_id = $1 and id > $2 and type = any($5) order by id limit ${conversationsAtOnce}) c
          left join chat.retention_marks m on m.project_id = $1 and m.conversation_id = c.id and m.days = $3
          left join lateral (select created_at from chat.entries e
            where e.project_id = $1 and e.conversation_id = c.id and e.seq > coalesce(m.seq, 0)
            order by e.seq limit 1) first on true
          order by c.id`,
        values: [projectId, after, bucket.days, before, bucket.types],
      })
      const due = rows.filter((row) => row.due)
      const held = await this.#holds.among(
        project,
        projectId,
        'conversation',
        due.map((row) => row.id),
      )
      for (const { id, type } of due) {
        if (held.has(id)) continue
        for (let more = true; more && !signal.aborted; ) {
          const step = await this.#eraseNext(project, { id, type }, bucket, before)
          erased += step.erased
          more = step.more
        }
      }
      const last = rows.at(-1)
      if (rows.length < conversationsAtOnce || last === undefined || signal.aborted) return erased
      after = last.id
    }
  }

  async #eraseNext(
    project: ProjectScope,
    conversation: { id: string; type: ConversationType },
    { days, pairs }: Bucket,
    before: Date,
  ): Promise<{ erased: number; more: boolean }> {
    const { projectId } = project
    return project.transaction(async (tx) => {
      const { rows } = await tx.query<EntryRow>({
        name: 'chat-retention-entries',
        text: `select ${entryColumns} from chat.entries e
          where e.project_id = $1 and e.conversation_id = $2 and e.seq > coalesce((select seq from chat.retention_marks
            where project_id = $1 and conversation_id = $2 and days = $3), 0)
          order by e.seq limit ${entriesAtOnce}`,
        values: [projectId, conversation.id, days],
      })
      const end = rows.findIndex((row) => row.created_at >= before)
      const old = end === -1 ? rows : rows.slice(0, end)
      const last = old.at(-1)
      if (last === undefined) return { erased: 0, more: false }
      const senders = [...new Set(old.map((row) => row.sender_id))]
      const held = await this.#holds.among(tx, projectId, 'user', senders)
      const due = old.filter(
        (row) =>
          row.bears_unread &&
          row.recalled_at === null &&
          !held.has(row.sender_id) &&
          pairs.has(`${conversation.type} ${row.content.type}`),
      )
      const releaseFiles = await filesToRelease(tx, this.#options.attachments, projectId, due)
      await eraseEntries(tx, projectId, conversation.id, due)
      await releaseFiles()
      await tx.query({
        name: 'chat-retention-mark',
        text: `insert into chat.retention_marks (project_id, conversation_id, days, seq) values ($1, $2, $3, $4)
          on conflict (project_id, conversation_id, days) do update set seq = excluded.seq`,
        values: [projectId, conversation.id, days, last.seq],
      })
      await count(tx, projectId, due.length)
      return { erased: due.length, more: rows.length === entriesAtOnce && end === -1 }
    })
  }

  /** Chat rooms keep their places, too: `seq` stays dense. */
  async #runRooms(
    project: ProjectScope,
    policy: RetentionPolicy,
    nowMs: number,
    signal: AbortSignal,
  ): Promise<number> {
    const { projectId } = project
    let erased = 0
    for (const type of retainedContentTypes) {
      const days = daysOf(policy, 'chatroom', type)
      if (days === undefined) continue
      for (let more = true; more && !signal.aborted; ) {
        more = await project.transaction(async (tx) => {
          const { rowCount } = await tx.query({
            text: `update chat.chatroom_entries set content = '{"type":"expired"}' where ctid = any(array(
              select e.ctid from chat.chatroom_entries e
              where e.project_id = $1 and e.created_at < $2 and e.content->>'type' = $3
                and not exists (select from personal.holds h where h.project_id = $1
                  and ((h.kind = 'conversation' and h.id = e.chatroom_id) or (h.kind = 'user' and h.id = e.sender_id)))
              limit ${roomEntriesAtOnce}))`,
            values: [projectId, new Date(nowMs - days * dayMs), type],
          })
          await count(tx, projectId, rowCount)
          erased += rowCount
          return rowCount === roomEntriesAtOnce
        })
      }
    }
    return erased
  }
}

async function count(tx: Pick<ProjectScope, 'query'>, projectId: string, erased: number): Promise<void> {
  if (erased === 0) return
  await tx.query({
    text: 'update chat.retention_policies set erased_messages = erased_messages + $2 where project_id = $1',
    values: [projectId, erased],
  })
}

/** The shorter of what the conversation and the content say; undefined: for ever. */
function daysOf(
  policy: RetentionPolicy,
  conversationType: ConversationType | 'chatroom',
  contentType: ContentType,
): number | undefined {
  const stated = [
    policy.byConversationType[conversationType] ?? policy.default,
    policy.byContentType[contentType] ?? 'forever',
  ].filter((days) => days !== 'forever')
  return stated.length === 0 ? undefined : Math.min(...stated)
}

function bucketsOf(policy: RetentionPolicy): Bucket[] {
  const buckets = new Map<number, Bucket>()
  for (const conversationType of conversationTypes) {
    for (const contentType of retainedContentTypes) {
      const days = daysOf(policy, conversationType, contentType)
      if (days === undefined) continue
      const bucket = buckets.get(days) ?? { days, pairs: new Set(), types: [] }
      bucket.pairs.add(`${conversationType} ${contentType}`)
      if (!bucket.types.includes(conversationType)) bucket.types.push(conversationType)
      buckets.set(days, bucket)
    }
  }
  return [...buckets.values()]
}

function present(row: PolicyRow | undefined): RetentionStatus {
  const policy = row?.policy ?? { default: 'forever', byConversationType: {}, byContentType: {} }
  return {
    ...policy,
    erasedMessages: row?.erased_messages ?? 0,
    ...(row?.last_run_at && { lastRunAt: row.last_run_at.toISOString() }),
    ...(row?.due_before && { dueBefore: row.due_before.toISOString() }),
  }
}
