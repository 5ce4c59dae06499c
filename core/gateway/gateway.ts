import type { Server } from 'node:http'
import {
  AppError,
  type ClientFrameType,
  type CloseReason,
  type Grants,
  type ServerEvent,
} from '@parley/contracts'
import type { Authenticator } from '@parley/core/auth'
import { type Closable, ConfigError, type Logger, type Scope } from '@parley/core/kernel'
import type { Metrics } from '@parley/core/metrics'
import type { RawData, WebSocket } from 'ws'
import { Admission } from './admission.ts'
import { Connection, type ConnectionHost, type EndReason } from './connection.ts'
import { sendAway } from './drain.ts'
import { EncodedFrame } from './encoded-frame.ts'
import { FrameIntake } from './frame-intake.ts'
import { type FrameHandler, FrameRoutes } from './frame-routes.ts'
import { GatewayMetrics } from './gateway-metrics.ts'
import type { GatewaySocket } from './gateway-socket.ts'
import { Heartbeat } from './heartbeat.ts'
import { type OpeningHook, Openings } from './openings.ts'
import type { ClientSession, Session } from './session.ts'
import { SessionDirectory } from './session-directory.ts'
import type { GatewaySettings } from './settings.ts'
import { UpgradeListener } from './upgrade-listener.ts'
import { WriteRounds } from './write-rounds.ts'

export interface GatewayOptions {
  /** Its upgrade requests are the gateway's; its other requests and its life are not. */
  server: Server
  authenticator: Authenticator
  logger: Logger
  /** Closes the gateway. */
  scope: Scope
  metrics: Metrics
  settings: GatewaySettings
  /** Reverse proxies in front that append to X-Forwarded-For; 0 takes the address of the connection. */
  trustedProxyHops?: number
}

export type OpenedHook = (session: Session) => Promise<void> | void
export type ClosedHook = (session: Session, reason: EndReason) => Promise<void> | void

/**
 * The realtime end of Parley: sessions over WebSockets at `/v1/realtime`. It authenticates, keeps limits, gives the
 * frames of clients to handlers and the events of modules to sessions. What it holds is this process's; events for
 * sessions on other processes travel by the outbox and the bus.
 */
