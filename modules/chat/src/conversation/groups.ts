import {
  AppError,
  type Conversation,
  type createConversationRequest,
  type EntryContent,
  newId,
} from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { Database, Transaction } from '@parley/core/store'
import type { z } from 'zod'
import type { ChatSettings } from '../config.ts'
import { ConversationNotFoundError, NotAMemberError } from '../errors.ts'
import { type AppendedRun, appendedEvent } from '../message/append.ts'
import { appendChange } from '../message/append-change.ts'
import type { Actor } from '../message/change-message.ts'
import { keyOf, type LockedHead, lockHeads } from '../message/log.ts'
import type { ChatPorts } from '../ports.ts'
import { type ConversationRow, conversationColumns, toConversation } from './conversation-row.ts'

export type NewGroup = z.output<typeof createConversationRequest>

export interface ProfileChange {
  name?: string | undefined
  avatarUrl?: string | undefined
  custom?: Record<string, unknown> | undefined
}

export interface GroupsOptions {
  database: Database
  outbox: Outbox
  ports: ChatPorts
  settings: ChatSettings
  onAppended: (run: AppendedRun) => void
}

type Role = 'owner' | 'admin' | 'member'

/** Groups: making them, their profile and their members. Every change moves `version` and is an entry of the log. */
export class Groups {
  readonly #options: GroupsOptions

  constructor(options: GroupsOptions) {
    this.#options = options
  }

