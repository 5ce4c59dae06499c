import {
  AppError,
  type EntryContent,
  type GroupSettingsChange,
  type MemberRole,
  type MuteAll,
  newId,
  type PermittedRoles,
} from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { Database, Transaction } from '@parley/core/store'
import { ConversationNotFoundError, NotAMemberError } from '../errors.ts'
import { type AppendedRun, appendedEvent } from '../message/append.ts'
import { appendChange } from '../message/append-change.ts'
import type { Actor } from '../message/change-message.ts'
import { keyOf, type LockedHead, lockHeads } from '../message/log.ts'
import { allows, type GroupRules, roleInChannel, rulesOf } from './group-rules.ts'

export interface GroupChangesOptions {
  database: Database
  outbox: Outbox
  onAppended: (run: AppendedRun) => void
}

/** What a change of a group answers, and the entry that tells of it; without an entry nothing moves. */
export interface GroupChange<Answer> {
  content?: EntryContent
  answer: Answer
}

interface FactsRow {
  settings: GroupSettingsChange | null
  mute_all: MuteAll | null
  history_from_start: boolean
  dissolved_at: Date | null
  type: LockedHead['type']
  public: boolean
  role: MemberRole | null
  parent_role: MemberRole | null
}

/** A group whose row a transaction has locked: nobody else changes or speaks until it ends. */
export class LockedGroup {
  readonly tx: Transaction
  readonly actor: Actor
  readonly id: string
  readonly head: LockedHead
  readonly rules: GroupRules
  readonly historyFromStart: boolean
  /** A channel that everybody in its community is in. */
  readonly isPublic: boolean
  /** Role of the acting user; absent for the customer's server and for whoever is no member. */
  readonly role: MemberRole | undefined

  constructor(tx: Transaction, actor: Actor, head: LockedHead, facts: FactsRow) {
    this.tx = tx
    this.actor = actor
    this.id = head.id
    this.head = head
    this.rules = rulesOf(facts)
    this.historyFromStart = facts.history_from_start
    const own = facts.role ?? undefined
    this.isPublic = facts.public
    this.role =
      facts.type === 'channel' ? roleInChannel(facts.public, facts.parent_role ?? undefined, own) : own
  }

  get projectId(): string {
    return this.actor.projectId
  }

  get resource(): string {
    return `conversation/${this.id}`
  }

  /** Seq of the entry that this change will be. */
  get seq(): number {
    return this.head.head_seq + 1
  }

  /** Version of the conversation once this change is committed. */
  get version(): number {
    return this.head.version + 1
  }

  /** Throws unless the acting user is a member; the customer's server always passes. */
  requireMember(): void {
    const { userId } = this.actor
    if (userId !== undefined && this.role === undefined) throw new NotAMemberError(userId, this.id)
  }

  /** Throws unless the acting user is one of those; the customer's server always passes. */
  require(whom: PermittedRoles): void {
    this.requireMember()
    if (this.role !== undefined && !allows(whom, this.role))
      throw new AppError(
        'forbidden',
        `This takes ${whom === 'owner' ? 'the owner' : 'the owner or an admin'}`,
      )
  }

  /** Throws unless the acting user stands above a member of this role: owner above admin above member. */
  requireAbove(role: MemberRole): void {
    this.require(role === 'member' ? 'admins' : 'owner')
    if (role === 'owner' && this.actor.userId !== undefined)
      throw new AppError('forbidden', 'Nobody stands above the owner')
  }

  /** Throws `conflict` in a public channel, whose members are those of its community. */
  requireOwnMembers(): void {
    if (this.isPublic) throw new AppError('conflict', 'Everybody in the community is in this channel')
  }

  async roleOf(userId: string): Promise<MemberRole> {
    const { rows } = await this.tx.query<{ role: MemberRole }>({
      text: `select role from chat.members
        where project_id = $1 and conversation_id = $2 and user_id = $3 and left_seq is null`,
      values: [this.projectId, this.id, userId],
    })
    const [row] = rows
    if (row === undefined) throw new NotAMemberError(userId, this.id)
    return row.role
  }
}

/** Changes of groups: each under the lock of the conversation, atomic, an entry of its log, a new version. */
export class GroupChanges {
  readonly #options: GroupChangesOptions

  constructor(options: GroupChangesOptions) {
    this.#options = options
  }

  run<Answer>(
    actor: Actor,
    id: string,
    work: (group: LockedGroup) => Promise<GroupChange<Answer>>,
  ): Promise<Answer> {
    const { database, outbox, onAppended } = this.#options
    return database.project(actor.projectId).transaction(async (tx) => {
      const group = await lockGroup(tx, actor, id)
      const { content, answer } = await work(group)
      if (content === undefined) return answer
      group.head.version = group.version
      const entry = { id: newId('message'), senderId: actor.userId ?? '', content }
      const run = await appendChange(tx, group.head, entry)
      await outbox.append(tx, [appendedEvent(run)])
      tx.afterCommit(() => onAppended(run))
      return answer
    })
  }
}

async function lockGroup(tx: Transaction, actor: Actor, id: string): Promise<LockedGroup> {
  const heads = await lockHeads(tx, [{ projectId: actor.projectId, conversationId: id }])
  const head = heads.get(keyOf(actor.projectId, id))
  if (head === undefined) throw new ConversationNotFoundError(id)
  if (head.type === 'direct')
    throw new AppError('conflict', 'A direct conversation has its two users for good')
  const { rows } = await tx.query<FactsRow>({
    name: 'chat-group-facts',
    text: `select c.settings, c.mute_all, c.history_from_start, c.dissolved_at, c.type, c.public, m.role,
        pm.role as parent_role
      from chat.conversations c
      left join chat.members m on m.project_id = c.project_id and m.conversation_id = c.id and m.user_id = $3
        and m.left_seq is null
      left join chat.members pm on pm.project_id = c.project_id and pm.conversation_id = c.parent_id
        and pm.user_id = $3 and pm.left_seq is null
      where c.project_id = $1 and c.id = $2`,
    values: [actor.projectId, id, actor.userId ?? null],
  })
  const [facts] = rows
  if (facts === undefined) throw new ConversationNotFoundError(id)
  if (facts.dissolved_at !== null) throw new AppError('conflict', 'The group was dissolved')
  return new LockedGroup(tx, actor, head, facts)
}