export class Gateway implements Closable {
  readonly #settings: GatewaySettings
  readonly #logger: Logger
  readonly #metrics: GatewayMetrics
  readonly #directory = new SessionDirectory<ClientSession>()
  readonly #admission: Admission
  readonly #heartbeat: Heartbeat
  readonly #rounds: WriteRounds
  readonly #openings: Openings
  readonly #routes: FrameRoutes
  readonly #intake: FrameIntake
  readonly #listener: UpgradeListener
  readonly #host: ConnectionHost
  readonly #buffered = { bytes: 0 }
  readonly #openedHooks: OpenedHook[] = []
  readonly #closedHooks: ClosedHook[] = []
  readonly #whenEmpty: (() => void)[] = []
  readonly #closingSoon = new AbortController()
  #accepting = true
  #draining: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(options: GatewayOptions) {
    const { settings, logger, server } = options
    if (settings.deadAfterMs <= settings.heartbeatMs) {
      throw new ConfigError('PARLEY_GATEWAY_DEAD_AFTER_MS: must be more than PARLEY_GATEWAY_HEARTBEAT_MS')
    }
    this.#settings = settings
    this.#logger = logger
    this.#admission = new Admission(settings)
    this.#heartbeat = new Heartbeat(settings)
    this.#rounds = new WriteRounds({ slotMs: settings.coalesceMs, ceilingMs: settings.coalesceCeilingMs })
    this.#metrics = this.#makeMetrics(options.metrics)
    this.#host = this.#makeHost()
    this.#routes = new FrameRoutes({ settings, logger, metrics: this.#metrics })
    this.#openings = new Openings({
      authenticator: options.authenticator,
      logger,
      settings,
      sessionsOf: (projectId, userId) => this.sessionsOf(projectId, userId),
      open: (connection, session) => {
        this.#open(connection, session)
      },
    })
    this.#intake = new FrameIntake({
      settings,
      logger,
      routes: this.#routes,
      openings: this.#openings,
      renewed: (session) => {
        this.#heartbeat.watchExpiry(session)
      },
    })
    this.#listener = new UpgradeListener({
      server,
      settings,
      trustedProxyHops: options.trustedProxyHops ?? 0,
      admit: (addressGroup) => {
        this.#admit(addressGroup)
      },
      accept: (socket, address, addressGroup) => {
        this.#accept(socket, address, addressGroup)
      },
    })
    options.scope.own('gateway', this)
  }

  /** Sockets that are not gone yet, authenticated or not. */
  get connections(): number {
    return this.#admission.connections
  }

  /** Bytes that wait for connections to read them; those a socket has taken are not among them. */
  get bufferedBytes(): number {
    return this.#buffered.bytes
  }

  /**
   * The one handler for frames of a type. It is started in the order in which a session's frames came; answers may
   * overtake one another. An AppError is answered as it is, anything else becomes `internal-error`.
   */
  handle<T extends ClientFrameType>(type: T, handler: FrameHandler<T>): void {
    this.#routes.handle(type, handler)
  }

  /** Runs before the `auth` answer, one hook after the other; an AppError refuses the session. */
  onOpening(hook: OpeningHook): void {
    this.#openings.addHook(hook)
  }

  /** Runs in the turn in which the session becomes known, after its answer was queued. */
  onOpened(hook: OpenedHook): void {
    this.#openedHooks.push(hook)
  }

  /** Runs once for every session that was opened, after it is known no more. */
  onClosed(hook: ClosedHook): void {
    this.#closedHooks.push(hook)
  }

  /** A live view. */
  sessionsOf(projectId: string, userId: string): ReadonlySet<Session> {
    return this.#directory.sessionsOf(projectId, userId)
  }

  /** Users with sessions on this process. A live view. */
  online(projectId: string): ReadonlyMap<string, ReadonlySet<Session>> {
    return this.#directory.online(projectId)
  }

  /** The bytes of an event, once for all its receivers. */
  encode(event: ServerEvent): EncodedFrame {
    return new EncodedFrame(event)
  }

  /**
   * To all sessions of these users on this process; those whose token is limited by grants only where `admits` says
   * so. Answers to how many.
   */
  deliver(
    projectId: string,
    userIds: Iterable<string>,
    frame: EncodedFrame,
    admits: (grants: Grants) => boolean = () => true,
  ): number {
    const users = this.#directory.online(projectId)
    let count = 0
    for (const userId of userIds) {
      const sessions = users.get(userId)
      if (sessions === undefined) continue
      for (const session of sessions) {
        if (session.grants !== undefined && !admits(session.grants)) continue
        session.sendEncoded(frame)
        count++
      }
    }
    if (count > 0) this.#metrics.delivered(count)
    return count
  }

  /** Ends the sessions that fit, those whose authentication still runs included. Answers how many were open. */
  closeWhere(predicate: (session: Session) => boolean, reason: CloseReason, detail?: string): number {
    this.#openings.closeWhere(predicate, reason, detail)
    const ending = [...this.#directory.all()].filter(predicate)
    for (const session of ending) session.close(reason, detail)
    return ending.length
  }

  /**
   * Takes no new connections and sends the present ones away, spread over `drainMs`: each is told to come back
   * after a random time and closed when its frames are answered. Resolves when all sockets are gone.
   */
  drain(): Promise<void> {
    this.#accepting = false
    this.#draining ??= this.#drain()
    return this.#draining
  }

  /** Ends all connections at once. */
  close(): Promise<void> {
    this.#accepting = false
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #drain(): Promise<void> {
    await sendAway([...this.#heartbeat.connections()], {
      spreadMs: this.#settings.drainMs,
      answersWithinMs: this.#settings.closeTimeoutMs,
      signal: this.#closingSoon.signal,
      ending: () => this.#comeBack(),
    })
    await this.#empty()
  }

  async #close(): Promise<void> {
    this.#closingSoon.abort()
    this.#listener.close()
    for (const connection of [...this.#heartbeat.connections()]) {
      connection.end('unavailable', this.#comeBack())
    }
    await this.#empty()
    this.#heartbeat.close()
    this.#rounds.close()
  }

  #empty(): Promise<void> {
    if (this.#heartbeat.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenEmpty.push(resolve))
  }

  #comeBack() {
    const { reconnectSpreadMs } = this.#settings
    return {
      detail: 'This server is going down; come back',
      retryAfterMs: Math.floor(Math.random() * reconnectSpreadMs),
    }
  }

  #admit(addressGroup: string): void {
    if (!this.#accepting) throw new AppError('unavailable', 'This server is going down', this.#comeBack())
    this.#admission.check(addressGroup)
  }

  #accept(socket: GatewaySocket, remoteAddress: string, addressGroup: string): void {
    const connection = new Connection({ socket, host: this.#host, remoteAddress, addressGroup })
    socket.connection = connection
    this.#admission.enter(addressGroup)
    this.#heartbeat.add(connection)
    socket.on('message', this.#onMessage)
    socket.on('ping', this.#onSign)
    socket.on('pong', this.#onSign)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
  }

  // Shared by all sockets, which say by `this` who they are: closures of their own would cost each connection memory.
  readonly #onMessage = listener((connection, data: RawData, isBinary: boolean) => {
    this.#heartbeat.seen(connection)
    if (!connection.ended) this.#intake.receive(connection, data, isBinary)
  })

  readonly #onSign = listener((connection) => {
    this.#heartbeat.seen(connection)
  })

  readonly #onError = listener((connection, error: Error) => {
    // `ws` has closed the socket or is about to; the close event does the rest.
    this.#logger.debug({ error, sessionId: connection.session?.id }, 'a client broke the WebSocket protocol')
  })

  readonly #onClose = listener((connection) => {
    connection.terminate('left')
    this.#heartbeat.remove(connection)
    this.#admission.leave()
    if (this.#heartbeat.size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve()
  })

  #open(connection: Connection, session: ClientSession): void {
    connection.phase = 'open'
    this.#admission.settle(connection.addressGroup)
    this.#heartbeat.authenticated(connection, session)
    this.#directory.add(session)
    for (const hook of this.#openedHooks) void this.#runHook('onOpened', async () => hook(session))
    this.#intake.release(connection)
  }

  #ended(connection: Connection, reason: EndReason, wasOpen: boolean): void {
    const { session } = connection
    connection.held = undefined
    this.#metrics.ended(reason)
    this.#heartbeat.ended(connection)
    if (!wasOpen) this.#admission.settle(connection.addressGroup)
    if (session === undefined) return
    session.finish()
    if (!wasOpen) return
    this.#directory.remove(session)
    // In a turn of its own: a hook that sends may end further connections, and so on.
    for (const hook of this.#closedHooks) {
      queueMicrotask(() => void this.#runHook('onClosed', async () => hook(session, reason)))
    }
  }

  async #runHook(name: string, run: () => Promise<void>): Promise<void> {
    try {
      await run()
    } catch (error) {
      this.#logger.error({ error, hook: name }, 'a hook of the gateway failed')
    }
  }

  #makeHost(): ConnectionHost {
    return {
      rounds: this.#rounds,
      buffered: this.#buffered,
      maxBufferedBytes: this.#settings.maxBufferedBytes,
      maxTotalBufferedBytes: this.#settings.maxTotalBufferedBytes,
      wrote: (frames, bytes) => {
        this.#metrics.wrote(frames, bytes)
      },
      ended: (connection, reason, wasOpen) => {
        this.#ended(connection, reason, wasOpen)
      },
    }
  }

  #makeMetrics(metrics: Metrics): GatewayMetrics {
    return new GatewayMetrics(metrics, {
      connections: () => this.#admission.connections,
      sessions: () => this.#directory.size,
      bufferedBytes: () => this.#buffered.bytes,
      writePauseSeconds: () => this.#rounds.pauseMs / 1_000,
    })
  }
}

/** Turns a function of the connection into a listener that many sockets can share. */
function listener<Values extends unknown[]>(run: (connection: Connection, ...values: Values) => void) {
  return function (this: WebSocket, ...values: Values): void {
    const { connection } = this as GatewaySocket
    if (connection !== undefined) run(connection, ...values)
  }
}