  async create(actor: Actor, group: NewGroup): Promise<Conversation> {
    const { database, ports, settings } = this.#options
    const { projectId } = actor
    const ownerId = actor.userId ?? group.ownerId
    const memberIds = [...new Set([...(ownerId === undefined ? [] : [ownerId]), ...(group.memberIds ?? [])])]
    if (memberIds.length > settings.maxMembers) throw tooManyMembers(settings.maxMembers)
    await ports.users.ensure(database.project(projectId), memberIds)
    const { newMembersSeeHistory } = await ports.projects.settings(projectId)
    const id = group.id ?? newId('conversation')
    const row = await database.project(projectId).transaction(async (tx) => {
      const conversation = await this.#insert(
        tx,
        projectId,
        id,
        group,
        memberIds.length,
        newMembersSeeHistory,
      )
      await insertMembers(tx, projectId, id, memberIds, {
        seq: 0,
        visibleFromSeq: 1,
        role: 'member',
        ownerId,
      })
      const data = { conversationId: id, type: 'group' as const, memberIds }
      const resource = `conversation/${id}`
      await this.#options.outbox.append(tx, [{ projectId, resource, type: 'conversation.created', data }])
      return conversation
    })
    return toConversation(row)
  }

  async #insert(
    tx: Transaction,
    projectId: string,
    id: string,
    group: NewGroup,
    memberCount: number,
    historyFromStart: boolean,
  ): Promise<ConversationRow> {
    const { rows } = await tx.query<ConversationRow>({
      text: `insert into chat.conversations as c (project_id, id, type, name, avatar_url, custom, history_from_start,
          member_count, large)
        values ($1, $2, 'group', $3, $4, $5, $6, $7, $8) on conflict do nothing returning ${conversationColumns}`,
      values: [
        projectId,
        id,
        group.name ?? null,
        group.avatarUrl ?? null,
        group.custom === undefined ? null : JSON.stringify(group.custom),
        historyFromStart,
        memberCount,
        memberCount >= this.#options.settings.largeFrom,
      ],
    })
    const [row] = rows
    if (row === undefined) throw new AppError('already-exists', `There is a conversation ${id} already`)
    return row
  }

  /** Owner, admin or the customer's server. `ifMatch` names the version the caller has seen. */
  async update(actor: Actor, id: string, change: ProfileChange, ifMatch?: number): Promise<Conversation> {
    const row = await this.#change(actor, id, async (tx, head) => {
      await requireRole(tx, actor, id, ['owner', 'admin'])
      if (ifMatch !== undefined && ifMatch !== head.version) throw new AppError('version-mismatch')
      head.version += 1
      const content = { type: 'profile-changed', ...change } as EntryContent
      const { rows } = await tx.query<ConversationRow>({
        text: `update chat.conversations c set name = coalesce($3, name), avatar_url = coalesce($4, avatar_url),
            custom = coalesce($5::jsonb, custom)
          where c.project_id = $1 and c.id = $2 returning ${conversationColumns}`,
        values: [
          actor.projectId,
          id,
          change.name ?? null,
          change.avatarUrl ?? null,
          change.custom === undefined ? null : JSON.stringify(change.custom),
        ],
      })
      return { content, answer: rows[0] }
    })
    if (row === undefined) throw new ConversationNotFoundError(id)
    const { rows } = await this.#options.database.project(actor.projectId).query<ConversationRow>({
      text: `select ${conversationColumns} from chat.conversations c where c.project_id = $1 and c.id = $2`,
      values: [actor.projectId, id],
    })
    return toConversation(rows[0] ?? row, actor.userId)
  }

  /** Adds those who are not members yet and returns them. */
  async add(
    actor: Actor,
    id: string,
    userIds: readonly string[],
    role: 'admin' | 'member',
  ): Promise<string[]> {
    const { database, ports, settings, outbox } = this.#options
    const wanted = [...new Set(userIds)]
    await ports.users.ensure(database.project(actor.projectId), wanted)
    return this.#change(actor, id, async (tx, head) => {
      await requireRole(tx, actor, id, role === 'admin' ? ['owner'] : ['owner', 'admin'])
      const strangers = await notYetMembers(tx, actor.projectId, id, wanted)
      if (strangers.length === 0) return { answer: [] }
      if (head.member_count + strangers.length > settings.maxMembers)
        throw tooManyMembers(settings.maxMembers)
      const seq = head.head_seq + 1
      const visibleFromSeq = (await seesHistory(tx, actor.projectId, id)) ? 1 : seq
      await insertMembers(tx, actor.projectId, id, strangers, {
        seq,
        visibleFromSeq,
        role,
        ownerId: undefined,
      })
      head.version += 1
      head.member_count += strangers.length
      if (head.member_count >= settings.largeFrom) await markLarge(tx, actor.projectId, id)
      const data = { conversationId: id, seq, userIds: strangers }
      const resource = `conversation/${id}`
      await outbox.append(tx, [
        { projectId: actor.projectId, resource, type: 'conversation.members-added', data },
      ])
      const members = strangers.map((userId) => ({ userId, role }))
      return { content: { type: 'members-added', members }, answer: strangers }
    })
  }

  /** Members leave by themselves; owners remove anyone, admins remove ordinary members. */
  async remove(actor: Actor, id: string, userId: string): Promise<void> {
    await this.#change(actor, id, async (tx, head) => {
      const left = actor.userId === userId
      const role = await roleOf(tx, actor.projectId, id, userId)
      if (!left) await requireRole(tx, actor, id, role === 'member' ? ['owner', 'admin'] : ['owner'])
      if (role === undefined) throw new NotAMemberError(userId, id)
      const seq = head.head_seq + 1
      await tx.query({
        text: `update chat.members set left_seq = $4
          where project_id = $1 and conversation_id = $2 and user_id = $3 and left_seq is null`,
        values: [actor.projectId, id, userId, seq],
      })
      head.version += 1
      head.member_count -= 1
      const data = { conversationId: id, seq, userIds: [userId] }
      const resource = `conversation/${id}`
      await this.#options.outbox.append(tx, [
        { projectId: actor.projectId, resource, type: 'conversation.members-removed', data },
      ])
      return { content: { type: 'members-removed', userIds: [userId], left }, answer: undefined }
    })
  }

  /** Runs a change of a group under the lock of its row and appends the entry the change asks for. */
  #change<Answer>(
    actor: Actor,
    id: string,
    work: (tx: Transaction, head: LockedHead) => Promise<{ content?: EntryContent; answer: Answer }>,
  ): Promise<Answer> {
    const { database, outbox, onAppended } = this.#options
    return database.project(actor.projectId).transaction(async (tx) => {
      const heads = await lockHeads(tx, [{ projectId: actor.projectId, conversationId: id }])
      const head = heads.get(keyOf(actor.projectId, id))
      if (head === undefined) throw new ConversationNotFoundError(id)
      if (head.type === 'direct')
        throw new AppError('conflict', 'A direct conversation has its two users for good')
      const { content, answer } = await work(tx, head)
      if (content === undefined) return answer
      const run = await appendChange(tx, head, {
        id: newId('message'),
        senderId: actor.userId ?? '',
        content,
      })
      await outbox.append(tx, [appendedEvent(run)])
      tx.afterCommit(() => onAppended(run))
      return answer
    })
  }
}

