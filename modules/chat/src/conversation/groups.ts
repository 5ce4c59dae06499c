import {
  AppError,
  type Conversation,
  type createConversationRequest,
  type EntryContent,
  type GroupSettings,
  type GroupSettingsChange,
  type MemberRole,
  newId,
} from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { Database, Transaction } from '@parley/core/store'
import type { z } from 'zod'
import { followRoles, leaveChannels } from '../community/communities.ts'
import type { ChatSettings } from '../config.ts'
import { ConversationNotFoundError, NotAMemberError } from '../errors.ts'
import { type AdmissionOptions, admit, tooManyMembers } from '../group/admission.ts'
import { GroupChanges, type LockedGroup } from '../group/group-changes.ts'
import { withSettings } from '../group/group-rules.ts'
import { admitted } from '../group/join-guard.ts'
import type { AppendedRun } from '../message/append.ts'
import type { Actor } from '../message/change-message.ts'
import type { ChatPorts } from '../ports.ts'
import { type ConversationRow, conversationColumns, toConversation } from './conversation-row.ts'
import { insertMembers } from './member-rows.ts'

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

/** Users named in one event of the outbox when a large group ends. */
const namesPerEvent = 5_000

/** Groups: making and ending them, their profile, and who is in. Every change moves `version` and is an entry. */
export class Groups {
  readonly changes: GroupChanges
  readonly admission: AdmissionOptions
  readonly #options: GroupsOptions

  constructor(options: GroupsOptions) {
    this.#options = options
    this.changes = new GroupChanges(options)
    this.admission = options
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
      const facts = { memberCount: memberIds.length, historyFromStart: newMembersSeeHistory }
      const conversation = await this.#insert(tx, projectId, id, group, facts)
      await insertMembers(tx, {
        ...{ projectId, id, userIds: memberIds, seq: 0, visibleFromSeq: 1, role: 'member', version: 1 },
        ownerId,
      })
      const data = { conversationId: id, type: group.type, memberIds }
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
    { memberCount, historyFromStart }: { memberCount: number; historyFromStart: boolean },
  ): Promise<ConversationRow> {
    const { rows } = await tx.query<ConversationRow>({
      text: `insert into chat.conversations as c (project_id, id, type, name, avatar_url, custom, history_from_start,
          member_count, large, settings)
        values ($1, $2, $10, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing
        returning ${conversationColumns}`,
      values: [
        projectId,
        id,
        group.name ?? null,
        group.avatarUrl ?? null,
        group.custom === undefined ? null : JSON.stringify(group.custom),
        historyFromStart,
        memberCount,
        memberCount >= this.#options.settings.largeFrom,
        group.settings === undefined ? null : JSON.stringify(group.settings),
        group.type,
      ],
    })
    const [row] = rows
    if (row === undefined) throw new AppError('already-exists', `There is a conversation ${id} already`)
    return row
  }

  /** `ifMatch` names the version the caller has seen. */
  async update(actor: Actor, id: string, change: ProfileChange, ifMatch?: number): Promise<Conversation> {
    await this.changes.run(actor, id, async (group) => {
      group.require(group.rules.settings.whoMay.editProfile)
      if (ifMatch !== undefined && ifMatch !== group.head.version) throw new AppError('version-mismatch')
      const { name, avatarUrl, custom } = change
      await group.tx.query({
        text: `update chat.conversations c set name = coalesce($3, name), avatar_url = coalesce($4, avatar_url),
            custom = coalesce($5::jsonb, custom)
          where c.project_id = $1 and c.id = $2`,
        values: [
          group.projectId,
          id,
          name ?? null,
          avatarUrl ?? null,
          custom === undefined ? null : JSON.stringify(custom),
        ],
      })
      return { content: { type: 'profile-changed', ...change } as EntryContent, answer: undefined }
    })
    return this.read(actor, id)
  }

