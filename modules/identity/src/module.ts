import type { Gateway, Session } from '@parley/core/gateway'
import { readSettings } from '@parley/core/kernel'
import type { Platform } from '@parley/core/platform'
import type { Database, Queryable } from '@parley/core/store'
import type { IdentityAuthenticator } from './authenticator.ts'
import { identitySettings } from './config.ts'
import { registerDeviceRoutes } from './device/device-routes.ts'
import { DeviceStore } from './device/device-store.ts'
import { identityPersonalData } from './erasure/personal-data.ts'
import { registerKeyRoutes } from './key/key-routes.ts'
import { KeyStore } from './key/key-store.ts'
import { identityMigrations } from './migrations/index.ts'
import { PresenceHub } from './presence/presence-hub.ts'
import { offline, registerPresenceRoutes, withoutKnown } from './presence/presence-routes.ts'
import { readPresence } from './presence/presence-store.ts'
import { registerProjectRoutes } from './project/project-routes.ts'
import { ProjectStore } from './project/project-store.ts'
import { type Identity, type PresenceHiding, type ProfileGate, usersMissing } from './service.ts'
import { SessionRegistry } from './session/session-registry.ts'
import { SessionStore } from './session/session-store.ts'
import { isRevoked } from './token/revocations.ts'
import { requireReadingOthers } from './token/rights.ts'
import { registerUserRoutes } from './user/user-routes.ts'
import { UserStore } from './user/user-store.ts'

/**
 * Brings identity up: schema, routes, realtime handlers, the session registry and presence. The authenticator is
 * made before, as http and gateway need it; it is started here, once the schema is there.
 */
export async function createIdentity(
  platform: Platform,
  { authenticator }: { authenticator: IdentityAuthenticator },
): Promise<Identity> {
  const { database, masterKey, outbox, bus, http, gateway, logger, processId } = platform
  const settings = readSettings(identitySettings, platform.source)
  const scope = platform.scope.child('identity')
  await database.migrate(identityMigrations)
  for (const type of ['user.created', 'user.updated'] as const) platform.webhooks.forward(type)

  const projects = new ProjectStore(database, settings.authCacheMs)
  const keys = new KeyStore({ masterKey, outbox })
  const users = new UserStore(outbox, masterKey)
  const batches = repeatedWhenDeadlocked(database)
  const devices = new DeviceStore(batches, settings.devicesPerUser)
  const sessions = new SessionStore(batches, processId)

  const hub = new PresenceHub<Session>({
    bus,
    scope,
    read: (wanted) => readPresence(database.system, wanted),
    push: (subscribers, event) => {
      const frame = gateway.encode({ type: 'presence.changed', ...event })
      for (const subscriber of subscribers) subscriber.sendEncoded(frame)
    },
    graceMs: settings.presenceGraceMs,
    maxSubscriptions: settings.presenceSubscriptions,
  })
  const registry = new SessionRegistry({
    store: sessions,
    devices,
    bus,
    logger,
    scope,
    processId,
    leaseMs: settings.sessionLeaseMs,
    settingsOf: (projectId) => projects.settings(projectId),
    onChanged: (changed) => hub.announce(changed),
  })
  await authenticator.start()
  hub.start()
  await registry.start()

  followSessions(gateway, registry, hub)
  cutRevoked(gateway, authenticator)
  let hiding: PresenceHiding = async () => new Set()
  const hides: PresenceHiding = (projectId, readerId, userIds) => hiding(projectId, readerId, userIds)
  handlePresenceFrames(gateway, hub, hides)

  const read = (projectId: string, userIds: readonly string[]) =>
    readPresence(
      database.system,
      userIds.map((userId) => ({ projectId, userId })),
    )
  registerProjectRoutes({ http, database, projects, keys })
  registerKeyRoutes(http, keys)
  let screening: ProfileGate = async (_projectId, _userId, given) => given
  registerUserRoutes({
    ...{ http, users, directory: authenticator.users, keyRing: authenticator.keys },
    screen: (projectId, userId, given) => screening(projectId, userId, given),
  })
  registerDeviceRoutes({ http, devices, sessions, registry, directory: authenticator.users })
  registerPresenceRoutes({ http, read, hides })

  return {
    users: {
      exists: (projectId, userIds) => authenticator.users.exists(projectId, userIds),
      make: async (projectId, userIds) => {
        await Promise.all(userIds.map((userId) => authenticator.users.make(projectId, userId)))
      },
      ensure: async (project, userIds) => {
        const wanted = [...userIds]
        const existing = await authenticator.users.exists(project.projectId, wanted)
        const missing = wanted.filter((userId) => !existing.has(userId))
        if (missing.length > 0) throw usersMissing(missing)
      },
      get: (project, userId) => users.find(project, userId),
      getMany: (project, userIds) => users.findMany(project, userIds),
    },
    projects: { settings: (projectId) => projects.settings(projectId) },
    screenProfilesBy: (gate) => {
      screening = gate
    },
    personalData: identityPersonalData({ outbox, masterKey }),
    presence: {
      read: async (projectId, userIds) => (await read(projectId, userIds)).map(withoutKnown),
      hideBy: (check) => {
        hiding = check
      },
      conceal: (projectId, readerId, userId) => {
        for (const session of gateway.sessionsOf(projectId, readerId)) {
          if (hub.unsubscribe(session, [userId]) === 0) continue
          session.send({ type: 'presence.changed', presence: offline(userId) })
        }
      },
    },
    bootstrap: async (name) => {
      const { project, made } = await projects.create(name, (tx, made) => keys.insert(tx, made.id, name))
      return { projectId: project.id, keyId: made.id, keySecret: made.secret }
    },
  }
}