const tooManyMembers = (limit: number): AppError =>
  new AppError('limit-exceeded', `A group has at most ${limit} members`)

interface Joining {
  seq: number
  visibleFromSeq: number
  role: Role
  ownerId: string | undefined
}

async function insertMembers(
  tx: Transaction,
  projectId: string,
  id: string,
  userIds: readonly string[],
  { seq, visibleFromSeq, role, ownerId }: Joining,
): Promise<void> {
  await tx.query({
    text: `insert into chat.members (project_id, conversation_id, user_id, role, joined_seq, visible_from_seq,
        read_seq, read_message_no, large)
      select c.project_id, c.id, u.user_id, case when u.user_id = $7 then 'owner' else $6 end, $4, $5, c.head_seq,
        c.head_message_no, c.large
      from chat.conversations c, unnest($3::text[]) as u (user_id)
      where c.project_id = $1 and c.id = $2
      on conflict (project_id, conversation_id, user_id) do update
      set role = excluded.role, joined_seq = excluded.joined_seq, left_seq = null,
        visible_from_seq = excluded.visible_from_seq, joined_at = now(), read_seq = excluded.read_seq,
        read_message_no = excluded.read_message_no, large = excluded.large`,
    values: [projectId, id, userIds, seq, visibleFromSeq, role, ownerId ?? null],
  })
}

async function notYetMembers(
  tx: Transaction,
  projectId: string,
  id: string,
  userIds: readonly string[],
): Promise<string[]> {
  const { rows } = await tx.query<{ user_id: string }>({
    text: `select user_id from chat.members
      where project_id = $1 and conversation_id = $2 and user_id = any($3) and left_seq is null`,
    values: [projectId, id, userIds],
  })
  const members = new Set(rows.map((row) => row.user_id))
  return userIds.filter((userId) => !members.has(userId))
}

async function seesHistory(tx: Transaction, projectId: string, id: string): Promise<boolean> {
  const { rows } = await tx.query<{ history_from_start: boolean }>({
    text: 'select history_from_start from chat.conversations where project_id = $1 and id = $2',
    values: [projectId, id],
  })
  return rows[0]?.history_from_start ?? false
}

async function markLarge(tx: Transaction, projectId: string, id: string): Promise<void> {
  await tx.query({
    text: `with crossed as (
        update chat.conversations set large = true where project_id = $1 and id = $2 and not large
        returning project_id, id
      )
      update chat.members m set large = true from crossed c
      where m.project_id = c.project_id and m.conversation_id = c.id`,
    values: [projectId, id],
  })
}

async function roleOf(
  tx: Transaction,
  projectId: string,
  id: string,
  userId: string,
): Promise<Role | undefined> {
  const { rows } = await tx.query<{ role: Role }>({
    text: `select role from chat.members
      where project_id = $1 and conversation_id = $2 and user_id = $3 and left_seq is null`,
    values: [projectId, id, userId],
  })
  return rows[0]?.role
}

/** The customer's server may do everything; a user needs one of the roles. */
async function requireRole(
  tx: Transaction,
  actor: Actor,
  id: string,
  allowed: readonly Role[],
): Promise<void> {
  if (actor.userId === undefined) return
  const role = await roleOf(tx, actor.projectId, id, actor.userId)
  if (role === undefined) throw new NotAMemberError(actor.userId, id)
  if (!allowed.includes(role)) throw new AppError('forbidden', `This takes the role ${allowed.join(' or ')}`)
}
