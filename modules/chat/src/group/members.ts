import {
  AppError,
  type Conversation,
  type ConversationBan,
  type EntryContent,
  type Member,
  type MuteAll,
} from '@parley/contracts'
import { decodeCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { Database } from '@parley/core/store'
import { followRoles } from '../community/communities.ts'
import type { Groups } from '../conversation/groups.ts'
import {
  listMembers,
  type MemberRow,
  memberColumns,
  requireReader,
  toMember,
} from '../conversation/member-list.ts'
import { NotAMemberError } from '../errors.ts'
import type { Actor } from '../message/change-message.ts'
import type { UserDirectory } from '../ports.ts'

export interface MemberChange {
  role?: 'admin' | 'member' | undefined
  nickname?: string | null | undefined
  custom?: Record<string, unknown> | undefined
}

/** Mutes without an end last until here. */
const forGood = new Date('9999-12-31T00:00:00.000Z')

/** Who owners and admins may look at. */
const deciders = ['owner', 'admin'] as const

/** What is done with single members: role, nickname, mute and ban. */
export class GroupMembers {
  readonly #groups: Groups
  readonly #database: Database
  readonly #users: UserDirectory

  constructor({ groups, database, users }: { groups: Groups; database: Database; users: UserDirectory }) {
    this.#groups = groups
    this.#database = database
    this.#users = users
  }

  async get(actor: Actor, id: string, userId: string): Promise<Member> {
    await this.#groups.requireReader(actor, id)
    const { rows } = await this.#database.project(actor.projectId).query<MemberRow>({
      name: 'chat-get-member',
      text: `select ${memberColumns} from chat.members m
        where m.project_id = $1 and m.conversation_id = $2 and m.user_id = $3 and m.left_seq is null`,
      values: [actor.projectId, id, userId],
    })
    const [row] = rows
    if (row === undefined) throw new NotAMemberError(userId, id)
    return toMember(row)
  }

  async list(actor: Actor, id: string, page: PageRequest): Promise<Page<Member>> {
    const project = this.#database.project(actor.projectId)
    await requireReader(project, id, actor.userId)
    const { items, ...rest } = await listMembers(project, id, page)
    return {
      ...rest,
      items: items.map(
        ({ readSeq: _readSeq, readAt: _readAt, deliveredSeq: _deliveredSeq, ...member }) => member,
      ),
    }
  }

  async update(actor: Actor, id: string, userId: string, change: MemberChange): Promise<Member> {
    const { role, nickname, custom } = change
    await this.#groups.changes.run(actor, id, async (group) => {
      group.requireMember()
      const present = await group.roleOf(userId)
      const other = actor.userId !== userId
      if (role !== undefined) {
        group.require('owner')
        if (present === 'owner')
          throw new AppError('forbidden', 'The owner hands the group over by a transfer')
      }
      if (other && (nickname !== undefined || custom !== undefined)) group.requireAbove(present)
      const content = memberChanged(userId, change)
      if (Object.keys(content).length === 2) return { answer: undefined }
      await group.tx.query({
        text: `update chat.members set role = coalesce($4, role),
            nickname = case when $5 then $6 else nickname end, custom = coalesce($7::jsonb, custom),
            changed_version = $8
          where project_id = $1 and conversation_id = $2 and user_id = $3`,
        values: [
          ...[group.projectId, id, userId, role ?? null, nickname !== undefined, nickname ?? null],
          ...[custom === undefined ? null : JSON.stringify(custom), group.version],
        ],
      })
      if (role !== undefined && group.head.type === 'community')
        await followRoles(group.tx, group.projectId, id)
      return { content, answer: undefined }
    })
    return this.get(actor, id, userId)
  }

  async mute(
    actor: Actor,
    id: string,
    userId: string,
    { durationMs, reason }: { durationMs?: number | undefined; reason?: string | undefined },
  ): Promise<Member> {
    const until = durationMs === undefined ? undefined : new Date(Date.now() + durationMs)
    const details = {
      ...(until !== undefined && { until: until.toISOString() }),
      ...(reason !== undefined && { reason }),
    }
    await this.#setMute(actor, id, userId, until ?? forGood, { type: 'member-muted', userId, ...details })
    return this.get(actor, id, userId)
  }

  async unmute(actor: Actor, id: string, userId: string): Promise<Member> {
    await this.#setMute(actor, id, userId, null, { type: 'member-unmuted', userId })
    return this.get(actor, id, userId)
  }

  #setMute(
    actor: Actor,
    id: string,
    userId: string,
    until: Date | null,
    content: EntryContent,
  ): Promise<void> {
    return this.#groups.changes.run(actor, id, async (group) => {
      group.requireMember()
      group.requireAbove(await group.roleOf(userId))
      const { rowCount } = await group.tx.query({
        text: `update chat.members set muted_until = $4, changed_version = $5
          where project_id = $1 and conversation_id = $2 and user_id = $3
            and ($4::timestamptz is not null or muted_until > now())`,
        values: [group.projectId, id, userId, until, group.version],
      })
      return rowCount === 0 ? { answer: undefined } : { content, answer: undefined }
    })
  }

  async listMuted(
    actor: Actor,
    id: string,
    page: PageRequest,
  ): Promise<Page<{ userId: string; mutedUntil: string }>> {
    await this.#groups.requireReader(actor, id)
    const { rows } = await this.#database
      .project(actor.projectId)
      .query<{ user_id: string; muted_until: Date }>({
        name: 'chat-list-muted',
        text: `select user_id, muted_until from chat.members
        where project_id = $1 and conversation_id = $2 and muted_until > now() and left_seq is null and user_id > $3
        order by user_id limit $4`,
        values: [actor.projectId, id, decodeCursor(page.cursor) ?? '', page.limit + 1],
      })
    return toPage(rows, page.limit, {
      keyOf: (row) => row.user_id,
      itemOf: (row) => ({ userId: row.user_id, mutedUntil: row.muted_until.toISOString() }),
    })
  }

  async muteAll(
    actor: Actor,
    id: string,
    {
      durationMs,
      exemptRoles,
      exemptUserIds,
    }: Pick<MuteAll, 'exemptRoles' | 'exemptUserIds'> & {
      durationMs?: number | undefined
    },
  ): Promise<Conversation> {
    const until = durationMs === undefined ? {} : { until: new Date(Date.now() + durationMs).toISOString() }
    const muteAll: MuteAll = { ...until, exemptRoles, exemptUserIds }
    return this.#setMuteAll(actor, id, muteAll, { type: 'all-muted', muteAll })
  }

  unmuteAll(actor: Actor, id: string): Promise<Conversation> {
    return this.#setMuteAll(actor, id, null, { type: 'all-unmuted' })
  }

  async #setMuteAll(
    actor: Actor,
    id: string,
    muteAll: MuteAll | null,
    content: EntryContent,
  ): Promise<Conversation> {
    await this.#groups.changes.run(actor, id, async (group) => {
      group.require('admins')
      if (muteAll === null && group.rules.muteAll === undefined) return { answer: undefined }
      await group.tx.query({
        text: 'update chat.conversations set mute_all = $3 where project_id = $1 and id = $2',
        values: [group.projectId, id, muteAll === null ? null : JSON.stringify(muteAll)],
      })
      return { content, answer: undefined }
    })
    return this.#groups.read(actor, id)
  }

  /** Keeps a user out; a member is removed by the same change. */
  async ban(
    actor: Actor,
    id: string,
    userId: string,
    { durationMs, reason }: { durationMs?: number | undefined; reason?: string | undefined },
  ): Promise<ConversationBan> {
    await this.#users.ensure(this.#database.project(actor.projectId), [userId])
    const until = durationMs === undefined ? null : new Date(Date.now() + durationMs)
    return this.#groups.changes.run(actor, id, async (group) => {
      group.require('admins')
      group.requireOwnMembers()
      const member = await group.roleOf(userId).catch((error: unknown) => {
        if (error instanceof NotAMemberError) return undefined
        throw error
      })
      if (member !== undefined) group.requireAbove(member)
      const { rows } = await group.tx.query<BanRow>({
        text: `insert into chat.bans as b (project_id, conversation_id, user_id, banned_by, reason, until)
          values ($1, $2, $3, $4, $5, $6)
          on conflict (project_id, conversation_id, user_id) do update
          set banned_by = excluded.banned_by, reason = excluded.reason, until = excluded.until, created_at = now()
          returning ${banColumns}`,
        values: [group.projectId, id, userId, actor.userId ?? null, reason ?? null, until],
      })
      const [row] = rows
      if (row === undefined) throw new AppError('internal-error')
      if (member === undefined) return { answer: toBan(row) }
      await this.#groups.expel(group, [userId])
      const why = reason === undefined ? {} : { reason }
      const content = {
        type: 'members-removed' as const,
        userIds: [userId],
        left: false,
        banned: true,
        ...why,
      }
      return { content, answer: toBan(row) }
    })
  }

  unban(actor: Actor, id: string, userId: string): Promise<void> {
    return this.#groups.changes.run(actor, id, async (group) => {
      group.require('admins')
      await group.tx.query({
        text: 'delete from chat.bans where project_id = $1 and conversation_id = $2 and user_id = $3',
        values: [group.projectId, id, userId],
      })
      return { answer: undefined }
    })
  }

  async listBans(actor: Actor, id: string, page: PageRequest): Promise<Page<ConversationBan>> {
    await this.#groups.requireReader(actor, id, deciders)
    const { rows } = await this.#database.project(actor.projectId).query<BanRow>({
      name: 'chat-list-bans',
      text: `select ${banColumns} from chat.bans b
        where b.project_id = $1 and b.conversation_id = $2 and b.user_id > $3
          and (b.until is null or b.until > now())
        order by b.user_id limit $4`,
      values: [actor.projectId, id, decodeCursor(page.cursor) ?? '', page.limit + 1],
    })
    return toPage(rows, page.limit, { keyOf: (row) => row.user_id, itemOf: toBan })
  }
}

interface BanRow {
  user_id: string
  banned_by: string | null
  reason: string | null
  until: Date | null
  created_at: Date
}

const banColumns = 'b.user_id, b.banned_by, b.reason, b.until, b.created_at'

function toBan(row: BanRow): ConversationBan {
  return {
    userId: row.user_id,
    ...(row.banned_by !== null && { bannedBy: row.banned_by }),
    ...(row.reason !== null && { reason: row.reason }),
    ...(row.until !== null && { until: row.until.toISOString() }),
    createdAt: row.created_at.toISOString(),
  }
}

function memberChanged(userId: string, { role, nickname, custom }: MemberChange): EntryContent {
  return {
    type: 'member-changed',
    userId,
    ...(role !== undefined && { role }),
    ...(nickname !== undefined && { nickname }),
    ...(custom !== undefined && { custom: custom as Member['custom'] }),
  }
}
