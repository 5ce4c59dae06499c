import type { Connection } from './connection.ts'
import type { ClientSession } from './session.ts'

export interface HeartbeatOptions {
  heartbeatMs: number
  deadAfterMs: number
  authTimeoutMs: number
}

const rotation = 5
/** An authentication that our own side holds up this many times as long as a client may take is given up. */
const authenticatingFactor = 3

/**
 * One coarse timer for all connections: pings, dead peers, authentication that does not come, tokens that run out.
 * Connections stand in five groups, one of which is looked at in each tick; only those without authentication and
 * those whose token ends soon are looked at in every one. Silence is counted in ticks, not by a clock: after the
 * process was stopped or the machine slept, clients get their time as if nothing had been.
 */
export class Heartbeat {
  readonly tickMs: number
  readonly #groups: Set<Connection>[] = Array.from({ length: rotation }, () => new Set())
  readonly #unauthenticated = new Set<Connection>()
  readonly #expiring = new Set<ClientSession>()
  readonly #pingAfterTicks: number
  readonly #deadAfterTicks: number
  readonly #authTicks: number
  readonly #timer: NodeJS.Timeout
  #tick = 0
  #next = 0
  #size = 0

  constructor(options: HeartbeatOptions) {
    const { heartbeatMs, deadAfterMs, authTimeoutMs } = options
    this.tickMs = Math.max(5, Math.min(1_000, Math.floor(Math.min(heartbeatMs / 25, authTimeoutMs / 5))))
    this.#pingAfterTicks = Math.ceil(heartbeatMs / this.tickMs)
    this.#deadAfterTicks = Math.ceil(deadAfterMs / this.tickMs)
    this.#authTicks = Math.ceil(authTimeoutMs / this.tickMs)
    this.#timer = setInterval(() => {
      this.#onTick()
    }, this.tickMs)
  }

  /** Connections whose socket is not gone yet. */
  get size(): number {
    return this.#size
  }

  *connections(): Generator<Connection> {
    for (const group of this.#groups) yield* group
  }

  add(connection: Connection): void {
    connection.acceptedTick = this.#tick
    connection.lastSeenTick = this.#tick
    this.#groups[this.#next]?.add(connection)
    this.#next = (this.#next + 1) % rotation
    this.#unauthenticated.add(connection)
    this.#size++
  }

  seen(connection: Connection): void {
    connection.lastSeenTick = this.#tick
  }

  authenticated(connection: Connection, session: ClientSession): void {
    this.#unauthenticated.delete(connection)
    this.watchExpiry(session)
  }

  /** To be called when the end of a token may have come nearer. */
  watchExpiry(session: ClientSession): void {
    if (session.expiresAtMs - Date.now() <= 2 * rotation * this.tickMs) this.#expiring.add(session)
  }

  ended(connection: Connection): void {
    this.#unauthenticated.delete(connection)
    if (connection.session !== undefined) this.#expiring.delete(connection.session)
  }

  remove(connection: Connection): void {
    this.ended(connection)
    for (const group of this.#groups) {
      if (group.delete(connection)) {
        this.#size--
        return
      }
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #onTick(): void {
    this.#tick++
    this.#endUnauthenticated()
    this.#endExpired()
    for (const connection of this.#groups[this.#tick % rotation] ?? []) this.#visit(connection)
  }

  #visit(connection: Connection): void {
    if (connection.ended) return
    const silentTicks = this.#tick - connection.lastSeenTick
    if (silentTicks >= this.#deadAfterTicks) connection.terminate('dead')
    else if (silentTicks >= this.#pingAfterTicks) connection.socket.writePing()
    if (connection.session !== undefined && connection.phase === 'open') this.watchExpiry(connection.session)
  }

  #endUnauthenticated(): void {
    for (const connection of this.#unauthenticated) {
      const ticks = this.#tick - connection.acceptedTick
      if (connection.phase === 'waiting') {
        if (ticks > this.#authTicks) connection.end('auth-timeout')
      } else if (ticks > this.#authTicks * authenticatingFactor) connection.end('unavailable')
    }
  }

  #endExpired(): void {
    if (this.#expiring.size === 0) return
    const nowMs = Date.now()
    for (const session of this.#expiring) {
      if (session.expiresAtMs <= nowMs) session.close('token-expired')
      else if (session.expiresAtMs - nowMs > 2 * rotation * this.tickMs) this.#expiring.delete(session)
    }
  }
}
