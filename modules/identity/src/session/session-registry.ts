import { AppError, type Platform, type ProjectSettings } from '@parley/contracts'
import type { Bus, Json } from '@parley/core/bus'
import type { Logger, Scope } from '@parley/core/kernel'
import { Batcher } from '../batcher.ts'
import { kickDetails, sessionsToKick } from '../device/device-policy.ts'
import type { DeviceStore } from '../device/device-store.ts'
import type { Kick, LiveSession, SessionRecord, SessionStore, UserRef } from './session-store.ts'

/** What the registry needs of a connection of this process. */
export interface RegisteredSession {
  readonly id: string
  readonly projectId: string
  readonly userId: string
  readonly deviceId: string
  readonly platform: Platform
  /** Aborts when the connection has ended, opened or not. */
  readonly signal: AbortSignal
  close(reason: 'device-limit', detail: string): void
}

interface Opening {
  session: RegisteredSession
  /** Absent when the client named no device: its id is only good for this connection. */
  device?: { name?: string | undefined } | undefined
}

export interface SessionRegistryOptions {
  store: SessionStore
  devices: DeviceStore
  bus: Bus
  logger: Logger
  scope: Scope
  processId: string
  leaseMs: number
  settingsOf: (projectId: string) => Promise<ProjectSettings>
  /** The sessions of these users may have changed; called on the process where it happened. */
  onChanged: (users: readonly UserRef[]) => void
}

const kickTopic = 'identity.session-kicked'
const batchSize = 500
/** Lossy wake-ups carry about this many ids in one message. */
const kicksPerMessage = 60
const rewriteSize = 2_000

/**
 * Which sessions live on which process, written in batches so that a storm of reconnects costs few statements. Every
 * process holds a lease; when it ends without a word, the others drop its sessions. When the lease itself was lost
 * (a pause longer than the lease, a crashed database), the process writes its sessions again.
 *
 * Two processes may admit sessions of one user at the same time: each inserts first and looks after, so that who
 * looks last sees all, and the policy names the same sessions everywhere.
 */
export class SessionRegistry {
  readonly #options: SessionRegistryOptions
  readonly #local = new Map<string, RegisteredSession>()
  readonly #openings: Batcher<Opening, Kick['reason'] | undefined>
  readonly #closings: Batcher<SessionRecord, undefined>
  readonly #opening = new Map<string, Promise<unknown>>()
  /** Admitted, but not heard of since: their connection may have ended before it was open. */
  readonly #admitted = new Set<RegisteredSession>()

