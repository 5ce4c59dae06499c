import type { GroupSettingsChange, MemberRole, MessageExpiry, MuteAll } from '@parley/contracts'
import { pseudonymPrefix } from '@parley/core/personal-data'
import type { Database } from '@parley/core/store'
import { ConversationNotFoundError, NotAMemberError } from '../errors.ts'
import {
  type GroupRules,
  noTalkInCommunity,
  roleInChannel,
  rulesOf,
  whySilent,
} from '../group/group-rules.ts'
import { keyOf } from '../message/log.ts'
import { expiryOf } from './conversation-row.ts'

/** Never changed once made; members who joined alike share one. */
interface Membership {
  readonly role: MemberRole
  readonly joinedSeq: number
  /** Seq of the removal; absent while the user is a member. */
  readonly leftSeq: number | undefined
  /** Milliseconds since 1970; absent: not muted. */
  readonly mutedUntilMs: number | undefined
}

/**
 * A conversation and its members, as of one version. A newer version is another view; the map of members goes on into
 * it, so that what is asked of an older view may be answered by newer members, never by older ones.
 */
export interface ConversationMembers {
  readonly projectId: string
  readonly conversationId: string
  readonly type: 'direct' | 'group'
  /** Moves with the community's, too, where this is a channel. */
  readonly version: number
  readonly ownVersion: number
  readonly directUsers: readonly string[] | null
  readonly rules: GroupRules
  readonly isCommunity: boolean
  /** The community of a channel. Whoever is not in it is in no channel of it. */
  readonly community: ConversationMembers | undefined
  readonly isPublic: boolean
  /** False: of all members the one sender it was read for is there. */
  readonly isWhole: boolean
  /** How long messages live here unless they say otherwise; absent: for ever. */
  readonly expiry: MessageExpiry | undefined
  /** Members now and those who left within the last entries; of a public channel, those who have opened it. */
  readonly members: ReadonlyMap<string, Membership>
  /** Nobody joined or left above this seq: entries above it share one audience. */
  readonly settledSeq: number
}

/** True when the entry with this seq is meant for the user: a member as of that seq. */
export function hears(members: ConversationMembers, userId: string, seq: number): boolean {
  const membership = members.members.get(userId)
  if (membership === undefined || membership.joinedSeq > seq) return false
  if (members.community !== undefined && present(members.community, userId) === undefined) return false
  return membership.leftSeq === undefined || seq < membership.leftSeq
}

/** Throws `not-a-member` unless the user is a member now; returns the role. */
export function requireMember(members: ConversationMembers, userId: string): MemberRole {
  return memberOf(members, userId).role
}

/** As `requireMember`; throws `muted` or `forbidden` when the member may not speak now. */
export function requireVoice(members: ConversationMembers, userId: string): void {
  const speaker = { userId, ...memberOf(members, userId) }
  if (members.isCommunity) throw noTalkInCommunity()
  const { rules, community } = members
  const silent =
    whySilent(rules, speaker) ??
    (community && whySilent({ ...rules, muteAll: community.rules.muteAll }, speaker))
  if (silent !== undefined) throw silent
}

function memberOf(members: ConversationMembers, userId: string): Pick<Membership, 'role' | 'mutedUntilMs'> {
  const own = present(members, userId)
  const { community, isPublic, conversationId } = members
  if (community === undefined) {
    if (own === undefined) throw new NotAMemberError(userId, conversationId)
    return own
  }
  const inCommunity = present(community, userId)
  const role = roleInChannel(isPublic, inCommunity?.role, own?.role)
  if (role === undefined) throw new NotAMemberError(userId, conversationId)
  const mutedUntilMs = Math.max(own?.mutedUntilMs ?? 0, inCommunity?.mutedUntilMs ?? 0)
  return { role, mutedUntilMs }
}

function present({ members }: ConversationMembers, userId: string): Membership | undefined {
  const membership = members.get(userId)
  return membership?.leftSeq === undefined ? membership : undefined
}