  updateSettings(actor: Actor, id: string, change: GroupSettingsChange): Promise<GroupSettings> {
    return this.changes.run(actor, id, async (group) => {
      group.require('owner')
      const settings = withSettings(group.rules.settings, change)
      await group.tx.query({
        text: 'update chat.conversations set settings = $3 where project_id = $1 and id = $2',
        values: [group.projectId, id, JSON.stringify(settings)],
      })
      return { content: { type: 'settings-changed', settings: change }, answer: settings }
    })
  }

  /** The owner hands the group to another member and becomes an admin. */
  async transfer(actor: Actor, id: string, ownerId: string): Promise<Conversation> {
    await this.changes.run(actor, id, async (group) => {
      group.require('owner')
      if ((await group.roleOf(ownerId)) === 'owner') return { answer: undefined }
      const { rows } = await group.tx.query<{ user_id: string; role: MemberRole }>({
        text: `update chat.members set role = case when user_id = $3 then 'owner' else 'admin' end,
            changed_version = $4
          where project_id = $1 and conversation_id = $2 and left_seq is null and (user_id = $3 or role = 'owner')
          returning user_id, role`,
        values: [group.projectId, id, ownerId, group.version],
      })
      if (group.head.type === 'community') await followRoles(group.tx, group.projectId, id)
      const previousOwnerId = rows.find(({ role }) => role === 'admin')?.user_id
      const previous = previousOwnerId === undefined ? {} : { previousOwnerId }
      return { content: { type: 'owner-changed', ownerId, ...previous }, answer: undefined }
    })
    return this.read(actor, id)
  }

  /** Adds those who are not members yet and returns them. */
  async add(
    actor: Actor,
    id: string,
    userIds: readonly string[],
    role: 'admin' | 'member',
  ): Promise<string[]> {
    const { database, ports } = this.#options
    const wanted = [...new Set(userIds)]
    await ports.users.ensure(database.project(actor.projectId), wanted)
    const via = actor.userId === undefined ? 'server' : 'invite'
    const allowed = await admitted(ports.joinGuard, actor, { conversationId: id, userIds: wanted, via })
    return this.changes.run(actor, id, async (group) => {
      if (role === 'admin') group.require('owner')
      this.requireInviter(group)
      if (actor.userId !== undefined && group.rules.settings.invitationConsent)
        throw new AppError('forbidden', 'This group asks those who are invited: invite them')
      return admit(this.admission, group, allowed, role)
    })
  }

  requireInviter(group: LockedGroup): void {
    group.require(group.rules.settings.whoMay.invite)
  }

  /** Members leave by themselves; owners remove anyone, admins remove ordinary members. */
  remove(actor: Actor, id: string, userId: string): Promise<void> {
    return this.changes.run(actor, id, async (group) => {
      const left = actor.userId === userId
      group.requireMember()
      if (!left) group.requireOwnMembers()
      const role = await group.roleOf(userId)
      if (!left) group.requireAbove(role)
      await this.expel(group, [userId])
      return { content: { type: 'members-removed', userIds: [userId], left }, answer: undefined }
    })
  }

  /** Removes those of the users who are members; all or, where one stands too high, none. */
  removeMany(
    actor: Actor,
    id: string,
    userIds: readonly string[],
    reason: string | undefined,
  ): Promise<string[]> {
    return this.changes.run(actor, id, async (group) => {
      group.require('admins')
      group.requireOwnMembers()
      const { rows } = await group.tx.query<{ user_id: string; role: MemberRole }>({
        text: `select user_id, role from chat.members
          where project_id = $1 and conversation_id = $2 and user_id = any($3) and left_seq is null`,
        values: [group.projectId, id, userIds],
      })
      for (const { role } of rows) group.requireAbove(role)
      const removed = rows.map((row) => row.user_id)
      if (removed.length === 0) return { answer: removed }
      await this.expel(group, removed)
      const why = reason === undefined ? {} : { reason }
      return { content: { type: 'members-removed', userIds: removed, left: false, ...why }, answer: removed }
    })
  }