  constructor(options: SessionRegistryOptions) {
    this.#options = options
    this.#openings = new Batcher({
      run: (openings) => this.#openAll(openings),
      maxBatch: batchSize,
      maxQueued: 200_000,
      lanes: 2,
    })
    this.#closings = new Batcher({
      run: (records) => this.#closeAll(records),
      maxBatch: batchSize,
      maxQueued: Number.MAX_SAFE_INTEGER,
    })
  }

  /** Takes the lease and begins to keep it. Must resolve before the first session opens. */
  async start(): Promise<void> {
    const { store, bus, scope, leaseMs } = this.#options
    await store.takeLease(leaseMs)
    scope.onClose('process lease', () => this.#end())
    scope.onClose(
      'kicked sessions',
      bus.subscribe(kickTopic, (payload) => this.#handleKickMessage(payload)),
    )
    scope.every('process lease', leaseMs / 5, () => this.#keepLease())
  }

  /** Admits a session. Throws `device-limit` when a newer one has taken its place already. */
  async open(opening: Opening): Promise<void> {
    const { session } = opening
    this.#local.set(session.id, session)
    const submitted = this.#openings.submit(opening)
    this.#opening.set(session.id, submitted)
    try {
      const kicked = await submitted
      if (kicked !== undefined) throw new AppError('device-limit', kickDetails[kicked])
      this.#admitted.add(session)
    } catch (error) {
      this.#forget(session)
      throw error
    } finally {
      this.#opening.delete(session.id)
    }
  }

  /** The admitted session is open now: `close` will be called for it. */
  opened(session: RegisteredSession): void {
    this.#admitted.delete(session)
  }

  /** Forgets a session whose connection has ended. */
  close(session: RegisteredSession): void {
    this.#admitted.delete(session)
    if (!this.#local.has(session.id)) return
    const opening = this.#opening.get(session.id)
    // The row must be there before it can go. A failed opening forgets by itself.
    if (opening) void opening.then(() => this.#forget(session)).catch(() => undefined)
    else this.#forget(session)
  }

  /** Ends the live sessions of a device on whatever process they run. */
  async removeDevice(user: UserRef, deviceId: string): Promise<void> {
    const sessions = await this.#options.store.liveOf([user])
    const going = sessions.filter((session) => session.deviceId === deviceId)
    await this.#kick(going.map((session) => ({ ...session, reason: 'removed' as const })))
  }

  #forget(session: RegisteredSession): void {
    if (!this.#local.delete(session.id)) return
    this.#closings.submit(toRecord(session)).catch((error: unknown) => {
      this.#options.logger.warn({ error }, 'closed sessions could not be written down')
    })
  }

  async #openAll(openings: Opening[]): Promise<(Kick['reason'] | undefined)[]> {
    const { store, devices } = this.#options
    await devices.see(namedDevices(openings))
    await store.insert(openings.map(({ session }) => toRecord(session)))
    const byUser = groupByUser(await store.liveOf(distinctUsers(openings)))
    const kicks = await this.#applyPolicy(byUser)
    this.#options.onChanged(usersNewlyOn(openings, byUser))
    return openings.map(({ session }) => kicks.get(session.id))
  }

  /** Kicks what the policy of each project asks for; answers the reasons by session id. */
  async #applyPolicy(byUser: Map<string, LiveSession[]>): Promise<Map<string, Kick['reason']>> {
    const reasons = new Map<string, Kick['reason']>()
    const going: (LiveSession & { reason: Kick['reason'] })[] = []
    for (const sessions of byUser.values()) {
      const [first] = sessions
      // One session alone fits every policy.
      if (!first || sessions.length === 1) continue
      const { devicePolicy } = await this.#options.settingsOf(first.projectId)
      for (const [sessionId, reason] of sessionsToKick(sessions, devicePolicy)) {
        reasons.set(sessionId, reason)
        const session = sessions.find((candidate) => candidate.sessionId === sessionId)
        if (session) going.push({ ...session, reason })
      }
    }
    await this.#kick(going)
    return reasons
  }

  async #kick(going: readonly (UserRef & { sessionId: string; reason: Kick['reason'] })[]): Promise<void> {
    if (going.length === 0) return
    const kicks = await this.#options.store.kick(going)
    const elsewhere = kicks.filter((kick) => kick.processId !== this.#options.processId)
    for (let at = 0; at < elsewhere.length; at += kicksPerMessage) {
      const ids = elsewhere.slice(at, at + kicksPerMessage).map((kick) => [kick.sessionId, kick.reason])
      this.#options.bus.publish(kickTopic, ids)
    }
    for (const kick of kicks) this.#cut(kick.sessionId, kick.reason)
  }

  #cut(sessionId: string, reason: Kick['reason']): void {
    // A session that still opens is refused by its own batch.
    if (this.#opening.has(sessionId)) return
    this.#local.get(sessionId)?.close('device-limit', kickDetails[reason])
  }

  #handleKickMessage(payload: Json): void {
    if (!Array.isArray(payload)) return
    for (const kick of payload) {
      if (!Array.isArray(kick)) continue
      const [sessionId, reason] = kick
      if (typeof sessionId === 'string' && isKickReason(reason)) this.#cut(sessionId, reason)
    }
  }

  async #closeAll(records: SessionRecord[]): Promise<undefined[]> {
    await this.#options.store.remove(records)
    this.#options.onChanged(records)
    return records.map(() => undefined)
  }

  /** Extends the lease, ends what others asked to end, and drops the sessions of processes that are gone. */
  async #keepLease(): Promise<void> {
    const { store, leaseMs } = this.#options
    if (!(await store.extendLease(leaseMs))) await this.#writeAllAgain()
    for (const session of this.#admitted) if (session.signal.aborted) this.close(session)
    for (const kick of await store.kickedHere()) this.#cut(kick.sessionId, kick.reason)
    const orphaned = await store.endLeases('expired')
    if (orphaned.length > 0) this.#options.onChanged(orphaned)
  }

  async #writeAllAgain(): Promise<void> {
    const { store, leaseMs, logger } = this.#options
    const sessions = [...this.#local.values()].filter((session) => !this.#opening.has(session.id))
    logger.warn(
      { sessions: sessions.length },
      'the lease of this process was lost; its sessions are written again',
    )
    await store.takeLease(leaseMs)
    for (let at = 0; at < sessions.length; at += rewriteSize) {
      // Whoever closed meanwhile must not come back.
      const chunk = sessions.slice(at, at + rewriteSize).filter((session) => this.#local.has(session.id))
      await store.insert(chunk.map(toRecord))
      const closed = chunk.filter((session) => !this.#local.has(session.id))
      if (closed.length > 0) await store.remove(closed.map(toRecord))
      this.#options.onChanged(chunk)
    }
  }

  async #end(): Promise<void> {
    await this.#openings.settled()
    await this.#closings.settled()
    this.#options.onChanged(await this.#options.store.endLeases('own'))
  }
}

function toRecord(session: RegisteredSession): SessionRecord {
  const { projectId, userId, id, deviceId, platform } = session
  return { projectId, userId, sessionId: id, deviceId, platform }
}

function isKickReason(value: unknown): value is Kick['reason'] {
  return typeof value === 'string' && Object.hasOwn(kickDetails, value)
}

function namedDevices(openings: readonly Opening[]) {
  const byDevice = new Map<string, Parameters<DeviceStore['see']>[0][number]>()
  for (const { session, device } of openings) {
    if (!device) continue
    const { projectId, userId, deviceId, platform } = session
    byDevice.set(JSON.stringify([projectId, userId, deviceId]), {
      projectId,
      userId,
      deviceId,
      platform,
      name: device.name,
    })
  }
  return [...byDevice.values()]
}

function distinctUsers(openings: readonly Opening[]): UserRef[] {
  return [...new Map(openings.map(({ session }) => [userKey(session), session])).values()]
}

function groupByUser(sessions: readonly LiveSession[]): Map<string, LiveSession[]> {
  const byUser = new Map<string, LiveSession[]>()
  for (const session of sessions) {
    const ofUser = byUser.get(userKey(session))
    if (ofUser) ofUser.push(session)
    else byUser.set(userKey(session), [session])
  }
  return byUser
}

/** Users who were not on this platform before the batch: the others are no news to anyone. */
function usersNewlyOn(openings: readonly Opening[], byUser: Map<string, LiveSession[]>): UserRef[] {
  const opened = new Set(openings.map(({ session }) => session.id))
  return distinctUsers(
    openings.filter(({ session }) => {
      const others = (byUser.get(userKey(session)) ?? []).filter((other) => !opened.has(other.sessionId))
      return !others.some((other) => other.platform === session.platform)
    }),
  )
}

function userKey(user: UserRef): string {
  return `${user.projectId} ${user.userId}`
}
