import { AppError, identityEndpoints, type User } from '@parley/contracts'
import type { HttpServer } from '@parley/core/http'
import { defaultTokenTtlMs } from '../config.ts'
import type { KeyRing } from '../key/key-ring.ts'
import type { GivenProfile, ProfileGate } from '../service.ts'
import { requireNoGrants, requireReadingOthers, requireSelf } from '../token/rights.ts'
import { mintUserToken } from '../token/user-token.ts'
import type { UserDirectory } from './user-directory.ts'
import type { UserStore } from './user-store.ts'

export interface UserRouteParts {
  http: HttpServer
  users: UserStore
  directory: UserDirectory
  keyRing: KeyRing
  /** Judges what users say of themselves; what a server says with its key stands. */
  screen: ProfileGate
}

export function registerUserRoutes({ http, users, directory, keyRing, screen }: UserRouteParts): void {
  http.route(identityEndpoints.createUser, ({ project, body: { id, ...profile } }) =>
    users.create(project, id, profile),
  )
  http.route(identityEndpoints.listUsers, ({ project, query }) =>
    users.list(project, query.limit, query.cursor),
  )
  http.route(identityEndpoints.getUser, async ({ project, params: { userId }, caller }) => {
    if (caller.kind === 'user' && caller.userId !== userId) requireReadingOthers(caller.grants)
    return found(await users.find(project, userId))
  })
  http.route(identityEndpoints.updateUser, async ({ project, params: { userId }, body, caller }) => {
    requireSelf(caller, userId)
    requireNoGrants(caller)
    if (caller.kind === 'key') return users.update(project, userId, body)
    return users.update(project, userId, {
      ...body,
      ...(await screen(project.projectId, userId, shown(body))),
    })
  })
  http.route(identityEndpoints.createUserToken, async ({ project, params: { userId }, body, caller }) => {
    if (!(await directory.exists(project.projectId, [userId])).has(userId))
      throw new AppError('user-not-found')
    const key = await keyRing.find(caller.keyId)
    if (!key || key.revoked) throw new AppError('key-revoked')
    const ceilingMs = key.settings.tokenTtlCeilingMs
    const ttlMs = body.ttlMs ?? Math.min(defaultTokenTtlMs, ceilingMs)
    if (ttlMs > ceilingMs) {
      throw new AppError(
        'limit-exceeded',
        `Tokens of this project live at most ${ceilingMs} ms (tokenTtlCeilingMs)`,
      )
    }
    const { token, expiresAtMs } = mintUserToken({
      keyId: key.keyId,
      secret: key.secret,
      userId,
      ttlMs,
      grants: body.grants,
    })
    return { token, expiresAt: new Date(expiresAtMs).toISOString() }
  })
  http.route(identityEndpoints.revokeUserTokens, async ({ project, params: { userId } }) => {
    await users.revokeTokens(project, userId)
    return { done: true as const }
  })
}

/** Of a change, what everybody reads or sees. */
function shown({ name, avatarUrl }: GivenProfile): GivenProfile {
  return { ...(name !== undefined && { name }), ...(avatarUrl !== undefined && { avatarUrl }) }
}

function found(user: User | undefined): User {
  if (!user) throw new AppError('user-not-found')
  return user
}