/**
 * Batches of comings and goings on several processes may lock the same devices and users in different order.
 * A transaction is repeated when that ends in a deadlock, a bare statement is not.
 */
function repeatedWhenDeadlocked(database: Database): Queryable {
  return { query: (statement) => database.system.transaction((tx) => tx.query(statement)) }
}

function followSessions(gateway: Gateway, registry: SessionRegistry, hub: PresenceHub<Session>): void {
  gateway.onOpening(({ session, device }) => registry.open({ session, device }))
  gateway.onOpened((session) => registry.opened(session))
  gateway.onClosed((session) => {
    registry.close(session)
    hub.drop(session)
  })
}

/** Cuts what a revocation ends, and what was let in just before the revocation was seen. */
function cutRevoked(gateway: Gateway, authenticator: IdentityAuthenticator): void {
  authenticator.onRevocation((revocation) => {
    const reason = revocation.kind === 'key' ? 'key-revoked' : 'token-revoked'
    gateway.closeWhere((session) => isRevoked(session, revocation), reason)
  })
  gateway.onOpened((session) => {
    const revocation = authenticator.revocationOf(session)
    if (revocation) session.close(revocation.kind === 'key' ? 'key-revoked' : 'token-revoked')
  })
}

function handlePresenceFrames(gateway: Gateway, hub: PresenceHub<Session>, hides: PresenceHiding): void {
  gateway.handle('presence.subscribe', async (session, { userIds }, { signal }) => {
    requireReadingOthers(session.grants)
    const wanted = [...new Set(userIds)]
    const hidden = await hides(session.projectId, session.userId, wanted)
    const shown = await hub.subscribe(
      session,
      wanted.filter((userId) => !hidden.has(userId)),
    )
    if (signal.aborted) hub.drop(session)
    const known = new Map(shown.map((item) => [item.userId, item]))
    return { items: wanted.map((userId) => known.get(userId) ?? offline(userId)) }
  })
  gateway.handle('presence.unsubscribe', async (session, { userIds }) => {
    hub.unsubscribe(session, userIds)
    return {}
  })
}
