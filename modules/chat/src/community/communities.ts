import { AppError, type ChannelView, type Conversation, maxChannels, newId } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import { decodeRowCursor, type Page, type PageRequest, toPage } from '@parley/core/pages'
import type { Database, Transaction } from '@parley/core/store'
import {
  type ConversationRow,
  conversationColumns,
  toConversation,
} from '../conversation/conversation-row.ts'
import type { Groups } from '../conversation/groups.ts'
import { insertMembers } from '../conversation/member-rows.ts'
import { ConversationNotFoundError, NotAMemberError } from '../errors.ts'
import type { Actor } from '../message/change-message.ts'

export interface NewChannel {
  id?: string | undefined
  name?: string | undefined
  public: boolean
  category?: string | undefined
  position: number
  memberIds?: readonly string[] | undefined
}

export interface CommunitiesOptions {
  groups: Groups
  database: Database
  outbox: Outbox
}

/** Channels of communities: making them, and how a member sees them. */
export class Communities {
  readonly #options: CommunitiesOptions

  constructor(options: CommunitiesOptions) {
    this.#options = options
  }

  createChannel(actor: Actor, communityId: string, channel: NewChannel): Promise<Conversation> {
    return this.#options.groups.changes.run(actor, communityId, async (community) => {
      if (community.head.type !== 'community')
        throw new AppError('conflict', 'Channels are made in communities only')
      community.require('admins')
      const { tx, projectId } = community
      await refuseTooMany(tx, projectId, communityId)
      const id = channel.id ?? newId('conversation')
      const wanted = channel.public ? [] : [...(channel.memberIds ?? [])]
      if (!channel.public && actor.userId !== undefined) wanted.push(actor.userId)
      const memberIds = [...new Set(wanted)]
      await requireMembers(tx, projectId, communityId, memberIds)
      const { rows } = await tx.query<ConversationRow>({
        text: `insert into chat.conversations as c (project_id, id, type, name, history_from_start, member_count, large,
            parent_id, public, category, position)
          values ($1, $2, 'channel', $3, $4, $5, true, $6, $7, $8, $9) on conflict do nothing
          returning ${conversationColumns}`,
        values: [
          ...[projectId, id, channel.name ?? null, community.historyFromStart, memberIds.length, communityId],
          ...[channel.public, channel.category ?? null, channel.position],
        ],
      })
      const [row] = rows
      if (row === undefined) throw new AppError('already-exists', `There is a conversation ${id} already`)
      await insertMembers(tx, {
        ...{ projectId, id, userIds: memberIds, seq: 0, visibleFromSeq: 1, version: 1, role: 'member' },
      })
      const data = { conversationId: id, type: 'channel' as const, memberIds }
      const resource = `conversation/${id}`
      await this.#options.outbox.append(tx, [{ projectId, resource, type: 'conversation.created', data }])
      const content = channel.public ? { type: 'channel-added' as const, channelId: id } : undefined
      return { ...(content !== undefined && { content }), answer: toConversation(row) }
    })
  }

  /**
   * Channels of a community, in their order: all public ones, and the private ones the user is in. The customer's
   * server sees all. Unread of a channel the user has not opened counts from when the user joined the community.
   */
  async listChannels(
    { projectId, userId }: Actor,
    communityId: string,
    { limit, cursor }: PageRequest,
  ): Promise<Page<ChannelView>> {
    const project = this.#options.database.project(projectId)
    const [position, id] = decodeRowCursor(cursor, ['integer', 'text']) ?? [firstPosition, '']
    const { rows } = await project.query<ChannelRow>({
      name: 'chat-list-channels',
      text: `select ${conversationColumns}, m.read_seq, m.user_id is not null as opened, coalesce(unread.n, 0)::int as unread
        from chat.conversations c
        left join chat.members pm on pm.project_id = c.project_id and pm.conversation_id = c.parent_id
          and pm.user_id = $3 and pm.left_seq is null
        left join chat.members m on m.project_id = c.project_id and m.conversation_id = c.id and m.user_id = $3
          and m.left_seq is null
        left join lateral (
          select count(*) as n from (
            select from chat.entries e
            where e.project_id = c.project_id and e.conversation_id = c.id and e.seq > coalesce(m.read_seq, 0)
              and (m.user_id is not null or e.created_at >= pm.joined_at)
              and e.bears_unread and e.sender_id <> $3 and e.recalled_at is null
            order by e.seq desc limit 999
          ) counted
        ) unread on $3::text is not null
        where c.project_id = $1 and c.parent_id = $2 and c.dissolved_at is null
          and (c.position, c.id) > ($4::bigint, $5)
          and ($3::text is null or (pm.user_id is not null and (c.public or m.user_id is not null)))
        order by c.position, c.id limit $6`,
      values: [projectId, communityId, userId ?? null, position, id, limit + 1],
    })
    if (rows.length === 0) await this.#requireCommunity(projectId, communityId, userId)
    return toPage(rows, limit, {
      keyOf: (row) => [row.position, row.id],
      itemOf: (row) => ({
        ...toConversation(row),
        opened: row.opened,
        unread: row.unread,
        ...(row.read_seq !== null && { readSeq: row.read_seq }),
      }),
    })
  }

  async #requireCommunity(projectId: string, communityId: string, userId: string | undefined): Promise<void> {
    const { rows } = await this.#options.database
      .project(projectId)
      .query<{ type: string; member: boolean }>({
        text: `select c.type, m.user_id is not null as member from chat.conversations c
        left join chat.members m on m.project_id = c.project_id and m.conversation_id = c.id and m.user_id = $3
          and m.left_seq is null
        where c.project_id = $1 and c.id = $2`,
        values: [projectId, communityId, userId ?? null],
      })
    const [row] = rows
    if (row === undefined || row.type !== 'community') throw new ConversationNotFoundError(communityId)
    if (userId !== undefined && !row.member) throw new NotAMemberError(userId, communityId)
  }
}

