import type { Grants, ServerEvent } from '@parley/contracts'
import type { Gateway } from '@parley/core/gateway'
import type { Logger } from '@parley/core/kernel'
import type { StoredEvent } from '@parley/core/outbox'
import { readBlocks } from './block/block-store.ts'
import type { Interactions } from './interaction/interactions.ts'
import { seeing } from './moment/moment-store.ts'
import type { SocialParts } from './parts.ts'

export const liveTypes = [
  'friend.requested',
  'friend.accepted',
  'friend.rejected',
  'friend.withdrawn',
  'friend.changed',
  'user.blocked',
  'user.unblocked',
  'profile.updated',
  'moment.created',
  'interaction.created',
] as const

const chunkSize = 2_000

export interface LiveEventsOptions {
  parts: SocialParts
  gateway: Gateway
  interactions: Interactions
  logger: Logger
}

/** Tells users who are connected to this process what any process committed. Reading finds what was not told. */
export class LiveEvents {
  readonly #options: LiveEventsOptions
  #told: Promise<void> = Promise.resolve()

  constructor(options: LiveEventsOptions) {
    this.#options = options
  }

  /** In order, and not within the tail, whose other readers must not wait for queries. */
  take(events: readonly StoredEvent[]): void {
    for (const event of events) {
      this.#told = this.#told
        .then(() => this.#tell(event))
        .catch((error: unknown) =>
          this.#options.logger.warn({ error, type: event.type }, 'not told live; reading finds it'),
        )
    }
  }

  /** Resolves when what was taken is told. */
  async close(): Promise<void> {
    await this.#told
  }

  async #tell({ projectId, type, data }: StoredEvent): Promise<void> {
    const { parts, gateway, interactions } = this.#options
    if (gateway.online(projectId).size === 0) return
    if (type === 'friend.requested' && 'request' in data) {
      const { request } = data as { request: Extract<ServerEvent, { type: 'friend.requested' }>['request'] }
      this.#deliver(projectId, [request.toUserId], { type: 'friend.requested', request })
      return
    }
    if (
      (type === 'friend.accepted' || type === 'friend.rejected' || type === 'friend.withdrawn') &&
      'request' in data
    ) {
      const { request } = data as { request?: Extract<ServerEvent, { type: 'friend.decided' }>['request'] }
      if (!request) return
      this.#deliver(projectId, [request.fromUserId, request.toUserId], { type: 'friend.decided', request })
      return
    }
    if (type === 'friend.changed' && 'change' in data) {
      this.#deliver(projectId, [data.userId], { type: 'friend.changed', change: data.change })
      return
    }
    if ((type === 'user.blocked' || type === 'user.unblocked') && 'blockedId' in data) {
      const { userId, blockedId } = data
      this.#deliver(projectId, [userId], {
        type: 'block.changed',
        userId: blockedId,
        blocked: type === 'user.blocked',
      })
      return
    }
    if (type === 'profile.updated' && 'fields' in data) {
      const { userId } = data
      const friends = await this.#online(projectId, userId, 'friends')
      this.#deliver(projectId, [userId, ...friends], { type: 'profile.changed', userId })
      return
    }
    if (type === 'moment.created' && 'authorId' in data) {
      const { authorId, momentId } = data
      const near = new Set([
        ...(await this.#online(projectId, authorId, 'friends')),
        ...(await this.#online(projectId, authorId, 'follows')),
      ])
      const seen = await seeing(parts.database.project(projectId), projectId, momentId, [...near, authorId])
      this.#deliver(projectId, seen, { type: 'moment.created', momentId, authorId })
      return
    }
    if (type === 'interaction.created' && 'interaction' in data) {
      const { userId, interaction } = data
      if (gateway.sessionsOf(projectId, userId).size === 0) return
      const project = parts.database.project(projectId)
      if ((await readBlocks(project, projectId, userId)).includes(interaction.actorId)) return
      const { unread } = await interactions.unread(project, projectId, userId)
      this.#deliver(projectId, [userId], { type: 'interaction.created', interaction, unread })
    }
  }

  /** Users connected here in whose list the user is: of friends, or of those they follow. */
  async #online(projectId: string, userId: string, ties: 'friends' | 'follows'): Promise<string[]> {
    const { parts, gateway } = this.#options
    const [other, live] = ties === 'friends' ? ['friend_id', ' and not removed'] : ['followed_id', '']
    const connected = [...gateway.online(projectId).keys()]
    const found: string[] = []
    for (let from = 0; from < connected.length; from += chunkSize) {
      const { rows } = await parts.database.project(projectId).query<{ user_id: string }>({
        name: `social-online-${ties}`,
        text: `select user_id from social.${ties}
          where project_id = $1 and ${other} = $2 and user_id = any($3::text[])${live}`,
        values: [projectId, userId, connected.slice(from, from + chunkSize)],
      })
      for (const row of rows) found.push(row.user_id)
    }
    return found
  }

  #deliver(projectId: string, userIds: Iterable<string>, event: ServerEvent): void {
    const { gateway } = this.#options
    gateway.deliver(projectId, userIds, gateway.encode(event), hearsSocial)
  }
}

/** A limited token hears what it may read, and one limited to some conversations hears nothing of people. */
const hearsSocial = ({ chat }: Grants): boolean => chat?.read === true && chat.conversations === undefined
