import { AppError, type Grants, type PublicationSource, publicationSources } from '@parley/contracts'
import type { KeyCaller, UserCaller } from '@parley/core/auth'

/** What somebody may do in one room. */
export interface Rights {
  publish: readonly PublicationSource[]
  subscribe: boolean
  /** Send messages over data channels. */
  data: boolean
  admin: boolean
}

/**
 * The rights in a room. Absent grants are all ordinary rights of a user: every room, but no moderation. Given grants
 * are exhaustive. @throws AppError `grant-missing` when the room stays shut.
 */
export function rightsOf(grants: Grants | undefined, roomId: string): Rights {
  if (grants === undefined) return { publish: publicationSources, subscribe: true, data: true, admin: false }
  const { rtc } = grants
  if (rtc === undefined || (rtc.room !== '*' && rtc.room !== roomId)) {
    throw new AppError('grant-missing', 'The token does not open this room')
  }
  const { publish = false } = rtc
  const sources = publish === true ? publicationSources : publish === false ? [] : publish
  return {
    publish: sources,
    subscribe: rtc.subscribe ?? false,
    data: rtc.data ?? false,
    admin: rtc.admin ?? false,
  }
}

export function requireAdmin({ admin }: Rights): void {
  if (!admin) throw new AppError('grant-missing', 'The token holds no grant rtc.admin')
}

export function requireSource({ publish }: Rights, source: PublicationSource): void {
  if (!publish.includes(source)) {
    throw new AppError('grant-missing', `The token holds no grant to publish from ${source}`)
  }
}

/** For REST: API keys may everything in their project. */
export function callerRights(caller: KeyCaller | UserCaller, roomId: string): Rights {
  if (caller.kind === 'key') return { publish: publicationSources, subscribe: true, data: true, admin: true }
  return rightsOf(caller.grants, roomId)
}
