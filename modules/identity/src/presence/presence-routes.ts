import { AppError, identityEndpoints, type Presence } from '@parley/contracts'
import type { KeyCaller, UserCaller } from '@parley/core/auth'
import type { HttpServer } from '@parley/core/http'
import type { PresenceHiding } from '../service.ts'
import { requireReadingOthers } from '../token/rights.ts'
import type { KnownPresence } from './presence-store.ts'

export interface PresenceRouteParts {
  http: HttpServer
  read: (projectId: string, userIds: readonly string[]) => Promise<KnownPresence[]>
  hides: PresenceHiding
}

export function registerPresenceRoutes({ http, read, hides }: PresenceRouteParts): void {
  const shownTo = async (caller: KeyCaller | UserCaller, items: Presence[]): Promise<Presence[]> => {
    if (caller.kind === 'key') return items
    const userIds = items.map(({ userId }) => userId)
    const hidden = await hides(caller.projectId, caller.userId, userIds)
    return items.map((item) => (hidden.has(item.userId) ? offline(item.userId) : item))
  }
  http.route(identityEndpoints.getPresence, async ({ project, params: { userId }, caller }) => {
    if (caller.kind === 'user') requireReadingOthers(caller.grants)
    const [presence] = await read(project.projectId, [userId])
    if (!presence?.known) throw new AppError('user-not-found')
    const [shown = offline(userId)] = await shownTo(caller, [withoutKnown(presence)])
    return shown
  })
  http.route(identityEndpoints.queryPresence, async ({ project, body: { userIds }, caller }) => {
    if (caller.kind === 'user') requireReadingOthers(caller.grants)
    return { items: await shownTo(caller, (await read(project.projectId, userIds)).map(withoutKnown)) }
  })
}

/** How somebody looks whose presence is kept from the reader. */
export const offline = (userId: string): Presence => ({ userId, status: 'offline', platforms: [] })

export function withoutKnown({ known: _, ...presence }: KnownPresence): Presence {
  return presence
}
