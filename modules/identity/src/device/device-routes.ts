import { AppError, identityEndpoints } from '@parley/contracts'
import type { HttpServer } from '@parley/core/http'
import type { SessionRegistry } from '../session/session-registry.ts'
import type { SessionStore } from '../session/session-store.ts'
import { requireNoGrants, requireSelf } from '../token/rights.ts'
import type { UserDirectory } from '../user/user-directory.ts'
import type { DeviceStore } from './device-store.ts'

export interface DeviceRouteParts {
  http: HttpServer
  devices: DeviceStore
  sessions: SessionStore
  registry: SessionRegistry
  directory: UserDirectory
}

export function registerDeviceRoutes(parts: DeviceRouteParts): void {
  const { http, devices, sessions, registry, directory } = parts
  const requireUser = async (projectId: string, userId: string) => {
    if (!(await directory.exists(projectId, [userId])).has(userId)) throw new AppError('user-not-found')
  }
  http.route(identityEndpoints.listDevices, async ({ project, params: { userId }, caller }) => {
    requireSelf(caller, userId)
    requireNoGrants(caller)
    await requireUser(project.projectId, userId)
    const live = await sessions.liveOf([{ projectId: project.projectId, userId }])
    return { items: await devices.list(project, userId, new Set(live.map((session) => session.deviceId))) }
  })
  http.route(identityEndpoints.removeDevice, async ({ project, params: { userId, deviceId }, caller }) => {
    requireSelf(caller, userId)
    requireNoGrants(caller)
    await requireUser(project.projectId, userId)
    if (!(await devices.remove(project, userId, deviceId))) throw new AppError('not-found', 'No such device')
    await registry.removeDevice({ projectId: project.projectId, userId }, deviceId)
    return { done: true as const }
  })
}
