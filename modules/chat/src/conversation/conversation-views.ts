import type { MemberRole } from '@parley/contracts'
import type { Database } from '@parley/core/store'
import { ConversationNotFoundError, NotAMemberError } from '../errors.ts'
import { keyOf } from '../message/log.ts'
import { type ConversationRow, conversationColumns } from './conversation-row.ts'

interface Membership {
  role: MemberRole
  joinedSeq: number
  /** Seq of the removal; absent while the user is a member. */
  leftSeq: number | undefined
}

/** A conversation and its members, as of one version. Never changed: a newer version is another view. */
export interface ConversationMembers {
  readonly projectId: string
  readonly conversationId: string
  readonly type: 'direct' | 'group'
  readonly version: number
  readonly directUsers: readonly string[] | null
  /** Members now and those who left within the last entries. */
  readonly members: ReadonlyMap<string, Membership>
  /** Nobody joined or left above this seq: entries above it share one audience. */
  readonly settledSeq: number
}

/** True when the entry with this seq is meant for the user: a member as of that seq. */
export function hears(members: ConversationMembers, userId: string, seq: number): boolean {
  const membership = members.members.get(userId)
  if (membership === undefined || membership.joinedSeq > seq) return false
  return membership.leftSeq === undefined || seq < membership.leftSeq
}

/** Throws `not-a-member` unless the user is a member now; returns the role. */
export function requireMember(members: ConversationMembers, userId: string): MemberRole {
  const membership = members.members.get(userId)
  if (membership === undefined || membership.leftSeq !== undefined) {
    throw new NotAMemberError(userId, members.conversationId)
  }
  return membership.role
}

/** How far back those who left are remembered, in entries. More than a fan-out ever lags behind. */
const leaversWithin = 10_000

interface MembersRow extends ConversationRow {
  /** One array a member: JSON is read much faster than as many rows are. */
  members: [userId: string, role: MemberRole, joinedSeq: number, leftSeq: number | null][]
}

/**
 * Members of the conversations this process deals with, least recently used ones dropped. A view may be behind:
 * appending compares its version under the lock, fan-out asks for the version of the run it delivers.
 */
export class ConversationViews {
  readonly #database: Database
  readonly #maxMembers: number
  readonly #views = new Map<string, Promise<ConversationMembers>>()
  readonly #sizes = new Map<string, number>()
  #total = 0

  constructor(database: Database, maxMembers: number) {
    this.#database = database
    this.#maxMembers = maxMembers
  }

  /** The cached view when it is at least of `minVersion`, else a fresh one. Throws `conversation-not-found`. */
  async get(projectId: string, conversationId: string, minVersion = 0): Promise<ConversationMembers> {
    const key = keyOf(projectId, conversationId)
    const cached = this.#views.get(key)
    if (cached !== undefined) {
      const view = await cached
      if (view.version >= minVersion) {
        this.#touch(key, cached)
        return view
      }
      this.#forget(key, cached)
    }
    return this.#views.get(key) ?? this.#load(key, projectId, conversationId)
  }

  drop(projectId: string, conversationId: string): void {
    const key = keyOf(projectId, conversationId)
    const cached = this.#views.get(key)
    if (cached !== undefined) this.#forget(key, cached)
  }

  #load(key: string, projectId: string, conversationId: string): Promise<ConversationMembers> {
    const loading = this.#read(projectId, conversationId)
    this.#views.set(key, loading)
    loading.then(
      (view) => this.#account(key, loading, view.members.size + 1),
      () => this.#forget(key, loading),
    )
    return loading
  }

  async #read(projectId: string, conversationId: string): Promise<ConversationMembers> {
    const { rows } = await this.#database.project(projectId).query<MembersRow>({
      name: 'chat-load-members',
      text: `select ${conversationColumns}, (
          select coalesce(json_agg(json_build_array(m.user_id, m.role, m.joined_seq, m.left_seq)), '[]')
          from chat.members m
          where m.project_id = c.project_id and m.conversation_id = c.id
            and (m.left_seq is null or m.left_seq > c.head_seq - ${leaversWithin})
        ) as members
        from chat.conversations c where c.project_id = $1 and c.id = $2`,
      values: [projectId, conversationId],
    })
    const [conversation] = rows
    if (conversation === undefined) throw new ConversationNotFoundError(conversationId)
    const members = new Map<string, Membership>()
    let settledSeq = 0
    for (const [userId, role, joinedSeq, left] of conversation.members) {
      const leftSeq = left ?? undefined
      members.set(userId, { role, joinedSeq, leftSeq })
      settledSeq = Math.max(settledSeq, joinedSeq, leftSeq ?? 0)
    }
    const { type, version, direct_users: directUsers } = conversation
    return { projectId, conversationId, type, version, directUsers, members, settledSeq }
  }

  #touch(key: string, view: Promise<ConversationMembers>): void {
    this.#views.delete(key)
    this.#views.set(key, view)
  }

  #account(key: string, view: Promise<ConversationMembers>, size: number): void {
    if (this.#views.get(key) !== view) return
    this.#sizes.set(key, size)
    this.#total += size
    for (const [oldest, old] of this.#views) {
      if (this.#total <= this.#maxMembers || oldest === key) return
      this.#forget(oldest, old)
    }
  }

  #forget(key: string, view: Promise<ConversationMembers>): void {
    if (this.#views.get(key) !== view) return
    this.#views.delete(key)
    this.#total -= this.#sizes.get(key) ?? 0
    this.#sizes.delete(key)
  }
}