  /** Ends memberships as of the entry that this change will be. The entry is the caller's. */
  async expel(
    { tx, projectId, id, head, seq, version, resource }: LockedGroup,
    userIds: string[],
  ): Promise<void> {
    await tx.query({
      text: `update chat.members set left_seq = $4, changed_version = $5
        where project_id = $1 and conversation_id = $2 and user_id = any($3) and left_seq is null`,
      values: [projectId, id, userIds, seq, version],
    })
    head.member_count -= userIds.length
    if (head.type === 'community') await this.#leaveChannels({ tx, projectId, id }, userIds)
    const data = { conversationId: id, seq, userIds }
    await this.#options.outbox.append(tx, [
      { projectId, resource, type: 'conversation.members-removed', data },
    ])
  }

  /** Whoever is out of a community is out of its channels, which hear of it by the outbox. */
  async #leaveChannels(
    { tx, projectId, id }: Pick<LockedGroup, 'tx' | 'projectId' | 'id'>,
    userIds: readonly string[] | undefined,
  ): Promise<void> {
    for (const [conversationId, gone] of await leaveChannels(tx, projectId, id, userIds)) {
      const data = { conversationId, seq: 0, userIds: gone }
      const resource = `conversation/${conversationId}`
      await this.#options.outbox.append(tx, [
        { projectId, resource, type: 'conversation.members-removed', data },
      ])
    }
  }

  /** Ends the group for everybody; its log stays readable with an API key. */
  dissolve(actor: Actor, id: string): Promise<void> {
    return this.changes.run(actor, id, async (group) => {
      group.require('owner')
      const { tx, projectId, head, seq, version, resource } = group
      const { rows } = await tx.query<{ user_id: string }>({
        text: `with ended as (
            update chat.conversations set dissolved_at = now() where project_id = $1 and id = $2
          )
          update chat.members set left_seq = $3, changed_version = $4
          where project_id = $1 and conversation_id = $2 and left_seq is null returning user_id`,
        values: [projectId, id, seq, version],
      })
      head.member_count = 0
      if (head.type === 'community') await this.#leaveChannels(group, undefined)
      const type = 'conversation.members-removed' as const
      for (let from = 0; from < rows.length; from += namesPerEvent) {
        const userIds = rows.slice(from, from + namesPerEvent).map((row) => row.user_id)
        const data = { conversationId: id, seq, userIds }
        await this.#options.outbox.append(tx, [{ projectId, resource, type, data }])
      }
      return { content: { type: 'dissolved' }, answer: undefined }
    })
  }

  async read({ projectId, userId }: Actor, id: string): Promise<Conversation> {
    const { rows } = await this.#options.database.project(projectId).query<ConversationRow>({
      text: `select ${conversationColumns} from chat.conversations c where c.project_id = $1 and c.id = $2`,
      values: [projectId, id],
    })
    const [row] = rows
    if (row === undefined) throw new ConversationNotFoundError(id)
    return toConversation(row, userId)
  }

  /** Throws unless the conversation is a group and the acting user, when one is named, is one of those in it. */
  async requireReader(actor: Actor, id: string, roles?: readonly MemberRole[]): Promise<void> {
    const { projectId, userId } = actor
    const { rows } = await this.#options.database.project(projectId).query<{ role: MemberRole | null }>({
      name: 'chat-require-group-reader',
      text: `select m.role from chat.conversations c
        left join chat.members m on m.project_id = c.project_id and m.conversation_id = c.id and m.user_id = $3
          and m.left_seq is null
        where c.project_id = $1 and c.id = $2`,
      values: [projectId, id, userId ?? null],
    })
    const [row] = rows
    if (row === undefined) throw new ConversationNotFoundError(id)
    if (userId === undefined) return
    if (row.role === null) throw new NotAMemberError(userId, id)
    if (roles !== undefined && !roles.includes(row.role))
      throw new AppError('forbidden', `This takes the role ${roles.join(' or ')}`)
  }
}
