import { AppError, identityEndpoints, type Presence } from '@parley/contracts'
import type { HttpServer } from '@parley/core/http'
import { requireReadingOthers } from '../token/rights.ts'
import type { KnownPresence } from './presence-store.ts'

export interface PresenceRouteParts {
  http: HttpServer
  read: (projectId: string, userIds: readonly string[]) => Promise<KnownPresence[]>
}

export function registerPresenceRoutes({ http, read }: PresenceRouteParts): void {
  http.route(identityEndpoints.getPresence, async ({ project, params: { userId }, caller }) => {
    if (caller.kind === 'user') requireReadingOthers(caller.grants)
    const [presence] = await read(project.projectId, [userId])
    if (!presence?.known) throw new AppError('user-not-found')
    return withoutKnown(presence)
  })
  http.route(identityEndpoints.queryPresence, async ({ project, body: { userIds }, caller }) => {
    if (caller.kind === 'user') requireReadingOthers(caller.grants)
    return { items: (await read(project.projectId, userIds)).map(withoutKnown) }
  })
}

export function withoutKnown({ known: _, ...presence }: KnownPresence): Presence {
  return presence
}