/** From this many members on, a first send does not wait for all of them to be read. */
const aloneFrom = 2_000

/** How far back those who left are remembered, in entries. More than a fan-out ever lags behind. */
const leaversWithin = 10_000
/** Leavers a view may carry along before it is read anew without those of long ago. */
const leaversKept = 20_000

/** A version that is asked for has committed, so that reading once after it was heard of is enough. */
const mostTries = 4

interface MembersRow {
  type: 'direct' | 'group' | 'community' | 'channel'
  parent_id: string | null
  parent_version: number | null
  public: boolean
  version: number
  member_count: number
  direct_users: string[] | null
  settings: GroupSettingsChange | null
  mute_all: MuteAll | null
  expires_after_ms: number | null
  burn_after_ms: number | null
  /** One array a member: JSON is read much faster than as many rows are. */
  members: [
    userId: string,
    role: MemberRole,
    joinedSeq: number,
    leftSeq: number | null,
    mutedUntil: string | null,
  ][]
}

/**
 * Members of the conversations this process deals with, least recently used ones dropped. A view may be behind:
 * appending compares its version under the lock, fan-out asks for the version of the run it delivers. A view that is
 * behind is brought forward by what changed since, so that one change of a large group costs one row.
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

  /** The cached view when it is at least of `minVersion`, else a newer one. Throws `conversation-not-found`. */
  async get(projectId: string, conversationId: string, minVersion = 0): Promise<ConversationMembers> {
    const key = keyOf(projectId, conversationId)
    for (let tries = 1; ; tries++) {
      const cached = this.#views.get(key)
      const view = await (cached ?? this.#load(key, projectId, conversationId))
      if (view.version >= minVersion || tries === mostTries) {
        if (cached !== undefined && this.#views.get(key) === cached) this.#touch(key, cached)
        return view
      }
      // Whoever comes first brings it forward; the others wait for that and look again.
      if (this.#views.get(key) === cached) this.#load(key, projectId, conversationId)
    }
  }

  /**
   * What a send needs to know: of a large conversation that is not held yet the sender alone, so that the answer does
   * not wait for all members; they are read behind it.
   */
  async forSender(projectId: string, conversationId: string, senderId: string): Promise<ConversationMembers> {
    const key = keyOf(projectId, conversationId)
    if (this.#sizes.has(key)) return this.get(projectId, conversationId)
    const view = await this.#read(projectId, conversationId, undefined, senderId)
    if (this.#views.has(key)) return view
    if (view.isWhole) {
      const held = Promise.resolve(view)
      this.#views.set(key, held)
      this.#account(key, held, view.members.size + 1)
    } else this.#load(key, projectId, conversationId)
    return view
  }

  /** The view as the database has it now. */
  latest(projectId: string, conversationId: string): Promise<ConversationMembers> {
    return this.#load(keyOf(projectId, conversationId), projectId, conversationId)
  }

  /** One after the other for a conversation: what a later one read is never overwritten by an earlier one. */
  #load(key: string, projectId: string, conversationId: string): Promise<ConversationMembers> {
    const before = this.#views.get(key)?.catch(() => undefined) ?? Promise.resolve(undefined)
    const loading = before.then((known) => this.#read(projectId, conversationId, known))
    this.#forget(key)
    this.#views.set(key, loading)
    loading.then(
      (view) => this.#account(key, loading, view.members.size + 1),
      () => {
        if (this.#views.get(key) === loading) this.#forget(key)
      },
    )
    return loading
  }

  async #read(
    projectId: string,
    conversationId: string,
    known: ConversationMembers | undefined,
    senderId?: string,
  ): Promise<ConversationMembers> {
    const { rows } = await this.#database.project(projectId).query<MembersRow>({
      name: known === undefined ? 'chat-load-members-for' : 'chat-load-changed-members',
      text: `select c.type, c.parent_id, c.public, c.version, c.member_count, c.direct_users, c.settings, c.mute_all,
        c.expires_after_ms, c.burn_after_ms, (
          select p.version from chat.conversations p where p.project_id = c.project_id and p.id = c.parent_id
        ) as parent_version, (
          select coalesce(json_agg(json_build_array(m.user_id, m.role, m.joined_seq, m.left_seq, m.muted_until)), '[]')
          from chat.members m
          where m.project_id = c.project_id and m.conversation_id = c.id
            and ${
              known === undefined
                ? `(m.left_seq is null or m.left_seq > c.head_seq - ${leaversWithin})
              and ($3::text is null or c.member_count < ${aloneFrom} or m.user_id = $3)`
                : 'm.changed_version > $3'
            }
        ) as members
        from chat.conversations c where c.project_id = $1 and c.id = $2`,
      values: [projectId, conversationId, known === undefined ? (senderId ?? null) : known.ownVersion],
    })
    const [row] = rows
    if (row === undefined) throw new ConversationNotFoundError(conversationId)
    const members = (known?.members ?? new Map()) as Map<string, Membership>
    let settledSeq = known?.settledSeq ?? 0
    const shared = new Map<string, Membership>()
    // The row of an erased user bears another id now, so nothing tells that the one that is held is gone.
    if (known !== undefined && row.members.some(([id]) => id.startsWith(pseudonymPrefix) && !members.has(id)))
      return this.#read(projectId, conversationId, undefined)
    for (const [userId, role, joinedSeq, left, mutedUntil] of row.members) {
      const membership = share(shared, role, joinedSeq, left, mutedUntil)
      members.set(userId, membership)
      settledSeq = Math.max(settledSeq, joinedSeq, left ?? 0)
    }
    if (known !== undefined && members.size > row.member_count + leaversKept && !row.public)
      return this.#read(projectId, conversationId, undefined)
    const community =
      row.parent_id === null
        ? undefined
        : senderId === undefined
          ? await this.get(projectId, row.parent_id, row.parent_version ?? undefined)
          : await this.forSender(projectId, row.parent_id, senderId)
    const alone = senderId !== undefined && row.member_count >= aloneFrom
    return {
      projectId,
      conversationId,
      type: row.type === 'direct' ? 'direct' : 'group',
      version: row.version + (community?.version ?? 0),
      ownVersion: row.version,
      directUsers: row.direct_users,
      rules: rulesOf(row),
      isCommunity: row.type === 'community',
      community,
      isPublic: row.public,
      isWhole: !alone && community?.isWhole !== false,
      expiry: expiryOf(row),
      members,
      settledSeq,
    }
  }

  #touch(key: string, view: Promise<ConversationMembers>): void {
    this.#views.delete(key)
    this.#views.set(key, view)
  }

  #account(key: string, view: Promise<ConversationMembers>, size: number): void {
    if (this.#views.get(key) !== view) return
    this.#sizes.set(key, size)
    this.#total += size
    for (const oldest of this.#views.keys()) {
      if (this.#total <= this.#maxMembers || oldest === key) return
      this.#forget(oldest)
    }
  }

  #forget(key: string): void {
    this.#views.delete(key)
    this.#total -= this.#sizes.get(key) ?? 0
    this.#sizes.delete(key)
  }
}

/** Thousands join a large group by one change and are told apart by their id only. */
function share(
  shared: Map<string, Membership>,
  role: MemberRole,
  joinedSeq: number,
  left: number | null,
  mutedUntil: string | null,
): Membership {
  const key = `${role} ${joinedSeq} ${left} ${mutedUntil}`
  const known = shared.get(key)
  if (known !== undefined) return known
  const membership: Membership = {
    role,
    joinedSeq,
    leftSeq: left ?? undefined,
    mutedUntilMs: mutedUntil === null ? undefined : Date.parse(mutedUntil),
  }
  shared.set(key, membership)
  return membership
}