interface ChannelRow extends ConversationRow {
  read_seq: number | null
  opened: boolean
  unread: number
  position: number
}

const firstPosition = -2_147_483_648

async function refuseTooMany(tx: Transaction, projectId: string, communityId: string): Promise<void> {
  const { rows } = await tx.query<{ n: number }>({
    text: `select count(*)::int as n from chat.conversations
      where project_id = $1 and parent_id = $2 and dissolved_at is null`,
    values: [projectId, communityId],
  })
  if ((rows[0]?.n ?? 0) >= maxChannels)
    throw new AppError('limit-exceeded', `A community has at most ${maxChannels} channels`)
}

/** Throws `not-a-member`, naming the first who is not in the community. */
export async function requireMembers(
  tx: Transaction,
  projectId: string,
  communityId: string,
  userIds: readonly string[],
): Promise<void> {
  const { rows } = await tx.query<{ user_id: string }>({
    text: `select u.user_id from unnest($3::text[]) as u (user_id)
      where not exists (
        select from chat.members m
        where m.project_id = $1 and m.conversation_id = $2 and m.user_id = u.user_id and m.left_seq is null)
      limit 1`,
    values: [projectId, communityId, userIds],
  })
  const [row] = rows
  if (row !== undefined) throw new NotAMemberError(row.user_id, communityId)
}

/** Ends what users have in the channels of a community that they are in no more; answers from which they are gone. */
export async function leaveChannels(
  tx: Transaction,
  projectId: string,
  communityId: string,
  userIds: readonly string[] | undefined,
): Promise<Map<string, string[]>> {
  const { rows } = await tx.query<{ conversation_id: string; user_id: string }>({
    text: `delete from chat.members m using chat.conversations c
      where c.project_id = $1 and c.parent_id = $2 and m.project_id = c.project_id and m.conversation_id = c.id
        and ($3::text[] is null or m.user_id = any($3))
      returning m.conversation_id, m.user_id`,
    values: [projectId, communityId, userIds ?? null],
  })
  const gone = new Map<string, string[]>()
  for (const row of rows)
    gone.set(row.conversation_id, [...(gone.get(row.conversation_id) ?? []), row.user_id])
  return gone
}

/** Roles in public channels are those of the community. */
export async function followRoles(tx: Transaction, projectId: string, communityId: string): Promise<void> {
  await tx.query({
    text: `update chat.members m set role = pm.role
      from chat.conversations c
      join chat.members pm on pm.project_id = c.project_id and pm.conversation_id = c.parent_id
        and pm.left_seq is null
      where c.project_id = $1 and c.parent_id = $2 and c.public and m.project_id = c.project_id
        and m.conversation_id = c.id and m.user_id = pm.user_id and m.role <> pm.role`,
    values: [projectId, communityId],
  })
}
