import { AppError, type ChatRoomRestriction } from '@parley/contracts'
import type { PageRequest } from '@parley/core/pages'
import type { Actor } from '../message/change-message.ts'
import type { RoomRestrictions } from './room-restrictions.ts'
import { leads, type RoomViews, requireLeader } from './room-views.ts'

type Kind = ChatRoomRestriction['kind']

export interface RoomModerationPorts {
  views: RoomViews
  restrictions: RoomRestrictions
  /** What every process knows of the room is out of date. */
  changed: (projectId: string, roomId: string) => void
  /** A user goes, from every process. */
  sendOut: (
    projectId: string,
    roomId: string,
    user: { userId: string; reason: 'kicked' | 'banned'; detail?: string },
  ) => void
}

/** What owner and admins of a chat room, or the server, decide about those who are in it. */
export class RoomModeration {
  readonly #ports: RoomModerationPorts

  constructor(ports: RoomModerationPorts) {
    this.#ports = ports
  }

  /** Throws `forbidden`, `limit-exceeded`. Whoever is banned is out at once. */
  async restrict(
    { projectId, userId }: Actor,
    roomId: string,
    kind: Kind,
    memberId: string,
    untilMs: number | undefined,
  ): Promise<ChatRoomRestriction> {
    const { views, restrictions, changed, sendOut } = this.#ports
    const { row } = await views.get(projectId, roomId)
    requireLeader(row, userId)
    if (kind !== 'allow' && userId !== undefined && leads(row, memberId) && row.owner_id !== userId)
      throw new AppError('forbidden', 'Only the owner restricts an admin')
    const restriction = await restrictions.put(projectId, roomId, { userId: memberId, kind, untilMs })
    changed(projectId, roomId)
    if (kind === 'ban') sendOut(projectId, roomId, { userId: memberId, reason: 'banned' })
    return restriction
  }

  async unrestrict(
    { projectId, userId }: Actor,
    roomId: string,
    kind: Kind,
    memberId: string,
  ): Promise<void> {
    const { views, restrictions, changed } = this.#ports
    const { row } = await views.get(projectId, roomId)
    requireLeader(row, userId)
    await restrictions.remove(projectId, roomId, kind, memberId)
    changed(projectId, roomId)
  }

  async list(
    { projectId, userId }: Actor,
    roomId: string,
    kind: Kind,
    page: PageRequest,
  ): Promise<{ items: ChatRoomRestriction[]; nextCursor?: string }> {
    const { views, restrictions } = this.#ports
    const { row } = await views.get(projectId, roomId)
    requireLeader(row, userId)
    return restrictions.list(projectId, roomId, kind, page)
  }

  /** Sends a user out, who may come back. */
  async kick(
    { projectId, userId }: Actor,
    roomId: string,
    memberId: string,
    detail: string | undefined,
  ): Promise<void> {
    const { views, sendOut } = this.#ports
    const { row } = await views.get(projectId, roomId)
    requireLeader(row, userId)
    if (userId !== undefined && leads(row, memberId) && row.owner_id !== userId)
      throw new AppError('forbidden', 'Only the owner sends an admin out')
    sendOut(projectId, roomId, {
      ...{ userId: memberId, reason: 'kicked' },
      ...(detail !== undefined && { detail }),
    })
  }
}
